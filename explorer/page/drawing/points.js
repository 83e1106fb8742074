// Drawing with WebGL 2: a hundred thousand points, and small pictures on top of them.

import { attribute, clear, compile, DOT_FRAGMENT, makeTexture, setView, VERTEX } from "./webgl.js";

const POINT_VERTEX = `${VERTEX}
in vec2 place;
in float group;
uniform float size, total, shown, dim;
uniform vec3 colors[12];
out vec4 color;

void main() {
  float rank = total - 1.0 - float(gl_VertexID); // rare words are drawn first, so that frequent ones are on top
  gl_Position = placed(place);
  gl_PointSize = size * (1.0 + 1.9 * exp(-rank / 400.0) + 0.7 * exp(-rank / 6000.0));
  float fading = clamp(1.5 * (1.0 - rank / shown) + 0.12, 0.0, 1.0);
  color = vec4(colors[int(group) % 12], dim * fading);
}`;

const EDGE = 16; // pixels around the window, since points have a size
const SHOWN_AT_ONCE = 40_000; // points of the whole map; zooming in by two shows four times as many

export class Points {
  constructor(gl) {
    this.gl = gl;
    this.count = 0;
    this.colors = new Float32Array(36);
    this.ground = [0, 0, 0];
    this.restore();
  }

  /** Create all GPU resources, initially and after the context was lost. */
  restore() {
    const gl = this.gl;
    Object.assign(this, compile(gl, POINT_VERTEX, DOT_FRAGMENT));
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    this.places = attribute(gl, this.program, "place", 2, gl.FLOAT);
    this.groups = attribute(gl, this.program, "group", 1, gl.UNSIGNED_BYTE);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    this.allocated = 0;
  }

  /** Set the places (n pairs) and groups, most frequent words first. */
  set(points, groups) {
    const gl = this.gl;
    const n = groups.length;
    if (this.backwards?.length !== 2 * n) [this.backwards, this.picked] = [new Float32Array(2 * n), new Uint32Array(n)];
    for (let i = 0, j = 2 * n - 2; i < 2 * n; i += 2, j -= 2) {
      this.backwards[j] = points[i];
      this.backwards[j + 1] = points[i + 1];
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.places);
    if (this.allocated === n) {
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, this.backwards);
    } else {
      gl.bufferData(gl.ARRAY_BUFFER, this.backwards, gl.DYNAMIC_DRAW);
      gl.bindBuffer(gl.ARRAY_BUFFER, this.groups);
      gl.bufferData(gl.ARRAY_BUFFER, groups.slice().reverse(), gl.STATIC_DRAW);
      this.allocated = n;
    }
    this.count = n;
  }

  /** Set 12 colours, from 0 to 1. */
  setColors(colors, ground) {
    this.ground = ground;
    this.colors.set(colors.flat());
  }

  /** Draw; `dim` is how much the points are dimmed behind something else. */
  draw(camera, ratio, dim) {
    const { gl, uniforms } = this;
    clear(gl, this.ground);
    if (this.count === 0) return;
    gl.useProgram(this.program);
    gl.bindVertexArray(this.array);
    const depth = Math.max(-1, camera.depth);
    const shown = Math.min(this.count, SHOWN_AT_ONCE * 4 ** depth);
    setView(gl, uniforms, camera);
    gl.uniform1f(uniforms.size, ratio * Math.min(7, 2 + 0.62 * depth));
    gl.uniform1f(uniforms.total, this.count);
    gl.uniform1f(uniforms.shown, shown);
    gl.uniform1f(uniforms.dim, dim * Math.min(0.9, 0.62 + 0.08 * depth));
    gl.uniform3fv(uniforms.colors, this.colors);
    const first = this.count - Math.ceil(shown);
    const n = camera.pick(this.backwards, this.picked, EDGE, first);
    if (2 * n > this.count - first) {
      gl.drawArrays(gl.POINTS, first, this.count - first);
      return;
    }
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.picked.subarray(0, n), gl.STREAM_DRAW);
    gl.drawElements(gl.POINTS, n, gl.UNSIGNED_INT, 0);
  }
}

const QUAD_VERTEX = `${VERTEX}
in vec2 spot, corner;
in vec4 tint;
out vec2 texel;
out vec4 color;

void main() {
  gl_Position = positionOf(spot);
  texel = corner;
  color = tint;
}`;

const QUAD_FRAGMENT = `#version 300 es
precision mediump float;
in vec2 texel;
in vec4 color;
uniform sampler2D atlas;
out vec4 result;

void main() {
  result = texture(atlas, texel) * color;
}`;

const SIDE = 2048; // of the atlas, which has room for about two thousand words
const GAP = 1;
const FLOATS = 8; // per corner: position, position in the atlas, premultiplied colour

/** Small pictures, lines and dots over the points; a second canvas would cost more than all of them. */
export class Quads {
  constructor(gl) {
    Object.assign(this, { gl, sprites: new Map(), data: new Float32Array(6 * FLOATS * 512) });
    this.brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    this.restore();
  }

