// Light and dark: what the system prefers, until somebody chooses.

import { byId, make } from "./dom.js";

// twelve hues at the lightness that each background needs; neighbours in the ring are alike
const PALETTES = {
  light: ["#d9666a", "#c2611e", "#bd8300", "#868600", "#5ba44a", "#009b73", "#00a8b2", "#008ec5", "#588ee7", "#806ed0", "#b56fc6", "#be578c"],
  dark: ["#ff9999", "#e9925f", "#e4b154", "#b0b14b", "#8ece80", "#43c49f", "#32d2da", "#43b9ea", "#8bbbff", "#aa9df4", "#dea0ec", "#e589b6"],
};
const NAMES = ["auto", "light", "dark"];
const SAYS = { auto: "Colours: as the system has them", light: "Colours: light", dark: "Colours: dark" };

/** Return the parts, from 0 to 1, of a colour as the browser writes it. */
export function rgb(color) {
  return color.match(/[\d.]+/gu).slice(0, 3).map((part) => Number(part) / 255);
}

/** Set up the button; `onChange` is called with colours for the map, now and whenever they change. */
export function initTheme(onChange) {
  const button = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = NAMES.includes(stored()) ? stored() : "auto";

  const probe = document.body.appendChild(make("span", { hidden: true }));
  const color = (name) => {
    probe.style.color = `var(${name})`; // what light-dark() comes to is known of a property that is used
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
    return null; // a browser that keeps nothing
  }
}

function store(name) {
  try {
    localStorage.setItem("theme", name);
  } catch {
    // it holds until the page is closed
  }
}
