// Small pictures, lines and dots, drawn by WebGL 2 over the points: one more canvas would cost more than all of them.

const VERTEX = `#version 300 es
in vec2 spot, corner;
in vec4 tint;
uniform vec2 window;
out vec2 texel;
out vec4 color;

void main() {
  gl_Position = vec4(spot / window * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
  texel = corner;
  color = tint;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec2 texel;
in vec4 color;
uniform sampler2D atlas;
out vec4 result;

void main() {
  result = texture(atlas, texel) * color;
}`;

const SIDE = 2048; // of the atlas, which holds some two thousand words
const GAP = 1;
const FLOATS = 8; // a corner: place, place in the atlas, colour times its alpha

export class Quads {
  /** `program` compiles shaders. */
  constructor(gl, program) {
    Object.assign(this, { gl, program, sprites: new Map(), data: new Float32Array(6 * FLOATS * 512) });
    this.brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    this.restore();
  }

  /** Make everything that the graphics card holds, now and after it was lost. */
  restore() {
    const { gl } = this;
    this.shaders = this.program(gl, VERTEX, FRAGMENT);
    this.window = gl.getUniformLocation(this.shaders, "window");
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    this.buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    let offset = 0;
    for (const [name, size] of [["spot", 2], ["corner", 2], ["tint", 4]]) {
      const location = gl.getAttribLocation(this.shaders, name);
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, size, gl.FLOAT, false, 4 * FLOATS, 4 * offset);
      offset += size;
    }
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, SIDE, SIDE);
    for (const [name, value] of [[gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) {
      gl.texParameteri(gl.TEXTURE_2D, name, value);
    }
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    this.forget();
  }

  /** Forget all pictures. */
  forget() {
    this.sprites.clear();
    Object.assign(this, { x: GAP, y: GAP, row: 0, used: 0 });
  }

  /** Begin a frame of a window, at so many pixels a pixel of the page. */
  begin(width, height, ratio) {
    if (ratio !== this.ratio || this.y > SIDE / 2) this.forget(); // between frames, so that none loses what it has drawn
    Object.assign(this, { width, height, ratio, used: 0 });
  }

  /** Return a picture, painted when it is first asked for; null if there is no room for it in this frame. */
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

  /** Draw a picture upright, at whole pixels so that it stays sharp. */
  image(sprite, x, y, alpha) {
    const [w, h] = [sprite.w / this.ratio, sprite.h / this.ratio];
    const [left, top] = [Math.round(x * this.ratio) / this.ratio, Math.round(y * this.ratio) / this.ratio];
    this.put(sprite, left + w / 2, top + h / 2, w / 2, 0, 0, h / 2, [1, 1, 1], alpha);
  }

  line(x, y, endX, endY, width, color, alpha) {
    const sprite = this.sprite("line", 4, 4, (brush) => {
      brush.fillStyle = "#fff";
      brush.fillRect(0, 1, 4, 2); // soft above and below
    });
    const length = Math.hypot(endX - x, endY - y);
    if (sprite === null || length === 0) return;
    const [dx, dy] = [(endX - x) / 2, (endY - y) / 2];
    this.put(sprite, x + dx, y + dy, dx, dy, (-2 * dy * width) / length, (2 * dx * width) / length, color, alpha);
  }

  /** Draw the head of an arrow that ends in a dot. */
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

  /** Add a picture around a middle, with half its width and half its height as vectors. */
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

  /** Draw all that was added. */
  end() {
    const { gl, used } = this;
    if (used === 0) return;
    gl.useProgram(this.shaders);
    gl.bindVertexArray(this.array);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, this.data.subarray(0, 6 * FLOATS * used), gl.STREAM_DRAW);
    gl.uniform2f(this.window, this.width, this.height);
    gl.drawArrays(gl.TRIANGLES, 0, 6 * used);
  }
}

const CORNERS = [[-1, -1], [1, -1], [-1, 1], [-1, 1], [1, -1], [1, 1]];
