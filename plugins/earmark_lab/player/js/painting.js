// Painting of the sound: overview, waveform, spectrogram and ruler. Only what is in sight is drawn.

const SOUND = { overview: 22, wave: 58, spectrogram: 132, ruler: 20, gap: 5 };
const SOUND_HEIGHT = SOUND.overview + SOUND.wave + SOUND.spectrogram + SOUND.ruler + 3 * SOUND.gap;

/** Give a canvas the size of its place, sharp on every screen, and its context in CSS pixels, empty. */
function sheet(canvas, width, height, font) {
  const ratio = window.devicePixelRatio || 1;
  const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = font;
  context.textBaseline = "middle";
  return context;
}

/** Lowest and highest sample of each pixel from one time on, as a filled shape around the middle. */
function paintWave(context, peaks, { from_s, span_s, left, width }, top, height, colour) {
  const perPixel = span_s / width / peaks.hop_s;
  const low = levelFor(peaks.low, perPixel);
  const high = levelFor(peaks.high, perPixel);
  const rows = low.values.length;
  const middle = top + height / 2;
  const scale = (height / 2 - 1) / 127;
  context.fillStyle = colour;
  for (let x = 0; x < width; x++) {
    const first = Math.floor(((from_s + (x / width) * span_s) / peaks.hop_s) / low.fold);
    const end = Math.max(Math.floor(((from_s + ((x + 1) / width) * span_s) / peaks.hop_s) / low.fold), first + 1);
    let [least, most] = [127, -127];
    for (let row = first; row < Math.min(end, rows); row++) {
      least = Math.min(least, low.values[row]);
      most = Math.max(most, high.values[row]);
    }
    if (most >= least) context.fillRect(left + x, middle - most * scale, 1, Math.max((most - least) * scale, 1));
  }
}

/** The part of the log-mel picture that is in sight, at the level of detail that the screen can show. */
function paintSpectrogram(context, level, ramp, view, top, height, scratch) {
  const mels = level.mel_hz.length;
  const { values, fold } = levelFor(level.levels, view.span_s / (view.width * (window.devicePixelRatio || 1)) / level.hop_s);
  const hop_s = level.hop_s * fold;
  const first = Math.max(Math.floor(view.from_s / hop_s), 0);
  const end = Math.min(Math.ceil(view.to_s / hop_s), values.length / mels);
  if (end <= first) return;
  scratch.width = end - first;
  scratch.height = mels;
  const pixels = scratch.getContext("2d");
  const image = pixels.createImageData(end - first, mels);
  const words = new Uint32Array(image.data.buffer);
  for (let frame = first, column = 0; frame < end; frame++, column++) {
    for (let mel = 0; mel < mels; mel++) words[(mels - 1 - mel) * (end - first) + column] = ramp[values[frame * mels + mel]];
  }
  pixels.putImageData(image, 0, 0);
  context.save();
  context.beginPath();
  context.rect(view.left, top, view.width, height);
  context.clip();
  context.imageSmoothingQuality = "high";
  const x = view.x(first * hop_s);
  context.drawImage(scratch, x, top, view.x(end * hop_s) - x, height);
  context.restore();
}

/** Step of a ruler's numbers, about so many seconds: 1, 2 or 5 times a power of ten, or parts of minutes and hours. */
function rulerStep(about_s) {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
  return steps.find((step) => step >= about_s) || steps[steps.length - 1];
}

function paintRuler(context, view, top, height, inks) {
  const step = rulerStep((view.span_s / view.width) * 90);
  const digits = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  context.textAlign = "center";
  for (let index = Math.ceil(view.from_s / step - 1e-9); index * step <= view.to_s + 1e-9; index++) {
    const x = view.x(index * step);
    context.fillStyle = inks.line;
    context.fillRect(Math.round(x), top, 1, 4);
    context.fillStyle = inks.muted;
    context.fillText(clock(index * step, digits, view.duration_s >= 60), clamp(x, view.left + 8, view.left + view.width - 14), top + 12);
  }
  context.textAlign = "right";
  context.fillStyle = inks.muted;
  context.fillText(view.duration_s < 60 ? "s" : "min", view.left - 10, top + 12);
}

/** Names of frequencies beside the spectrogram: those of the numbers that stand far enough from each other. */
function paintHertz(context, mel_hz, left, top, height, inks) {
  context.textAlign = "right";
  context.fillStyle = inks.muted;
  let last = Infinity;
  for (const hertz of [100, 500, 1000, 2000, 4000, 8000, 16000]) {
    const above = mel_hz.findIndex((centre) => centre >= hertz);
    if (above < 1) continue;
    const share = (hertz - mel_hz[above - 1]) / (mel_hz[above] - mel_hz[above - 1]);
    const y = top + height * (1 - (above - 0.5 + share) / mel_hz.length);
    if (last - y < 17) continue;
    last = y;
    context.fillText(hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`, left - 10, y);
    context.fillRect(left - 6, Math.round(y), 4, 1);
  }
}

/** Everything above the lanes. */
function paintSound(context, content, view, inks, ramp, scratch) {
  let top = 0;
  const all = { from_s: 0, span_s: view.duration_s, left: view.left, width: view.width };
  context.fillStyle = inks.row;
  context.fillRect(view.left, top, view.width, SOUND.overview);
  if (content.peaks) paintWave(context, content.peaks, all, top, SOUND.overview, inks.muted);
  if (!view.whole) {
    const from = view.left + (view.from_s / view.duration_s) * view.width;
    const width = Math.max((view.span_s / view.duration_s) * view.width, 3);
    context.fillStyle = inks.region;
    context.fillRect(from, top, width, SOUND.overview);
    context.strokeStyle = inks.hit;
    context.strokeRect(from + 0.5, top + 0.5, width - 1, SOUND.overview - 1);
  }
  context.textAlign = "right";
  context.fillStyle = inks.muted;
  context.fillText("all", view.left - 10, top + SOUND.overview / 2);
  top += SOUND.overview + SOUND.gap;
  context.fillText("wave", view.left - 10, top + SOUND.wave / 2);
  if (content.peaks) paintWave(context, content.peaks, view, top, SOUND.wave, inks.wave);
  top += SOUND.wave + SOUND.gap;
  if (content.level) {
    paintSpectrogram(context, content.level, ramp, view, top, SOUND.spectrogram, scratch);
    paintHertz(context, content.level.mel_hz, view.left, top, SOUND.spectrogram, inks);
  } else {
    context.fillStyle = inks.row;
    context.fillRect(view.left, top, view.width, SOUND.spectrogram);
    context.textAlign = "center";
    context.fillStyle = inks.muted;
    context.fillText("no sound to show", view.left + view.width / 2, top + SOUND.spectrogram / 2);
  }
  top += SOUND.spectrogram + SOUND.gap;
  paintRuler(context, view, top, SOUND.ruler, inks);
}
