// The questions that the server answers.

/** What the server says is wrong with a question. */
export class Mistake extends Error {
  constructor(answer) {
    super(answer.error ?? "the server cannot answer this");
    this.suggestions = Object.values(answer.suggestions ?? {}).flat();
  }
}

let onSilence = () => {};
let onAnswer = () => {};

/** Say what is to be done when the server has gone, and when it is there again. */
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

const query = (values) => new URLSearchParams(values).toString();

export const getModel = () => json("/api/model");
export const getWords = () => json("/api/words");
export const complete = (prefix, signal) => json(`/api/complete?${query({ prefix })}`, { signal });
export const getNeighbors = (word, signal) => json(`/api/neighbors?${query({ word, n: 24 })}`, { signal });
export const getAnalogy = (values, signal) => json(`/api/analogy?${query(values)}`, { signal });
export const compare = (values, signal) => json("/api/compare", { method: "POST", body: JSON.stringify(values), signal });

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
