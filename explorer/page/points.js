// A hundred thousand points, drawn by WebGL 2.

const VERTEX = `#version 300 es
in vec2 place;
in float group;
uniform vec2 middle, window, center;
uniform float scale, size, total, shown, dim;
uniform vec3 colors[12];
out vec4 color;

void main() {
  float rank = total - 1.0 - float(gl_VertexID); // rare words come first, so that frequent ones lie on top
  vec2 screen = middle + vec2(1.0, -1.0) * (place - center) * scale;
  gl_Position = vec4(screen / window * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
  gl_PointSize = size * (1.0 + 1.9 * exp(-rank / 400.0) + 0.7 * exp(-rank / 6000.0));
  float fading = clamp(1.5 * (1.0 - rank / shown) + 0.12, 0.0, 1.0);
  color = vec4(colors[int(group) % 12], dim * fading);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 color;
out vec4 result;

void main() {
  float distance = length(gl_PointCoord - 0.5);
  float alpha = color.a * smoothstep(0.5, 0.32, distance);
  result = vec4(color.rgb * alpha, alpha);
}`;

const EDGE = 16; // pixels around the window: points have a size
const SHOWN_AT_ONCE = 40_000; // of the whole map; twice as near, four times as many

/** Return a WebGL 2 context, or null where there is none. */
export function openContext(canvas) {
  return canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, powerPreference: "low-power" });
}

/** Return shaders that fit together. */
export function compile(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`the shaders do not fit: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}

export class Points {
  constructor(gl) {
    this.gl = gl;
    this.count = 0;
    this.colors = new Float32Array(36);
    this.ground = [0, 0, 0];
    this.restore();
  }

  /** Make everything that the graphics card holds, now and after it was lost. */
  restore() {
    const gl = this.gl;
    const program = (this.program = compile(gl, VERTEX, FRAGMENT));
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    this.uniforms = Object.fromEntries(
      ["middle", "window", "center", "scale", "size", "total", "shown", "dim", "colors"].map((name) => [name, gl.getUniformLocation(program, name)]),
    );
    this.places = this.attribute(program, "place", 2, gl.FLOAT);
    this.groups = this.attribute(program, "group", 1, gl.UNSIGNED_BYTE);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.allocated = 0;
  }

  attribute(program, name, size, type) {
    const gl = this.gl;
    const buffer = gl.createBuffer();
    const location = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, size, type, false, 0, 0);
    return buffer;
  }

  /** Take over places (n pairs) and groups, the most frequent words first. */
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

  setColors(hexadecimal, ground) {
    this.ground = ground;
    hexadecimal.forEach((color, i) => {
      for (let part = 0; part < 3; part++) this.colors[3 * i + part] = parseInt(color.slice(1 + 2 * part, 3 + 2 * part), 16) / 255;
    });
  }

  /** Draw; `dim` is how far the points step back behind something else. */
  draw(camera, ratio, dim) {
    const { gl, uniforms } = this;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(...this.ground, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (this.count === 0) return;
    gl.useProgram(this.program);
    gl.bindVertexArray(this.array);
    const depth = Math.max(-1, camera.depth);
    const shown = Math.min(this.count, SHOWN_AT_ONCE * 4 ** depth);
    gl.uniform2f(uniforms.middle, camera.middleX, camera.middleY);
    gl.uniform2f(uniforms.window, camera.width, camera.height);
    gl.uniform2f(uniforms.center, camera.x, camera.y);
    gl.uniform1f(uniforms.scale, camera.scale);
    gl.uniform1f(uniforms.size, ratio * Math.min(7, 2 + 0.62 * depth));
    gl.uniform1f(uniforms.total, this.count);
    gl.uniform1f(uniforms.shown, shown);
    gl.uniform1f(uniforms.dim, dim * Math.min(0.9, 0.62 + 0.08 * depth));
    gl.uniform3fv(uniforms.colors, this.colors);
    const first = this.count - Math.ceil(shown);
    const n = this.pick(camera, first);
    if (2 * n > this.count - first) {
      gl.drawArrays(gl.POINTS, first, this.count - first);
      return;
    }
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, this.picked.subarray(0, n), gl.STREAM_DRAW);
    gl.drawElements(gl.POINTS, n, gl.UNSIGNED_INT, 0);
  }

  /** Note the points, from a first one on, that are in the window, and return their number: most are not if one is near. */
  pick(camera, first) {
    const { backwards, picked } = this;
    const [left, low] = [camera.x - (camera.middleX + EDGE) / camera.scale, camera.y - (camera.height - camera.middleY + EDGE) / camera.scale];
    const [right, high] = [left + (camera.width + 2 * EDGE) / camera.scale, low + (camera.height + 2 * EDGE) / camera.scale];
    let n = 0;
    for (let i = first; i < this.count; i++) {
      const x = backwards[2 * i];
      const y = backwards[2 * i + 1];
      if (x > left && x < right && y > low && y < high) picked[n++] = i;
    }
    return n;
  }
}
