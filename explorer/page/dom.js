// Elements of the page, and the display of answers: words with scores, errors, heat maps.
//
// Words come from a model, which may be untrusted: they are only ever inserted as text.

/** Return an element; `attributes` may hold functions ("onclick"), and children are elements or text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Return a word as an element with its own text direction. */
export function wordElement(word, longest = LONGEST) {
  const element = make("bdi", { class: "word", translate: "no" });
  element.textContent = shown(word, longest);
  return element;
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;
const JOINERS = new Set(["\u200c", "\u200d"]);
const LONGEST = 60;

/** Return a word for display: invisible and direction-changing characters are named, long words are cut. */
export function shown(word, longest = LONGEST) {
  const visible = word.replace(INVISIBLE, (c) => (JOINERS.has(c) ? c : `‹${c.codePointAt(0).toString(16)}›`));
  const letters = [...visible];
  if (letters.length > longest) return letters.slice(0, longest).join("") + "…";
  return visible.trim() === "" ? "␣".repeat(Math.max(1, letters.length)) : visible;
}

export const byId = (id) => document.getElementById(id);

export const thousands = (number) => number.toLocaleString("en-GB");

/** Call `work` once nothing has been typed into some inputs, of limited length, for this many milliseconds. */
export function listenTo(inputs, longest, work, milliseconds) {
  let timer = 0;
  for (const input of inputs) {
    input.maxLength = longest;
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(work, milliseconds);
    });
  }
}

/** Announce something to screen readers. */
export function announce(text) {
  byId("live").textContent = text;
}

/** Return a function that runs one request at a time: a newer one aborts the previous one. */
export function oneAtATime() {
  let running = new AbortController();
  return () => {
    running.abort();
    running = new AbortController();
    return running.signal;
  };
}

/** Return a clickable list of words with scores; `onPick` gets the word, `onPoint` its place while the pointer is over it. */
export function ranking(entries, onPick, onPoint, isBig = false) {
  const highest = Math.max(...entries.map(({ score }) => score), 0.01);
  const items = entries.map(({ word, score, place }) => {
    const bar = make("i");
    bar.style.setProperty("--share", Math.max(0, highest > 1 ? score / highest : score));
    const button = make(
      "button",
      { type: "button", onclick: () => onPick(word), onpointerenter: () => onPoint(place), onpointerleave: () => onPoint(null), onfocus: () => onPoint(place), onblur: () => onPoint(null) },
      wordElement(word),
      make("span", { class: "bar", "aria-hidden": "true" }, bar),
      make("span", { class: "score" }, score.toFixed(3)),
    );
    return make("li", {}, button);
  });
  return make("ol", { class: isBig ? "ranking big" : "ranking" }, ...items);
}

/** Return the server's error message, with suggested words. */
export function mistake(error, onPick) {
  const chips = error.suggestions.map((word) => make("button", { type: "button", class: "chip", onclick: () => onPick(word) }, wordElement(word)));
  const sentence = error.message.charAt(0).toUpperCase() + error.message.slice(1).replace(/;? ?did you mean[^]*$/u, "");
  return make("div", { class: "mistake" }, make("p", {}, `${sentence.replace(/[.\n]+$/u, "")}.`), make("div", { class: "chips" }, ...chips));
}

/**
 * Return a heat map.
 *
 * `rows` and `columns` are words, `values` numbers in rows; the darkest is `most`. `say` makes a sentence of a row's
 * word, a column's word and a number.
 */
export function heatMap({ rows, columns, values, most, say, label, kind = "" }) {
  const reading = make("p", { class: "reading", "aria-hidden": "true" }, "Point at a square to see its value.");
  const heads = columns.map((word) => make("th", { scope: "col" }, wordElement(word)));
  const body = values.map((numbers, i) => {
    const cells = numbers.map((value) => {
      const cell = make("td", {}, make("span", { class: "visually-hidden" }, value.toFixed(2)));
      cell.style.setProperty("--value", Math.min(1, Math.max(0, value / most)));
      return cell;
    });
    return make("tr", {}, make("th", { scope: "row" }, wordElement(rows[i])), ...cells);
  });
  const table = make("table", {}, make("caption", { class: "visually-hidden" }, label), make("thead", {}, make("tr", {}, make("td"), ...heads)), make("tbody", {}, ...body));
  table.querySelector("thead td").style.background = "none";
  let lit = [];
  const point = (event) => {
    const cell = event.target.closest("tbody td");
    for (const head of lit) head.classList.remove("on");
    lit = [];
    if (cell === null) return;
    const [row, column] = [cell.parentElement.rowIndex - 1, cell.cellIndex - 1];
    lit = [heads[column], body[row].firstElementChild];
    for (const head of lit) head.classList.add("on");
    reading.textContent = say(shown(rows[row]), shown(columns[column]), values[row][column]);
  };
  table.addEventListener("pointerover", point);
  return make("div", {}, make("div", { class: `heat ${kind}`, tabindex: "0", role: "group", "aria-label": label }, table), reading);
}
