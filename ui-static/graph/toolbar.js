/* toolbar.js - what can be chosen about the picture. */
import { h, fill } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import * as state from "../state.js";
import { LABELS } from "./model.js";

const GROUPS = {
  service: "Services",
  workload: "Workloads",
  version: "Versions",
  namespace: "Namespaces",
};
const FOCUS_DEPTHS = ["1", "2", "3", "4", "5"];

function choice(name, options, key) {
  const select = h(
    "select",
    { "aria-label": name, on: { change: () => state.set({ [key]: select.value }) } },
    Object.entries(options).map(([value, words]) => h("option", { value }, words)),
  );
  return {
    element: h("label", { class: "field" }, h("span", { class: "field-name" }, name), select),
    render: (now) => {
      select.value = now[key];
    },
  };
}

function squareButton(name, words, run) {
  return h(
    "button",
    {
      type: "button",
      class: "button square",
      "aria-label": words,
      title: words,
      on: { click: run },
    },
    icon(name),
  );
}

function createFind(onEnter) {
  const input = h("input", {
    type: "search",
    class: "find",
    placeholder: "Find: name, error > 1%, p95 > 200ms, flag:UO",
    "aria-label": "Find in the graph",
    spellcheck: "false",
    autocomplete: "off",
    on: {
      input: () => state.set({ find: input.value }, { replace: true }),
      keydown: (event) => {
        if (event.key === "Enter") onEnter();
        if (event.key === "Escape") {
          input.value = "";
          state.set({ find: "" }, { replace: true });
          input.blur();
        }
      },
    },
  });
  const hits = h("span", { class: "find-count", role: "status" });
  return { element: h("div", { class: "find-box" }, icon("search"), input, hits), input, hits };
}

function createFilters() {
  const spaces = h("div", { class: "checks" });
  const protocol = h(
    "select",
    { "aria-label": "Protocol", on: { change: () => state.set({ protocol: protocol.value }) } },
    ["", "http", "grpc", "database", "messaging", "tcp", "unknown"].map((value) =>
      h("option", { value }, value || "any"),
    ),
  );
  const least = h("input", {
    type: "number",
    min: "0",
    step: "1",
    "aria-label": "At least so many requests",
    on: { change: () => state.set({ min: least.value === "0" ? "" : least.value }) },
  });
  const mode = h(
    "select",
    { "aria-label": "Proxies", on: { change: () => state.set({ mode: mode.value }) } },
    h("option", { value: "mesh" }, "joined through"),
    h("option", { value: "raw" }, "each a node"),
  );
  const card = h(
    "div",
    {
      id: "filters",
      class: "popover filters",
      popover: "auto",
      role: "dialog",
      "aria-label": "Filters",
    },
    h("label", { class: "line" }, "Waypoints and mesh gateways", mode),
    h("label", { class: "line" }, "Protocol", protocol),
    h("label", { class: "line" }, "At least", h("span", { class: "row" }, least, "requests")),
    h("h3", {}, "Namespaces"),
    spaces,
  );
  const button = h(
    "button",
    { type: "button", class: "button", popovertarget: "filters", "aria-label": "Filter" },
    icon("filter"),
    h("span", { class: "wide" }, "Filter"),
  );
  card.addEventListener("toggle", (event) => {
    const box = button.getBoundingClientRect();
    if (event.newState === "open")
      Object.assign(card.style, {
        top: `${box.bottom + 6}px`,
        left: `${Math.max(8, Math.min(box.left, innerWidth - card.offsetWidth - 8))}px`,
      });
  });

  function toggleSpace(name, checked) {
    const chosen = new Set(state.get().ns.split(",").filter(Boolean));
    if (checked) chosen.add(name);
    else chosen.delete(name);
    state.set({ ns: [...chosen].sort().join(",") });
  }

  function render(now, names) {
    const chosen = new Set(now.ns.split(",").filter(Boolean)),
      all = [...new Set([...names, ...chosen])].sort();
    protocol.value = now.protocol;
    mode.value = now.mode;
    least.value = now.min || "0";
    fill(
      spaces,
      all.length
        ? all.map((name) =>
            h(
              "label",
              { class: "check" },
              h("input", {
                type: "checkbox",
                checked: chosen.has(name),
                on: { change: (event) => toggleSpace(name, event.target.checked) },
              }),
              name,
            ),
          )
        : h("p", { class: "quiet-text" }, "No namespaces known."),
    );
    button.setAttribute(
      "aria-pressed",
      String(Boolean(now.ns || now.protocol || now.min || now.mode !== "mesh")),
    );
  }
  return { element: h("div", { class: "filter-box" }, button, card), render };
}

