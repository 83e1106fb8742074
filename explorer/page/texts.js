// The page of translators and language models: what they write, piece by piece, how sure they are, and what else they might.

import { getModel, Mistake, score, translate, watchServer, write } from "./api.js";
import { announce, byId, heatMap, listenTo, make, mistake, oneAtATime, shown, thousands, wordElement } from "./dom.js";
import { GONE, initHeader, initHelp, initTheme, Tabs, warn } from "./frame.js";

const END = "</s>";
const STEP = 15; // milliseconds between pieces that are written, so that they can be seen to come
const MOST_SURPRISE = 8; // nats; what surprises more is not coloured more
const percent = (fraction) => (fraction > 0 && fraction < 0.001 ? "<\u00a00.1\u00a0%" : `${(100 * fraction).toFixed(1)}\u00a0%`);
const decimals = (number) => number.toFixed(2).replace("-", "−");

initTheme();
initHelp();
watchServer(() => warn(GONE), () => warn(null));

const facts = await getModel();
const size = `${facts.architecture}, ${facts.layers} × ${facts.columns}, ${thousands(facts.parameters)} parameters`;
initHeader(facts.name, `${facts.kind} · ${facts.units} · ${size}`);

/** The pieces of a text: coloured, and described one at a time, the one that is pointed at or walked to. */
class Pieces {
  /** `describe` makes elements of an entry; the entries have a `piece` and a `value` from 0 to 1, their colour. */
  constructor(label, describe) {
    Object.assign(this, { describe, entries: [], spans: [], at: -1, isHeld: false });
    this.strip = make("p", { class: facts.isSpaced ? "pieces spaced" : "pieces", tabindex: "0", role: "group", "aria-label": label, dir: "auto" });
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
    const span = make("span", { class: entry.piece === END ? "piece end" : "piece", translate: "no" }, pieceText(entry.piece));
    span.style.setProperty("--value", Math.min(1, Math.max(0, entry.value)));
    this.entries.push(entry);
    this.spans.push(span);
    this.strip.append(span);
    if (entry.piece === "\n") this.strip.append("\n");
  }

  show(i) {
    if (i < 0) return;
    this.spans[this.at]?.classList.remove("on");
    this.at = i;
    this.spans[i].classList.add("on");
    this.details.replaceChildren(...this.describe(this.entries[i], i));
  }
}

/** Return a piece as it stands in a text. */
function pieceText(piece) {
  if (piece === END) return "end";
  if (piece === "\n") return "↵";
  return /^ +$/u.test(piece) ? piece : shown(piece);
}

/** Return a piece as it stands by itself. */
const pieceName = (piece) => ({ [END]: "end of the text", "\n": "↵ line break" })[piece] ?? shown(piece.length > 1 ? piece.trim() || piece : piece);

/** Return pieces with their probabilities, the one that was written marked. */
function alternatives({ piece, probability, alternatives: others }) {
  const entries = others.some((other) => other.piece === piece) ? others : [...others, { piece, probability }];
  const items = entries.map((other) => {
    const bar = make("i");
    bar.style.setProperty("--share", other.probability);
    const name = other.piece === END ? make("em", { class: "word" }, pieceName(END)) : wordElement(pieceName(other.piece));
    const row = make("div", { class: other.piece === piece ? "row chosen" : "row" }, name, make("span", { class: "bar", "aria-hidden": "true" }, bar), make("span", { class: "score" }, percent(other.probability)));
    return make("li", {}, row);
  });
  return [make("ol", { class: "ranking", "aria-label": "What might have stood here" }, ...items)];
}

const sure = (entry) => ({ ...entry, value: 1 - entry.probability, spoken: percent(entry.probability) });

class Translations {
  constructor(onChange) {
    Object.assign(this, { onChange, asked: oneAtATime(), input: byId("source"), beam: byId("beam"), chosen: [] });
    this.beam.max = facts.limits.beam;
    listenTo([this.input], facts.limits.text, () => this.type(), 400);
    this.beam.addEventListener("change", () => this.type());
  }

