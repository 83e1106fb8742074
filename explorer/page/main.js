// The page of words: requests are part of the URL, so that the browser's back button works.

import { getMap, getModel, getRegions, getWords, watchServer } from "./api.js";
import { byId, thousands } from "./dom.js";
import { GONE, initHeader, initHelp, initTheme, isFree, isTyping, Tabs, warn } from "./frame.js";
import { WordMap } from "./map.js";
import { Sentences } from "./sentences.js";
import { Analogies, Words } from "./words.js";

const map = new WordMap((place) => pick(place));
initTheme((theme) => map.setTheme(theme));
watchServer(
  () => warn(GONE),
  () => map.drawer !== null && warn(null),
);

let words;
const asked = {};
const tabs = new Tabs(["words", "analogy", "sentences"], open);
await Promise.all([start(), watchMap()]);

async function start() {
  const [facts, list] = await Promise.all([getModel(), getWords()]);
  words = list;
  map.setWords(words);
  initHeader(facts.name, `${facts.kind} · ${thousands(facts.words)} words × ${facts.columns}${textSize(facts.tokens)}`);
  const choose = (word) => tabs.go("words", word);
  asked.words = new Words(map, facts, choose);
  asked.analogy = new Analogies(map, facts, words, (given) => tabs.keep("analogy", ...given), choose);
  asked.sentences = new Sentences(map, facts, words, (given) => tabs.keep("sentences", ...given));
  listen();
  tabs.route();
}

function textSize(tokens) {
  if (tokens === null) return "";
  return tokens < 1e6 ? ` · from ${thousands(tokens)}` : ` · from ${thousands(Math.round(tokens / 1e5) / 10)} million`;
}

/** Fetch the map and, once it is finished, the names of its regions. */
async function watchMap() {
  await map.follow(getMap);
  map.setRegions((await getRegions()).levels);
}

/** Show what the URL requests. */
function open(name, parts) {
  const given = parts.filter((part) => part !== "");
  if (name === "words") given.length > 0 ? asked.words.open(given[0]) : asked.words.close();
  else if (name === "analogy" && given.length === 3) asked.analogy.open(given);
  else if (name === "sentences" && given.length === 2) asked.sentences.open(...given);
  else asked[name].type();
}

function pick(place) {
  if (place === null) tabs.go("words");
  else tabs.go("words", words[place]);
}

function listen() {
  initHelp();
  document.addEventListener("keydown", (event) => {
    if (!isFree(event)) return;
    if (event.key === "Escape" && !byId("words").hidden) {
      tabs.go("words");
    } else if (event.key === "/" && !isTyping(event)) {
      event.preventDefault();
      if (byId("words").hidden) tabs.go("words");
      byId("search").focus();
      byId("search").select();
    }
  });
}
