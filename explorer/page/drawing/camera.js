// The camera over the map: the point in the middle of the free part of the window, and the pixels per unit.

const MOST_ZOOM = 600;
const LEAST_ZOOM = 0.5;
const SAMPLE = 20_000;
const STRAY = 0.004; // fraction of the points at each end that may be out of sight
const BORDER = 0.03;

export class Camera {
  constructor() {
    Object.assign(this, { x: 0, y: 0, scale: 1, width: 1, height: 1, insets: { left: 0, bottom: 0 }, bounds: { x: 0, y: 0, width: 2, height: 2 } });
    this.flight = null;
  }

  /** Pixels per unit at which the whole map is visible. */
  get whole() {
    const { insets, bounds } = this;
    return Math.max(40, 0.93 * Math.min((this.width - insets.left) / bounds.width, (this.height - insets.bottom) / bounds.height));
  }

  /** Zoom level: 0 shows the whole map, 1 is twice as large. */
  get depth() {
    return Math.log2(this.scale / this.whole);
  }

  get middleX() {
    return (this.width + this.insets.left) / 2;
  }

  get middleY() {
    return (this.height - this.insets.bottom) / 2;
  }

  screenX(x) {
    return this.middleX + (x - this.x) * this.scale;
  }

  screenY(y) {
    return this.middleY - (y - this.y) * this.scale;
  }

  mapX(x) {
    return this.x + (x - this.middleX) / this.scale;
  }

  mapY(y) {
    return this.y - (y - this.middleY) / this.scale;
  }

  /** Return the rectangle of the map that is in the window, and some pixels around it. */
  window(edge) {
    return { left: this.mapX(-edge), right: this.mapX(this.width + edge), low: this.mapY(this.height + edge), high: this.mapY(-edge) };
  }

  /** Write the indices of points there, starting at a first one, to `picked`, and return their number. */
  pick(points, picked, edge, first = 0) {
    const { left, right, low, high } = this.window(edge);
    let n = 0;
    for (let i = first, j = 2 * first; j < points.length; i++, j += 2) {
      const x = points[j];
      const y = points[j + 1];
      if (x > left && x < right && y > low && y < high) picked[n++] = i;
    }
    return n;
  }

  /** Set the size of the window and what covers it, and keep the view. */
  resize(width, height, insets) {
    const before = this.whole;
    Object.assign(this, { width, height, insets });
    this.scale *= this.whole / before;
  }

  move(dx, dy) {
    this.flight = null;
    this.x = clamp(this.x - dx / this.scale, -1.6, 1.6);
    this.y = clamp(this.y + dy / this.scale, -1.6, 1.6);
  }

  /** Zoom around a point of the window. */
  zoom(factor, atX = this.middleX, atY = this.middleY) {
    this.flight = null;
    const scale = clamp(this.scale * factor, LEAST_ZOOM * this.whole, MOST_ZOOM * this.whole);
    const difference = 1 / this.scale - 1 / scale;
    this.x += (atX - this.middleX) * difference;
    this.y -= (atY - this.middleY) * difference;
    this.scale = scale;
  }

  /** Set the bounds of the map, without a few outliers that would leave little room for the rest. */
  setBounds(points) {
    const [left, right] = ends(points, 0);
    const [low, high] = ends(points, 1);
    this.bounds = { x: (left + right) / 2, y: (low + high) / 2, width: Math.max(0.5, right - left), height: Math.max(0.5, high - low) };
  }

  /** Fly to a view of the whole map. */
  flyToAll(isInstant) {
    this.fly(this.bounds.x, this.bounds.y, this.whole, isInstant);
  }

  /** Start to fly to a place; `isInstant` for users who prefer reduced motion. */
  fly(x, y, scale, isInstant) {
    const goal = { x, y, scale: clamp(scale, LEAST_ZOOM * this.whole, MOST_ZOOM * this.whole) };
    if (isInstant) Object.assign(this, goal, { flight: null });
    else this.flight = { from: { x: this.x, y: this.y, scale: this.scale }, goal, start: performance.now() };
  }

  /** Continue the flight; return whether it is still going on. */
  advance(now) {
    if (this.flight === null) return false;
    const { from, goal, start } = this.flight;
    const t = Math.min(1, (now - start) / 650);
    const eased = 1 - (1 - t) ** 3;
    this.scale = from.scale * (goal.scale / from.scale) ** eased;
    // straight lines on the screen: the position changes together with the scale
    const ratio = goal.scale / from.scale;
    const way = Math.abs(ratio - 1) < 1e-3 ? eased : (1 - ratio ** -eased) / (1 - 1 / ratio);
    this.x = from.x + (goal.x - from.x) * way;
    this.y = from.y + (goal.y - from.y) * way;
    if (t === 1) this.flight = null;
    return t < 1;
  }
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Return the range of nearly all points along an axis, estimated from a sample. */
function ends(points, axis) {
  const step = 2 * Math.max(1, Math.floor(points.length / 2 / SAMPLE));
  const sample = new Float32Array(Math.ceil((points.length - axis) / step)).map((_, i) => points[axis + i * step]).sort();
  const out = Math.floor(sample.length * STRAY);
  const [low, high] = [sample[out], sample[sample.length - 1 - out]];
  const border = out > 0 ? BORDER * (high - low) : 0;
  return [low - border, high + border];
}
