// Elements made of text and of each other. Words come from a model, which may be a stranger's: they are only ever text.

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

/** Return a word as an element of its own direction. */
export function wordElement(word) {
  const element = make("bdi", { class: "word", translate: "no" });
  element.textContent = shown(word);
  return element;
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;
const JOINERS = new Set(["\u200c", "\u200d"]);
const LONGEST = 60;

/** Return a word as it can be shown: what would be invisible or turn the line around is named, long words are cut. */
export function shown(word) {
  const visible = word.replace(INVISIBLE, (c) => (JOINERS.has(c) ? c : `‹${c.codePointAt(0).toString(16)}›`));
  const letters = [...visible];
  if (letters.length > LONGEST) return letters.slice(0, LONGEST).join("") + "…";
  return visible.trim() === "" ? "␣".repeat(Math.max(1, letters.length)) : visible;
}

export const byId = (id) => document.getElementById(id);

export const thousands = (number) => number.toLocaleString("en-GB");

/** Call `work` once nothing was typed into some inputs, of limited length, for so many milliseconds. */
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

/** Say something to those who hear the page. */
export function announce(text) {
  byId("live").textContent = text;
}

/** Return what asks one question at a time: a newer one calls off the one before. */
export function oneAtATime() {
  let running = new AbortController();
  return () => {
    running.abort();
    running = new AbortController();
    return running.signal;
  };
}
