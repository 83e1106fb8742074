// Shared parts of drawing with WebGL 2: shaders and their inputs, textures, and dots for points.

/** The start of a vertex shader: `positionOf` a point of the window, and `placed`, that of a place on the map. */
export const VERTEX = `#version 300 es
uniform vec2 middle, window, center;
uniform float scale;

vec4 positionOf(vec2 spot) {
  return vec4(spot / window * vec2(2.0, -2.0) + vec2(-1.0, 1.0), 0.0, 1.0);
}

vec4 placed(vec2 place) {
  return positionOf(middle + vec2(1.0, -1.0) * (place - center) * scale);
}
`;

/** A dot with a soft edge, in the `color` from the vertex shader. */
export const DOT_FRAGMENT = `#version 300 es
precision mediump float;
in vec4 color;
out vec4 result;

void main() {
  float distance = length(gl_PointCoord - 0.5);
  float alpha = color.a * smoothstep(0.5, 0.32, distance);
  result = vec4(color.rgb * alpha, alpha);
}`;

/** Return a WebGL 2 context, or null if there is none. */
export function openContext(canvas) {
  return canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, powerPreference: "low-power" });
}

/** Return a shader program and the locations of its uniforms by name; drawing blends over existing content. */
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
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  const uniforms = {};
  for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
    const name = gl.getActiveUniform(program, i)?.name.replace("[0]", "");
    uniforms[name] = gl.getUniformLocation(program, name);
  }
  return { program, uniforms };
}

/** Bind a new buffer to an attribute and return it. */
export function attribute(gl, program, name, size, type) {
  const buffer = gl.createBuffer();
  const location = gl.getAttribLocation(program, name);
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.enableVertexAttribArray(location);
  gl.vertexAttribPointer(location, size, type, false, 0, 0);
  return buffer;
}

/** Return a new texture, bound. */
export function makeTexture(gl, width, height, filter) {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, width, height);
  for (const [name, value] of [[gl.TEXTURE_MIN_FILTER, filter], [gl.TEXTURE_MAG_FILTER, filter], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) {
    gl.texParameteri(gl.TEXTURE_2D, name, value);
  }
  return texture;
}

/** Fill the window with the background colour. */
export function clear(gl, ground) {
  gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
  gl.clearColor(...ground, 1);
  gl.clear(gl.COLOR_BUFFER_BIT);
}

/** Pass the camera to the shaders in use. */
export function setView(gl, uniforms, camera) {
  gl.uniform2f(uniforms.middle, camera.middleX, camera.middleY);
  gl.uniform2f(uniforms.window, camera.width, camera.height);
  gl.uniform2f(uniforms.center, camera.x, camera.y);
  gl.uniform1f(uniforms.scale, camera.scale);
}
