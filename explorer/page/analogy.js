// The tab of analogies: a is to b as c is to which word.

import { getAnalogy, Mistake } from "./api.js";
import { announce, byId, listenTo, make, oneAtATime, shown } from "./dom.js";
import { mistake, ranking } from "./answers.js";

const EXAMPLES = [
  ["man", "king", "woman"],
  ["paris", "france", "rome"],
  ["good", "better", "bad"],
  ["walk", "walked", "play"],
  ["one", "two", "three"],
  ["man", "woman", "brother"],
];
const SHOWN = 4;

export class Analogies {
  /** `onChange` is called with the three words whenever they are complete, `onChoose` with a word to look at. */
  constructor(map, facts, words, onChange, onChoose) {
    Object.assign(this, { map, onChange, onChoose, asked: oneAtATime() });
    this.inputs = ["a", "b", "c"].map((name) => byId(`analogy-${name}`));
    listenTo(this.inputs, facts.limits.word, () => this.type(), 150);
    for (const input of document.getElementsByName("method")) input.addEventListener("change", () => this.type());
    const known = new Set(words);
    const examples = EXAMPLES.filter((example) => example.every((word) => known.has(word))).slice(0, SHOWN);
    byId("examples").replaceChildren(
      ...examples.map((example) => make("button", { type: "button", class: "chip", onclick: () => this.open(example) }, `${example[0]} : ${example[1]} = ${example[2]} : ?`)),
    );
  }

  /** Ask about three words. */
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
