// Search by meaning, and one sentence with its nearest sentences.

import { Mistake, question } from "../api.js";
import { announce, byId, listenTo, make, mistake, oneAtATime, shown, thousands } from "../dom.js";

const SHOWN = 30; // hits with their texts
const STRONG = 10; // hits highlighted most strongly
const SEEN = 60; // hits that the view flies to
const LONGEST = 400;
const FITTING = 0.8; // fraction of the hits to show, those close together

export class Search {
  /** `onAsk` is called with the query, `onGo` with the target, `onSelect` with the places of hits. */
  constructor(map, facts, onAsk, onGo, onSelect) {
    Object.assign(this, { map, facts, onAsk, onGo, onSelect, asked: oneAtATime(), input: byId("query") });
    listenTo([this.input], facts.limits.query, () => this.type(), 250);
  }

  close() {
    this.asked();
    if (this.input.value !== "") this.input.value = "";
    this.map.show(null);
    byId("answer").replaceChildren(make("p", { class: "hint" }, "Search for a meaning in your own words, or choose a point on the map. Names mark regions of sentences on the same subject."));
  }

  type() {
    const query = this.input.value.trim();
    if (query === "") return this.onGo();
    this.onAsk(query);
    return this.find(query);
  }

  openFor(query) {
    this.input.value = query;
    return this.find(query, true);
  }

  async find(query, isFlight = false) {
    await this.answer(question("search", { query }, this.asked()), ({ hits }) => {
      const places = hits.map(({ place }) => place).filter((place) => place !== null);
      const marks = new Map();
      hits.forEach(({ place }, i) => place !== null && marks.set(place, { color: "accent", isMain: i < STRONG }));
      this.map.show({ marks: new Map([...marks].reverse()), lines: [] });
      if (isFlight && places.length > 0) this.map.flyTo(this.map.closest(places[0], places.slice(1, SEEN), FITTING));
      announce(`${thousands(hits.length)} sentences highlighted; the nearest: ${shown(hits[0].sentence, LONGEST)}`);
      const select = make("button", { type: "button", class: "chip", onclick: () => this.onSelect(places) }, "Select them");
      return [make("h3", { class: "hits" }, make("span", {}, "Nearest sentences", make("small", {}, `${thousands(hits.length)} highlighted`)), select), this.list(hits.slice(0, SHOWN))];
    });
  }

  async openAt(place) {
    await this.answer(question("document", { place }, this.asked()), (found) => {
      const { neighbors, regions, sentence } = found;
      const marks = new Map([[place, { color: "second", isMain: true }]]);
      const lines = [];
      for (const near of neighbors) {
        if (near.place === null || near.place === place) continue;
        marks.set(near.place, { color: "accent" });
        lines.push({ from: place, to: near.place, strength: 0.15 + 0.5 * Math.max(0, near.score) ** 2, color: "accent" });
      }
      this.map.show({ marks, lines });
      this.map.bringIntoSight(place, neighbors.map((near) => near.place));
      announce(shown(sentence, LONGEST));
      const crumbs = regions.map((name) => make("span", {}, shown(name)));
      const facts = [["from", sourceOf(found)], ...Object.entries(found.metadata)].filter(([, value]) => value !== null && value !== "");
      return [
        make("blockquote", { class: "chosen-sentence", dir: "auto" }, make("bdi", {}, shown(sentence, Infinity))),
        make("p", { class: "crumbs" }, ...crumbs),
        make("dl", { class: "known" }, ...facts.map(([name, value]) => make("div", {}, make("dt", {}, shown(name)), make("dd", {}, shown(String(value), LONGEST))))),
        make("div", { class: "chips" }, make("button", { type: "button", class: "chip", onclick: () => this.map.flyTo(this.map.closest(place, neighbors.map((near) => near.place), FITTING)) }, "Go there")),
        make("h3", {}, "Nearest sentences"),
        this.list(neighbors),
      ];
    });
  }

  /** Show the answer to a query, or its error. */
  async answer(asked, show) {
    try {
      byId("answer").replaceChildren(...show(await asked));
      byId("search").scrollTop = 0;
    } catch (error) {
      if (!(error instanceof Mistake)) {
        if (error.name !== "AbortError") throw error;
        return;
      }
      byId("answer").replaceChildren(mistake(error, () => {}));
      this.map.show(null);
    }
  }

  list(hits) {
    const items = hits.map((hit) => {
      const bar = make("i");
      bar.style.setProperty("--share", Math.max(0, hit.score));
      const point = (place) => () => this.map.setHover(place);
      const attributes = { type: "button", disabled: hit.place === null, onclick: () => this.onGo("at", String(hit.place)), onpointerenter: point(hit.place), onpointerleave: point(null), onfocus: point(hit.place), onblur: point(null) };
      return make("li", {}, make("button", attributes, make("bdi", { class: "text-of", dir: "auto" }, shown(hit.sentence, LONGEST)), make("span", { class: "under" }, make("span", { class: "bar", "aria-hidden": "true" }, bar), make("span", { class: "score" }, hit.score.toFixed(3)), make("span", { class: "source" }, sourceOf(hit)))));
    });
    return make("ol", { class: "ranking sentences" }, ...items);
  }
}

/** Return the source of a sentence. */
export function sourceOf({ file, line }) {
  const name = file.split(/[\\/]/u).at(-1);
  return `${name === "" ? "text" : `${shown(name)}:`}${name === "" ? " " : ""}${thousands(line)}`;
}
