// Translations, piece by piece: probabilities, alternatives and cross-attention.

import { translate } from "../api.js";
import { announce, heatMap, make, shown, wordElement } from "../dom.js";
import { alternatives, Answering, decimals, percent, pieceName, Pieces, sure } from "./pieces.js";

export class Translations extends Answering {
  constructor(facts, onChange) {
    super({
      input: "source",
      output: "translations",
      further: ["beam"],
      longest: facts.limits.text,
      hint: "Type a sentence to see its translation, the probability of each piece, and the cross-attention.",
      ask: (text, beam, signal) => translate({ text, beam: Number(beam) }, signal),
      show: ({ lines }) => {
        announce(lines.map(({ translations }) => shown(translations[0].text)).join(". "));
        return lines.map((line) => this.line(line));
      },
      onChange,
    });
    this.isSpaced = facts.isSpaced;
    this.further[0].max = facts.limits.beam;
  }

  /** Return the translations of a line, one of them in detail. */
  line({ translations }) {
    const large = make("div");
    const others = translations.map((found, i) => {
      const button = make("button", { type: "button", "aria-pressed": "false", onclick: () => choose(i) }, wordElement(found.text === "" ? "(nothing)" : found.text, 200), make("span", { class: "score" }, found.score === null ? "" : decimals(found.score)));
      return make("li", {}, button);
    });
    const choose = (chosen) => {
      others.forEach((item, i) => item.firstChild.setAttribute("aria-pressed", String(i === chosen)));
      large.replaceChildren(...this.large(translations[chosen]));
    };
    choose(0);
    const list = make("ol", { class: "ranking candidates" }, ...others);
    const rest = translations.length > 1 ? [make("h3", {}, "Translations by score", make("small", {}, "log-probability divided by the length penalty")), list] : [];
    return make("article", {}, large, ...rest);
  }

  large(found) {
    const pieces = new Pieces("Translation, piece by piece", alternatives, this.isSpaced);
    for (const piece of found.pieces) pieces.add(sure(piece));
    const parts = [pieces.element];
    pieces.show(found.pieces.length > 0 ? 0 : -1);
    const { source, alignment, count } = found;
    if (alignment.length === 0 || source.length === 0) return parts;
    const rows = found.pieces.slice(0, alignment.length).map(({ piece }) => pieceName(piece));
    const say = (row, column, value) => `${row} gives ${percent(value)} of its attention to ${column}`;
    parts.push(make("h3", {}, "Cross-attention", make("small", {}, "translation down, source across; last layer, mean of its heads")));
    parts.push(heatMap({ rows, columns: source.map(pieceName), values: alignment, most: 1, say, label: "Cross-attention of each piece of the translation" }));
    if (Math.max(...count) > source.length && Math.max(...count) > rows.length) parts.push(make("p", { class: "hint" }, "Only the first pieces of both are shown; the translation uses all of them."));
    return parts;
  }
}
