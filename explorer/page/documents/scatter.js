// Up to a million points. A few are drawn by the GPU; many are accumulated in a picture, which on a machine without
// a GPU costs a hundredth of that. It is larger than the window, so that panning the map moves the picture.

import { attribute, clear, compile, DOT_FRAGMENT, makeTexture, setView, VERTEX } from "../drawing/webgl.js";

const RARE = 0.3; // opacity of filtered-out points

const POINT_VERTEX = `${VERTEX}
in vec2 place;
in float tone;
uniform float size, alpha, dim, wanted;
uniform vec3 colors[13];
out vec4 color;

void main() {
  float isOff = step(128.0, tone);
  gl_Position = isOff == wanted ? placed(place) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = size;
  color = isOff > 0.5 ? vec4(colors[12], dim * ${RARE} * alpha) : vec4(colors[int(tone)], dim * alpha);
}`;

const PICTURE_VERTEX = `#version 300 es
in vec2 corner;
uniform vec4 spot; // left, bottom, width, height in the window, from -1 to 1
out vec2 texel;

void main() {
  texel = corner;
  gl_Position = vec4(spot.xy + spot.zw * corner, 0.0, 1.0);
}`;

const PICTURE_FRAGMENT = `#version 300 es
precision mediump float;
in vec2 texel;
uniform sampler2D picture;
uniform float dim;
out vec4 result;

void main() {
  result = texture(picture, texel) * dim;
}`;

const FEW = 15_000; // visible points up to which the GPU draws them in every frame
const BORDER = 0.3; // fraction of the window, on each side of a picture
const LARGEST = 4096; // pixels, maximum side of a picture
const EDGE = 8; // pixels, since points have a size
const OFF = 128; // added to the colour of a filtered-out point

export class Scatter {
  constructor(gl) {
    Object.assign(this, { gl, points: null, tones: new Uint8Array(0), isFiltered: false, version: 0, before: 0 });
    this.colors = new Float32Array(39);
    this.ground = [0, 0, 0];
    this.restore();
  }

