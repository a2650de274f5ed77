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

  function row(line, withLetters) {
    const values = known(line.values);
    const button = h(
      "button",
      {
        type: "button",
        class: "legend-button",
        "aria-pressed": String(!line.hidden),
        title: line.hidden ? "Show" : "Hide",
        data: { key: line.key },
        on: { click: () => toggle(line.key) },
      },
      withLetters ? h("span", { class: "letter" }, line.letter) : null,
      strokeSample(line.expression, colorAt(line.color)),
      nameCell(line.metric),
    );
    return h(
      "tr",
      { class: line.hidden ? "off" : "" },
      h("th", { scope: "row" }, button),
      h("td", { class: "num" }, compact(values.at(-1))),
      h("td", { class: "num wide-only" }, compact(least(values))),
      h("td", { class: "num wide-only" }, compact(most(values))),
    );
  }

  return {
    element,
    update(lines) {
      const withLetters = new Set(lines.map(({ letter }) => letter)).size > 1;
      const focused = document.activeElement?.dataset?.key;
      element.hidden = lines.length === 0;
      both.hidden = lines.length < 2;
      fill(
        body,
        lines.map((line) => row(line, withLetters)),
      );
      if (focused)
        [...body.querySelectorAll("button")].find((b) => b.dataset.key === focused)?.focus();
    },
  };
}
