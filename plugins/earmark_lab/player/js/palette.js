// Colours: safe for colour-blind readers (Okabe and Ito), for light and dark pages alike.

const INKS = {
  light: {
    ink: "#1f2328", muted: "#636c76", line: "#d5d9de", row: "#f3f5f7", wave: "#3b4754",
    annotated: "#3b4754", layer: "#009e73", hit: "#0072b2", false: "#d55e00", missed: "#3b4754", cursor: "#c2185b",
    region: "rgba(0, 114, 178, 0.13)", selected: "#c2185b",
  },
  dark: {
    ink: "#e6e8eb", muted: "#9aa4af", line: "#3d444d", row: "rgba(255, 255, 255, 0.045)", wave: "#c3ccd6",
    annotated: "#c3ccd6", layer: "#2fc79b", hit: "#56b4e9", false: "#ff9142", missed: "#c3ccd6", cursor: "#ff6fa3",
    region: "rgba(86, 180, 233, 0.2)", selected: "#ff6fa3",
  },
};

// Loudness from nothing to full, by few stops: lightness falls (or rises) all the way, so that grey prints read alike.
const RAMPS = {
  light: ["#ffffff", "#e3ecf4", "#b3cbe3", "#7fa3d0", "#5b76b6", "#473f8f", "#2b1055", "#12021f"],
  dark: ["#08080f", "#1b1044", "#4a1a6d", "#7f2a72", "#b63a61", "#e4603f", "#f9a03f", "#fcf2b4"],
};

/** 256 colours of a ramp as RGBA words, in the byte order of ImageData on every machine that runs browsers. */
function rampOf(theme) {
  const stops = RAMPS[theme].map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return Uint32Array.from({ length: 256 }, (_, index) => {
    const at = (index / 255) * (stops.length - 1);
    const left = Math.min(Math.floor(at), stops.length - 2);
    const [r, g, b] = stops[left].map((from, channel) => Math.round(from + (at - left) * (stops[left + 1][channel] - from)));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

/** "dark" or "light", by the page that the player lies on, whoever made it. */
function themeOf(element) {
  for (let at = element; at; at = at.parentElement) {
    const [r, g, b, alpha = 1] = (getComputedStyle(at).backgroundColor.match(/[\d.]+/g) || []).map(Number);
    if (b !== undefined && alpha > 0.5) return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128 ? "dark" : "light";
  }
  return "light";
}
