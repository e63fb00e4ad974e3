// The player: one view of one widget. It needs the model and an element, whatever page they come from.

const LANES_HEIGHT = 520; // at most; more lanes are scrolled
const TELL_MS = 250; // how often the kernel hears of the cursor

class PlayerView {
  constructor(model, el) {
    this.model = model;
    this.content = contentOf(model);
    this.listening = new AbortController();
    const { signal } = this.listening;
    const { content } = this;
    this.state = {
      thresholds: { ...model.get("thresholds") },
      spans: this.sentSpans(),
      shownEvents: new Set(content.shown),
    };
    this.view = new View(content.duration_s);
    this.comparison = new Comparison(content, this.state);
    this.editor = new Editor(this.state, content.duration_s, (done) => this.edited(done));
    this.table = new EventTable(content, this.comparison, this.state, {
      signal,
      changed: (event) => this.thresholdMoved(event),
      settled: () => this.tell({ thresholds: { ...this.state.thresholds } }),
      shownChanged: () => this.arrange(),
    });
    this.scratch = document.createElement("canvas");
    this.build(el, signal);
    listenToPointer(this, signal);
    this.root.addEventListener("keydown", (event) => this.key(event), { signal });
    this.watch(signal);
    const [from_s, to_s] = model.get("selected_s");
    if (to_s > from_s) this.sound.region = [from_s, to_s];
    this.sound.cursor_s = clamp(model.get("current_s"), 0, content.duration_s);
    this.loadSound();
    this.table.update();
    this.retheme();
    this.arrange();
  }

  build(el, signal) {
    const { content } = this;
    const audio = h("audio", { preload: "auto" });
    this.sound = new Sound(audio, content.duration_s);
    for (const happening of ["play", "pause", "ended", "seeked"]) audio.addEventListener(happening, () => this.played(), { signal });
    // Also where the page is hidden and paints nothing.
    audio.addEventListener("timeupdate", () => this.sound.keepInRegion(), { signal });
    this.playButton = button("▶", "Play (Space)", () => this.toggle(), signal, { class: "ep-play" });
    this.time = h("output", { class: "ep-time", "aria-label": "Time" });
    this.loopButton = button("Loop", "Loop the region, or what is in sight (L)", () => this.loop(), signal, { "aria-pressed": "false" });
    this.readout = h("span", { class: "ep-readout", "aria-hidden": "true" });
    const speed = h("select", { "aria-label": "Speed", title: "Speed" }, ...[0.25, 0.5, 1, 1.5, 2].map((rate) => h("option", { value: rate, selected: rate === 1 }, `${rate} ×`)));
    speed.addEventListener("change", () => (audio.playbackRate = Number(speed.value)), { signal });
    const bar = h("div", { class: "ep-bar-row", role: "toolbar", "aria-label": "Playing and view" },
      this.playButton, this.time, this.loopButton, speed,
      button("−", "Zoom out (−)", () => this.zoom(0.5), signal), button("+", "Zoom in (+)", () => this.zoom(2), signal),
      button("All", "Show all (0)", () => this.zoom(0), signal), keysHelp(), this.readout);
    this.soundCanvas = h("canvas", { class: "ep-sound", role: "img", "aria-label": "Waveform and log-mel spectrogram" });
    this.lanesCanvas = h("canvas", { class: "ep-lanes-canvas", role: "img", "aria-label": "Events in time; the table below gives their numbers" });
    this.lanesSpace = h("div", { class: "ep-lanes-space" }, this.lanesCanvas);
    this.lanesBox = h("div", { class: "ep-lanes" }, this.lanesSpace);
    this.regionMark = h("div", { class: "ep-region", hidden: true });
    this.cursor = h("div", { class: "ep-cursor" });
    this.marks = h("div", { class: "ep-marks", "aria-hidden": "true" }, this.regionMark, this.cursor);
    this.stage = h("div", {
      class: "ep-stage", tabindex: 0, role: "slider", "aria-label": "Position in the sound",
      "aria-valuemin": 0, "aria-valuemax": content.duration_s,
    }, this.soundCanvas, this.lanesBox, this.marks);
    this.lanesBox.addEventListener("scroll", () => this.repaint(false), { signal });
    this.fields = content.lanes.some((lane) => lane.editable) ? spanFields(content, this.editor, this.sound, signal) : null;
    // JupyterLab would take keys for itself before the player hears of them, but for this attribute.
    this.root = h("div", { class: "earmark-player", role: "group", "aria-label": `Player ${content.title}`, "data-lm-suppress-shortcuts": "true" });
    const head = h("div", { class: "ep-head" }, h("div", { class: "ep-title" }, content.title));
    if (Object.keys(content.scenes).length) head.append(sceneBars(content.scenes));
    this.notes = h("ul", { class: "ep-notes", role: "status" });
    this.root.append(head, this.notes, bar, this.stage);
    if (this.fields) this.root.append(this.fields.element);
    if (content.lanes.length) {
      this.root.append(laneSwitches(content, (byEvent) => {
        this.byEvent = byEvent;
        this.arrange();
      }, signal));
    }
    if (content.events.length) this.root.append(this.table.element);
    this.root.append(audio);
    this.say(content.notes);
    el.append(this.root);
  }

