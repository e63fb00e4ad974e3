// Editing: spans [onset_s, offset_s, label] of editable lanes, each change undoable.

const EDGE = 6; // pixels beside an edge that move it
const SHORTEST_SPAN_S = 0.01;
const milli = (seconds) => Math.round(seconds * 1000) / 1000;

class Editor {
  constructor(state, duration_s, changed) {
    this.state = state; // .spans: {title: [span]}
    this.duration_s = duration_s;
    this.changed = changed; // called after each step; (done) is false while a span is still dragged
    this.past = [];
    this.future = [];
    this.selection = null; // {lane, span}
    this.drag = null;
  }

  copy() {
    return Object.fromEntries(Object.entries(this.state.spans).map(([title, spans]) => [title, spans.map((span) => [...span])]));
  }

  remember() {
    this.past.push(this.copy());
    this.future = [];
  }

  step(from, to) {
    if (!from.length) return;
    to.push(this.copy());
    this.state.spans = from.pop();
    this.selection = null;
    this.changed(true);
  }

  undo() {
    this.step(this.past, this.future);
  }

  redo() {
    this.step(this.future, this.past);
  }

  add(lane, onset_s, offset_s, label) {
    this.remember();
    const span = [milli(Math.min(onset_s, offset_s)), milli(Math.max(onset_s, offset_s)), label];
    this.state.spans[lane.title] = [...(this.state.spans[lane.title] || []), span];
    this.selection = { lane, span };
    this.changed(true);
  }

  remove() {
    if (!this.selection) return;
    this.remember();
    const { lane, span } = this.selection;
    this.state.spans[lane.title] = this.state.spans[lane.title].filter((other) => other !== span);
    this.selection = null;
    this.changed(true);
  }

  /** Give the selected span other times or another label; times that are no span are refused. */
  set(onset_s, offset_s, label) {
    const [onset, offset] = [milli(clamp(onset_s, 0, this.duration_s)), milli(clamp(offset_s, 0, this.duration_s))];
    if (!this.selection || !(offset - onset >= SHORTEST_SPAN_S)) return false;
    this.remember();
    this.selection.span.splice(0, 3, onset, offset, label);
    this.changed(true);
    return true;
  }

  select(lane, span) {
    this.selection = span ? { lane, span } : null;
    this.changed(false);
  }

  /** Which part of a span lies at x: "onset", "offset", "whole"; null for none. */
  partAt(span, x, view) {
    const [from, to] = [view.x(span[0]), view.x(span[1])];
    if (x < from - EDGE / 2 || x > to + EDGE / 2) return null;
    const edge = Math.min(EDGE, (to - from) / 3);
    return x < from + edge ? "onset" : x > to - edge ? "offset" : "whole";
  }

  begin(lane, span, part, time_s) {
    this.drag = { lane, span, part, time_s, before: this.copy(), original: [...span], moved: false };
    this.select(lane, span);
  }

  /** Drag on: to a time and, for a whole span, onto the row of another event. */
  move(time_s, label) {
    const { span, part, original, time_s: from_s } = this.drag;
    const by = time_s - from_s;
    let [onset, offset] = original;
    if (part === "whole") {
      const shift = clamp(by, -onset, this.duration_s - offset);
      [onset, offset] = [onset + shift, offset + shift];
    } else if (part === "onset") onset = clamp(onset + by, 0, offset - SHORTEST_SPAN_S);
    else offset = clamp(offset + by, onset + SHORTEST_SPAN_S, this.duration_s);
    span.splice(0, 3, milli(onset), milli(offset), part === "whole" ? label : span[2]);
    this.drag.moved = true;
    this.changed(false);
  }

  end() {
    const { moved, before } = this.drag;
    this.drag = null;
    if (!moved) return;
    this.past.push(before);
    this.future = [];
    this.changed(true);
  }
}
