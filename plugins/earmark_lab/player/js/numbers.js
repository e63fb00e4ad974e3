// Numbers: bytes, times, and pyramids, by which half an hour is drawn as fast as ten seconds.

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Bytes of a binary traitlet (a DataView, or a buffer of another front end) without a copy. */
function bytesOf(data) {
  if (!data) return new Uint8Array(0);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Whole microseconds, on which times are compared. */
const toUs = (seconds) => Math.round(seconds * 1e6);

/** 3.2 -> "3.200", 63.2 -> "1:03.200"; digits after the point as asked, minutes also where they are 0 if asked. */
function clock(seconds, digits = 3, withMinutes = false) {
  const scale = 10 ** digits;
  const whole = Math.round(Math.max(seconds, 0) * scale);
  const rest = ((whole % (60 * scale)) / scale).toFixed(digits);
  const minutes = Math.floor(whole / (60 * scale));
  if (!minutes && !withMinutes) return rest;
  const padded = rest.padStart(digits ? digits + 3 : 2, "0");
  return minutes < 60 ? `${minutes}:${padded}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${padded}`;
}

const FOLD = 4; // entries of a level that become one of the next

/**
 * Levels of a sequence of rows: each holds, of every FOLD rows of the one before, the greatest (or least) values.
 * values: rows x width, one after the other. Levels end where one row is left.
 */
function pyramidOf(values, width, better = Math.max) {
  const levels = [values];
  let last = values;
  while (last.length > width) {
    const rows = last.length / width;
    const next = new values.constructor(Math.ceil(rows / FOLD) * width);
    for (let to = 0, row = 0; row < rows; to += width, row += FOLD) {
      const end = Math.min(row + FOLD, rows);
      for (let column = 0; column < width; column++) {
        let best = last[row * width + column];
        for (let from = row + 1; from < end; from++) best = better(best, last[from * width + column]);
        next[to + column] = best;
      }
    }
    levels.push(next);
    last = next;
  }
  return levels;
}

/** The level to draw from where `rows` rows of the lowest one share a pixel, and how many of those each entry holds. */
function levelFor(levels, rows) {
  const index = clamp(Math.floor(Math.log(Math.max(rows, 1)) / Math.log(FOLD)), 0, levels.length - 1);
  return { values: levels[index], fold: FOLD ** index };
}
