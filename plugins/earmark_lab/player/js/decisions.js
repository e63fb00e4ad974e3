// Decisions: from posteriors and a threshold to spans, and their counts against the reference.

const COLLAR_US = 200000; // tolerance of onset and, at least, of offset
const LENGTH_SHARE = 0.2; // the offset may also be wrong by this share of the annotated length, as in DCASE

/**
 * The least quantised posterior at a threshold. A posterior p is kept as floor(256 p), at most 255, so that
 * p >= k / 256 exactly where its byte is >= k.
 */
const leastByte = (threshold) => Math.ceil(threshold * 256 - 1e-9);

/**
 * Activity (frame) of spans [onset_s, offset_s]. Rules as in earmark.frames: "outer" makes every touched frame active;
 * "inner" leaves out about one on either side, but none where a span was cut at a border of the clip.
 */
function framesOf(spans, nFrames, hop_s, rule, duration_s) {
  const active = new Uint8Array(nFrames);
  const hop = toUs(hop_s);
  for (const [onset_s, offset_s] of spans) {
    const onset = toUs(onset_s);
    const offset = toUs(offset_s);
    let first = Math.floor(onset / hop);
    let end = Math.ceil(offset / hop);
    if (rule === "inner") {
      if (onset > 0) first += 1;
      if (offset < toUs(duration_s)) end = Math.floor(offset / hop) - 1;
    }
    active.fill(1, clamp(first, 0, nFrames), clamp(Math.max(end, first), 0, nFrames));
  }
  return active;
}

const HIT = 1;
const FALSE_ALARM = 2;
const MISSED = 3;

const KINDS = [0, MISSED, FALSE_ALARM, HIT]; // by 2 x decided + annotated

/**
 * What values (frame) decide from `least` on: `edges`, the frames in which spans begin and end, turn by turn; and
 * counts {tp, fp, fn} against annotated frames, none where these are null. Plain numbers, as half an hour of noise
 * holds hundreds of thousands of spans.
 */
function decided(values, least, annotated) {
  const edges = [];
  const reference = annotated ?? new Uint8Array(values.length);
  let [active, tp, detected, there] = [0, 0, 0, 0];
  for (let frame = 0; frame < values.length; frame++) {
    const on = values[frame] >= least ? 1 : 0;
    if (on !== active) edges.push(frame);
    active = on;
    tp += on & reference[frame];
    detected += on;
    there += reference[frame];
  }
  if (active) edges.push(values.length);
  return { edges, counts: { tp, fp: detected - tp, fn: there - tp } };
}

/** Spans [onset_s, offset_s, event] of frames in which they begin and end. */
const spansOf = (edges, hop_s, event) =>
  Array.from({ length: edges.length / 2 }, (_, index) => [edges[2 * index] * hop_s, edges[2 * index + 1] * hop_s, event]);

/** Call see(first, end, kind) for each stretch of one kind within frames; all that is decided is a hit where nothing is annotated. */
function eachPiece({ values, least, annotated }, from, to, see) {
  let [kind, since] = [0, from];
  for (let frame = from; frame <= to; frame++) {
    const on = frame < to && values[frame] >= least ? 1 : 0;
    const what = frame < to ? KINDS[2 * on + (annotated ? annotated[frame] : on)] : 0;
    if (what === kind) continue;
    if (kind) see(since, frame, kind);
    kind = what;
    since = frame;
  }
}

/** Spans [onset_s, offset_s] as onsets and offsets in microseconds, turn by turn and in order. */
const inTime = (spans) => spans.map(([onset, offset]) => [toUs(onset), toUs(offset)]).sort((a, b) => a[0] - b[0]).flat();

/**
 * {tp, fp, fn} of the spans of one event, annotated and detected, matched one to one, as many as can be (Kuhn 1955).
 * Both are onsets and offsets in microseconds, turn by turn and in order.
 */
function countEvents(annotated, detected) {
  const near = [];
  let from = 0;
  for (let one = 0; one < annotated.length; one += 2) {
    const [onset, offset] = [annotated[one], annotated[one + 1]];
    const tolerance = Math.max(COLLAR_US, LENGTH_SHARE * (offset - onset));
    while (from < detected.length && detected[from] < onset - COLLAR_US) from += 2;
    const agreeing = [];
    for (let other = from; other < detected.length && detected[other] <= onset + COLLAR_US; other += 2) {
      if (Math.abs(detected[other + 1] - offset) <= tolerance) agreeing.push(other);
    }
    near.push(agreeing);
  }
  const takenBy = new Map();
  const augment = (index, seen) => {
    for (const detection of near[index]) {
      if (seen.has(detection)) continue;
      seen.add(detection);
      if (!takenBy.has(detection) || augment(takenBy.get(detection), seen)) {
        takenBy.set(detection, index);
        return true;
      }
    }
    return false;
  };
  const tp = near.reduce((hits, _, index) => hits + augment(index, new Set()), 0);
  return { tp, fp: detected.length / 2 - tp, fn: near.length - tp };
}

/** Sum of counts, which add; scores do not. */
const summed = (counts) =>
  counts.reduce((all, one) => ({ tp: all.tp + one.tp, fp: all.fp + one.fp, fn: all.fn + one.fn }), { tp: 0, fp: 0, fn: 0 });

/** F-score as a percentage in words, or a dash where nothing was there and nothing was decided. */
function fscore({ tp, fp, fn }) {
  const total = 2 * tp + fp + fn;
  return total ? `${Math.round((200 * tp) / total)} %` : "–";
}
