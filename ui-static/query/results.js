/* results.js - what each expression is at one moment, as a table; the order is the answer's. */
import { fill, h } from "../lib/dom.js";
import { clock, compact, count } from "../lib/format.js";
import { note } from "../lib/parts.js";
import { numberOf } from "./answer.js";
import { bars } from "./bars.js";
import { nameCell } from "./legend.js";

const ROWS_MAX = 500,
  SAMPLES_MAX = 20;

function histogramCells(histogram) {
  return [
    h("td", {}, bars(histogram)),
    h("td", { class: "num", title: histogram.count }, compact(numberOf(histogram.count))),
    h("td", { class: "num", title: histogram.sum }, compact(numberOf(histogram.sum))),
  ];
}

/* A range selector answers every sample of its window. */
function samples(list) {
  const shown = list.slice(-SAMPLES_MAX);
  return [
    list.length > shown.length
      ? h("div", { class: "quiet-text" }, `${count(list.length - shown.length)} earlier`)
      : null,
    shown.map(([time, value]) =>
      h("div", {}, value, h("span", { class: "quiet-text" }, ` at ${clock(time)}`)),
    ),
  ];
}

const valueOf = (one) => {
  if (one.value) return one.value[1];
  if (one.values) return samples(one.values);
  return note(`${count(one.histograms?.length ?? 0)} histograms`);
};

function row(one, withHistograms) {
  const value = one.histogram ? null : h("td", { class: "num value" }, valueOf(one));
  const cells = one.histogram ? histogramCells(one.histogram[1]) : value;
  if (value && withHistograms) value.colSpan = 3;
  return h("tr", {}, h("th", { scope: "row" }, nameCell(one.metric)), cells);
}

function table(series, caption) {
  const withHistograms = series.some((one) => one.histogram);
  const heads = withHistograms ? ["Histogram", "Count", "Sum"] : ["Value"];
  return h(
    "div",
    { class: "table-box", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      { class: "table results" },
      h("caption", { class: "sr-only" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Series"),
          heads.map((name) =>
            h("th", { scope: "col", class: name === "Histogram" ? "" : "num" }, name),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        series.slice(0, ROWS_MAX).map((one) => row(one, withHistograms)),
      ),
    ),
  );
}

function block({ letter, text, series, error }, withLetters) {
  if (error) return null;
  return h(
    "section",
    { class: "result" },
    withLetters
      ? h("h2", { class: "row" }, h("span", { class: "letter" }, letter), h("code", {}, text))
      : null,
    series.length ? table(series, `Values of ${text}`) : note("No series at this moment."),
    series.length > ROWS_MAX
      ? note(`The first ${count(ROWS_MAX)} of ${count(series.length)} series.`)
      : null,
  );
}

export function createResults() {
  const element = h("div", { class: "stack" });
  return {
    element,
    /** `answers`: {letter, text, series, error} of each expression. */
    update(answers) {
      fill(
        element,
        answers.map((one) => block(one, answers.length > 1)),
      );
    },
  };
}
