// Columns as histograms that filter on click, and the legend of the map's colours.

import { byId, make, shown, thousands } from "../dom.js";
import { colorOf, colorsOf } from "./colors.js";

const LEGEND = 12;

export class Facets {
  /** `selection` and `columns` return the current ones; `onColor` is called with a column's name, `onChange` after filtering. */
  constructor(selection, columns, onColor, onChange) {
    Object.assign(this, { selection, columns, onColor, onChange, cards: new Map() });
    byId("facets").replaceChildren(make("p", { class: "hint" }, "Histograms appear when the map is complete."));
  }

  build() {
    this.cards.clear();
    for (const [name, column] of this.columns()) this.cards.set(name, this.card(name, column));
    byId("facets").replaceChildren(...[...this.cards.values()].map(({ element }) => element));
  }

  card(name, { kind, title, bins }) {
    const isTall = kind === "number" || kind === "date";
    const bars = bins.map((bin, i) => {
      const fill = make("i");
      const count = make("span", { class: "count" });
      const button = make("button", { type: "button", "aria-pressed": "false", title: shown(bin), onclick: () => this.toggle(name, i) }, make("span", { class: "track" }, fill), make("bdi", { class: "bin" }, shown(bin)), count);
      return { button, fill, count };
    });
    const swatch = make("button", { type: "button", class: "by", "aria-pressed": "false", title: `Colour the map by ${title}`, "aria-label": `Colour the map by ${title}`, onclick: () => this.onColor(name) });
    const clear = make("button", { type: "button", class: "clear", hidden: true, onclick: () => this.clear(name) }, "clear");
    const heading = make("h3", {}, make("bdi", {}, shown(title)), clear, swatch);
    const body = make("div", { class: isTall ? "bins tall" : "bins" }, ...bars.map(({ button }) => button));
    const ends = isTall && bins.length > 1 ? [make("p", { class: "ends" }, make("span", {}, shown(bins[0])), make("span", {}, shown(bins.filter((bin) => bin !== "(none)").at(-1))))] : [];
    return { element: make("section", { class: kind === "regions" ? "facet whole" : "facet", "aria-label": title }, heading, body, ...ends), bars, swatch, clear };
  }

  toggle(name, bin) {
    this.selection().toggle(name, bin);
    this.onChange();
  }

  clear(name) {
    this.selection().clear(name);
    this.onChange();
  }

  /** Show the count of each bin, and which bins are chosen. */
  show() {
    for (const [name, { bars, clear }] of this.cards) {
      const { counts, chosen } = this.selection().facets.get(name);
      const most = Math.max(1, ...counts);
      clear.hidden = chosen.size === 0;
      bars.forEach(({ button, fill, count }, i) => {
        fill.style.setProperty("--share", counts[i] / most);
        count.textContent = thousands(counts[i]);
        button.setAttribute("aria-pressed", String(chosen.has(i)));
        button.classList.toggle("out", chosen.size > 0 && !chosen.has(i));
        button.title = `${shown(this.columns().get(name).bins[i])}: ${thousands(counts[i])}`;
      });
    }
  }

  /** Mark the column that colours the map. */
  choose(name) {
    for (const [key, { swatch }] of this.cards) swatch.setAttribute("aria-pressed", String(key === name));
  }
}

export class Legend {
  constructor(map, columns, onColor) {
    Object.assign(this, { map, columns, onColor, name: null });
    byId("color").addEventListener("change", () => onColor(byId("color").value));
  }

  build() {
    const options = [...this.columns()].map(([name, { title }]) => make("option", { value: name }, shown(title)));
    byId("color").replaceChildren(...options);
    byId("legend").hidden = false;
  }

  choose(name) {
    this.name = name;
    byId("color").value = name;
    this.show();
  }

  /** Return the colour number of each point for a column. */
  tones(column) {
    if (column.tones !== undefined) return column.tones;
    const colors = Uint8Array.from(column.bins, (_, bin) => colorOf(column, bin));
    return Uint8Array.from(column.codes, (code) => colors[code]);
  }

  show() {
    const column = this.columns().get(this.name);
    if (column === undefined) return;
    const { kind, bins, tones, codes } = column;
    const colors = colorsOf(kind, this.map.theme);
    const paints = bins.map((_, bin) => (tones === undefined ? colorOf(column, bin) : tones[codes.indexOf(bin)]));
    const ofBin = (bin) => colors[paints[bin]] ?? colors.rest;
    const entry = (name, color) => {
      const dot = make("i");
      dot.style.setProperty("--color", color);
      return make("li", {}, dot, make("bdi", {}, shown(name, 34)));
    };
    byId("legend-entries").hidden = kind === "regions"; // their names are on the map
    const named = bins.map((name, bin) => [name, bin]).filter(([, bin]) => paints[bin] < LEGEND || kind !== "category");
    const isRamp = kind === "number" || kind === "date";
    const step = isRamp ? Math.max(1, Math.ceil(named.length / 6)) : 1;
    const entries = named.filter((_, i) => i % step === 0).slice(0, LEGEND).map(([name, bin]) => entry(name, ofBin(bin)));
    if (kind === "category" && bins.length > named.length) entries.push(entry("others", colors.rest));
    byId("legend-entries").replaceChildren(...entries);
  }
}
