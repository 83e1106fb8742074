// Names of the regions of a map: few in the overview, more when zoomed in.

import { Labels } from "./labels.js";

const LETTERS = [[19, 650], [14.5, 550], [13, 500], [12, 450]]; // size and weight of names on each level
const [WORDS, WORDS_ON_PHONES] = [3, 2]; // in a name
const PHONE = 680; // pixels, as in the style sheet
const SMALLER = 0.8; // font scale on phones
const BEHIND = 0.55; // opacity of names behind highlights
const NOTHING = { marks: new Map(), lines: [] };

export class RegionNames {
  constructor(quads) {
    Object.assign(this, { labels: new Labels(quads, "region "), words: [], points: new Float32Array(0), starts: [0] });
  }

  get nLevels() {
    return this.starts.length - 1;
  }

  /** Set the regions, level by level. */
  set(levels, camera) {
    const sorted = levels.map((regions) => [...regions].sort((a, b) => b.size - a.size));
    const n = camera.width <= PHONE ? WORDS_ON_PHONES : WORDS;
    this.words = sorted.flat().map(({ words }) => words.slice(0, n).join(" · "));
    this.points = new Float32Array(sorted.flat().flatMap(({ spot }) => spot));
    this.starts = [0, ...sorted.map((_, i) => sorted.slice(0, i + 1).flat().length)];
    this.labels.clear();
  }

  /** Draw the names of a map up to a zoom level; return whether some are still fading. */
  draw(map, now, deepest) {
    const { camera } = map;
    const level = Math.min(this.nLevels - 1, Math.max(0, Math.round(camera.depth)));
    const isShown = level >= 0 && camera.depth <= deepest;
    return this.labels.draw({
      camera,
      ratio: map.ratio,
      morph: map.morph,
      isStill: map.isStill,
      words: this.words,
      points: this.points,
      range: isShown ? [this.starts[level], this.starts[Math.min(level + 2, this.nLevels)]] : [0, 0], // finer ones in the gaps
      letters: (place) => this.letters(place, camera),
      isCentred: true,
      highlight: NOTHING,
      hover: null,
      dimmed: map.highlight.marks.size > 0 ? BEHIND : 1,
    }, now);
  }

  /** Return the font size and weight of a name. */
  letters(place, camera) {
    const level = this.starts.findLastIndex((start) => start <= place);
    const [pixels, weight] = LETTERS[Math.min(LETTERS.length - 1, level)];
    return [camera.width <= PHONE ? SMALLER * pixels : pixels, weight];
  }
}
