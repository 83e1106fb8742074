// The tabs for words: completions and nearest words while typing, and analogies.

import { complete, getAnalogy, getNeighbors, Mistake } from "./api.js";
import { announce, byId, listenTo, make, mistake, oneAtATime, ranking, shown, thousands, wordElement } from "./dom.js";

const EXAMPLES = [
  ["man", "king", "woman"],
  ["paris", "france", "rome"],
  ["good", "better", "bad"],
  ["walk", "walked", "play"],
  ["one", "two", "three"],
  ["man", "woman", "brother"],
];
const MOST_EXAMPLES = 4;

export class Words {
  /** `onChoose` is called with a chosen word. */
  constructor(map, facts, onChoose) {
    Object.assign(this, { map, facts, onChoose, typed: oneAtATime(), asked: oneAtATime(), options: [], active: -1 });
    this.input = byId("search");
    listenTo([this.input], facts.limits.word, () => this.type(), 70);
    this.input.addEventListener("keydown", (event) => this.key(event));
  }

  /** Show a word and fly to it. */
  async open(word) {
    this.typed();
    this.input.value = word;
    this.setOptions([]);
    const found = await this.show(word);
    if (found !== null) this.fly(found);
  }

  close() {
    this.typed();
    this.asked();
    this.input.value = "";
    this.setOptions([]);
    byId("answer").replaceChildren(this.greeting());
    this.map.show(null);
  }

  greeting() {
    return make("p", { class: "hint" }, "Type a word to see its nearest words, or choose one on the map. You can also add and subtract words: king - man + woman.");
  }

  async type() {
    const text = this.input.value.trim();
    if (text === "") return this.close();
    const signal = this.typed();
    const [, sum = "", last] = /^(.*\s[+-]\s+)?(.*)$/su.exec(text); // in "king - man + wom", the last word is completed
    try {
      const { words } = await complete(last, signal);
      this.setOptions(words, sum);
      // the text as typed; else a word that differs only in case, or a completion
      const other = words.find((word) => word.toLowerCase() === last.toLowerCase()) ?? words[0];
      await this.show(sum + last, other === undefined ? undefined : sum + other);
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error);
    }
  }

  /** Request the nearest words and show them; if the word is unknown, those of `instead`, a completion or a guess. */
  async show(word, instead, asked = word) {
    const signal = this.asked();
    try {
      const found = await getNeighbors(word, signal);
      this.answer(found, word.toLowerCase().startsWith(asked.toLowerCase()) ? null : asked);
      return found;
    } catch (error) {
      if (error instanceof Mistake && instead !== undefined) return this.show(instead, undefined, word);
      if (error.name !== "AbortError") this.fail(error);
      return null;
    }
  }

  /** Show an answer; `asked` is the unknown word that it replaces, or null. */
  answer(found, asked = null) {
    const facts = [];
    if (found.rank !== null) facts.push(`rank ${thousands(found.rank)} of ${thousands(this.facts.words)}`);
    if (found.count !== null) facts.push(found.count === 1 ? "seen once" : `seen ${thousands(found.count)} times`);
    if (found.terms !== undefined) facts.push(found.mean ? "not in the vocabulary; nearest to the mean of its words" : "nearest to the sum");
    else if (found.rank === null) facts.push("not in the vocabulary; made from character n-grams");
    const title = make("div", { class: "about" }, make("h2", {}, wordElement(found.word)), make("p", {}, facts.join(" · ")));
    const list = ranking(found.neighbors, this.onChoose, (place) => this.map.setHover(place));
    const guess = asked === null ? [] : [make("p", { class: "guess" }, "“", wordElement(asked), "” is not in the vocabulary. Showing: ", wordElement(found.word), "?")];
    byId("answer").replaceChildren(...guess, title, list);
    announce(`${asked === null ? "" : `${asked} is not in the vocabulary. Showing: `}${found.word}: ${found.neighbors.slice(0, 3).map(({ word }) => word).join(", ")}`);
    this.map.show(highlightOf(found));
  }

  fly(found) {
    const near = found.neighbors.slice(0, 10).map(({ place }) => place);
    // most neighbours are close together; the others need not all be visible
    if (found.place !== null) this.map.flyTo(this.map.closest(found.place, near, 0.7));
    else if (found.terms !== undefined) this.map.flyTo([...placesOf(found.terms), ...near.slice(0, 1)].filter((place) => place !== null));
  }

  fail(error) {
    if (!(error instanceof Mistake)) return;
    byId("answer").replaceChildren(mistake(error, this.onChoose));
    this.map.show(null);
  }

  /** Offer words as completions of the last word of a sum. */
  setOptions(words, sum = "") {
    this.options = words.map((word) => sum + word);
    this.active = -1;
    const chips = words.map((word, i) => {
      const chip = make("div", { class: "chip", role: "option", id: `option-${i}`, "aria-selected": "false", onclick: () => this.onChoose(sum + word) }, wordElement(word));
      chip.addEventListener("pointerdown", (event) => event.preventDefault()); // the search keeps the focus
      return chip;
    });
    byId("completions").replaceChildren(...chips);
    this.input.setAttribute("aria-expanded", String(words.length > 0));
    this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const n = this.options.length;
    if (event.key === "ArrowDown" && n > 0) this.activate((this.active + 1) % n);
    else if (event.key === "ArrowUp" && n > 0) this.activate((this.active + n - (this.active < 0 ? 0 : 1)) % n);
    else if (event.key === "Enter" && this.input.value.trim() !== "") this.onChoose(this.active < 0 ? this.input.value.trim() : this.options[this.active]);
    else return;
    event.preventDefault();
  }

  activate(i) {
    this.active = i;
    [...byId("completions").children].forEach((chip, j) => chip.setAttribute("aria-selected", String(i === j)));
    this.input.setAttribute("aria-activedescendant", `option-${i}`);
  }
}

