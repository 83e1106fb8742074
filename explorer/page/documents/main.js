// The page of an index: it loads the map first, then names and columns, and answers requests.

import { fetchArrays, getModel, question, watchServer } from "../api.js";
import { announce, byId, thousands } from "../dom.js";
import { GONE, initHeader, initHelp, initTheme, isFree, isTyping, Tabs, warn } from "../frame.js";
import { Facets, Legend } from "./facets.js";
import { DocumentMap } from "./map.js";
import { Search } from "./search.js";
import { Selection } from "./selection.js";
import { Table } from "./table.js";

const REGIONS = "region";

const map = new DocumentMap((place) => (place === null ? tabs.go("search") : tabs.go("search", "at", String(place))), select);
let selection = null;
let color = REGIONS;
const columns = new Map(); // kind, bins, and the bin of each point, by name

const legend = new Legend(map, () => columns, setColor);
initTheme((theme) => {
  map.setTheme(theme);
  legend.show();
});
watchServer(
  () => warn(GONE),
  () => map.gl !== null && warn(null),
);

const facets = new Facets(() => selection, () => columns, setColor, update);
const facts = await getModel();
const table = new Table(facts, () => selection, (place) => tabs.go("search", "at", String(place)), (place) => map.setHover(place));
const search = new Search(map, facts, (query) => tabs.keep("search", "for", query), (...parts) => tabs.go("search", ...parts), selectPlaces);
const tabs = new Tabs(["search", "filter", "table"], open);
const sample = facts.onMap < facts.sentences ? ` · ${thousands(facts.onMap)} of them on the map` : "";
initHeader(facts.name, `${thousands(facts.sentences)} sentences × ${thousands(facts.columns)}${sample}`);
listen();
tabs.route();
await watchMap();

/** Fetch the map, then everything else. */
async function watchMap() {
  await map.follow((after) => fetchArrays("points", { after }));
  const { levels, labels } = await fetchArrays("regions");
  map.setRegions(levels);
  columns.set(REGIONS, { kind: "regions", title: "Region", bins: levels[0].map(({ words }) => words.slice(0, 3).join(" · ")), codes: firstLevel(levels, labels), tones: map.groups });
  selection = new Selection(map.groups.length);
  await addColumns();
  setColor(facts.color ?? REGIONS);
  update();
}

/** Return the first-level region of each point. */
function firstLevel(levels, labels) {
  let above = levels.at(-1).map((_, i) => i);
  for (let level = levels.length - 1; level > 0; level--) above = above.map((i) => levels[level][i].parent);
  return labels.map((label) => above[label]);
}

async function addColumns() {
  const found = await question("columns");
  for (const { name, kind, bins } of found.columns) {
    const { codes } = await fetchArrays("codes", { name });
    columns.set(name === REGIONS ? `${name} ` : name, { kind, title: name, bins, codes });
  }
  for (const [name, { codes, bins }] of columns) selection.add(name, codes, bins.length);
  selection.update();
  facets.build();
  legend.build();
}

/** Colour the map by a column. */
function setColor(name) {
  color = name;
  legend.choose(name);
  facets.choose(name);
  map.setPalette(columns.get(name));
  paint();
}

/** Colour each point, and make unselected ones grey. */
function paint() {
  const tones = legend.tones(columns.get(color)).slice();
  const { lit, isFiltered } = selection;
  if (isFiltered) for (let i = 0; i < tones.length; i++) tones[i] |= lit[i] === 1 ? 0 : 128;
  map.setTones(tones, isFiltered);
}

/** Show the current selection. */
function update() {
  const { count, n, isFiltered } = selection;
  paint();
  facets.show();
  byId("selected").hidden = !isFiltered;
  byId("selected-count").textContent = `${thousands(count)} of ${thousands(n)} selected`;
  table.update(!byId("table").hidden);
}

function select(corners) {
  if (selection === null) return;
  selection.draw(map.points, corners);
  showSelected();
}

function selectPlaces(places) {
  if (selection === null) return;
  selection.keep(places);
  showSelected();
}

function showSelected() {
  update();
  announce(`${thousands(selection.count)} sentences selected`);
  if (selection.count > 0) tabs.go("table");
}

/** Show what the URL requests. */
function open(name, [how = "", ...rest]) {
  byId("panel").classList.toggle("wide", name === "table");
  map.resize();
  if (name === "table") table.update(true);
  if (name !== "search") return map.show(null);
  if (how === "at" && /^\d+$/u.test(rest[0])) search.openAt(Number(rest[0]));
  else if (how === "for" && rest[0]) search.openFor(rest[0]);
  else search.close();
  return undefined;
}

function clear() {
  selection.clear();
  update();
  announce("All sentences are shown");
}

function listen() {
  initHelp();
  byId("lasso").addEventListener("click", () => map.setLasso(!map.isLasso));
  byId("selected-clear").addEventListener("click", clear);
  byId("selected-table").addEventListener("click", () => tabs.go("table"));
  document.addEventListener("keydown", (event) => {
    if (!isFree(event) || (isTyping(event) && event.key !== "Escape")) return;
    const { key } = event;
    if (key === "Escape") {
      if (map.isLasso) map.setLasso(false);
      else if (map.highlight.marks.size > 0) tabs.go("search");
      else if (selection?.isFiltered) clear();
    } else if (key === "/") {
      event.preventDefault();
      if (byId("search").hidden) tabs.go("search");
      byId("query").focus();
      byId("query").select();
    } else if (key === "l") map.setLasso(!map.isLasso);
    else if (key === "s") select(map.sight());
  });
}
