// The colours of points: a ring for regions, contrasting ones for categories, a ramp for numbers and dates.

const RING_STEP = 5; // around the ring of twelve, so that adjacent categories have different colours
const RAMPS = {
  light: ["#3a4cb8", "#1f86b8", "#2f9e6d", "#b08a00", "#c2410c"],
  dark: ["#6f7cf0", "#3fa8e0", "#4fd09a", "#e8c34d", "#ff9a5c"],
};
const REST = { light: "#b9b3a7", dark: "#4a5468" };
const COLORS = 12;

/** Return twelve colours, and `rest`, the colour of other and of filtered-out points. */
export function colorsOf(kind, theme) {
  const name = theme.isDark ? "dark" : "light";
  let colors = [...theme.points];
  if (kind === "category") colors = colors.map((_, i) => theme.points[(i * RING_STEP) % COLORS]);
  else if (kind !== "regions") colors = colors.map((_, i) => between(RAMPS[name], i / (COLORS - 1)));
  return Object.assign(colors, { rest: REST[name] });
}

/** Return the colour number of a bin; 12 is that of the rest. */
export function colorOf({ kind, bins }, bin) {
  const isRest = ["(none)", "others"].includes(bins[bin]);
  if (isRest) return COLORS;
  if (kind === "category" || kind === "regions") return bin < COLORS ? bin : COLORS;
  const n = bins.filter((name) => name !== "(none)").length;
  return n < 2 ? 0 : Math.round((bin * (COLORS - 1)) / (n - 1));
}

function between(anchors, t) {
  const at = t * (anchors.length - 1);
  const i = Math.min(anchors.length - 2, Math.floor(at));
  const part = (color, k) => parseInt(color.slice(1 + 2 * k, 3 + 2 * k), 16);
  const mixed = [0, 1, 2].map((k) => Math.round(part(anchors[i], k) + (at - i) * (part(anchors[i + 1], k) - part(anchors[i], k))));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
