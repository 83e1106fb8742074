// The map of sentences: points, names of regions, hits, and the lasso.

import { question } from "../api.js";
import { announce, byId, make, shown } from "../dom.js";
import { Quads } from "../drawing/points.js";
import { hexadecimal, rgb } from "../frame.js";
import { Labels } from "../drawing/labels.js";
import { RegionNames } from "../drawing/regions.js";
import { MapView, REACH } from "../drawing/view.js";
import { colorsOf } from "./colors.js";
import { Scatter } from "./scatter.js";

const WAIT = 60; // milliseconds before the sentence under the pointer is requested
const FURTHER = 1.5; // zoom beyond the finest regions up to which names are useful
const LONGEST_TIP = 220;
const STRIDE = 5; // pixels between the corners of a lasso

export class DocumentMap extends MapView {
  /** `onPick` is called with the place of a sentence or null, `onLasso` with the corners of the lasso. */
  constructor(onPick, onLasso) {
    super(onPick);
    Object.assign(this, { onLasso, texts: new Map(), asked: 0, lasso: null, isLasso: false, palette: { kind: "regions", bins: 12 } });
    if (this.gl !== null) {
      this.scatter = new Scatter(this.gl);
      this.quads = new Quads(this.gl);
      this.names = new RegionNames(this.quads);
      this.marks = new Labels(this.quads);
    }
    this.begin();
    this.listenToLasso();
  }

  get isComplete() {
    return this.points !== null;
  }

  setTheme(theme) {
    this.theme = theme;
    this.names?.labels.setTheme(theme);
    this.marks?.setTheme(theme);
    this.setPalette(this.palette);
  }

  /** Set the meaning of colours: regions, or the bins of a column of a kind. */
  setPalette(palette) {
    this.palette = palette;
    const colors = colorsOf(palette.kind, this.theme);
    this.scatter?.setColors([...colors, colors.rest].map(hexadecimal), rgb(this.theme.background));
    this.request();
  }

  setPoints(points, groups) {
    this.setTones(groups, false);
    super.setPoints(points, groups);
  }

  setTones(tones, isFiltered) {
    this.scatter?.setTones(tones, isFiltered);
    this.request();
  }

  take(points) {
    this.scatter?.set(points);
  }

  /** Set the names of regions, level by level. */
  setRegions(levels) {
    this.names?.set(levels, this.camera);
    this.request();
  }

  paint(now) {
    const { camera, ratio, names } = this;
    const isGoing = this.scatter.draw(camera, ratio, this.dimmed);
    if (this.points !== null) {
      this.quads.begin(camera.width, camera.height, ratio);
      this.marks.drawMarks(this);
      this.quads.end();
    }
    const isFading = names.draw(this, now, names.nLevels + FURTHER);
    this.drawLasso();
    return isGoing || isFading;
  }

  /** Fly to a view of a point among others, if it is not visible. */
  bringIntoSight(place, others) {
    const [[left, top], , [right, low]] = this.sight();
    const [x, y] = [this.points?.[2 * place], this.points?.[2 * place + 1]];
    if (x < left || x > right || y < low || y > top) this.flyTo(this.closest(place, others, 0.6));
  }

  drawLasso() {
    if (this.lasso === null || this.lasso.length < 2) return;
    const { camera, quads } = this;
    quads.begin(camera.width, camera.height, this.ratio);
    const corners = this.lasso.map(([x, y]) => [camera.screenX(x), camera.screenY(y)]);
    corners.forEach((corner, i) => i > 0 && quads.line(...corners[i - 1], ...corner, 2, rgb(this.theme.accent), 1));
    quads.line(...corners.at(-1), ...corners[0], 1.2, rgb(this.theme.accent), 0.5);
    quads.end();
  }

  restore() {
    this.scatter.restore();
    this.quads.restore();
  }

  /** Return the place of the nearest point to a position in the window that is not filtered out. */
  placeAt(x, y, reach = REACH) {
    if (this.points === null || this.scatter == null) return null;
    const { camera, points } = this;
    const { tones, isFiltered } = this.scatter;
    const far = (isTouch(reach) ? reach : Math.min(reach, 9)) / camera.scale;
    const [atX, atY] = [camera.mapX(x), camera.mapY(y)];
    let best = null;
    let least = far * far;
    for (let i = 0, j = 0; j < points.length; i++, j += 2) {
      const dx = points[j] - atX;
      if (dx > far || dx < -far) continue;
      const dy = points[j + 1] - atY;
      const distance = dx * dx + dy * dy;
      if (distance <= least && !(isFiltered && tones[i] >= 128)) [best, least] = [i, distance];
    }
    return best;
  }

  tip(place) {
    const text = this.texts.get(place);
    if (text !== undefined) return [make("bdi", {}, shown(text, LONGEST_TIP))];
    this.fetchText(place);
    return [make("span", {}, "…")];
  }

  spoken(place) {
    return this.texts.get(place) ?? "";
  }

  /** Request a sentence if the pointer stays on it for a moment. */
  fetchText(place) {
    clearTimeout(this.asked);
    this.asked = setTimeout(async () => {
      if (this.hover !== place) return;
      const { sentences } = await question("texts", { places: [place] });
      if (this.texts.size > 2000) this.texts.clear();
      this.texts.set(place, sentences[0]);
      if (this.hover !== place) return;
      this.hover = null; // so that the tip is laid out again
      this.setHover(place, this.isByKey);
    }, WAIT);
  }

  key(event) {
    this.isByKey = true;
    super.key(event);
    this.isByKey = false;
  }

  /** Make the pointer draw a lasso instead of moving the map. */
  setLasso(isOn) {
    this.isLasso = isOn;
    this.lasso = null;
    this.canvas.classList.toggle("lasso", isOn);
    byId("lasso").setAttribute("aria-pressed", String(isOn));
    if (isOn) announce("Draw around sentences to select them");
    this.request();
  }

  listenToLasso() {
    const { canvas, camera } = this;
    const spot = (event) => [camera.mapX(event.offsetX), camera.mapY(event.offsetY)];
    let last = null;
    const begin = (event) => {
      if (event.button !== 0 || !(this.isLasso || event.shiftKey)) return;
      event.stopImmediatePropagation();
      canvas.setPointerCapture(event.pointerId);
      this.setHover(null);
      [this.lasso, last] = [[spot(event)], event];
    };
    const go = (event) => {
      if (this.lasso === null) return;
      event.stopImmediatePropagation();
      if (Math.hypot(event.clientX - last.clientX, event.clientY - last.clientY) < STRIDE) return;
      this.lasso.push(spot(event));
      last = event;
      this.request();
    };
    const end = (event) => {
      if (this.lasso === null) return;
      event.stopImmediatePropagation();
      const corners = this.lasso;
      this.setLasso(false);
      if (event.type === "pointerup" && corners.length > 2) this.onLasso(corners);
    };
    for (const [name, work] of [["pointerdown", begin], ["pointermove", go], ["pointerup", end], ["pointercancel", end]]) {
      canvas.addEventListener(name, work, { capture: true });
    }
  }

  /** Return the corners of the visible part. */
  sight() {
    const { camera } = this;
    const [left, top] = [camera.mapX(camera.insets.left), camera.mapY(0)];
    const [right, low] = [camera.mapX(camera.width), camera.mapY(camera.height - camera.insets.bottom)];
    return [[left, top], [right, top], [right, low], [left, low]];
  }
}

const isTouch = (reach) => reach > REACH;
