/* keys.js - the keys of the whole page and the card that lists them. */
import { h } from "../lib/dom.js";

const LIST = [
  [
    "Everywhere",
    [
      ["?", "this card"],
      ["1 2 3 4", "Graph, Services, Latency, Senders"],
      ["space", "live or paused"],
      ["Esc", "close what is open"],
    ],
  ],
  [
    "Graph",
    [
      ["/", "find: name, error > 1%, p95 > 200ms, flag:UO"],
      ["← → ↑ ↓", "go to the next node (with the graph in focus)"],
      ["Enter", "open its panel"],
      ["f", "focus on the chosen node"],
      ["+ −", "zoom"],
      ["0", "fit everything"],
      ["l", "lay out anew"],
      ["t", "table beside the graph"],
    ],
  ],
  [
    "Query",
    [
      ["Enter", "run all expressions"],
      ["Shift+Enter", "a new line"],
      ["Ctrl+space", "what could stand here"],
      ["Tab", "take the first or chosen suggestion"],
    ],
  ],
  [
    "Tables",
    [
      ["Tab", "to the next heading or row"],
      ["Enter", "sort by the heading, open the row"],
    ],
  ],
];

function card() {
  return LIST.map(([title, keys]) =>
    h(
      "section",
      {},
      h("h3", {}, title),
      h(
        "dl",
        {},
        keys.map(([key, words]) =>
          h(
            "div",
            {},
            h(
              "dt",
              {},
              key.split(" ").map((k) => h("kbd", {}, k)),
            ),
            h("dd", {}, words),
          ),
        ),
      ),
    ),
  );
}

export function createHelp() {
  const dialog = h(
    "dialog",
    { class: "keys", "aria-label": "Keys" },
    h(
      "form",
      { method: "dialog" },
      h(
        "div",
        { class: "row between" },
        h("h2", {}, "Keys"),
        h("button", { class: "button quiet", type: "submit" }, "Close"),
      ),
      h("div", { class: "keys-grid" }, card()),
      h(
        "p",
        { class: "licences" },
        h("a", { href: "licences.txt" }, "Licences of the libraries in this page"),
      ),
    ),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return { element: dialog, open: () => dialog.open || dialog.showModal() };
}

const isTyping = (target) =>
  target.closest?.("input, textarea, select, [contenteditable]") !== null;

/** Calls `actions[key]` for keys pressed outside of input fields; an action answers false when it did nothing. */
export function listenKeys(actions) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
      return;
    if (isTyping(event.target) && event.key !== "Escape") return;
    if (event.key === "Escape" && document.querySelector(":popover-open")) return; // the browser closes it
    if (event.key === " " && event.target.closest?.("button, a, summary")) return;
    const run = actions(event.key);
    if (run && run() !== false) event.preventDefault();
  });
}
