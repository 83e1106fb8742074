// A map of points: its view, and its control by pointer and keyboard.

import { Camera } from "./camera.js";
import { announce, byId } from "../dom.js";
import { warn } from "../frame.js";
import { openContext } from "./webgl.js";

const ALL = "all";
const NOTHING = { marks: new Map(), lines: [] };
const MORPH = 1100; // milliseconds
const MOST_MORPHED = 300_000; // coordinates; with more, points jump
const STEP = 70;
const PAUSE = 400; // milliseconds between requests for a better map
const PATIENCE = 1600; // milliseconds, while the server does not answer
const STAGES = { naming: "Naming the regions" };
const SOME = 400; // pixels per unit near a point
export const REACH = 14; // pixels from the pointer to a point

/**
 * The base of maps. A subclass has
 *
 * - `take(points, groups)`, which passes places to the renderer;
 * - `paint(now)`, which draws, and returns whether something is still moving;
 * - `placeAt(x, y, reach)`, the place of a point near a position in the window, or null;
 * - `tip(place)`, elements that describe it, and `spoken(place)`, a text;
 * - `restore()`, which creates lost GPU resources again;
 * - `isComplete`, whether there is something to show.
 */
export class MapView {
  /** `onPick` is called with the place of the chosen point, or null. */
  constructor(onPick) {
    this.canvas = byId("points");
    this.onPick = onPick;
    this.camera = new Camera();
    this.gl = openContext(this.canvas);
    Object.assign(this, { points: null, groups: null, hover: null, highlight: NOTHING, ratio: 1, dimmed: 1, frame: 0, morph: null, drift: null });
    this.goal = ALL; // what the view follows when the map is improved: all of it, places, or null
    this.reduced = matchMedia("(prefers-reduced-motion: reduce)");
    if (this.gl === null) warn("This browser has no WebGL 2, so it cannot draw the map. Everything else works.");
  }

  /** Start, once everything has been created. */
  begin() {
    this.listen();
    new ResizeObserver(() => this.resize()).observe(byId("map"));
    this.resize();
    this.camera.flyToAll(true);
  }

  get isStill() {
    return this.reduced.matches;
  }

  /** Show places, moving there from the previous ones. */
  setPoints(points, groups) {
    const isFirst = this.points === null;
    this.groups = groups;
    this.camera.setBounds(points);
    if (isFirst || this.isStill || points.length > MOST_MORPHED) {
      this.points = points;
      this.morph = null;
      this.take(points, groups);
    } else {
      this.morph = { from: this.points.slice(), goal: points, start: performance.now() };
      this.points = this.points.slice();
    }
    if (this.goal === ALL) this.camera.flyToAll(isFirst || this.isStill);
    else if (this.goal !== null) this.flyTo(this.goal); // keep looking at the same word
    this.request();
  }

  /** Show the newest map, and better ones as they arrive; `ask` fetches one newer than a version. */
  async follow(ask) {
    for (let version = 0; ; await pause(PAUSE)) {
      const found = await ask(version).catch(() => pause(PATIENCE));
      if (!(found?.version > version)) continue;
      version = found.version;
      this.setPoints(found.points, found.groups);
      byId("progress").hidden = found.stage === "final";
      byId("progress-bar").value = found.progress;
      byId("progress-text").textContent = `${STAGES[found.stage] ?? "Arranging the map"} … ${Math.round(100 * found.progress)} %`;
      if (found.stage === "final") return;
    }
  }

  /** Highlight words: `marks` is a Map from places to looks, `lines` connect places. */
  show(highlight) {
    this.highlight = highlight ?? NOTHING;
    this.request();
  }

  /** Fly to a view of all given places, with a maximum zoom for a single one. */
  flyTo(places) {
    if (places.length === 0) return;
    this.goal = places;
    if (this.points === null) return;
    const goal = this.morph?.goal ?? this.points;
    const xs = places.map((place) => goal[2 * place]);
    const ys = places.map((place) => goal[2 * place + 1]);
    const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const { camera } = this;
    const width = Math.max(120, camera.width - camera.insets.left - 140);
    const height = Math.max(100, camera.height - camera.insets.bottom - 110);
    const fitting = Math.min(width / Math.max(right - left, 1e-6), height / Math.max(high - low, 1e-6));
    camera.fly((left + right) / 2, (low + high) / 2, Math.min(fitting, Math.max(camera.whole * 24, SOME)), this.isStill);
    this.request();
  }

