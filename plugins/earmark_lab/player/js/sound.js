// Sound: an audio element, a cursor that exists without one, and a region that is repeated.

class Sound {
  constructor(audio, duration_s) {
    this.audio = audio;
    this.duration_s = duration_s;
    this.ready = false;
    this.wanted = false; // somebody pressed play before the sound was there
    this.cursor_s = 0;
    this.region = null; // [from_s, to_s]
    this.url = null;
  }

  load(sent) {
    this.release();
    if (!sent?.data) return;
    this.url = URL.createObjectURL(new Blob([bytesOf(sent.data)], { type: sent.type }));
    this.audio.src = this.url;
    this.ready = true;
    this.seek(this.cursor_s);
    if (this.wanted) this.play();
  }

  release() {
    this.audio.pause();
    if (this.url) URL.revokeObjectURL(this.url);
    this.audio.removeAttribute("src");
    this.url = null;
    this.ready = false;
  }

  get playing() {
    return this.ready && !this.audio.paused && !this.audio.ended;
  }

  get time_s() {
    if (this.playing) this.cursor_s = Math.min(this.audio.currentTime, this.duration_s);
    return this.cursor_s;
  }

  seek(time_s) {
    this.cursor_s = clamp(time_s, 0, this.duration_s);
    if (this.ready) this.audio.currentTime = this.cursor_s;
  }

  play() {
    this.wanted = !this.ready;
    if (!this.ready) return;
    const { region } = this;
    if (region && (this.cursor_s < region[0] || this.cursor_s >= region[1])) this.seek(region[0]);
    else if (this.cursor_s >= this.duration_s - 0.01) this.seek(0);
    this.audio.play().catch(() => {}); // a browser may ask for a click first; the button then still says "Play"
  }

  pause() {
    this.wanted = false;
    this.cursor_s = this.time_s;
    this.audio.pause();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** Go back to the region's start where its end is reached. */
  keepInRegion() {
    if (this.region && this.playing && (this.audio.currentTime >= this.region[1] || this.audio.currentTime < this.region[0] - 0.05)) {
      this.seek(this.region[0]);
    }
  }
}