  /** Create all GPU resources, initially and after the context was lost. */
  restore() {
    const { gl } = this;
    Object.assign(this, compile(gl, QUAD_VERTEX, QUAD_FRAGMENT));
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    this.buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    let offset = 0;
    for (const [name, size] of [["spot", 2], ["corner", 2], ["tint", 4]]) {
      const location = gl.getAttribLocation(this.program, name);
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, size, gl.FLOAT, false, 4 * FLOATS, 4 * offset);
      offset += size;
    }
    this.texture = makeTexture(gl, SIDE, SIDE, gl.LINEAR);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    this.forget();
  }

  /** Discard all pictures. */
  forget() {
    this.sprites.clear();
    Object.assign(this, { x: GAP, y: GAP, row: 0, used: 0 });
  }

  /** Begin a frame, with the given number of device pixels per CSS pixel. */
  begin(width, height, ratio) {
    if (ratio !== this.ratio || this.y > SIDE / 2) this.forget(); // between frames, so that no frame loses what it has drawn
    Object.assign(this, { width, height, ratio, used: 0 });
  }

  /** Return a picture, painted at its first use; null if there is no room for it in this frame. */
  sprite(key, width, height, paint) {
    const known = this.sprites.get(key);
    if (known !== undefined) return known;
    const { gl, brush, ratio } = this;
    const [w, h] = [Math.ceil(width * ratio), Math.ceil(height * ratio)];
    if (this.x + w + GAP > SIDE) Object.assign(this, { x: GAP, y: this.y + this.row + GAP, row: 0 });
    if (this.y + h + GAP > SIDE || w + 2 * GAP > SIDE) return null;
    [brush.canvas.width, brush.canvas.height] = [w, h];
    brush.scale(ratio, ratio);
    paint(brush);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, this.x, this.y, gl.RGBA, gl.UNSIGNED_BYTE, brush.canvas);
    const sprite = { x: this.x, y: this.y, w, h };
    this.sprites.set(key, sprite);
    this.x += w + GAP;
    this.row = Math.max(this.row, h);
    return sprite;
  }

  /** Draw a picture upright, aligned to pixels so that it stays sharp. */
  image(sprite, x, y, alpha) {
    const [w, h] = [sprite.w / this.ratio, sprite.h / this.ratio];
    const [left, top] = [Math.round(x * this.ratio) / this.ratio, Math.round(y * this.ratio) / this.ratio];
    this.put(sprite, left + w / 2, top + h / 2, w / 2, 0, 0, h / 2, [1, 1, 1], alpha);
  }

  line(x, y, endX, endY, width, color, alpha) {
    const sprite = this.sprite("line", 4, 4, (brush) => {
      brush.fillStyle = "#fff";
      brush.fillRect(0, 1, 4, 2); // soft edges above and below
    });
    const length = Math.hypot(endX - x, endY - y);
    if (sprite === null || length === 0) return;
    const [dx, dy] = [(endX - x) / 2, (endY - y) / 2];
    this.put(sprite, x + dx, y + dy, dx, dy, (-2 * dy * width) / length, (2 * dx * width) / length, color, alpha);
  }

  /** Draw the head of an arrow that ends at a dot. */
  head(x, y, endX, endY, color, alpha) {
    const length = Math.hypot(endX - x, endY - y);
    const sprite = this.sprite("head", 14, 14, (brush) => {
      brush.fillStyle = "#fff";
      brush.beginPath();
      for (const [px, py] of [[1, 1], [13, 7], [1, 13]]) brush.lineTo(px, py);
      brush.fill();
    });
    if (sprite === null || length < 24) return;
    const [dx, dy] = [(endX - x) / length, (endY - y) / length];
    this.put(sprite, endX - 14 * dx, endY - 14 * dy, 7 * dx, 7 * dy, -7 * dy, 7 * dx, color, alpha);
  }

  dot(x, y, radius, color, edge) {
    const side = 2 * radius + 4;
    const sprite = this.sprite(`dot ${radius} ${color} ${edge}`, side, side, (brush) => {
      brush.beginPath();
      brush.arc(side / 2, side / 2, radius, 0, 2 * Math.PI);
      Object.assign(brush, { fillStyle: color, strokeStyle: edge, lineWidth: 2 });
      brush.fill();
      brush.stroke();
    });
    if (sprite !== null) this.put(sprite, x, y, side / 2, 0, 0, side / 2, [1, 1, 1], 1);
  }

  /** Add a picture with its centre, and half its width and half its height as vectors. */
  put(sprite, x, y, wx, wy, hx, hy, [red, green, blue], alpha) {
    if (6 * FLOATS * (this.used + 1) > this.data.length) {
      const longer = new Float32Array(2 * this.data.length);
      longer.set(this.data);
      this.data = longer;
    }
    const [left, right, top, bottom] = [sprite.x / SIDE, (sprite.x + sprite.w) / SIDE, sprite.y / SIDE, (sprite.y + sprite.h) / SIDE];
    let i = 6 * FLOATS * this.used++;
    for (const [a, b] of CORNERS) {
      this.data.set([x + a * wx + b * hx, y + a * wy + b * hy, a < 0 ? left : right, b < 0 ? top : bottom, red * alpha, green * alpha, blue * alpha, alpha], i);
      i += FLOATS;
    }
  }

  /** Draw everything that was added. */
  end() {
    const { gl, used } = this;
    if (used === 0) return;
    gl.useProgram(this.program);
    gl.bindVertexArray(this.array);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, this.data.subarray(0, 6 * FLOATS * used), gl.STREAM_DRAW);
    gl.uniform2f(this.uniforms.window, this.width, this.height);
    gl.drawArrays(gl.TRIANGLES, 0, 6 * used);
  }
}

const CORNERS = [[-1, -1], [1, -1], [-1, 1], [-1, 1], [1, -1], [1, 1]];