  /** Follow what changes outside: the model, the size and theme of the page. */
  watch(signal) {
    const { model } = this;
    const heard = {
      "change:sound": () => this.loadSound(),
      "change:thresholds": () => {
        this.state.thresholds = { ...model.get("thresholds") };
        this.thresholdMoved(undefined);
      },
      "change:spans": () => {
        if (JSON.stringify(model.get("spans")) === JSON.stringify(this.state.spans)) return;
        this.state.spans = this.sentSpans();
        this.editor.past = [];
        this.editor.future = [];
        this.editor.selection = null;
        for (const [, , label] of Object.values(this.state.spans).flat()) this.table.reveal(label);
        this.edited(false);
      },
      "change:selected_s": () => {
        const [from_s, to_s] = model.get("selected_s");
        this.setRegion(to_s > from_s ? [from_s, to_s] : null, false);
      },
      "change:current_s": () => {
        if (model.get("current_s") !== this.told_s) this.seek(model.get("current_s"));
      },
    };
    for (const [name, listener] of Object.entries(heard)) model.on(name, listener);
    signal.addEventListener("abort", () => Object.entries(heard).forEach(([name, listener]) => model.off(name, listener)));
    const resized = new ResizeObserver(() => this.arrange());
    resized.observe(this.root);
    const themed = new MutationObserver(() => this.retheme());
    themed.observe(document.body, { attributes: true });
    themed.observe(document.documentElement, { attributes: true });
    const system = window.matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", () => this.retheme(), { signal });
    signal.addEventListener("abort", () => [resized, themed].forEach((observer) => observer.disconnect()));
  }

  dispose() {
    this.disposed = true;
    this.listening.abort();
    this.sound.release();
    this.root.remove();
  }

  // What the kernel says and hears

  sentSpans() {
    return Object.fromEntries(Object.entries(this.model.get("spans")).map(([title, spans]) => [title, spans.map((span) => [...span])]));
  }

  tell(values) {
    for (const [name, value] of Object.entries(values)) this.model.set(name, value);
    this.model.save_changes();
  }

  tellCursor() {
    this.told_s = milli(this.sound.time_s);
    this.toldAt = performance.now();
    this.tell({ current_s: this.told_s });
  }

  loadSound() {
    const sent = this.model.get("sound");
    if (sent?.data) this.sound.load(sent);
    else if (sent?.error) {
      this.sound.pause();
      this.say([...this.content.notes, sent.error]);
    } else if (this.content.sound_on_demand) this.model.send({ kind: "sound" });
    this.playButton.disabled = !sent?.data && (!this.content.sound_on_demand || Boolean(sent?.error));
    if (this.playButton.disabled) this.playButton.title = "There is no sound to play";
    this.played();
  }

  say(notes) {
    this.notes.replaceChildren(...notes.map((note) => h("li", {}, note)));
    this.notes.hidden = !notes.length;
  }

  // Playing

  toggle() {
    this.sound.toggle();
    this.played();
  }

