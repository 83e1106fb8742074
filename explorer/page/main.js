// The page: what is asked stands in the address, so that it can be gone back to.

import { getMap, getModel, getWords, watchServer } from "./api.js";
import { Analogies } from "./analogy.js";
import { byId, shown, thousands } from "./dom.js";
import { WordMap } from "./map.js";
import { Sentences } from "./sentences.js";
import { initTheme } from "./theme.js";
import { Words } from "./words.js";

const TABS = ["words", "analogy", "sentences"];
const PAUSE = 400; // milliseconds between questions for a better map
const PATIENCE = 2000;

const map = new WordMap((place) => pick(place));
initTheme((theme) => map.setTheme(theme));
watchServer(
  () => map.warn("The explorer has ended. Start it again with w2v explore, and reload this page."),
  () => map.drawer !== null && map.warn(null),
);

let words;
const tabs = {};
await Promise.all([start(), watchMap()]);

async function start() {
  const [facts, list] = await Promise.all([getModel(), getWords()]);
  words = list;
  map.setWords(words);
  byId("name").textContent = shown(facts.name);
  byId("name").title = shown(facts.name);
  document.title = `${shown(facts.name)} · w2v explore`;
  byId("facts").textContent = `${facts.kind} · ${thousands(facts.words)} words × ${facts.columns}${textSize(facts.tokens)}`;
  const choose = (word) => go("words", word);
  tabs.words = new Words(map, facts, choose);
  const keep = (tab) => (given) => history.replaceState(null, "", address(tab, ...given));
  tabs.analogy = new Analogies(map, facts, words, keep("analogy"), choose);
  tabs.sentences = new Sentences(map, facts, words, keep("sentences"));
  window.addEventListener("hashchange", route);
  listen();
  route();
}

function textSize(tokens) {
  if (tokens === null) return "";
  return tokens < 1e6 ? ` · from ${thousands(tokens)}` : ` · from ${thousands(Math.round(tokens / 1e5) / 10)} million`;
}

/** Fetch the map, and better ones as long as they come. */
async function watchMap() {
  for (let version = 0; ; ) {
    let found = null;
    try {
      found = await getMap(version);
    } catch {
      await pause(PATIENCE);
      continue;
    }
    if (found !== null) {
      version = found.version;
      map.setPoints(found.points, found.groups);
      byId("progress").hidden = found.stage === "final";
      byId("progress-bar").value = found.progress;
      byId("progress-text").textContent = `Arranging the map … ${Math.round(100 * found.progress)} %`;
      if (found.stage === "final") return;
    }
    await pause(PAUSE);
  }
}

function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}

function address(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Ask something that the address then holds. */
function go(...parts) {
  if (location.hash === address(...parts)) route();
  else location.hash = address(...parts);
}

/** Show what the address asks for. */
function route() {
  let parts;
  try {
    parts = location.hash.replace(/^#\/?/u, "").split("/").map(decodeURIComponent);
  } catch {
    parts = [""]; // not an address of ours
  }
  const name = TABS.includes(parts[0]) ? parts[0] : "words";
  for (const tab of TABS) {
    byId(`tab-${tab}`).setAttribute("aria-selected", String(tab === name));
    byId(`tab-${tab}`).tabIndex = tab === name ? 0 : -1;
    byId(tab).hidden = tab !== name;
  }
  const given = parts.slice(1).filter((part) => part !== "");
  if (name === "words") given.length > 0 ? tabs.words.open(given[0]) : tabs.words.close();
  else if (name === "analogy" && given.length === 3) tabs.analogy.open(given);
  else if (name === "sentences" && given.length === 2) tabs.sentences.open(...given);
  else tabs[name].type();
}

function pick(place) {
  if (place === null) go("words");
  else go("words", words[place]);
}

function listen() {
  TABS.forEach((name, i) => {
    const tab = byId(`tab-${name}`);
    tab.addEventListener("click", () => go(name));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step === undefined) return;
      const next = TABS[(i + step + TABS.length) % TABS.length];
      go(next);
      byId(`tab-${next}`).focus();
    });
  });
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input[type=text], textarea, select");
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    if (event.key === "Escape" && !byId("words").hidden) {
      go("words");
    } else if (event.key === "/" && !isTyping) {
      event.preventDefault();
      if (byId("words").hidden) go("words");
      byId("search").focus();
      byId("search").select();
    } else if (event.key === "?" && !isTyping) {
      byId("help").showModal();
    }
  });
}
