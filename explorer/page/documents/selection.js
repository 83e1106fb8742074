// The selection: the points that pass all filters, and their count in each bin.

export class Selection {
  constructor(n) {
    Object.assign(this, { n, facets: new Map(), lasso: null, lit: new Uint8Array(n).fill(1), count: n });
  }

  /** Add a column: `codes` is the bin of each point. */
  add(name, codes, n_bins) {
    this.facets.set(name, { codes, chosen: new Set(), counts: new Uint32Array(n_bins) });
  }

  get isFiltered() {
    return this.lasso !== null || [...this.facets.values()].some(({ chosen }) => chosen.size > 0);
  }

  /** Choose a bin or undo that; bins of the same column are combined by or, columns by and. */
  toggle(name, bin) {
    const { chosen } = this.facets.get(name);
    if (!chosen.delete(bin)) chosen.add(bin);
    this.update();
  }

  clear(name = null) {
    for (const [key, { chosen }] of this.facets) if (name === null || key === name) chosen.clear();
    if (name === null) this.lasso = null;
    this.update();
  }

  /** Keep the points inside some corners. */
  draw(points, corners) {
    this.lasso = inside(points, corners);
    this.update();
  }

  /** Keep the given points. */
  keep(places) {
    this.lasso = new Uint8Array(this.n);
    for (const place of places) this.lasso[place] = 1;
    this.update();
  }

  /** Find the selected points, and count each column's bins among the points that pass all other filters. */
  update() {
    const { n, lasso } = this;
    const facets = [...this.facets.values()];
    const masks = facets.map(({ chosen, counts }) => Uint8Array.from(counts, (_, bin) => (chosen.size === 0 || chosen.has(bin) ? 1 : 0)));
    for (const { counts } of facets) counts.fill(0);
    let count = 0;
    for (let i = 0; i < n; i++) {
      let misses = lasso === null || lasso[i] === 1 ? 0 : 2; // a point that fails two filters is not counted
      let missed = -1;
      for (let k = 0; k < facets.length && misses < 2; k++) {
        if (masks[k][facets[k].codes[i]] === 0) {
          misses++;
          missed = k;
        }
      }
      this.lit[i] = misses === 0 ? 1 : 0;
      if (misses === 0) {
        count++;
        for (let k = 0; k < facets.length; k++) facets[k].counts[facets[k].codes[i]]++;
      } else if (misses === 1) {
        facets[missed].counts[facets[missed].codes[i]]++;
      }
    }
    this.count = count;
  }

  /** Return a bit for each point, in base64. */
  bits() {
    const bytes = new Uint8Array(Math.ceil(this.n / 8));
    for (let i = 0; i < this.n; i++) if (this.lit[i] === 1) bytes[i >> 3] |= 1 << (i & 7);
    let text = "";
    for (let i = 0; i < bytes.length; i += 32_768) text += String.fromCharCode(...bytes.subarray(i, i + 32_768));
    return btoa(text);
  }
}

/** Return for each point whether it is inside some corners (even-odd). */
function inside(points, corners) {
  const found = new Uint8Array(points.length / 2);
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  for (let i = 0, j = 0; i < found.length; i++, j += 2) {
    const [x, y] = [points[j], points[j + 1]];
    if (x < left || x > right || y < low || y > high) continue;
    let isIn = 0;
    for (let a = 0, b = corners.length - 1; a < corners.length; b = a++) {
      if (ys[a] > y !== ys[b] > y && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) isIn ^= 1;
    }
    found[i] = isIn;
  }
  return found;
}
