/* theme.js - light or dark: follows the system until a person chooses; canvases are told when it changes. */
import { h, fill } from "../lib/dom.js";
import { icon } from "../lib/icons.js";

const ORDER = ["system", "light", "dark"];
const ICONS = { system: "system", light: "sun", dark: "moon" };
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();
let choice = read();

function read() {
  try {
    const kept = localStorage.getItem("weft.theme");
    return ORDER.includes(kept) ? kept : "system";
  } catch {
    return "system";
  }
}

function keep() {
  try {
    localStorage.setItem("weft.theme", choice);
  } catch {
    /* private windows: the choice lasts as long as the page */
  }
}

function apply() {
  const isDark = choice === "dark" || (choice === "system" && dark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  for (const run of listeners) run();
}

/** Runs `run` after each change of colours. */
export function onTheme(run) {
  listeners.add(run);
  return () => listeners.delete(run);
}

/** The button that goes through system, light, dark. */
export function themeButton() {
  const button = h("button", { class: "button quiet square", type: "button", on: { click: next } });
  function render() {
    fill(button, icon(ICONS[choice]));
    button.setAttribute("aria-label", `Colours: ${choice}`);
    button.title = `Colours: ${choice}`;
  }
  function next() {
    choice = ORDER[(ORDER.indexOf(choice) + 1) % ORDER.length];
    keep();
    apply();
    render();
  }
  render();
  return button;
}

dark.addEventListener("change", apply);
apply();