  open([text = "", beam = ""]) {
    this.input.value = text;
    if (beam !== "") this.beam.value = beam;
    return this.type();
  }

  async type() {
    const text = this.input.value;
    const signal = this.asked();
    if (text.trim() === "") return byId("translations").replaceChildren(make("p", { class: "hint" }, "Type a sentence to see its translation, how sure the translator is of each piece, and what it looks at."));
    this.onChange(text, this.beam.value);
    try {
      const { lines } = await translate({ text, beam: Number(this.beam.value) }, signal);
      byId("translations").replaceChildren(...lines.map((line) => this.line(line)));
      announce(lines.map(({ translations }) => shown(translations[0].text)).join(". "));
    } catch (error) {
      if (error instanceof Mistake) byId("translations").replaceChildren(mistake(error, () => {}));
    }
  }

  /** Return the translations of a line, one of them at large. */
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
    const rest = translations.length > 1 ? [make("h3", {}, "Translations by score", make("small", {}, "log-probability over the length penalty")), list] : [];
    return make("article", {}, large, ...rest);
  }

  large(found) {
    const pieces = new Pieces("Translation, piece by piece", alternatives);
    for (const piece of found.pieces) pieces.add(sure(piece));
    const parts = [pieces.element];
    pieces.show(found.pieces.length > 0 ? 0 : -1);
    const { source, alignment, count } = found;
    if (alignment.length === 0 || source.length === 0) return parts;
    const rows = found.pieces.slice(0, alignment.length).map(({ piece }) => pieceName(piece));
    const say = (row, column, value) => `${row} gives ${percent(value)} of its attention to ${column}`;
    parts.push(make("h3", {}, "What it looked at", make("small", {}, "the translation down, the text across: attention of the last layer, mean of its heads")));
    parts.push(heatMap({ rows, columns: source.map(pieceName), values: alignment, most: 1, say, label: "What each piece of the translation looked at" }));
    if (Math.max(...count) > source.length && Math.max(...count) > rows.length) parts.push(make("p", { class: "hint" }, "Shown are the first pieces of both; the translation is that of all."));
    return parts;
  }
}

class Writing {
  constructor(onChange) {
    Object.assign(this, { onChange, asked: oneAtATime(), isWriting: false });
    this.inputs = ["prompt", "temperature", "top-k", "seed", "pieces"].map(byId);
    this.inputs[0].maxLength = facts.limits.text;
    [byId("seed").max, byId("pieces").max] = [facts.limits.seed, facts.limits.pieces];
    byId("writing").addEventListener("submit", (event) => {
      event.preventDefault();
      this.isWriting ? this.stop() : this.go();
    });
    this.inputs[0].addEventListener("keydown", (event) => event.ctrlKey && event.key === "Enter" && byId("writing").requestSubmit());
  }

  /** Write what the address asks for, or wait. */
  open(given) {
    given.forEach((value, i) => i < this.inputs.length && (this.inputs[i].value = value));
    if (given.length > 0) return this.go();
    byId("written").replaceChildren(make("p", { class: "hint" }, "Give a beginning, or none, and let the model go on. What it draws depends on the seed."));
  }

  stop() {
    this.asked();
    this.setWriting(false);
  }

  setWriting(isWriting) {
    this.isWriting = isWriting;
    byId("go").textContent = isWriting ? "Stop" : "Write";
  }

