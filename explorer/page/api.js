// Requests to the server.

/** An error message of the server about a request. */
export class Mistake extends Error {
  constructor(answer) {
    super(answer.error ?? "the server cannot answer this");
    this.suggestions = Object.values(answer.suggestions ?? {}).flat();
  }
}

let onSilence = () => {};
let onAnswer = () => {};

/** Set what to do when the server is gone, and when it is back. */
export function watchServer(gone, back) {
  [onSilence, onAnswer] = [gone, back];
}

async function ask(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { ...options, credentials: "omit" });
  } catch (error) {
    if (error.name !== "AbortError") onSilence();
    throw error;
  }
  onAnswer();
  if (!response.ok) throw new Mistake(await response.json().catch(() => ({})));
  return response;
}

async function json(url, options) {
  const answer = await (await ask(url, options)).json();
  if (answer.error !== undefined) throw new Mistake(answer); // a word that is not known
  return answer;
}

const posted = (values, signal) => ({ method: "POST", body: JSON.stringify(values), signal });
const query = (values) => new URLSearchParams(values).toString();

export const getModel = () => json("/api/model");
export const getWords = () => json("/api/words");
export const getRegions = () => json("/api/regions");
export const complete = (prefix, signal) => json(`/api/complete?${query({ prefix })}`, { signal });
export const getNeighbors = (word, signal) => json(`/api/neighbors?${query({ word, n: 24 })}`, { signal });
export const getAnalogy = (values, signal) => json(`/api/analogy?${query(values)}`, { signal });
export const compare = (values, signal) => json("/api/compare", posted(values, signal));
export const translate = (values, signal) => json("/api/translate", posted(values, signal));
export const classify = (text, signal) => json("/api/classify", posted({ text }, signal));
export const tag = (text, signal) => json("/api/tag", posted({ text }, signal));
export const look = (values, signal) => json("/api/look", posted(values, signal));
export const examples = () => json("/api/examples", posted({}));
export const score = (text, signal) => json("/api/score", posted({ text }, signal));

/** Yield the pieces that a language model writes, each as soon as it arrives. */
export async function* write(values, signal) {
  const response = await ask("/api/write", posted(values, signal));
  let rest = "";
  for await (const part of chunks(response.body.pipeThrough(new TextDecoderStream()))) {
    const lines = (rest + part).split("\n");
    rest = lines.pop();
    for (const piece of lines.map(JSON.parse)) {
      if (piece.error !== undefined) throw new Mistake(piece);
      yield piece;
    }
  }
}

/** Yield the chunks of a stream; not all browsers can iterate over streams. */
async function* chunks(stream) {
  const reader = stream.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}

/** Return the newest map if it is newer than `after`, else null. */
export async function getMap(after) {
  const response = await ask(`/api/map?${query({ after })}`);
  if (response.status === 204) return null;
  const body = await response.arrayBuffer();
  const n = body.byteLength / 9; // two float32 and a byte
  return {
    version: Number(response.headers.get("X-Map-Version")),
    stage: response.headers.get("X-Map-Stage"),
    progress: Number(response.headers.get("X-Map-Progress")),
    points: new Float32Array(body, 0, 2 * n),
    groups: new Uint8Array(body, 8 * n, n),
  };
}

/** Send a request and return the JSON answer. */
export const question = (name, values = {}, signal) => json(`/api/${name}`, posted(values, signal));

/** Request a file. */
export const fetchFile = async (name, values) => (await ask(`/api/${name}`, posted(values))).blob();

const ARRAYS = { float32: Float32Array, uint16: Uint16Array, uint8: Uint8Array };

/** Request arrays: return the header, with an entry for each array. */
export async function fetchArrays(name, values = {}, signal) {
  const body = await (await ask(`/api/${name}`, posted(values, signal))).arrayBuffer();
  const length = new DataView(body).getUint32(0, true);
  const found = JSON.parse(new TextDecoder().decode(new Uint8Array(body, 4, length)));
  let start = padded(4 + length);
  for (const [key, type, size] of found.arrays) {
    found[key] = new ARRAYS[type](body, start, size);
    start = padded(start + found[key].byteLength);
  }
  return found;
}

const padded = (size) => size + ((8 - (size % 8)) % 8);
