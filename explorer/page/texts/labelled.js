// Labels of texts and tags of words: their probabilities, the contributions of words, and the model's mistakes.

import { classify, examples, tag } from "../api.js";
import { announce, byId, make, shown, wordElement } from "../dom.js";
import { Answering, barRow, percent, Pieces, signed } from "./pieces.js";

const MOST_LISTED = 10; // words listed next to a text
const LEAST_SCALE = 1; // nats; below this, no word is coloured fully

export class Classifying extends Answering {
  constructor(facts, onChange) {
    super({
      input: "to-classify",
      output: "classified",
      longest: facts.limits.text,
      hint: "Type a text to see its labels, their probabilities, and which words support them.",
      ask: (text, signal) => classify(text, signal),
      show: (answer) => this.answer(answer),
      onChange,
    });
    this.facts = facts;
  }

  answer({ pieces, labels }) {
    const large = make("div");
    const said = labels.filter((found) => found.said);
    announce(said.length > 0 ? said.map(({ label, probability }) => `${shown(label)}, ${percent(probability)}`).join(". ") : "no label");
    const items = labels.map((found, i) => {
      const { children } = barRow(wordElement(found.label), found.probability, percent(found.probability));
      return make("li", { class: found.said ? "said" : "" }, make("button", { type: "button", "aria-pressed": "false", onclick: () => choose(i) }, ...children));
    });
    const choose = (chosen) => {
      items.forEach((item, i) => item.firstChild.setAttribute("aria-pressed", String(i === chosen)));
      large.replaceChildren(...this.large(pieces, labels[chosen]));
    };
    const note = this.facts.oneOfMany ? "one label per text" : "each label is decided separately; labels above 50 % are assigned";
    const parts = [make("h3", {}, said.length > 0 ? "Labels" : "No label", make("small", {}, note)), make("ol", { class: "ranking labels" }, ...items), large];
    choose(Math.max(0, labels.indexOf(said[0])));
    return parts;
  }

  /** Return the text, with every word coloured by its contribution to a label. */
  large(pieces, found) {
    const scale = Math.max(LEAST_SCALE, ...found.words.map(Math.abs));
    const text = new Pieces(`What each word contributes to ${shown(found.label)}`, (entry) => this.words(text.entries, entry, scale));
    for (const { piece, word } of pieces) {
      if (word === undefined) text.addBetween(piece);
      else text.add({ piece, contribution: found.words[word], value: Math.abs(found.words[word]) / scale, kind: found.words[word] < 0 ? "against" : "for", spoken: signed(found.words[word]) });
    }
    const most = text.entries.reduce((best, entry, i) => (entry.value > (text.entries[best]?.value ?? 0) ? i : best), 0);
    text.show(text.entries.length > 0 ? most : -1);
    return [make("h3", {}, "Contributions of words", make("small", {}, this.explained(found))), text.element, make("p", { class: "hint" }, this.sum(found))];
  }

  explained({ label, against }) {
    if (!this.facts.isExact) return `how much the log-odds of ${shown(label)} drop without the word`;
    return against === null ? `what each word adds to the log-odds of ${shown(label)}, exactly` : `what each word adds to the log of p(${shown(label)}) / p(${shown(against)}), exactly`;
  }

  sum({ words, rest }) {
    if (!this.facts.isExact) return "The text is classified again without each word. If two words matter only together, each counts their joint effect.";
    const total = words.reduce((sum, value) => sum + value, 0);
    return `Words ${signed(total)}, end of the text ${signed(rest)}, total ${signed(total + rest)}. The contribution of an n-gram is divided evenly among its words.`;
  }

  /** Return the words with the largest contributions, the chosen one marked. */
  words(entries, chosen, scale) {
    const listed = [...entries].sort((one, other) => other.value - one.value).slice(0, MOST_LISTED);
    if (!listed.includes(chosen)) listed.splice(-1, 1, chosen);
    const rows = listed.map((entry) => make("li", { class: entry.kind }, barRow(wordElement(entry.piece), Math.abs(entry.contribution) / scale, signed(entry.contribution), entry === chosen)));
    return [make("ol", { class: "ranking contributions", "aria-label": "What each word contributes" }, ...rows)];
  }
}

export class Tagging extends Answering {
  constructor(facts, onChange) {
    super({
      input: "to-tag",
      output: "tagged",
      longest: facts.limits.text,
      hint: "Type a sentence to see the tag of each word, its probability, and the alternatives.",
      ask: (text, signal) => tag(text, signal),
      show: ({ lines }) => {
        announce(lines.map(({ words }) => words.map((word) => word.tag).join(" ")).join(". "));
        return [this.legend(lines), ...lines.map((line) => this.line(line))];
      },
      onChange,
    });
    this.facts = facts;
    this.colors = new Map(facts.labels.map((label, i) => [label, hue(i, facts.labels.length)]));
  }