  async go() {
    const [prompt, temperature, topK, seed, pieces] = this.inputs.map((input) => input.value);
    const signal = this.asked();
    this.onChange(prompt, temperature, topK, seed, pieces);
    const written = new Pieces("What was written, piece by piece", alternatives);
    if (prompt !== "") written.strip.append(make("span", { class: "given" }, promptText(prompt)));
    byId("written").replaceChildren(written.element);
    this.setWriting(true);
    try {
      const asked = { prompt, temperature: Number(temperature), top_k: topK === "" ? null : Number(topK), seed: Number(seed), pieces: Number(pieces) };
      for await (const piece of write(asked, signal)) {
        if (signal.aborted) return;
        written.add(sure(piece));
        if (!written.isHeld && !written.strip.matches(":hover")) written.show(written.spans.length - 1);
        await new Promise((done) => setTimeout(done, STEP));
      }
      announce(shown(written.strip.textContent));
    } catch (error) {
      if (error instanceof Mistake) byId("written").replaceChildren(mistake(error, () => {}));
    }
    if (!signal.aborted) this.setWriting(false);
  }
}

const promptText = (prompt) => prompt.split("\n").map((line) => (line.trim() === "" ? line : shown(line, Infinity))).join("\n");

class Judgement {
  constructor(onChange) {
    Object.assign(this, { onChange, asked: oneAtATime(), input: byId("judged") });
    listenTo([this.input], facts.limits.text, () => this.type(), 400);
  }

  open([text = ""]) {
    this.input.value = text;
    return this.type();
  }

  async type() {
    const text = this.input.value;
    const signal = this.asked();
    if (text.trim() === "") return byId("judgement").replaceChildren(make("p", { class: "hint" }, "Type a text to see what surprises the model in it, and how probable it finds the whole."));
    this.onChange(text);
    try {
      this.answer(await score(text, signal));
    } catch (error) {
      if (error instanceof Mistake) byId("judgement").replaceChildren(mistake(error, () => {}));
    }
  }

  answer({ lines, perplexity, loss }) {
    const texts = lines.map(({ pieces, end }) => {
      const text = new Pieces("The text, piece by piece", surprises);
      const every = end === null ? pieces : [...pieces, { piece: END, surprise: end }];
      for (const entry of every) text.add({ ...entry, value: entry.surprise[0] / MOST_SURPRISE, spoken: `${decimals(entry.surprise[0])} nats` });
      const most = every.reduce((best, entry, i) => (entry.surprise[0] > every[best].surprise[0] ? i : best), 0);
      text.show(every.length > 0 ? most : -1);
      return text.element;
    });
    const names = ["network", `n-grams of order ${facts.order}`];
    const totals = perplexity[0] === null ? [] : names.map((name, i) => make("div", {}, make("dt", {}, name), make("dd", {}, make("strong", {}, decimals(perplexity[i])), make("small", {}, `${decimals(loss[i])} nats a piece`))));
    if (totals.length > 0) announce(`perplexity ${decimals(perplexity[0])}`);
    byId("judgement").replaceChildren(make("h3", {}, "Perplexity", make("small", {}, "the lower, the more probable")), make("dl", { class: "totals" }, ...totals), make("h3", {}, "What surprises the network", make("small", {}, "the stronger the colour, the more")), ...texts);
  }
}

/** Return how probable the network and the n-grams found a piece. */
function surprises({ piece, surprise }) {
  const rows = ["network", "n-grams"].map((name, i) => {
    const bar = make("i");
    bar.style.setProperty("--share", Math.min(1, surprise[i] / MOST_SURPRISE));
    return make("li", {}, make("div", { class: "row" }, make("span", {}, name), make("span", { class: "bar", "aria-hidden": "true" }, bar), make("span", { class: "score" }, `${decimals(surprise[i])} nats, ${percent(Math.exp(-surprise[i]))}`)));
  });
  return [make("p", { class: "reading" }, "Surprise of ", wordElement(pieceName(piece))), make("ol", { class: "ranking surprises" }, ...rows)];
}

const names = facts.kind === "translator" ? ["translate"] : ["write", "score"];
const asked = {};
const tabs = new Tabs(names, (name, given) => asked[name].open(given));
const kinds = { translate: Translations, write: Writing, score: Judgement };
for (const name of names) {
  asked[name] = new kinds[name]((...given) => tabs.keep(name, ...given));
  byId(`tab-${name}`).hidden = false;
}
byId("tabs").hidden = names.length < 2;
tabs.route();
