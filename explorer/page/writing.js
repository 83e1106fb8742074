// What a language model writes, and what surprises it in a text.

import { Mistake, score, write } from "./api.js";
import { announce, byId, make, mistake, oneAtATime, shown, wordElement } from "./dom.js";
import { alternatives, Answering, barRow, decimals, END, percent, pieceName, Pieces, sure } from "./pieces.js";

const STEP = 15; // milliseconds between pieces that are written, so that they can be seen to come
const MOST_SURPRISE = 8; // nats; what surprises more is not coloured more

export class Writing {
  constructor(facts, onChange) {
    Object.assign(this, { onChange, isSpaced: facts.isSpaced, asked: oneAtATime(), isWriting: false });
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
    const written = new Pieces("What was written, piece by piece", alternatives, this.isSpaced);
    if (prompt !== "") written.addBetween(prompt);
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

export class Judgement extends Answering {
  constructor(facts, onChange) {
    super({
      input: "judged",
      output: "judgement",
      longest: facts.limits.text,
      hint: "Type a text to see what surprises the model in it, and how probable it finds the whole.",
      ask: score,
      show: (answer) => this.answer(answer),
      onChange,
    });
    Object.assign(this, { isSpaced: facts.isSpaced, order: facts.order });
  }

  answer({ lines, perplexity, loss }) {
    const texts = lines.map(({ pieces, end }) => {
      const text = new Pieces("The text, piece by piece", surprises, this.isSpaced);
      const every = end === null ? pieces : [...pieces, { piece: END, surprise: end }];
      for (const entry of every) text.add({ ...entry, value: entry.surprise[0] / MOST_SURPRISE, spoken: `${decimals(entry.surprise[0])} nats` });
      const most = every.reduce((best, entry, i) => (entry.surprise[0] > every[best].surprise[0] ? i : best), 0);
      text.show(every.length > 0 ? most : -1);
      return text.element;
    });
    const names = ["network", `n-grams of order ${this.order}`];
    const totals = perplexity[0] === null ? [] : names.map((name, i) => make("div", {}, make("dt", {}, name), make("dd", {}, make("strong", {}, decimals(perplexity[i])), make("small", {}, `${decimals(loss[i])} nats a piece`))));
    if (totals.length > 0) announce(`perplexity ${decimals(perplexity[0])}`);
    return [make("h3", {}, "Perplexity", make("small", {}, "the lower, the more probable")), make("dl", { class: "totals" }, ...totals), make("h3", {}, "What surprises the network", make("small", {}, "the stronger the colour, the more")), ...texts];
  }
}

/** Return how probable the network and the n-grams found a piece. */
function surprises({ piece, surprise }) {
  const rows = ["network", "n-grams"].map((name, i) => {
    return make("li", {}, barRow(make("span", {}, name), Math.min(1, surprise[i] / MOST_SURPRISE), `${decimals(surprise[i])} nats, ${percent(Math.exp(-surprise[i]))}`));
  });
  return [make("p", { class: "reading" }, "Surprise of ", wordElement(pieceName(piece))), make("ol", { class: "ranking surprises" }, ...rows)];
}
