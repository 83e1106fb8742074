// Labels on the map: the most frequent words first, without overlaps, and everything that is highlighted.

import { shown } from "../dom.js";
import { rgb } from "../frame.js";

const CELL = 6;
const MARGIN = 180; // pixels around the window in which labels keep their place, so that nothing jumps while it moves
const AREA = 6500; // square pixels per label
const TRIED = 5000;
const FADE = 160; // milliseconds

export class Labels {
  /** Several instances may share their quads, each with its own kind. */
  constructor(quads, kind = "") {
    Object.assign(this, { quads, kind });
    this.measuring = document.createElement("canvas").getContext("2d");
    this.sizes = new Map(); // size and font of each word
    this.strengths = new Map(); // opacity of the label of each place
    this.occupied = new Uint8Array(0);
    this.time = 0;
  }

  setTheme(theme) {
    this.theme = theme;
    this.sizes.clear();
    this.quads.forget();
  }

  clear() {
    this.strengths.clear();
    this.sizes.clear();
    this.quads.forget();
  }

  /** Draw the labels over the points, and the highlights in `marked`; return whether something is still fading. */
  draw(map, now, marked = map) {
    const { camera, ratio } = map;
    const passed = Math.min(60, now - this.time);
    this.time = now;
    if (map.words === null || map.points === null) return false;
    this.quads.begin(camera.width, camera.height, ratio);
    this.drawMarks(marked);
    const isFading = this.drawWords(map, this.place(map), map.isStill ? FADE : passed);
    this.quads.end();
    return isFading;
  }

  /** Return the labels that have room: a map from places to looks. */
  place(map) {
    const { camera, points, highlight } = map;
    const columns = Math.ceil((camera.width + 2 * MARGIN) / CELL) + 2;
    const rows = Math.ceil((camera.height + 2 * MARGIN) / CELL) + 2;
    if (this.occupied.length !== columns * rows) this.occupied = new Uint8Array(columns * rows);
    else this.occupied.fill(0);
    // cells are fixed to the map, not to the window, so that moving it changes nothing
    const originX = camera.screenX(0);
    const originY = camera.screenY(0);
    const grid = { columns, rows, x: originX + CELL * Math.floor((-MARGIN - originX) / CELL), y: originY + CELL * Math.floor((-MARGIN - originY) / CELL) };
    const placed = new Map();
    for (const [place, look] of highlight.marks) this.tryPlace(map, grid, place, look, placed, look.isFirm);
    if (map.hover !== null && !placed.has(map.hover)) this.tryPlace(map, grid, map.hover, { weight: 650 }, placed, true);
    const most = ((camera.width + 2 * MARGIN) * (camera.height + 2 * MARGIN)) / AREA;
    let tried = 0;
    const [first, end] = map.morph ? [0, 0] : (map.range ?? [0, map.words.length]); // labels wait until points rest
    for (let place = first; place < end && placed.size < most && tried < TRIED; place++) {
      const x = camera.screenX(points[2 * place]);
      if (x < -MARGIN || x > camera.width + MARGIN) continue;
      const y = camera.screenY(points[2 * place + 1]);
      if (y < -MARGIN || y > camera.height + MARGIN || placed.has(place)) continue;
      tried++;
      this.tryPlace(map, grid, place, null, placed, false);
    }
    return placed;
  }

  /** Find room for a label above its point or, if it is highlighted, on another side; a firm one needs no room. */
  tryPlace(map, grid, place, look, placed, isFirm) {
    const size = this.size(map, place, look);
    const x = map.camera.screenX(map.points[2 * place]);
    const y = map.camera.screenY(map.points[2 * place + 1]);
    const sides = look === null ? [[this.left(map, x, size), y - this.lift(map, size)]] : besides(x, y, size);
    const free = sides.find(([left, top]) => this.isFree(grid, left, top, size));
    if (free === undefined && !isFirm) return;
    const [left, top] = free ?? sides[0];
    this.cells(grid, left, top, size, (start, end) => this.occupied.fill(1, start, end));
    placed.set(place, { size, x: left, y: top, isFirm: look !== null });
  }

  /** Return where a label starts; names of visible regions are moved into the window. */
  left({ camera, isCentred }, x, { width }) {
    const left = x - width / 2;
    if (!isCentred || x < camera.insets.left || x > camera.width) return left;
    return Math.min(Math.max(left, camera.insets.left + 4), camera.width - width - 4);
  }

  /** Return how far above its point a label starts; names of regions are centred. */
  lift(map, size) {
    return map.isCentred ? size.height / 2 : size.height + 1;
  }