function createSave(save) {
  const item = (words, run) =>
    h(
      "button",
      {
        type: "button",
        class: "menu-item",
        on: {
          click: () => {
            menu.hidePopover();
            run();
          },
        },
      },
      words,
    );
  const menu = h(
    "div",
    { id: "save-menu", class: "popover menu", popover: "auto" },
    item("PNG picture", save.png),
    item("SVG drawing", save.svg),
    item("JSON data", save.json),
  );
  const button = h(
    "button",
    { type: "button", class: "button", popovertarget: "save-menu", "aria-label": "Save" },
    icon("save"),
    h("span", { class: "wide" }, "Save"),
  );
  menu.addEventListener("toggle", (event) => {
    const box = button.getBoundingClientRect();
    if (event.newState === "open")
      Object.assign(menu.style, {
        top: `${box.bottom + 6}px`,
        left: `${Math.max(8, box.right - menu.offsetWidth)}px`,
      });
  });
  return h("div", { class: "save-box" }, button, menu);
}

/** `actions`: nextHit, table, save{png, svg, json}. */
export function createToolbar(actions) {
  const find = createFind(actions.nextHit),
    filters = createFilters();
  const choices = [choice("Show", GROUPS, "group"), choice("Label", LABELS, "label")];
  const table = h(
    "button",
    { type: "button", class: "button", "aria-label": "Table", on: { click: actions.table } },
    icon("table"),
    h("span", { class: "wide" }, "Table"),
  );
  const depth = h(
    "select",
    { "aria-label": "Focus depth", on: { change: () => state.set({ depth: depth.value }) } },
    FOCUS_DEPTHS.map((value) =>
      h("option", { value }, value === "1" ? "1 step" : `${value} steps`),
    ),
  );
  const focused = h("span", { class: "focus-name" });
  const focus = h(
    "div",
    { class: "focus-box", hidden: true },
    icon("focus"),
    focused,
    depth,
    h(
      "button",
      {
        type: "button",
        class: "button quiet square",
        "aria-label": "Show everything again",
        on: { click: () => state.set({ focus: "", depth: "1" }) },
      },
      icon("close"),
    ),
  );
  const element = h(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "Graph" },
    find.element,
    focus,
    h("span", { class: "spring" }),
    choices.map((one) => one.element),
    filters.element,
    table,
    createSave(actions.save),
  );

  function render(now, { namespaces = [], hits = null } = {}) {
    for (const one of choices) one.render(now);
    filters.render(now, namespaces);
    if (document.activeElement !== find.input) find.input.value = now.find;
    find.hits.textContent = hits === null ? "" : hits === 1 ? "1 match" : `${hits} matches`;
    focus.hidden = now.focus === "";
    focused.textContent = now.focus;
    depth.value = now.depth;
    table.setAttribute("aria-pressed", String(now.table === "1"));
  }
  return { element, render, find: find.input };
}

/** The buttons in the corner of the picture. */
export function createCorner({ zoomIn, zoomOut, fit, tidy }) {
  const tidyButton = squareButton("tidy", "Lay out anew (l)", tidy);
  const element = h(
    "div",
    { class: "corner" },
    squareButton("plus", "Zoom in (+)", zoomIn),
    squareButton("minus", "Zoom out (−)", zoomOut),
    squareButton("fit", "Fit everything (0)", fit),
    tidyButton,
  );
  return {
    element,
    suggestTidy(yes) {
      tidyButton.classList.toggle("suggested", yes);
    },
  };
}
