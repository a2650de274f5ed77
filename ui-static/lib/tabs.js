/* tabs.js - tabs as screen readers know them: arrows, Home and End go from one to the next. */
import { h } from "./dom.js";

const MOVES = { ArrowRight: 1, ArrowLeft: -1 };

/** `tabs`: {key, name, panel (an element)}; `choose(key)` is told; `render(key)` shows one. */
export function createTabs({ id, label, tabs, choose }) {
  const buttons = tabs.map(({ key, name, panel }) => {
    const own = `${id}-${key || "first"}`;
    panel.id = `${own}-panel`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", own);
    return h(
      "button",
      {
        id: own,
        type: "button",
        role: "tab",
        "aria-controls": panel.id,
        on: { click: () => choose(key) },
      },
      name,
    );
  });
  const element = h(
    "div",
    { class: "segmented", role: "tablist", "aria-label": label, on: { keydown: move } },
    buttons,
  );

  function move(event) {
    const now = buttons.indexOf(event.target);
    const to = { Home: 0, End: buttons.length - 1 }[event.key] ?? now + MOVES[event.key];
    if (now < 0 || Number.isNaN(to)) return;
    event.preventDefault();
    const next = (to + buttons.length) % buttons.length;
    choose(tabs[next].key);
    buttons[next].focus();
  }

  function render(key) {
    tabs.forEach((tab, i) => {
      const isChosen = tab.key === key;
      buttons[i].setAttribute("aria-selected", String(isChosen));
      buttons[i].tabIndex = isChosen ? 0 : -1;
      tab.panel.hidden = !isChosen;
    });
  }
  return { element, render };
}
