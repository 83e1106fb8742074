// The frame of every page: light and dark theme, the model's name, help, and tabs, which are part of the URL.

import { byId, make, shown } from "./dom.js";

// twelve hues with the lightness that each background needs; adjacent ones are similar
const PALETTES = {
  light: ["#d9666a", "#c2611e", "#bd8300", "#868600", "#5ba44a", "#009b73", "#00a8b2", "#008ec5", "#588ee7", "#806ed0", "#b56fc6", "#be578c"],
  dark: ["#ff9999", "#e9925f", "#e4b154", "#b0b14b", "#8ece80", "#43c49f", "#32d2da", "#43b9ea", "#8bbbff", "#aa9df4", "#dea0ec", "#e589b6"],
};
const NAMES = ["auto", "light", "dark"];
const SAYS = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" };

/** Return the components, from 0 to 1, of a colour in the browser's notation. */
export function rgb(color) {
  return color.match(/[\d.]+/gu).slice(0, 3).map((part) => Number(part) / 255);
}

/** Return the components of a colour in the notation of this file. */
export const hexadecimal = (color) => [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16) / 255);

/** Set up the theme button, which starts with the system's preference; `onChange` is called with colours for the map, now and whenever they change. */
export function initTheme(onChange = () => {}) {
  const button = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = NAMES.includes(stored()) ? stored() : "auto";

  const probe = document.body.appendChild(make("span", { hidden: true }));
  const color = (name) => {
    probe.style.color = `var(${name})`; // light-dark() is resolved only in a property that is used
    return getComputedStyle(probe).color;
  };
  const apply = () => {
    const isDark = chosen === "dark" || (chosen === "auto" && system.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    const next = NAMES[(NAMES.indexOf(chosen) + 1) % NAMES.length];
    button.setAttribute("aria-label", `${SAYS[chosen]}. Change to ${next}`);
    button.title = SAYS[chosen];
    onChange({
      isDark,
      points: PALETTES[isDark ? "dark" : "light"],
      background: color("--ground"),
      ink: color("--ink"),
      accent: color("--accent"),
      second: color("--second"),
      font: getComputedStyle(document.body).fontFamily,
    });
  };
  button.addEventListener("click", () => {
    chosen = NAMES[(NAMES.indexOf(chosen) + 1) % NAMES.length];
    store(chosen);
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}

function stored() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // the browser has no storage
  }
}

function store(name) {
  try {
    localStorage.setItem("theme", name);
  } catch {
    // the choice lasts until the page is closed
  }
}

/** Show the model's name and description. */
export function initHeader(name, facts) {
  byId("name").textContent = shown(name);
  byId("name").title = shown(name);
  document.title = `${shown(name)} · w2v explore`;
  byId("facts").textContent = facts;
}

export function initHelp() {
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  document.addEventListener("keydown", (event) => {
    if (event.key === "?" && isFree(event) && !isTyping(event)) byId("help").showModal();
  });
}

/** Return whether a key event is free for a shortcut. */
export const isFree = (event) => !(event.ctrlKey || event.metaKey || event.altKey || byId("help").open);

export const isTyping = (event) => event.target.matches("input:not([type=radio]), textarea, select");

/** Show a notice, or with null remove it. */
export function warn(text) {
  byId("notice").textContent = text ?? "";
  byId("notice").hidden = !text;
}

export const GONE = "The explorer has ended. Start it again with w2v explore, then reload this page.";

/**
 * Show one tab at a time, given by the URL, which also contains the request in that tab.
 *
 * `open` is called with the name of the tab and the parts of the URL after it.
 */
export class Tabs {
  constructor(names, open) {
    Object.assign(this, { names, open });
    names.forEach((name, i) => {
      const tab = byId(`tab-${name}`);
      tab.addEventListener("click", () => this.go(name));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step === undefined) return;
        const next = names[(i + step + names.length) % names.length];
        this.go(next);
        byId(`tab-${next}`).focus();
      });
    });
    window.addEventListener("hashchange", () => this.route());
  }

  /** Navigate to a request, which becomes part of the URL. */
  go(...parts) {
    if (location.hash === address(parts)) this.route();
    else location.hash = address(parts);
  }

  /** Put the current request into the URL. */
  keep(...parts) {
    history.replaceState(null, "", address(parts));
  }

  route() {
    let parts;
    try {
      parts = location.hash.replace(/^#\/?/u, "").split("/").map(decodeURIComponent);
    } catch {
      parts = [""]; // not a URL of this page
    }
    const name = this.names.includes(parts[0]) ? parts[0] : this.names[0];
    for (const tab of this.names) {
      byId(`tab-${tab}`).setAttribute("aria-selected", String(tab === name));
      byId(`tab-${tab}`).tabIndex = tab === name ? 0 : -1;
      byId(tab).hidden = tab !== name;
    }
    this.open(name, parts.slice(1));
  }
}

const address = (parts) => `#/${parts.map(encodeURIComponent).join("/")}`;