  seek(time_s) {
    this.sound.seek(time_s);
    if (this.view.follow(this.sound.cursor_s)) this.repaint();
    this.tellCursor();
    this.moved();
  }

  /** The sound began, ended or jumped. */
  played() {
    const { playing } = this.sound;
    this.playButton.textContent = playing ? "❚❚" : this.sound.wanted ? "…" : "▶";
    this.playButton.setAttribute("aria-label", playing ? "Pause (Space)" : "Play (Space)");
    if (playing && !this.ticking) this.tick();
    this.moved();
  }

  tick() {
    this.ticking = this.sound.playing && !this.disposed;
    if (!this.ticking) {
      if (!this.disposed) this.tellCursor();
      return;
    }
    this.sound.keepInRegion();
    if (this.view.follow(this.sound.time_s)) this.repaint();
    if (performance.now() - (this.toldAt || 0) > TELL_MS) this.tellCursor();
    this.moved();
    requestAnimationFrame(() => this.tick());
  }

  /** Put the cursor and the region where they belong; nothing is painted anew. */
  moved() {
    const { view, sound } = this;
    const time_s = sound.time_s;
    const x = view.x(time_s);
    this.cursor.style.transform = `translateX(${x}px)`;
    this.cursor.hidden = x < view.left - 1 || x > view.left + view.width + 1;
    const words = `${clock(time_s)} / ${clock(this.content.duration_s)}`;
    if (this.time.textContent !== words) this.time.textContent = words;
    this.stage.setAttribute("aria-valuenow", time_s.toFixed(3));
    this.stage.setAttribute("aria-valuetext", `${time_s.toFixed(2)} seconds`);
    const { region } = sound;
    const [from, to] = region ? region.map((at) => clamp(view.x(at), view.left, view.left + view.width)) : [0, 0];
    this.regionMark.hidden = !region || to <= from;
    this.regionMark.style.left = `${from}px`;
    this.regionMark.style.width = `${to - from}px`;
    this.loopButton.setAttribute("aria-pressed", String(Boolean(region)));
  }

  setRegion(region, done) {
    this.sound.region = region;
    if (done) this.tell({ selected_s: region ? region.map(milli) : [] });
    this.moved();
  }

  loop() {
    this.setRegion(this.sound.region ? null : [this.view.from_s, this.view.to_s], true);
  }

  // View

  /** Zoom about a time, the cursor's where none is given and it is in sight; a factor of 0 shows all. */
  zoom(factor, around_s) {
    const { view } = this;
    const cursor_s = this.sound.time_s;
    const middle = cursor_s >= view.from_s && cursor_s <= view.to_s ? cursor_s : view.from_s + view.span_s / 2;
    view.zoom(factor || Number.MIN_VALUE, around_s ?? middle);
    this.repaint();
  }

  lookAt(from_s) {
    this.view.from(from_s);
    this.repaint();
  }

  retheme() {
    // The page's own background decides, as pages do not agree on how they name their themes.
    this.theme = themeOf(this.root);
    this.root.dataset.theme = this.theme;
    this.inks = INKS[this.theme];
    this.ramp = rampOf(this.theme);
    this.stripes = stripesOf(this.lanesCanvas.getContext("2d"), this.inks.false);
    this.repaint();
  }

  /** Lay out rows and widths; the sound above stays as it is painted where only decisions changed. */
  arrange(soundToo = true) {
    const width = this.stage.clientWidth;
    if (!width) return; // not on a page yet; the observer of its size will call again
    this.view.left = clamp(Math.round(width * 0.2), 84, 150);
    this.view.width = width - this.view.left - 14;
    this.lanes = rowsOf(this.content, this.state.shownEvents, this.comparison, this.byEvent);
    this.lanesBox.style.height = `${Math.min(this.lanes.height, LANES_HEIGHT)}px`;
    this.lanesSpace.style.height = `${this.lanes.height}px`;
    this.repaint(soundToo);
  }

