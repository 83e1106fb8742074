// The map of words: points, and as many labels as there is room for.

import { make, thousands, wordElement } from "./dom.js";
import { Points, Quads } from "./drawing/points.js";
import { hexadecimal, rgb } from "./frame.js";
import { Labels } from "./drawing/labels.js";
import { RegionNames } from "./drawing/regions.js";
import { MapView, REACH } from "./drawing/view.js";

const SIZES = [[60, 17, 600], [600, 15, 550], [6000, 13.5, 500], [Infinity, 12.5, 400]]; // rank up to which a word has this size and weight
const FAR = 1.3; // zoom up to which regions are named instead of words

export class WordMap extends MapView {
  constructor(onPick) {
    super(onPick);
    this.words = null;
    this.drawer = this.gl && new Points(this.gl);
    if (this.gl !== null) {
      const quads = new Quads(this.gl);
      this.labels = new Labels(quads);
      this.names = new RegionNames(quads);
    }
    this.begin();
  }

  get isComplete() {
    return this.points !== null && this.words !== null;
  }

  setTheme(theme) {
    this.drawer?.setColors(theme.points.map(hexadecimal), rgb(theme.background));
    this.labels?.setTheme(theme);
    this.names?.labels.setTheme(theme);
    this.request();
  }

  setWords(words) {
    this.words = words;
    this.labels?.clear();
    this.request();
  }

  /** Set the names of regions, which replace words in the overview. */
  setRegions(levels) {
    this.names?.set(levels, this.camera);
    this.request();
  }

  /** The words that may have labels: only highlighted ones while regions are named. */
  get range() {
    return this.isFar ? [0, 0] : [0, this.words.length];
  }

  get isFar() {
    return this.names.nLevels > 0 && this.camera.depth < FAR && this.highlight.marks.size === 0;
  }

  take(points, groups) {
    this.drawer?.set(points, groups);
  }

  paint(now) {
    this.drawer.draw(this.camera, this.ratio, this.dimmed);
    const isFading = this.labels.draw(this, now);
    return this.names.draw(this, now, this.isFar ? FAR : -Infinity) || isFading;
  }

  restore() {
    this.drawer.restore();
    this.labels.quads.restore();
  }

  tip(place) {
    return [wordElement(this.words[place]), make("span", {}, `${thousands(place + 1)}. of the map`)];
  }

  spoken(place) {
    return this.words[place];
  }

  /** Return the font size and weight of a label. */
  letters(place) {
    return SIZES.find(([rank]) => place < rank).slice(1);
  }

  /** Return the place of the word nearest to a point of the window; frequent words are easier to hit. */
  placeAt(x, y, reach = REACH) {
    if (this.points === null || this.words === null) return null;
    const { camera, points } = this;
    let best = null;
    let least = Infinity;
    for (let place = 0; place < this.words.length; place++) {
      const dx = camera.screenX(points[2 * place]) - x;
      if (dx > reach || dx < -reach) continue;
      const distance = Math.hypot(dx, camera.screenY(points[2 * place + 1]) - y);
      const effort = distance + 0.35 * Math.log2(1 + place);
      if (distance <= reach && effort < least) [best, least] = [place, effort];
    }
    return best;
  }
}
