// Display of a text: its pieces, coloured and described; probabilities as bars; and text boxes with live answers.

import { Mistake } from "../api.js";
import { announce, byId, listenTo, make, mistake, oneAtATime, shown, wordElement } from "../dom.js";

export const END = "</s>";
export const percent = (fraction) => (fraction > 0 && fraction < 0.001 ? "<\u00a00.1\u00a0%" : `${(100 * fraction).toFixed(1)}\u00a0%`);
export const decimals = (number) => number.toFixed(2).replace("-", "−");
export const signed = (number) => (number >= 0 ? "+" : "") + decimals(number);

/** Return a row of a list: a name, a bar for a number from 0 to 1, and the formatted number. */
export function barRow(name, share, written, isChosen = false) {
  const bar = make("i");
  bar.style.setProperty("--share", share);
  return make("div", { class: isChosen ? "row chosen" : "row" }, name, make("span", { class: "bar", "aria-hidden": "true" }, bar), make("span", { class: "score" }, written));
}

/**
 * A text box that answers as soon as typing pauses.
 *
 * `ask` is called with the request and a signal, `show` with the answer; it returns elements for `output`. `further`
 * are other inputs, whose values follow the text in the request and in the URL.
 */
export class Answering {
  constructor({ input, output, further = [], longest, hint, ask, show, onChange }) {
    Object.assign(this, { asked: oneAtATime(), input: byId(input), output: byId(output), further: further.map(byId), hint, ask, show, onChange });
    listenTo([this.input], longest, () => this.type(), 400);
    for (const other of this.further) other.addEventListener("change", () => this.type());
  }

  open([text = "", ...others]) {
    this.input.value = text;
    others.forEach((value, i) => value !== "" && i < this.further.length && (this.further[i].value = value));
    return this.type();
  }

  async type() {
    const given = [this.input, ...this.further].map(({ value }) => value);
    const signal = this.asked();
    if (given[0].trim() === "") return this.output.replaceChildren(make("p", { class: "hint" }, this.hint));
    this.onChange(...given);
    try {
      this.output.replaceChildren(...this.show(await this.ask(...given, signal)));
    } catch (error) {
      if (error instanceof Mistake) this.output.replaceChildren(mistake(error, () => {}));
    }
  }
}

/** The pieces of a text, coloured; the one under the pointer or with the focus is described. */
export class Pieces {
  /** `describe` returns elements for an entry; entries have a `piece`, and a `value` from 0 to 1 for the colour. */
  constructor(label, describe, isSpaced = false) {
    Object.assign(this, { describe, entries: [], spans: [], at: -1, isHeld: false });
    this.strip = make("p", { class: isSpaced ? "pieces spaced" : "pieces", tabindex: "0", role: "group", "aria-label": label, dir: "auto" });
    this.details = make("div", { class: "details" });
    this.element = make("div", { class: "text" }, this.strip, this.details);
    this.strip.addEventListener("pointerover", ({ target }) => !this.isHeld && this.show(this.spans.indexOf(target)));
    this.strip.addEventListener("click", ({ target }) => {
      this.isHeld = this.spans.includes(target);
      this.show(this.spans.indexOf(target));
    });
    this.strip.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: this.at - 1, ArrowRight: this.at + 1, Home: 0, End: this.spans.length - 1 }[event.key];
      if (to === undefined || to < 0 || to >= this.spans.length) return;
      event.preventDefault();
      this.isHeld = true;
      this.show(to);
      announce(`${pieceName(this.entries[to].piece)}, ${this.entries[to].spoken}`);
    });
  }

  add(entry) {
    const kind = entry.piece === END ? "end" : (entry.kind ?? "");
    const span = make("span", { class: `piece ${kind}`.trim(), translate: "no" }, pieceText(entry.piece));
    span.style.setProperty("--value", Math.min(1, Math.max(0, entry.value)));
    if (entry.color) span.style.setProperty("--color", entry.color);
    this.entries.push(entry);
    this.spans.push(span);
    this.strip.append(span);
    if (entry.piece === "\n") this.strip.append("\n");
  }

  /** Add the text between pieces. */
  addBetween(text) {
    this.strip.append(make("span", { class: "given" }, text.split("\n").map((line) => (line.trim() === "" ? line : shown(line, Infinity))).join("\n")));
  }

  show(i) {
    if (i < 0) return;
    this.spans[this.at]?.classList.remove("on");
    this.at = i;
    this.spans[i].classList.add("on");
    this.details.replaceChildren(...this.describe(this.entries[i], i));
  }
}

/** Return a piece for display within a text. */
function pieceText(piece) {
  if (piece === END) return "end";
  if (piece === "\n") return "↵";
  return /^ +$/u.test(piece) ? piece : shown(piece);
}

/** Return a piece for display on its own. */
export const pieceName = (piece) => ({ [END]: "end of the text", "\n": "↵ line break" })[piece] ?? shown(piece.length > 1 ? piece.trim() || piece : piece);

/** Return pieces with their probabilities, the chosen one marked. */
export function alternatives({ piece, probability, alternatives: others }) {
  const entries = others.some((other) => other.piece === piece) ? others : [...others, { piece, probability }];
  const items = entries.map((other) => {
    const name = other.piece === END ? make("em", { class: "word" }, pieceName(END)) : wordElement(pieceName(other.piece));
    return make("li", {}, barRow(name, other.probability, percent(other.probability), other.piece === piece));
  });
  return [make("ol", { class: "ranking", "aria-label": "Alternatives" }, ...items)];
}

/** Return a piece coloured by its improbability. */
export const sure = (entry) => ({ ...entry, value: 1 - entry.probability, spoken: percent(entry.probability) });
