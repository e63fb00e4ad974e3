// View: which seconds are in sight, and where they lie on the screen.

const SHORTEST_S = 0.1; // of a view: a hundred blocks of the waveform

class View {
  constructor(duration_s) {
    this.duration_s = duration_s;
    this.from_s = 0;
    this.span_s = duration_s;
    this.left = 130; // of the plots; labels stand before it
    this.width = 600; // of the plots
  }

  x(time_s) {
    return this.left + ((time_s - this.from_s) / this.span_s) * this.width;
  }

  /** Time at a place, within the sound. */
  time(x) {
    return clamp(this.from_s + ((x - this.left) / this.width) * this.span_s, 0, this.duration_s);
  }

  get to_s() {
    return this.from_s + this.span_s;
  }

  get whole() {
    return this.span_s >= this.duration_s;
  }

  /** Show so many times less, a time staying where it is. */
  zoom(factor, around_s) {
    const span_s = clamp(this.span_s / factor, Math.min(SHORTEST_S, this.duration_s), this.duration_s);
    const share = clamp((around_s - this.from_s) / this.span_s, 0, 1);
    this.span_s = span_s;
    this.from(around_s - share * span_s);
  }

  from(time_s) {
    this.from_s = clamp(time_s, 0, this.duration_s - this.span_s);
  }

  /** Turn the page where a time is out of sight; true where that changed anything. */
  follow(time_s) {
    if (time_s >= this.from_s && time_s <= this.to_s) return false;
    const before = this.from_s;
    this.from(time_s - 0.05 * this.span_s);
    return this.from_s !== before;
  }
}
