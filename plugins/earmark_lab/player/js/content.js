// Content: what the kernel sent, made ready to draw.

/** Lanes, vocabulary and picture of a player, from its traitlets. */
function contentOf(model) {
  const sent = model.get("_content");
  const peaks = sent.peaks ? new Int8Array(bytesOf(sent.peaks.data)) : null;
  const content = { ...sent, peaks: null, level: null };
  if (peaks) {
    const low = peaks.filter((_, index) => index % 2 === 0);
    const high = peaks.filter((_, index) => index % 2 === 1);
    content.peaks = { hop_s: sent.peaks.hop_s, low: pyramidOf(low, 1, Math.min), high: pyramidOf(high, 1) };
    content.level = { ...sent.level, levels: pyramidOf(bytesOf(sent.level.data), sent.level.mel_hz.length) };
  }
  content.lanes = sent.lanes.map((lane, index) => ({
    ...lane,
    index,
    posteriors: lane.track ? posteriorsOf(lane.track) : null,
    // The first lane without posteriors is what the others are compared with.
    isReference: index === sent.reference,
    shown: true,
  }));
  const first = content.lanes.find((lane) => lane.track);
  content.hop_s = first ? first.track.hop_s : 0.02;
  content.n_frames = first ? first.track.n_frames : Math.ceil(toUs(content.duration_s) / toUs(content.hop_s));
  return content;
}

/** Map of event to pyramid of posteriors (frame), from bytes (event, frame). */
function posteriorsOf(track) {
  const bytes = bytesOf(track.data);
  return new Map(
    track.events.map((event, index) => [
      event,
      pyramidOf(bytes.subarray(index * track.n_frames, (index + 1) * track.n_frames), 1),
    ]),
  );
}

/** What every lane decides of one event, and its counts: made anew when a threshold or an edited span changes. */
class Comparison {
  constructor(content, state) {
    this.content = content;
    this.state = state; // thresholds, spans
    this.forgetAll();
  }

  forgetAll() {
    this.kept = new Map(); // by lane and event
    this.truths = new Map(); // by event and grid
    this.totals = new Map(); // by lane
  }

  /** A threshold was moved, of one event or of all: what is annotated, by hand or otherwise, stays as it is. */
  forgetDecisions(event) {
    for (const lane of this.content.lanes) {
      if (!lane.track) continue;
      for (const one of event === undefined ? this.content.events : [event]) this.kept.delete(`${lane.index} ${one}`);
      this.totals.delete(lane.index);
    }
  }

  /** Annotated spans of an event in microseconds, and their frames on a grid. */
  truth(event, nFrames, hop_s) {
    const key = `${event} ${nFrames} ${hop_s}`;
    if (!this.truths.has(key)) {
      const { lanes, reference, frame_rule, duration_s } = this.content;
      const spans = this.spans(lanes[reference], event);
      this.truths.set(key, { edges: inTime(spans), active: framesOf(spans, nFrames, hop_s, frame_rule, duration_s) });
    }
    return this.truths.get(key);
  }

  spans(lane, event) {
    const all = lane.editable ? this.state.spans[lane.title] || [] : lane.spans;
    return all.filter((span) => span[2] === event);
  }

  threshold(lane, event) {
    return this.state.thresholds[event] ?? lane.threshold;
  }

  /** {spans, decision, events, frames} of a lane's event; counts are null for the reference and without one. */
  of(lane, event) {
    const key = `${lane.index} ${event}`;
    if (!this.kept.has(key)) this.kept.set(key, this.compared(lane, event));
    return this.kept.get(key);
  }

  compared(lane, event) {
    const hop_s = lane.track ? lane.track.hop_s : this.content.hop_s;
    const nFrames = lane.track ? lane.track.n_frames : this.content.n_frames;
    const { duration_s, frame_rule } = this.content;
    const pyramid = lane.posteriors?.get(event);
    // A method's own decisions, such as after post-processing, stand until somebody moves the threshold.
    const own = lane.editable || !pyramid || (lane.spans.length > 0 && this.state.thresholds[event] === undefined);
    const spans = own ? this.spans(lane, event) : null;
    const reference = this.content.lanes[this.content.reference];
    const silent = lane.track && !lane.editable && !pyramid && !spans.length; // of another vocabulary
    const truth = reference && !lane.isReference && !silent ? this.truth(event, nFrames, hop_s) : null;
    if (own && !truth && !pyramid) return { spans, decision: null, events: null, frames: null };
    const decision = {
      values: own ? framesOf(spans, nFrames, hop_s, lane.track ? "outer" : frame_rule, duration_s) : pyramid[0],
      least: own ? 1 : leastByte(this.threshold(lane, event)),
      annotated: truth?.active ?? null,
    };
    const { edges, counts } = decided(decision.values, decision.least, decision.annotated);
    const detected = spans ? inTime(spans) : edges.map((frame) => toUs(frame * hop_s));
    let asked = spans;
    return {
      // Made when somebody points at them.
      get spans() {
        return (asked ??= spansOf(edges, hop_s, event));
      },
      decision,
      events: truth && countEvents(truth.edges, detected),
      frames: truth && counts,
    };
  }

  /** Counts of a lane over all events: {events, frames}, or null. */
  total(lane) {
    if (!this.totals.has(lane.index)) {
      const all = this.content.events.map((event) => this.of(lane, event)).filter((one) => one.events);
      this.totals.set(
        lane.index,
        all.length ? { events: summed(all.map((one) => one.events)), frames: summed(all.map((one) => one.frames)) } : null,
      );
    }
    return this.totals.get(lane.index);
  }
}
