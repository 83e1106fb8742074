// The page of models of texts or pictures: one tab for each kind of request.

import { getModel, watchServer } from "../api.js";
import { byId, thousands } from "../dom.js";
import { GONE, initHeader, initHelp, initTheme, Tabs, warn } from "../frame.js";
import { Classifying, Examples, Tagging } from "./labelled.js";
import { Looking } from "./pictures.js";
import { Translations } from "./translating.js";
import { Judgement, Writing } from "./writing.js";

const KINDS = {
  translator: { translate: Translations },
  "language model": { write: Writing, score: Judgement },
  "text classifier": { classify: Classifying, examples: Examples },
  tagger: { tag: Tagging, examples: Examples },
  "image classifier": { look: Looking },
};

initTheme();
initHelp();
watchServer(() => warn(GONE), () => warn(null));

const facts = await getModel();
const size = () => `${facts.units} · ${facts.architecture}, ${facts.layers} × ${facts.columns}, ${thousands(facts.parameters)} parameters`;
initHeader(facts.name, `${facts.kind} · ${facts.facts ?? size()}`);
for (const element of document.querySelectorAll("[data-kind]")) element.hidden = !element.dataset.kind.split(", ").includes(facts.kind);

const kinds = KINDS[facts.kind];
const asked = {};
const tabs = new Tabs(Object.keys(kinds), (name, given) => asked[name].open(given));
for (const [name, kind] of Object.entries(kinds)) {
  asked[name] = new kind(facts, (...given) => tabs.keep(name, ...given), (...to) => tabs.go(...to));
  byId(`tab-${name}`).hidden = false;
}
byId("tabs").hidden = Object.keys(kinds).length < 2;
tabs.route();
