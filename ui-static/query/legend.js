/* legend.js - every line with its last, least and largest value; a press hides or shows it. */
import { fill, h } from "../lib/dom.js";
import { compact } from "../lib/format.js";
import { nameParts } from "./answer.js";
import { colorAt, strokeSample } from "./strokes.js";

const known = (values) => values.filter((v) => v !== null);
const least = (values) => values.reduce((a, b) => (b < a ? b : a), values[0]);
const most = (values) => values.reduce((a, b) => (b > a ? b : a), values[0]);

/** A series' name with the metric apart from its labels; an empty one as braces. */
export function nameCell(metric) {
  const [name, labels] = nameParts(metric);
  return h("code", { class: "series-name" }, h("b", {}, name), labels || (name ? "" : "{}"));
}

/** `toggle(key)` hides or shows a line, `toggleAll(hide)` all of them. */
export function createLegend({ toggle, toggleAll }) {
  const body = h("tbody"),
    all = h(
      "button",
      { type: "button", class: "link-button", on: { click: () => toggleAll(true) } },
      "Hide all",
    ),
    none = h(
      "button",
      { type: "button", class: "link-button", on: { click: () => toggleAll(false) } },
      "Show all",
    );
  const both = h("span", { class: "legend-all" }, none, all);
  const element = h(
    "div",
    { class: "legend-box", tabindex: "0", role: "region", "aria-label": "Series" },
    h(
      "table",
      { class: "plain legend-table" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Series", both),
          ["Last", "Least", "Most"].map((name, i) =>
            h("th", { scope: "col", class: i ? "num wide-only" : "num" }, name),
          ),
        ),
      ),
      body,
    ),
  );

  let rows = [],
    shown = "";

  function row(line, withLetters) {
    const button = h(
      "button",
      {
        type: "button",
        class: "legend-button",
        on: { click: () => toggle(line.key) },
      },
      withLetters ? h("span", { class: "letter" }, line.letter) : null,
      strokeSample(line.expression, colorAt(line.color)),
      nameCell(line.metric),
    );
    const cells = ["num", "num wide-only", "num wide-only"].map((name) => h("td", { class: name }));
    const element = h("tr", {}, h("th", { scope: "row" }, button), cells);
    return { element, button, cells };
  }

  function tell({ element, button, cells }, { values, hidden }, write) {
    const list = known(values);
    element.className = hidden ? "off" : "";
    button.setAttribute("aria-pressed", String(!hidden));
    button.title = hidden ? "Show" : "Hide";
    [list.at(-1), least(list), most(list)].forEach((value, i) => {
      const words = write(value);
      if (cells[i].textContent !== words) cells[i].textContent = words;
    });
  }

  return {
    element,
    /* The same lines keep their rows, and with them the focus. */
    update(lines, write = compact) {
      const withLetters = new Set(lines.map(({ letter }) => letter)).size > 1;
      const key = JSON.stringify(lines.map((line) => [line.key, line.color, withLetters]));
      element.hidden = lines.length === 0;
      both.hidden = lines.length < 2;
      if (key !== shown) {
        rows = lines.map((line) => row(line, withLetters));
        fill(
          body,
          rows.map((one) => one.element),
        );
      }
      shown = key;
      lines.forEach((line, i) => tell(rows[i], line, write));
    },
  };
}