  repaint(soundToo = true) {
    this.soundIsStale ||= soundToo;
    if (this.waiting || this.disposed) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      if (!this.disposed && this.lanes) this.paint();
    });
  }

  paint() {
    const { view, inks } = this;
    const family = getComputedStyle(this.root).fontFamily;
    const [font, bold] = [`11px ${family}`, `600 11.5px ${family}`];
    const width = view.left + view.width + 14;
    if (this.soundIsStale) paintSound(sheet(this.soundCanvas, width, SOUND_HEIGHT, font), this.content, view, inks, this.ramp, this.scratch);
    this.soundIsStale = false;
    const height = Math.min(this.lanes.height, LANES_HEIGHT);
    const context = sheet(this.lanesCanvas, width, height, font);
    const painted = { view, inks, font, bold, comparison: this.comparison, selection: this.editor.selection, stripes: this.stripes };
    paintLanes(context, this.lanes, this.lanesBox.scrollTop, height, painted);
    if (this.preview) {
      const { row, from_s, to_s } = this.preview;
      context.fillStyle = inks.selected;
      context.globalAlpha = 0.5;
      context.fillRect(view.x(Math.min(from_s, to_s)), row.top - this.lanesBox.scrollTop + 3, Math.abs(view.x(to_s) - view.x(from_s)), row.height - 6);
      context.globalAlpha = 1;
    }
    this.moved();
  }

  thresholdMoved(event) {
    this.comparison.forgetDecisions(event);
    if (event === undefined) this.arrange(false); // before the table, which would have to be laid out first
    this.table.update(event);
    this.repaint(false);
  }

  hover(at, row, span) {
    let words = "";
    let pointer = "";
    if (at && at.x >= this.view.left) {
      const time_s = this.view.time(at.x);
      words = clock(time_s);
      const pyramid = row?.lane.posteriors?.get(row.event);
      if (row) words += ` · ${row.event}`;
      if (pyramid) words += ` ${((pyramid[0][Math.min(Math.floor(time_s / row.lane.track.hop_s), pyramid[0].length - 1)] + 0.5) / 256).toFixed(2)}`;
      if (span) words += ` · ${span[0].toFixed(2)} – ${span[1].toFixed(2)} s`;
      if (row?.lane.editable) {
        const part = span && this.editor.partAt(span, at.x, this.view);
        pointer = !part ? "crosshair" : part === "whole" ? "grab" : "ew-resize";
      }
    }
    this.readout.textContent = words;
    this.stage.style.cursor = pointer;
  }

  edited(done) {
    this.comparison.forgetAll();
    if (done) this.tell({ spans: this.editor.copy() });
    const { selection } = this.editor;
    if (selection && !this.editor.drag) this.table.reveal(selection.span[2]);
    if (!this.editor.drag) {
      this.table.update();
      this.arrange(false);
    }
    this.fields?.show();
    this.repaint(false);
  }

  key(event) {
    const field = event.target.closest("input, select, summary, button");
    if (field && !(field.tagName === "INPUT" && field.type === "checkbox" && event.key !== " ")) return;
    const { sound, view, content } = this;
    const control = event.ctrlKey || event.metaKey;
    const step = (event.shiftKey ? 0.01 : 0.05) * view.span_s;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const actions = control
      ? { z: () => (event.shiftKey ? this.editor.redo() : this.editor.undo()), y: () => this.editor.redo() }
      : {
          " ": () => this.toggle(),
          ArrowLeft: () => this.seek(sound.time_s - step),
          ArrowRight: () => this.seek(sound.time_s + step),
          Home: () => this.seek(0),
          End: () => this.seek(content.duration_s),
          "+": () => this.zoom(2),
          "=": () => this.zoom(2),
          "-": () => this.zoom(0.5),
          0: () => this.zoom(0),
          l: () => this.loop(),
          Escape: () => {
            this.editor.select(null, null);
            this.setRegion(null, true);
          },
          Delete: () => this.editor.remove(),
          Backspace: () => this.editor.remove(),
        };
    if (!actions[name]) return;
    actions[name]();
    event.preventDefault();
    event.stopPropagation();
  }
}

export default {
  render({ model, el }) {
    const player = new PlayerView(model, el);
    return () => player.dispose();
  },
};
