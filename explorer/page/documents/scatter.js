// Up to a million points: where many are in sight, they are drawn once into a picture that is larger than the window, and
// the picture is moved. While one zooms, a sample stands for all; once the scale rests, the picture is made, part by part.

import { compile } from "../drawing.js";

const VERTEX = `#version 300 es
in vec2 place;
in float tone;
uniform vec2 middle, window, center;
uniform float scale, size, alpha, dim, wanted;
uniform vec3 colors[13];
out vec4 color;

void main() {
  float isOff = step(128.0, tone);
  vec2 screen = middle + vec2(1.0, -1.0) * (place - center) * scale;
  vec2 spot = screen / window * vec2(2.0, -2.0) + vec2(-1.0, 1.0);
  gl_Position = isOff == wanted ? vec4(spot, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = size;
  color = isOff > 0.5 ? vec4(colors[12], dim * 0.3 * alpha) : vec4(colors[int(tone)], dim * alpha);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 color;
out vec4 result;

void main() {
  float distance = length(gl_PointCoord - 0.5);
  float alpha = color.a * smoothstep(0.5, 0.3, distance);
  result = vec4(color.rgb * alpha, alpha);
}`;

const PICTURE_VERTEX = `#version 300 es
in vec2 corner;
uniform vec4 spot; // left, low, width, height in the window, from -1 to 1
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

const AT_ONCE = 50_000; // points that are drawn in every frame
const A_PART = 100_000; // points that are added to a picture in a frame
const BORDER = 0.3; // of the window, on each side of it in a picture
const EDGE = 8; // pixels: points have a size
const OFF = 128; // added to the colour of a point that is filtered out

export class Scatter {
  constructor(gl) {
    Object.assign(this, { gl, points: null, tones: new Uint8Array(0), isFiltered: false, version: 0, before: 0 });
    this.colors = new Float32Array(39);
    this.ground = [0, 0, 0];
    this.restore();
  }

  /** Make everything that the graphics card holds, now and after it was lost. */
  restore() {
    const { gl } = this;
    this.program = compile(gl, VERTEX, FRAGMENT);
    this.uniforms = uniformsOf(gl, this.program, ["middle", "window", "center", "scale", "size", "alpha", "dim", "wanted", "colors"]);
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    this.places = attribute(gl, this.program, "place", 2, gl.FLOAT);
    this.shades = attribute(gl, this.program, "tone", 1, gl.UNSIGNED_BYTE);
    this.indices = gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.indices);
    this.picturing = compile(gl, PICTURE_VERTEX, PICTURE_FRAGMENT);
    this.pictureUniforms = uniformsOf(gl, this.picturing, ["spot", "dim", "picture"]);
    this.square = gl.createVertexArray();
    gl.bindVertexArray(this.square);
    gl.bindBuffer(gl.ARRAY_BUFFER, attribute(gl, this.picturing, "corner", 2, gl.FLOAT));
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    [this.front, this.back] = [null, null];
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

  /** Set the colour of each point, a number below 13, and 128 more if it is filtered out. */
  setTones(tones, isFiltered) {
    const { gl } = this;
    Object.assign(this, { tones, isFiltered });
    gl.bindBuffer(gl.ARRAY_BUFFER, this.shades);
    gl.bufferData(gl.ARRAY_BUFFER, tones, gl.DYNAMIC_DRAW);
    this.version++;
  }

  /** Set 12 colours and that of points that are filtered out, from 0 to 1. */
  setColors(colors, ground) {
    this.ground = ground;
    this.colors.set(colors.flat());
    this.version++;
  }

  /** Draw; `dim` is how far the points step back behind something else. Say whether more is to be done. */
  draw(camera, ratio, dim) {
    const { gl } = this;
    if (this.points === null || this.tones.length !== this.points.length / 2) {
      this.clear();
      return false;
    }
    const isZooming = camera.scale !== this.before;
    this.before = camera.scale;
    if (!isZooming && this.fits(this.front, camera, ratio)) {
      const isGoing = this.prepare(camera, ratio);
      this.clear();
      this.show(this.front, camera, dim);
      return isGoing;
    }
    const seen = windowOf(camera, EDGE / camera.scale);
    const n = this.pick(seen);
    const isMuch = n > AT_ONCE;
    const isGoing = isMuch && !isZooming && this.make(camera, ratio);
    if (isMuch && !isZooming && !isGoing) {
      this.clear();
      this.show(this.front, camera, dim);
      return false;
    }
    if (isGoing) this.pick(seen);
    this.clear();
    gl.bindVertexArray(this.array);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.picked.subarray(0, Math.min(n, AT_ONCE)), gl.STREAM_DRAW);
    this.paint(camera, ratio, camera, dim, Math.min(n, AT_ONCE), Math.max(1, n / AT_ONCE), 0);
    return isMuch;
  }

  clear() {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(...this.ground, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }

  /** Note the points in a rectangle of the map, and return their number. */
  pick({ left, right, low, high }) {
    const { points, picked } = this;
    let n = 0;
    for (let i = 0, j = 0; j < points.length; i++, j += 2) {
      const x = points[j];
      const y = points[j + 1];
      if (x > left && x < right && y > low && y < high) picked[n++] = i;
    }
    return n;
  }

  /** Paint some of the picked points, each of which stands for `standing` others. */
  paint(camera, ratio, { middleX, middleY, width, height, x, y }, dim, n, standing, first) {
    const { gl, uniforms } = this;
    const size = Math.min(9, 1.5 + 0.6 * Math.max(-1, camera.depth) + 2.4 / (1 + this.points.length / 40_000));
    gl.useProgram(this.program);
    gl.bindVertexArray(this.array);
    gl.uniform2f(uniforms.middle, middleX, middleY);
    gl.uniform2f(uniforms.window, width, height);
    gl.uniform2f(uniforms.center, x, y);
    gl.uniform1f(uniforms.scale, camera.scale);
    gl.uniform1f(uniforms.size, ratio * size);
    // as opaque as they are sparse: where they lie close, many together make the colour
    const layers = (0.4 * (this.points.length / 2) * size * size) / (camera.scale * camera.bounds.width) ** 2;
    const alpha = Math.min(0.85, Math.max(0.16, 0.62 / Math.sqrt(Math.max(0.3, layers))));
    gl.uniform1f(uniforms.alpha, 1 - (1 - alpha) ** standing);
    gl.uniform1f(uniforms.dim, dim);
    gl.uniform3fv(uniforms.colors, this.colors);
    for (const wanted of this.isFiltered ? [1, 0] : [0]) {
      gl.uniform1f(uniforms.wanted, wanted);
      gl.drawElements(gl.POINTS, n, gl.UNSIGNED_INT, 4 * first);
    }
  }

  /** Say whether a picture shows all of the window, as it is now. */
  fits(picture, camera, ratio) {
    if (picture === null || picture.version !== this.version || picture.scale !== camera.scale || picture.ratio !== ratio) return false;
    const [seen, held] = [windowOf(camera, 0), picture.seen];
    return seen.left >= held.left && seen.right <= held.right && seen.low >= held.low && seen.high <= held.high;
  }

  /** Begin the next picture when the window comes near to the edge of the one before; say whether it is being made. */
  prepare(camera, ratio) {
    const { front } = this;
    const near = 0.5 * BORDER * Math.max(camera.width, camera.height);
    const off = Math.max(Math.abs(front.x - camera.x), Math.abs(front.y - camera.y)) * camera.scale;
    return (off > near || this.back?.isGoing) && this.make(camera, ratio);
  }

  /** Go on with a picture of what is around the window; say whether it is not finished yet. */
  make(camera, ratio) {
    const { gl } = this;
    if (!this.back?.isGoing || !this.fits(this.back, camera, ratio)) this.back = this.blank(camera, ratio);
    const { back } = this;
    gl.bindVertexArray(this.array);
    if (back.done === 0) {
      back.n = this.pick(back.seen);
      back.order = this.picked.slice(0, back.n);
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, back.frame);
    gl.viewport(0, 0, back.columns, back.rows);
    const n = Math.min(A_PART, back.n - back.done);
    if (n > 0) {
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, back.order.subarray(back.done, back.done + n), gl.STREAM_DRAW);
      const { width, height, x, y } = back;
      this.paint(camera, ratio, { middleX: width / 2, middleY: height / 2, width, height, x, y }, 1, n, 1, 0);
      back.done += n;
    }
    if (back.done < back.n) return true;
    back.isGoing = false;
    [this.front, this.back] = [back, this.front];
    return false;
  }

  /** Return a picture without points, in the place of one that is not needed. */
  blank(camera, ratio) {
    const { gl } = this;
    const [width, height] = [camera.width * (1 + 2 * BORDER), camera.height * (1 + 2 * BORDER)].map((side) => Math.min(4096 / ratio, Math.ceil(side)));
    const [columns, rows] = [width * ratio, height * ratio].map(Math.round);
    let { back } = this;
    if (back === null || back.columns !== columns || back.rows !== rows) {
      if (back !== null) gl.deleteTexture(back.texture);
      const [texture, frame] = [gl.createTexture(), back?.frame ?? gl.createFramebuffer()];
      gl.bindTexture(gl.TEXTURE_2D, texture);
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, columns, rows);
      for (const [name, value] of [[gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) {
        gl.texParameteri(gl.TEXTURE_2D, name, value);
      }
      gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
      back = { texture, frame, columns, rows };
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, back.frame);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    // the middle of the window, in whole pixels from that of the picture before
    const [x, y] = [camera.x + (camera.width / 2 - camera.middleX) / camera.scale, camera.y - (camera.height / 2 - camera.middleY) / camera.scale];
    const { scale } = camera;
    const seen = { left: x - width / 2 / scale, right: x + width / 2 / scale, low: y - height / 2 / scale, high: y + height / 2 / scale };
    return { ...back, version: this.version, scale, ratio, width, height, x, y, seen, done: 0, n: 0, isGoing: true };
  }

  /** Draw a picture where it belongs in the window, at whole pixels so that it stays sharp. */
  show({ texture, width, height, seen, ratio, columns, rows }, camera, dim) {
    const { gl, pictureUniforms } = this;
    const left = Math.round(camera.screenX(seen.left) * ratio);
    const low = Math.round((camera.height - camera.screenY(seen.low)) * ratio);
    const [w, h] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
    gl.useProgram(this.picturing);
    gl.bindVertexArray(this.square);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.uniform4f(pictureUniforms.spot, (2 * left) / w - 1, (2 * low) / h - 1, (2 * columns) / w, (2 * rows) / h);
    gl.uniform1f(pictureUniforms.dim, dim);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}

/** Return the rectangle of the map that is in the window, and `more` around it. */
function windowOf(camera, more) {
  const left = camera.x - camera.middleX / camera.scale - more;
  const high = camera.y + camera.middleY / camera.scale + more;
  return { left, high, right: left + camera.width / camera.scale + 2 * more, low: high - camera.height / camera.scale - 2 * more };
}

function attribute(gl, program, name, size, type) {
  const buffer = gl.createBuffer();
  const location = gl.getAttribLocation(program, name);
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.enableVertexAttribArray(location);
  gl.vertexAttribPointer(location, size, type, false, 0, 0);
  return buffer;
}

const uniformsOf = (gl, program, names) => Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(program, name)]));