/** Return the highlights of a word and its neighbours. */
function highlightOf({ place, neighbors, terms = [] }) {
  const marks = new Map();
  const lines = [];
  if (place !== null) marks.set(place, { color: "accent", weight: 700, size: 20, isMain: true, isFirm: true });
  for (const term of placesOf(terms)) marks.set(term, { color: "accent", weight: 700, size: 17, isMain: true, isFirm: true });
  for (const near of neighbors) {
    if (near.place === null || marks.has(near.place)) continue;
    marks.set(near.place, terms.length > 0 ? { color: "second", weight: 600 } : { color: "accent", weight: 600 });
    if (place !== null) lines.push({ from: place, to: near.place, strength: 0.15 + 0.5 * Math.max(0, near.score) ** 2, color: "accent" });
  }
  return { marks, lines };
}

const placesOf = (words) => words.map(({ place }) => place).filter((place) => place !== null);

export class Analogies {
  /** `onChange` is called with the three words whenever they are complete, `onChoose` with a chosen word. */
  constructor(map, facts, words, onChange, onChoose) {
    Object.assign(this, { map, onChange, onChoose, asked: oneAtATime() });
    this.inputs = ["a", "b", "c"].map((name) => byId(`analogy-${name}`));
    listenTo(this.inputs, facts.limits.word, () => this.type(), 150);
    for (const input of document.getElementsByName("method")) input.addEventListener("change", () => this.type());
    const known = new Set(words);
    const examples = EXAMPLES.filter((example) => example.every((word) => known.has(word))).slice(0, MOST_EXAMPLES);
    byId("examples").replaceChildren(
      ...examples.map((example) => make("button", { type: "button", class: "chip", onclick: () => this.open(example) }, `${example[0]} : ${example[1]} = ${example[2]} : ?`)),
    );
  }

  /** Request the analogy of three words. */
  open(words) {
    words.forEach((word, i) => (this.inputs[i].value = word));
    return this.type();
  }

  async type() {
    const [a, b, c] = this.inputs.map((input) => input.value.trim());
    const signal = this.asked();
    if (!a || !b || !c) {
      byId("analogy-answer").replaceChildren(make("p", { class: "hint" }, "Give three words, or choose an example."));
      return this.map.show(null);
    }
    this.onChange([a, b, c]);
    const method = [...document.getElementsByName("method")].find((input) => input.checked).value;
    try {
      this.answer(await getAnalogy({ a, b, c, method }, signal));
    } catch (error) {
      if (!(error instanceof Mistake)) return;
      byId("analogy-answer").replaceChildren(mistake(error, this.onChoose));
      this.map.show(null);
    }
  }

  answer({ given, answers }) {
    byId("analogy-answer").replaceChildren(ranking(answers, this.onChoose, (place) => this.map.setHover(place), true));
    const [a, b, c] = given;
    const best = answers[0];
    if (best === undefined) return;
    announce(`${shown(a.word)} is to ${shown(b.word)} as ${shown(c.word)} is to ${shown(best.word)}`);
    const marks = new Map();
    const lines = [];
    for (const { place } of given) if (place !== null) marks.set(place, { color: "accent", weight: 700, size: 17, isMain: true, isFirm: true });
    if (best.place !== null) marks.set(best.place, { color: "second", weight: 700, size: 20, isMain: true, isFirm: true });
    for (const { place } of answers.slice(1, 5)) if (place !== null && !marks.has(place)) marks.set(place, { color: "second", weight: 500 });
    if (a.place !== null && b.place !== null) lines.push({ from: a.place, to: b.place, strength: 0.9, color: "accent", isArrow: true });
    if (c.place !== null && best.place !== null) lines.push({ from: c.place, to: best.place, strength: 0.9, color: "second", isArrow: true });
    this.map.show({ marks, lines });
    this.map.flyTo([...given, best].map(({ place }) => place).filter((place) => place !== null));
  }
}