  /** Return a place and the given fraction of the others, those nearest to it. */
  closest(place, others, fraction) {
    if (this.points === null) return [place];
    const goal = this.morph?.goal ?? this.points;
    const distance = (other) => Math.hypot(goal[2 * other] - goal[2 * place], goal[2 * other + 1] - goal[2 * place + 1]);
    const known = others.filter((other) => other !== null).sort((a, b) => distance(a) - distance(b));
    return [place, ...known.slice(0, Math.ceil(fraction * known.length))];
  }

  showAll() {
    this.goal = ALL;
    this.camera.flyToAll(this.isStill);
    this.request();
  }

  zoom(factor) {
    const { camera } = this;
    this.goal = null;
    camera.fly(camera.x, camera.y, camera.scale * factor, this.isStill);
    this.request();
  }

  resize() {
    const { clientWidth, clientHeight } = byId("map");
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    this.canvas.width = Math.round(clientWidth * this.ratio);
    this.canvas.height = Math.round(clientHeight * this.ratio);
    const panel = document.querySelector(".panel").getBoundingClientRect();
    const isBeside = panel.width < clientWidth * 0.7;
    const insets = isBeside ? { left: panel.right, bottom: 0 } : { left: 0, bottom: Math.min(0.56 * clientHeight, clientHeight - 160) };
    byId("map").style.setProperty("--inset", `${insets.left}px`);
    this.camera.resize(clientWidth, clientHeight, insets);
    if (this.goal === ALL) this.camera.flyToAll(true);
    this.request();
  }

  request() {
    if (this.frame === 0) this.frame = requestAnimationFrame((now) => this.draw(now));
  }

  draw(now) {
    this.frame = 0;
    let isMoving = this.camera.advance(now);
    isMoving = this.advanceMorph(now) || isMoving;
    isMoving = this.advanceDrift(now) || isMoving;
    const goal = this.highlight.marks.size > 0 ? 0.4 : 1;
    this.dimmed += this.isStill ? goal - this.dimmed : Math.sign(goal - this.dimmed) * Math.min(0.08, Math.abs(goal - this.dimmed));
    isMoving = (this.gl !== null && this.paint(now)) || isMoving || this.dimmed !== goal;
    if (isMoving) this.request();
    else this.tellLost();
    if (this.isComplete && !this.isDrawn) {
      this.isDrawn = true;
      performance.mark("first-map"); // benchmarks/retrieval/explorer.py waits for it
    }
  }

  /** Offer the way back if no point is visible. */
  tellLost() {
    const { camera, points } = this;
    let isLost = points !== null;
    for (let i = 0; isLost && i < points.length; i += 2) {
      const [x, y] = [camera.screenX(points[i]), camera.screenY(points[i + 1])];
      isLost = x < camera.insets.left || x > camera.width || y < 0 || y > camera.height - camera.insets.bottom;
    }
    byId("lost").hidden = !isLost;
    byId("lost").style.translate = `calc(${camera.middleX}px - 50%) calc(${camera.middleY}px - 50%)`;
  }

  advanceMorph(now) {
    if (this.morph === null) return false;
    const { from, goal, start } = this.morph;
    const t = Math.min(1, Math.max(0, (now - start) / MORPH));
    const done = t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
    for (let i = 0; i < goal.length; i++) this.points[i] = from[i] + done * (goal[i] - from[i]);
    this.take(this.points, this.groups);
    if (t === 1) this.morph = null;
    return t < 1;
  }

  /** Continue a pan with momentum. */
  advanceDrift(now) {
    if (this.drift === null) return false;
    const passed = Math.min(50, now - this.drift.time);
    this.drift.time = now;
    this.camera.move(this.drift.x * passed, this.drift.y * passed);
    const left = 0.995 ** passed;
    this.drift.x *= left;
    this.drift.y *= left;
    if (Math.hypot(this.drift.x, this.drift.y) < 0.02) this.drift = null;
    return this.drift !== null;
  }

