// Words written on the map: the most frequent first, none over another, and all that is to stand out.

import { shown } from "./dom.js";

const CELL = 6;
const MARGIN = 180; // words outside the window keep their place, so that nothing jumps while it moves
const AREA = 6500; // square pixels a label
const TRIED = 5000;
const FADE = 160; // milliseconds
const KEPT = 1600; // pictures of words
const SIZES = [[60, 17, 600], [600, 15, 550], [6000, 13.5, 500], [Infinity, 12.5, 400]];

export class Labels {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.measuring = document.createElement("canvas").getContext("2d");
    this.sizes = new Map(); // how large a word is, in which font
    this.sprites = new Map();
    this.strengths = new Map(); // place to how visible its label is
    this.occupied = new Uint8Array(0);
    this.time = 0;
  }

  setTheme(theme) {
    this.theme = theme;
    this.sizes.clear();
    this.sprites.clear();
  }

  clear() {
    this.strengths.clear();
    this.sizes.clear();
    this.sprites.clear();
  }

  /** Draw what lies over the points; say whether something is still fading. */
  draw(map, now) {
    const { camera, ratio } = map;
    const context = this.context;
    const passed = Math.min(60, now - this.time);
    this.time = now;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, camera.width, camera.height);
    if (map.words === null || map.points === null) return false;
    if (this.ratio !== ratio) this.sprites.clear();
    this.ratio = ratio;
    this.drawMarks(map);
    const placed = this.place(map);
    return this.drawWords(map, placed, map.isStill ? FADE : passed);
  }

  /** Return the labels that have room: place to its looks. */
  place(map) {
    const { camera, points, highlight } = map;
    const columns = Math.ceil((camera.width + 2 * MARGIN) / CELL) + 2;
    const rows = Math.ceil((camera.height + 2 * MARGIN) / CELL) + 2;
    if (this.occupied.length !== columns * rows) this.occupied = new Uint8Array(columns * rows);
    else this.occupied.fill(0);
    // cells are tied to the map, not to the window: moving it changes nothing
    const originX = camera.screenX(0);
    const originY = camera.screenY(0);
    const grid = { columns, rows, x: originX + CELL * Math.floor((-MARGIN - originX) / CELL), y: originY + CELL * Math.floor((-MARGIN - originY) / CELL) };
    const placed = new Map();
    for (const [place, look] of highlight.marks) this.tryPlace(map, grid, place, look, placed, look.isFirm);
    if (map.hover !== null && !placed.has(map.hover)) this.tryPlace(map, grid, map.hover, { weight: 650 }, placed, true);
    const most = ((camera.width + 2 * MARGIN) * (camera.height + 2 * MARGIN)) / AREA;
    let tried = 0;
    for (let place = 0; place < map.words.length && placed.size < most && tried < TRIED; place++) {
      const x = camera.screenX(points[2 * place]);
      if (x < -MARGIN || x > camera.width + MARGIN) continue;
      const y = camera.screenY(points[2 * place + 1]);
      if (y < -MARGIN || y > camera.height + MARGIN || placed.has(place)) continue;
      tried++;
      this.tryPlace(map, grid, place, null, placed, false);
    }
    return placed;
  }

  tryPlace(map, grid, place, look, placed, isFirm) {
    const size = this.size(map, place, look);
    const x = map.camera.screenX(map.points[2 * place]) - size.width / 2;
    const y = map.camera.screenY(map.points[2 * place + 1]) - size.height - (look === null ? 1 : 4);
    const left = Math.max(0, Math.floor((x - grid.x) / CELL));
    const right = Math.min(grid.columns - 1, Math.floor((x + size.width - grid.x) / CELL));
    const top = Math.max(0, Math.floor((y - grid.y) / CELL));
    const bottom = Math.min(grid.rows - 1, Math.floor((y + size.height - grid.y) / CELL));
    if (!isFirm) {
      for (let row = top; row <= bottom; row++) {
        for (let column = left; column <= right; column++) {
          if (this.occupied[row * grid.columns + column] !== 0) return;
        }
      }
    }
    for (let row = top; row <= bottom; row++) this.occupied.fill(1, row * grid.columns + left, row * grid.columns + right + 1);
    placed.set(place, { size, x, y, isFirm: look !== null });
  }

  /** Draw the labels, those that come or go partly. */
  drawWords(map, placed, passed) {
    const { context, strengths } = this;
    let isFading = false;
    for (const [place, label] of placed) {
      const strength = label.isFirm ? 1 : Math.min(1, (strengths.get(place) ?? 0) + passed / FADE);
      strengths.set(place, strength);
      isFading ||= strength < 1;
    }
    for (const [place, strength] of strengths) {
      const label = placed.get(place);
      const size = label?.size ?? this.sizes.get(`${place}`);
      const alpha = label === undefined ? strength - passed / FADE : strength;
      if (alpha <= 0 || size === undefined) {
        strengths.delete(place);
        continue;
      }
      strengths.set(place, alpha);
      isFading ||= label === undefined;
      const x = label?.x ?? map.camera.screenX(map.points[2 * place]) - size.width / 2;
      const y = label?.y ?? map.camera.screenY(map.points[2 * place + 1]) - size.height - 1;
      if (x > map.camera.width || y > map.camera.height || x + size.width < 0 || y + size.height < 0) continue;
      context.globalAlpha = alpha * (label?.isFirm ? 1 : map.dimmed);
      const sprite = this.sprite(size);
      context.drawImage(sprite, Math.round(x * this.ratio) / this.ratio, Math.round(y * this.ratio) / this.ratio, sprite.width / this.ratio, sprite.height / this.ratio);
    }
    context.globalAlpha = 1;
    return isFading;
  }

  /** Draw lines and rings of what stands out. */
  drawMarks({ camera, points, highlight, hover }) {
    const { context, theme } = this;
    const at = (place) => [camera.screenX(points[2 * place]), camera.screenY(points[2 * place + 1])];
    context.lineCap = "round";
    for (const { from, to, strength, color, isArrow } of highlight.lines) {
      const [x, y] = at(from);
      const [endX, endY] = at(to);
      context.strokeStyle = context.fillStyle = theme[color];
      context.globalAlpha = strength;
      context.lineWidth = isArrow ? 2 : 1.2;
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(endX, endY);
      context.stroke();
      if (isArrow) arrowHead(context, x, y, endX, endY);
    }
    context.globalAlpha = 1;
    for (const [place, { color = "accent", isMain = false }] of highlight.marks) {
      const [x, y] = at(place);
      dot(context, x, y, isMain ? 6 : 4, theme[color], theme.background);
    }
    if (hover !== null) dot(context, ...at(hover), 5, theme.ink, theme.background);
  }

  /** Return how large a label is, and all that its picture is made of. */
  size(map, place, look) {
    const key = look === null ? `${place}` : `${place} ${look.weight} ${look.color} ${look.size}`;
    let size = this.sizes.get(key);
    if (size !== undefined) return size;
    const [, usual, weight] = SIZES.find(([rank]) => place < rank);
    const pixels = look?.size ?? Math.max(usual, look === null ? 0 : 14);
    const font = `${look?.weight ?? weight} ${pixels}px ${this.theme.font}`;
    const text = shown(map.words[place]);
    if (this.measuring.font !== font) this.measuring.font = font;
    const width = Math.ceil(this.measuring.measureText(text).width) + 10;
    size = { key, text, font, color: look?.color ?? "ink", width, height: Math.ceil(pixels * 1.4) + 2 };
    this.sizes.set(key, size);
    return size;
  }

  /** Return the picture of a word, made once: text is slow to draw, pictures are fast. */
  sprite({ key, text, font, color, width, height }) {
    const known = this.sprites.get(key);
    if (known !== undefined) return known;
    if (this.sprites.size > KEPT) for (const old of [...this.sprites.keys()].slice(0, KEPT / 4)) this.sprites.delete(old);
    const canvas = document.createElement("canvas");
    canvas.width = Math.ceil(width * this.ratio);
    canvas.height = Math.ceil(height * this.ratio);
    const context = canvas.getContext("2d");
    context.scale(this.ratio, this.ratio);
    Object.assign(context, { font, textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 4 });
    context.strokeStyle = this.theme.background;
    context.fillStyle = this.theme[color];
    context.globalAlpha = 0.85;
    context.strokeText(text, width / 2, height / 2);
    context.globalAlpha = 1;
    context.fillText(text, width / 2, height / 2);
    this.sprites.set(key, canvas);
    return canvas;
  }
}

function dot(context, x, y, radius, color, edge) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = edge;
  context.stroke();
}

function arrowHead(context, x, y, endX, endY) {
  const angle = Math.atan2(endY - y, endX - x);
  if (Math.hypot(endX - x, endY - y) < 24) return;
  const tip = [endX - 8 * Math.cos(angle), endY - 8 * Math.sin(angle)];
  context.beginPath();
  context.moveTo(...tip);
  for (const side of [-0.42, 0.42]) context.lineTo(tip[0] - 12 * Math.cos(angle + side), tip[1] - 12 * Math.sin(angle + side));
  context.fill();
}
