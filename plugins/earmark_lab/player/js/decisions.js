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
 * What frames decide: `spans` [first, end] in which the values (frame) reach `least`; and against annotated frames,
 * unless these are null, `pieces` [first, end, kind] and counts {tp, fp, fn}. One pass, as half an hour has 90,000
 * frames of each event.
 */
function decided(values, least, annotated) {
  const spans = [];
  const pieces = [];
  const n = [0, 0, 0, 0];
  let [active, onset] = [0, 0];
  let [kind, since] = [0, 0];
  for (let frame = 0; frame <= values.length; frame++) {
    const ends = frame === values.length;
    const on = !ends && values[frame] >= least ? 1 : 0;
    if (on !== active) {
      if (active) spans.push([onset, frame]);
      active = on;
      onset = frame;
    }
    const what = ends || !annotated ? 0 : KINDS[2 * on + annotated[frame]];
    if (what !== kind) {
      if (kind) pieces.push([since, frame, kind]);
      n[kind] += frame - since;
      kind = what;
      since = frame;
    }
  }
  return { spans, pieces, counts: { tp: n[HIT], fp: n[FALSE_ALARM], fn: n[MISSED] } };
}

/** {tp, fp, fn} of spans [onset_s, offset_s] of one event, matched one to one, as many as can be (Kuhn 1955). */
function countEvents(reference, estimated) {
  const inTime = (spans) => spans.map(([onset, offset]) => [toUs(onset), toUs(offset)]).sort((a, b) => a[0] - b[0]);
  const annotated = inTime(reference);
  const detected = inTime(estimated);
  let from = 0;
  const near = annotated.map(([onset, offset]) => {
    const tolerance = Math.max(COLLAR_US, LENGTH_SHARE * (offset - onset));
    while (from < detected.length && detected[from][0] < onset - COLLAR_US) from++;
    const agreeing = [];
    for (let index = from; index < detected.length && detected[index][0] <= onset + COLLAR_US; index++) {
      if (Math.abs(detected[index][1] - offset) <= tolerance) agreeing.push(index);
    }
    return agreeing;
  });
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
  const tp = annotated.reduce((hits, _, index) => hits + augment(index, new Set()), 0);
  return { tp, fp: detected.length - tp, fn: annotated.length - tp };
}

/** Sum of counts, which add; scores do not. */
const summed = (counts) =>
  counts.reduce((all, one) => ({ tp: all.tp + one.tp, fp: all.fp + one.fp, fn: all.fn + one.fn }), { tp: 0, fp: 0, fn: 0 });

/** F-score as a percentage in words, or a dash where nothing was there and nothing was decided. */
function fscore({ tp, fp, fn }) {
  const total = 2 * tp + fp + fn;
  return total ? `${Math.round((200 * tp) / total)} %` : "–";
}
