// Words with scores, as a list that can be clicked, and what went wrong instead of one.

import { make, wordElement } from "./dom.js";

/** Return a list of words; `onPick` is called with the word, `onPoint` with its place while the pointer is over it. */
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

/** Return what the server says is wrong, with words that may have been meant. */
export function mistake(error, onPick) {
  const chips = error.suggestions.map((word) => make("button", { type: "button", class: "chip", onclick: () => onPick(word) }, wordElement(word)));
  const sentence = error.message.charAt(0).toUpperCase() + error.message.slice(1).replace(/;? ?did you mean[^]*$/u, "");
  return make("div", { class: "mistake" }, make("p", {}, `${sentence.replace(/[.\n]+$/u, "")}.`), make("div", { class: "chips" }, ...chips));
}
