// The tab of sentences: the similarity of two sentences, the contributions of words, and attention.

import { compare, Mistake } from "./api.js";
import { announce, byId, heatMap, listenTo, make, mistake, oneAtATime, wordElement } from "./dom.js";

const percent = (fraction) => `${Math.round(100 * fraction)} %`;

export class Sentences {
  /** `words` are those of the map; `onChange` is called with the two sentences being compared. */
  constructor(map, facts, words, onChange) {
    Object.assign(this, { map, facts, onChange, asked: oneAtATime(), layer: facts.layers || null, head: null });
    this.places = new Map(words.map((word, place) => [word, place]));
    this.inputs = [byId("first"), byId("second")];
    listenTo(this.inputs, facts.limits.sentence, () => this.type(), 250);
    this.inputs[0].placeholder = "A boy plays the guitar.";
    this.inputs[1].placeholder = "A young musician performs a song.";
  }

  open(first, second) {
    [this.inputs[0].value, this.inputs[1].value] = [first, second];
    return this.type();
  }

  async type() {
    const [first, second] = this.inputs.map((input) => input.value);
    const signal = this.asked();
    if (first.trim() === "" || second.trim() === "") {
      const example = make("button", { type: "button", class: "chip", onclick: () => this.open(...this.inputs.map((input) => input.placeholder)) }, "Try an example");
      byId("comparison").replaceChildren(make("p", { class: "hint" }, "Write two sentences to compare their meanings."), make("div", { class: "chips" }, example));
      return this.map.show(null);
    }
    this.onChange([first, second]);
    try {
      const asked = this.facts.layers > 0 ? { layer: this.layer, head: this.head } : {};
      this.answer(await compare({ first, second, ...asked }, signal));
    } catch (error) {
      if (error instanceof Mistake) byId("comparison").replaceChildren(mistake(error, () => {}));
    }
  }

  answer({ similarity, pairs, sentences }) {
    const parts = [this.similarity(similarity, sentences)];
    parts.push(make("h3", {}, "What each word contributes"), ...sentences.map((sentence, i) => shares(sentence, i)));
    if (this.facts.layers > 0) parts.push(...this.attention(sentences));
    const [first, second] = sentences;
    if (first.words.length > 0 && second.words.length > 0) {
      const label = "Similarity of the words";
      parts.push(make("h3", {}, "Words compared", make("small", {}, "first sentence down, second across")));
      const say = (row, column, value) => `${row} and ${column}: cosine ${value.toFixed(2)}`;
      parts.push(heatMap({ rows: first.words, columns: second.words, values: pairs, most: 1, say, label }));
    }
    const most = this.facts.limits.tokens;
    if (sentences.some(({ count }) => count > most)) parts.push(make("p", { class: "hint" }, `Only the first ${most} words of a sentence are shown; the similarity uses all of them.`));
    const kept = byId("sentences").scrollTop;
    byId("comparison").replaceChildren(...parts);
    byId("sentences").scrollTop = kept;
    this.mark(sentences);
  }

  similarity(value, sentences) {
    if (value === null) {
      const empty = sentences.findIndex(({ count }) => count === 0);
      return make("p", { class: "hint" }, `No word of the ${empty === 1 ? "second" : "first"} sentence is known to the model.`);
    }
    const bar = make("i");
    bar.style.setProperty("--share", Math.max(0, value));
    announce(`similarity ${value.toFixed(2)}`);
    return make("div", { class: "similarity" }, make("strong", {}, value.toFixed(2).replace("-", "−")), make("span", { class: "meter", "aria-hidden": "true" }, bar), make("p", { class: "hint" }, "similarity: the cosine of the two vectors"));
  }

  attention(sentences) {
    const layers = select("Layer", this.facts.layers, this.layer, null, (value) => (this.layer = value));
    const heads = select("Head", this.facts.heads, this.head, "mean of all", (value) => (this.head = value));
    const again = make("div", { class: "selects", onchange: () => this.type() }, layers, heads);
    const maps = sentences.filter(({ words }) => words.length > 0).map(({ words, attention }) => {
      const i = sentences.findIndex((sentence) => sentence.words === words);
      const say = (row, column, value) => `${row} gives ${percent(value)} of its attention to ${column}`;
      const most = Math.max(...attention.flat(), 1e-6);
      const label = `What the words of the ${["first", "second"][i]} sentence attend to`;
      return heatMap({ rows: words, columns: words, values: attention, most, say, label, kind: ["of-first", "of-second"][i] });
    });
    return [make("h3", {}, "Attention", make("small", {}, "rows attend to columns")), again, ...maps];
  }

  /** Highlight the words of both sentences on the map. */
  mark(sentences) {
    const marks = new Map();
    sentences.forEach(({ words, shares }, i) => {
      words.forEach((word, j) => {
        const place = this.places.get(word);
        if (place !== undefined && !marks.has(place)) marks.set(place, { color: ["accent", "second"][i], weight: shares[j] > 0.15 ? 700 : 500 });
      });
    });
    this.map.show({ marks, lines: [] });
  }
}

/** Return the words of a sentence, darker for larger contributions. */
function shares({ words, shares: numbers }, i) {
  const most = Math.max(...numbers, 0.01);
  const items = words.map((word, j) => {
    const item = make("li", {}, wordElement(word), make("small", {}, percent(numbers[j]).replace("-", "−")));
    item.style.setProperty("--value", Math.max(0, numbers[j] / most));
    return item;
  });
  return make("ul", { class: `shares ${["of-first", "of-second"][i]}`, "aria-label": `Words of the ${["first", "second"][i]} sentence` }, ...items);
}

function select(name, n, chosen, whole, onChange) {
  const options = Array.from({ length: n }, (_, i) => make("option", { value: i + 1, selected: chosen === i + 1 }, String(i + 1)));
  if (whole !== null) options.unshift(make("option", { value: "", selected: chosen === null }, whole));
  const element = make("select", {}, ...options);
  element.addEventListener("change", () => onChange(element.value === "" ? null : Number(element.value)));
  return make("label", {}, `${name} `, element);
}
