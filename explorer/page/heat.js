// A table of numbers as colours, which can also be read.

import { make, shown, wordElement } from "./dom.js";

/**
 * Return a heat map.
 *
 * `rows` and `columns` are words, `values` numbers in rows; the darkest is `most`. `say` makes a sentence of a row's
 * word, a column's word and a number.
 */
export function heatMap({ rows, columns, values, most, say, label, kind = "" }) {
  const reading = make("p", { class: "reading", "aria-hidden": "true" }, "Point at a square to read it.");
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