  /** Create all GPU resources, initially and after the context was lost. */
  restore() {
    const { gl } = this;
    Object.assign(this, compile(gl, POINT_VERTEX, DOT_FRAGMENT));
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    this.places = attribute(gl, this.program, "place", 2, gl.FLOAT);
    this.shades = attribute(gl, this.program, "tone", 1, gl.UNSIGNED_BYTE);
    this.indices = gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.indices);
    this.picturing = compile(gl, PICTURE_VERTEX, PICTURE_FRAGMENT);
    this.square = gl.createVertexArray();
    gl.bindVertexArray(this.square);
    gl.bindBuffer(gl.ARRAY_BUFFER, attribute(gl, this.picturing.program, "corner", 2, gl.FLOAT));
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    this.picture = null;
    if (this.points !== null) this.set(this.points);
    this.setTones(this.tones, this.isFiltered);
  }

  set(points) {
    const { gl } = this;
    this.points = points;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.places);
    gl.bufferData(gl.ARRAY_BUFFER, points, gl.DYNAMIC_DRAW);
    if (this.picked?.length !== points.length / 2) this.picked = new Uint32Array(points.length / 2);
    this.version++;
  }

  /** Set the colour of each point, a number below 13, plus 128 if it is filtered out. */
  setTones(tones, isFiltered) {
    const { gl } = this;
    Object.assign(this, { tones, isFiltered });
    gl.bindBuffer(gl.ARRAY_BUFFER, this.shades);
    gl.bufferData(gl.ARRAY_BUFFER, tones, gl.DYNAMIC_DRAW);
    this.version++;
  }

  /** Set 12 colours and that of filtered-out points, from 0 to 1. */
  setColors(colors, ground) {
    this.ground = ground;
    this.colors.set(colors.flat());
    this.version++;
  }

  /** Draw; `dim` is how much the points are dimmed behind something else. Return whether more frames are needed. */
  draw(camera, ratio, dim) {
    const { gl } = this;
    if (this.points === null || this.tones.length !== this.points.length / 2) {
      clear(gl, this.ground);
      return false;
    }
    const isZooming = camera.scale !== this.before;
    this.before = camera.scale;
    if (!this.fits(camera, ratio)) {
      const n = camera.pick(this.points, this.picked, EDGE);
      if (n <= FEW) {
        this.picture = null;
        clear(gl, this.ground);
        gl.bindVertexArray(this.array);
        gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.picked.subarray(0, n), gl.STREAM_DRAW);
        this.paint(camera, ratio, dim, n);
        return false;
      }
      this.make(camera, ratio, isZooming ? 0 : BORDER); // while zooming, every frame needs a new one
    }
    clear(gl, this.ground);
    this.show(this.picture, camera, dim);
    return isZooming;
  }

  /** Return the size of points in CSS pixels and their opacity, which is lower where points are dense. */
  looks(camera) {
    const size = Math.min(9, 1.5 + 0.6 * Math.max(-1, camera.depth) + 2.4 / (1 + this.points.length / 40_000));
    const layers = (0.4 * (this.points.length / 2) * size * size) / (camera.scale * camera.bounds.width) ** 2;
    return { size, alpha: Math.min(0.85, Math.max(0.16, 0.62 / Math.sqrt(Math.max(0.3, layers)))) };
  }

  /** Paint the picked points. */
  paint(camera, ratio, dim, n) {
    const { gl, uniforms } = this;
    const { size, alpha } = this.looks(camera);
    gl.useProgram(this.program);
    setView(gl, uniforms, camera);
    gl.uniform1f(uniforms.size, ratio * size);
    gl.uniform1f(uniforms.alpha, alpha);
    gl.uniform1f(uniforms.dim, dim);
    gl.uniform3fv(uniforms.colors, this.colors);
    for (const wanted of this.isFiltered ? [1, 0] : [0]) {
      gl.uniform1f(uniforms.wanted, wanted);
      gl.drawElements(gl.POINTS, n, gl.UNSIGNED_INT, 0);
    }
  }

  /** Return whether the picture covers the current window. */
  fits(camera, ratio) {
    const { picture } = this;
    if (picture === null || picture.version !== this.version || picture.scale !== camera.scale || picture.ratio !== ratio) return false;
    const [seen, held] = [camera.window(-1), picture.seen];
    return seen.left >= held.left && seen.right <= held.right && seen.low >= held.low && seen.high <= held.high;
  }

  /** Make a picture of the window and a border around it. */
  make(camera, ratio, border) {
    const { gl } = this;
    const fine = Math.min(ratio, LARGEST / (camera.width * (1 + 2 * border)), LARGEST / (camera.height * (1 + 2 * border)));
    const [columns, rows] = [camera.width, camera.height].map((side) => Math.floor(side * (1 + 2 * border) * fine));
    const [width, height] = [columns / fine, rows / fine];
    const { scale } = camera;
    const left = camera.mapX((camera.width - width) / 2);
    const low = camera.mapY((camera.height + height) / 2);
    const size = 4 * columns * rows;
    if (this.bytes === undefined || this.bytes.byteLength < size) this.bytes = new ArrayBuffer(size);
    const pixels = new Uint32Array(this.bytes, 0, columns * rows).fill(0);
    this.addUp(pixels, columns, rows, { left, low, scale: scale * fine, ...this.dots(camera, fine) });
    if (this.picture?.columns !== columns || this.picture?.rows !== rows || this.picture.ratio !== ratio) {
      gl.deleteTexture(this.texture ?? null);
      this.texture = makeTexture(gl, columns, rows, fine === ratio ? gl.NEAREST : gl.LINEAR); // no interpolation at a scale of 1
    }
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false); // colours are premultiplied already
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, columns, rows, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(this.bytes, 0, size));
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    const seen = { left, low, right: left + width / scale, high: low + height / scale };
    this.picture = { texture: this.texture, version: this.version, scale, ratio, fine, columns, rows, seen };
  }

  /** Return the shape of points in a picture: squares of pixels, without the corners if they are large. */
  dots(camera, fine) {
    const { size, alpha } = this.looks(camera);
    const side = Math.max(2, Math.round(0.85 * size * fine));
    const opaque = Math.min(1, (alpha * 0.5 * (size * fine) ** 2) / side ** 2 / (side > 2 ? 0.8 : 1));
    const middle = (side - 1) / 2;
    const cells = [];
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) if (side < 3 || Math.hypot(x - middle, y - middle) < side / 2) cells.push([x, y]);
    return { side, opaque, cells };
  }

  /** Blend points into the pixels of a picture; filtered-out points are beneath the others. */
  addUp(pixels, columns, rows, { left, low, scale, side, opaque, cells }) {
    const { points, tones } = this;
    const steps = Int32Array.from(cells, ([x, y]) => y * columns + x);
    for (const isOff of this.isFiltered ? [true, false] : [false]) {
      const share = Math.round(256 * opaque * (isOff ? RARE : 1));
      const [rest, reds, greens] = [256 - share, new Int32Array(13), new Int32Array(13)];
      for (let color = 0; color < 13; color++) {
        const [red, green, blue] = [0, 1, 2].map((part) => Math.round(255 * this.colors[3 * (isOff ? 12 : color) + part]));
        reds[color] = Math.imul(red | (blue << 16), share);
        greens[color] = Math.imul(green | (255 << 16), share);
      }
      const [first, last] = isOff ? [OFF, 256] : [0, OFF];
      const half = side / 2 - 0.5;
      for (let i = 0, j = 0; j < points.length; i++, j += 2) {
        const tone = tones[i];
        if (tone < first || tone >= last) continue;
        const x = Math.floor((points[j] - left) * scale - half);
        const y = Math.floor((points[j + 1] - low) * scale - half);
        if (x < 0 || y < 0 || x + side > columns || y + side > rows) continue;
        const start = y * columns + x;
        const red = reds[tone - first];
        const green = greens[tone - first];
        for (let k = 0; k < steps.length; k++) {
          const pixel = pixels[start + steps[k]];
          const even = ((Math.imul(pixel & 0xff00ff, rest) + red) >>> 8) & 0xff00ff;
          const odd = (Math.imul((pixel >>> 8) & 0xff00ff, rest) + green) & 0xff00ff00;
          pixels[start + steps[k]] = even | odd;
        }
      }
    }
  }

  /** Draw a picture at its position in the window, aligned to pixels so that it stays sharp. */
  show({ texture, seen, fine, columns, rows }, camera, dim) {
    const { gl } = this;
    const { program, uniforms } = this.picturing;
    const left = Math.round(camera.screenX(seen.left) * fine);
    const low = Math.round((camera.height - camera.screenY(seen.low)) * fine);
    const [w, h] = [camera.width * fine, camera.height * fine];
    gl.useProgram(program);
    gl.bindVertexArray(this.square);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.uniform4f(uniforms.spot, (2 * left) / w - 1, (2 * low) / h - 1, (2 * columns) / w, (2 * rows) / h);
    gl.uniform1f(uniforms.dim, dim);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}
