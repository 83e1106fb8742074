// The selected sentences as a table, and as a file.

import { fetchFile, question } from "../api.js";
import { byId, make, oneAtATime, shown, thousands } from "../dom.js";
import { sourceOf } from "./search.js";

const ROWS = 50;
const LONGEST = 300;
const NAMES = { csv: "CSV", jsonl: "JSON Lines", txt: "Text" };

export class Table {
  /** `selection` returns the selected points, or null; `onChoose` is called with a place, `onPoint` with one or null. */
  constructor(facts, selection, onChoose, onPoint) {
    Object.assign(this, { facts, selection, onChoose, onPoint, asked: oneAtATime(), isFresh: false });
    const head = ["Sentence", "From", ...facts.metadata].map((name) => make("th", { scope: "col" }, shown(name)));
    this.body = make("tbody");
    byId("rows").replaceChildren(make("thead", {}, make("tr", {}, ...head)), this.body);
    byId("forms").replaceChildren(...facts.forms.map((form) => make("button", { type: "button", class: "chip", onclick: () => this.save(form) }, NAMES[form])));
    byId("more").addEventListener("click", () => this.load());
  }

  /** Record that the selection has changed; show it if the tab is open. */
  update(isShown) {
    if (this.selection() === null) return undefined;
    const bits = this.selection().bits();
    this.isFresh &&= bits === this.bits;
    this.bits = bits;
    if (this.isFresh || !isShown) return undefined;
    this.isFresh = true;
    this.body.replaceChildren();
    return this.load();
  }

  async load() {
    const start = this.body.rows.length;
    let found;
    try {
      found = await question("table", { selected: this.bits, start, n: ROWS }, this.asked());
    } catch (error) {
      if (error.name === "AbortError") return;
      this.isFresh = false;
      throw error;
    }
    this.body.append(...found.rows.map((row) => this.row(row)));
    byId("table-count").textContent = `${thousands(found.total)} sentence${found.total === 1 ? "" : "s"}`;
    byId("more").hidden = this.body.rows.length >= found.total;
  }

  row(row) {
    const point = (place) => () => this.onPoint(place);
    const attributes = { type: "button", onclick: () => this.onChoose(row.place), onpointerenter: point(row.place), onpointerleave: point(null), onfocus: point(row.place), onblur: point(null) };
    const cells = [make("button", attributes, make("bdi", { dir: "auto" }, shown(row.sentence, LONGEST))), sourceOf(row), ...this.facts.metadata.map((name) => written(row.metadata[name]))];
    return make("tr", {}, ...cells.map((cell) => make("td", {}, cell)));
  }

  async save(form) {
    if (this.selection() === null) return;
    const file = await fetchFile("save", { selected: this.bits, form });
    const link = make("a", { href: URL.createObjectURL(file), download: `${this.facts.name.replace(/\.index$/u, "")}.${form}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

const written = (value) => (value === null || value === undefined || value === "" ? "" : shown(String(value), LONGEST));