  legend(lines) {
    const met = new Set(lines.flatMap(({ words }) => words.map(({ label }) => label)));
    const items = this.facts.labels.filter((label) => met.has(label)).map((label) => {
      const dot = make("i", { "aria-hidden": "true" });
      dot.style.setProperty("--color", this.colors.get(label));
      return make("li", {}, dot, wordElement(label));
    });
    return make("ul", { class: "legend", "aria-label": "Labels in this text" }, ...items);
  }

  line({ pieces, words }) {
    const text = new Pieces("The text, word by word", ({ alternatives, label }) => [
      make("ol", { class: "ranking", "aria-label": "Possible labels of the word" }, ...alternatives.map((other) => make("li", {}, barRow(this.name(other.label), other.probability, percent(other.probability), other.label === label)))),
    ]);
    let before = null;
    for (const { piece, word } of pieces) {
      if (word === undefined) {
        text.addBetween(piece);
        continue;
      }
      const found = words[word];
      const isPlain = found.label === this.facts.outside;
      text.add({ ...found, piece, value: found.probability, kind: isPlain ? "plain" : "tagged", color: isPlain ? null : this.colors.get(found.label), spoken: `${found.tag}, ${percent(found.probability)}` });
      const begins = this.facts.outside === null || /^[BSU]-/u.test(found.tag) || before !== found.label;
      if (!isPlain && begins) text.spans.at(-1).dataset.label = shown(found.label);
      before = found.label;
    }
    const first = text.entries.findIndex((entry) => entry.kind === "tagged");
    text.show(text.entries.length > 0 ? Math.max(0, first) : -1);
    text.element.classList.add("labelled");
    return make("article", {}, text.element);
  }

  name(label) {
    return label === this.facts.outside ? make("em", { class: "word" }, "none") : wordElement(label);
  }
}

/** Return the colour of a label; adjacent labels have different ones. */
const hue = (i, n) => `oklch(0.7 0.15 ${Math.round(30 + (n > 12 ? i * 137.5 : (i * 360) / n)) % 360})`;

/** Predictions for held-out texts or sentences. */
export class Examples {
  constructor(facts, onChange, go) {
    Object.assign(this, { facts, go, answer: null });
  }

  async open() {
    this.answer ??= await examples();
    const { heldOut, wrong, examples: kept } = this.answer;
    const what = this.facts.kind === "tagger" ? "sentences" : "texts";
    if (heldOut === null) return byId("examples").replaceChildren(make("p", { class: "hint" }, `No held-out ${what} are stored with this model: it was trained with --examples 0, or none were held out.`));
    const mistakes = kept.slice(0, wrong);
    const right = kept.slice(wrong);
    const parts = [make("h3", {}, mistakes.length > 0 ? "Mistakes, the most confident first" : "No mistakes", make("small", {}, `${wrong.toLocaleString("en-GB")} of ${heldOut.toLocaleString("en-GB")} held-out ${what} ${wrong === 1 ? "was" : "were"} answered wrongly`)), ...mistakes.map((one) => this.one(one))];
    if (right.length > 0) parts.push(make("details", {}, make("summary", {}, `${right.length} correct predictions`), ...right.map((one) => this.one(one))));
    byId("examples").replaceChildren(...parts);
  }

  one(example) {
    const isTagged = this.facts.kind === "tagger";
    const text = isTagged ? example.words.map(({ word }) => word).join(" ") : example.text;
    const shownText = isTagged ? example.words.flatMap((word) => [this.word(word), " "]) : [wordElement(text, 500)];
    const told = isTagged ? [`its most confident mistake: ${percent(example.probability)}`] : this.told(example);
    return make("article", { class: "example" }, make("button", { type: "button", title: "Look at it", onclick: () => this.go(isTagged ? "tag" : "classify", text) }, ...shownText), make("p", { class: "verdict" }, ...(isTagged && this.isRight(example) ? [] : told)));
  }

  isRight({ words }) {
    return words.every(({ wanted, answer }) => wanted === answer);
  }

  told({ labels, answer, probability }) {
    const name = (text) => (text === "" ? make("em", {}, "no label") : wordElement(text));
    const said = ["said ", name(answer), ` (${percent(probability)})`];
    return labels === answer ? said : [...said, ", should be ", name(labels)];
  }

  word({ word, wanted, answer }) {
    if (wanted === answer) return wordElement(word);
    return make("span", { class: "wrong" }, wordElement(word), make("small", {}, `${shown(answer)}, not ${shown(wanted)}`));
  }
}