  isFree(grid, x, y, size) {
    let isFree = true;
    this.cells(grid, x, y, size, (start, end) => {
      for (let cell = start; cell < end; cell++) isFree &&= this.occupied[cell] === 0;
    });
    return isFree;
  }

  /** Call `work` with the start and the end of each row of cells that a label covers. */
  cells(grid, x, y, size, work) {
    const left = Math.max(0, Math.floor((x - grid.x) / CELL));
    const right = Math.min(grid.columns - 1, Math.floor((x + size.width - grid.x) / CELL));
    const top = Math.max(0, Math.floor((y - grid.y) / CELL));
    const bottom = Math.min(grid.rows - 1, Math.floor((y + size.height - grid.y) / CELL));
    for (let row = top; row <= bottom; row++) work(row * grid.columns + left, row * grid.columns + right + 1);
  }

  /** Draw the labels, with opacity for those that appear or disappear. */
  drawWords(map, placed, passed) {
    const { quads, strengths } = this;
    let isFading = false;
    for (const [place, label] of placed) {
      const strength = label.isFirm ? 1 : Math.min(1, (strengths.get(place) ?? 0) + passed / FADE);
      strengths.set(place, strength);
      isFading ||= strength < 1;
    }
    for (const [place, strength] of strengths) {
      const label = placed.get(place);
      const size = label?.size ?? this.sizes.get(`${this.kind}${place}`);
      const alpha = label === undefined ? strength - passed / FADE : strength;
      if (alpha <= 0 || size === undefined) {
        strengths.delete(place);
        continue;
      }
      strengths.set(place, alpha);
      isFading ||= label === undefined;
      const x = label?.x ?? this.left(map, map.camera.screenX(map.points[2 * place]), size);
      const y = label?.y ?? map.camera.screenY(map.points[2 * place + 1]) - this.lift(map, size);
      if (x > map.camera.width || y > map.camera.height || x + size.width < 0 || y + size.height < 0) continue;
      const sprite = this.sprite(size);
      if (sprite !== null) quads.image(sprite, x, y, alpha * (label?.isFirm ? 1 : map.dimmed));
    }
    return isFading;
  }

  /** Draw the lines and rings of highlights. */
  drawMarks({ camera, points, highlight, hover }) {
    const { quads, theme } = this;
    const at = (place) => [camera.screenX(points[2 * place]), camera.screenY(points[2 * place + 1])];
    for (const { from, to, strength, color, isArrow } of highlight.lines) {
      quads.line(...at(from), ...at(to), isArrow ? 2 : 1.2, rgb(theme[color]), strength);
      if (isArrow) quads.head(...at(from), ...at(to), rgb(theme[color]), strength);
    }
    for (const [place, { color = "accent", isMain = false }] of highlight.marks) {
      quads.dot(...at(place), isMain ? 6 : 4, theme[color], theme.background);
    }
    if (hover !== null) quads.dot(...at(hover), 5, theme.ink, theme.background);
  }

  /** Return the size of a label, and everything needed to paint it. */
  size(map, place, look) {
    const key = look === null ? `${this.kind}${place}` : `${this.kind}${place} ${look.weight} ${look.color} ${look.size}`;
    let size = this.sizes.get(key);
    if (size !== undefined) return size;
    const [usual, weight] = map.letters(place);
    const pixels = look?.size ?? Math.max(usual, look === null ? 0 : 14);
    const font = `${look?.weight ?? weight} ${pixels}px ${this.theme.font}`;
    const text = shown(map.words[place]);
    if (this.measuring.font !== font) this.measuring.font = font;
    const width = Math.ceil(this.measuring.measureText(text).width) + 10;
    size = { key, text, font, color: look?.color ?? "ink", width, height: Math.ceil(pixels * 1.4) + 2 };
    this.sizes.set(key, size);
    return size;
  }

  /** Return the picture of a word, painted once: drawing text is slow, drawing pictures is fast. */
  sprite({ key, text, font, color, width, height }) {
    return this.quads.sprite(key, width, height, (brush) => {
      Object.assign(brush, { font, textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 4 });
      brush.strokeStyle = this.theme.background;
      brush.fillStyle = this.theme[color];
      brush.globalAlpha = 0.85;
      brush.strokeText(text, width / 2, height / 2);
      brush.globalAlpha = 1;
      brush.fillText(text, width / 2, height / 2);
    });
  }
}

/** Return the possible positions of a label: above, below, to the right, to the left. */
function besides(x, y, { width, height }) {
  return [[x - width / 2, y - height - 4], [x - width / 2, y + 6], [x + 7, y - height / 2], [x - width - 7, y - height / 2]];
}