  setHover(place, isSpoken = false) {
    if (place === this.hover) return;
    this.hover = place;
    this.canvas.classList.toggle("over", place !== null);
    const tip = byId("tip");
    tip.hidden = place === null;
    if (place !== null) {
      tip.replaceChildren(...this.tip(place));
      const x = this.camera.screenX(this.points[2 * place]);
      const y = this.camera.screenY(this.points[2 * place + 1]);
      const left = Math.min(x + 12, this.camera.width - tip.offsetWidth - 8);
      tip.style.translate = `${Math.round(left)}px ${Math.round(Math.min(y + 12, this.camera.height - tip.offsetHeight - 8))}px`;
      if (isSpoken) announce(this.spoken(place));
    }
    this.request();
  }

  listen() {
    const { canvas, camera } = this;
    const touches = new Map();
    let moved = 0;
    let last = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      touches.set(event.pointerId, event);
      this.drift = null;
      moved = touches.size > 1 ? Infinity : 0;
      last = null;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = touches.get(event.pointerId);
      if (before === undefined) {
        if (event.pointerType !== "touch") this.setHover(this.placeAt(event.offsetX, event.offsetY));
        return;
      }
      const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
      moved += Math.hypot(dx, dy);
      if (moved > 4) {
        this.setHover(null);
        this.goal = null;
        canvas.classList.add("moving");
        if (touches.size > 1) pinch(camera, touches, event);
        camera.move(dx / touches.size, dy / touches.size);
        const passed = Math.max(1, event.timeStamp - before.timeStamp);
        last = { x: dx / passed, y: dy / passed, time: event.timeStamp };
      }
      touches.set(event.pointerId, event);
      this.request();
    });
    const end = (event) => {
      if (!touches.delete(event.pointerId) || touches.size > 0) return;
      canvas.classList.remove("moving");
      if (event.type === "pointerup" && moved <= 4) this.pick(this.placeAt(event.offsetX, event.offsetY, event.pointerType === "touch" ? 2 * REACH : REACH));
      else if (last !== null && event.timeStamp - last.time < 60 && !this.isStill) this.drift = { ...last, time: performance.now() };
      this.request();
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    canvas.addEventListener("pointerleave", () => this.setHover(null));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const pixels = event.deltaY * [1, 16, camera.height][event.deltaMode];
      this.drift = this.goal = null;
      camera.zoom(Math.exp(-Math.min(300, Math.max(-300, pixels)) * (event.ctrlKey ? 0.01 : 0.0022)), event.offsetX, event.offsetY);
      this.setHover(null);
      this.request();
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => {
      if (this.placeAt(event.offsetX, event.offsetY) !== null) return;
      camera.zoom(2, event.offsetX, event.offsetY);
      this.request();
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => this.setHover(null));
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.restore();
      if (this.points !== null) this.take(this.points, this.groups);
      this.request();
    });
    byId("zoom-in").addEventListener("click", () => this.zoom(2));
    byId("zoom-out").addEventListener("click", () => this.zoom(0.5));
    byId("zoom-all").addEventListener("click", () => this.showAll());
    byId("lost").addEventListener("click", () => this.showAll());
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
    const { camera } = this;
    const { goal } = this;
    this.goal = null;
    if (event.key in ways) camera.move(...ways[event.key]);
    else if (event.key === "+" || event.key === "=") camera.zoom(1.5);
    else if (event.key === "-") camera.zoom(1 / 1.5);
    else if (event.key === "0") this.showAll();
    else if (event.key === "Enter") return this.pick(this.placeAt(camera.middleX, camera.middleY, 4 * REACH));
    else {
      this.goal = goal;
      return;
    }
    event.preventDefault();
    this.setHover(this.placeAt(camera.middleX, camera.middleY, 4 * REACH), true);
    this.request();
  }

  pick(place) {
    this.setHover(null);
    this.onPick(place);
  }
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Zoom by the movement of a second finger. */
function pinch(camera, touches, event) {
  const [other] = [...touches.values()].filter((touch) => touch.pointerId !== event.pointerId);
  const before = touches.get(event.pointerId);
  const distance = (touch) => Math.max(10, Math.hypot(touch.clientX - other.clientX, touch.clientY - other.clientY));
  camera.zoom(distance(event) / distance(before), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
}
