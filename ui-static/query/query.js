/* query.js - expressions over each other: asks weft as Prometheus is asked, and shows lines or a table. */
import * as api from "../api.js";
import * as state from "../state.js";
import { fill, h } from "../lib/dom.js";
import { clock, count } from "../lib/format.js";
import { createTabs } from "../lib/tabs.js";
import { isLine, lineOf, seriesOf } from "./answer.js";
import { EXAMPLES } from "./examples.js";
import { createLegend } from "./legend.js";
import { createPlot } from "./plot.js";
import { createResults } from "./results.js";
import { createRows } from "./rows.js";
import { createStep, gridOf, timesOf } from "./grid.js";
import { createSuggest } from "./suggest.js";
import { unitOf, writerOf } from "./unit.js";

const LINES_MAX = 200,
  SLOW_MS = 700;

/* A text that failed must not take the others along. */
async function askOne(text, now, signal) {
  const started = performance.now(),
    { start, end, step } = gridOf(now);
  try {
    const body =
      now.show === "table"
        ? await api.query({ query: text, time: state.bounds(now).end }, signal)
        : await api.queryRange({ query: text, start, end, step }, signal);
    const { data, warnings, infos } = body;
    return {
      text,
      series: seriesOf(data),
      warnings,
      infos,
      milliseconds: performance.now() - started,
    };
  } catch (error) {
    if (!(error instanceof api.ApiError)) throw error;
    return { text, series: [], error };
  }
}

/* A unit is a help for reading: without an answer there is none. */
const units = new Map();
async function askUnit(text, signal) {
  if (units.has(text)) return;
  try {
    units.set(text, unitOf((await api.parseQuery(text, signal)).data));
  } catch (error) {
    if (!(error instanceof api.ApiError)) throw error;
  }
}

/** What writes the values of all expressions: they share an axis, so they have a unit when they have the same. */
function writerFor(answers) {
  const all = new Set(answers.filter(({ error }) => !error).map(({ text }) => units.get(text)));
  return writerOf(all.size === 1 ? [...all][0] : "");
}

/* All series that are lines, the first expression's first. */
const drawable = (answers) =>
  answers.flatMap(({ letter, series, index }) =>
    series.filter(isLine).map((one) => ({ one, letter, index })),
  );

/** As many lines as are drawn, and how many there are. */
function allLines(answers, grid, hidden) {
  const all = drawable(answers);
  const lines = all.slice(0, LINES_MAX).map(({ one, letter, index }, color) => {
    const line = lineOf(one, grid),
      key = `${letter} ${line.name}`;
    return { ...line, key, letter, expression: index, color, hidden: hidden.has(key) };
  });
  return { lines, total: all.length };
}

/* Series of edges hold closed requests only: the newest seconds still grow. */
const IS_DERIVED = /\b(traces_|weft_)/;

const hasHistograms = ({ series }) => series.some((one) => one.histograms?.length);

export function createQuery(context) {
  const rows = createRows({ suggest: createSuggest(), run }),
    plot = createPlot({
      zoom: (start, end) =>
        state.set({ start: String(Math.floor(start)), end: String(Math.ceil(end)), at: "" }),
    }),
    legend = createLegend({ toggle, toggleAll }),
    results = createResults(),
    step = createStep((value) => state.set({ step: value }));
  const notes = h("div", { class: "plot-notes" });
  const panels = {
    "": h("div", { class: "stack" }, plot.element, notes, legend.element),
    table: h("div", {}, results.element),
  };
  const tabs = createTabs({
    id: "show",
    label: "Graph or table",
    tabs: [
      { key: "", name: "Graph", panel: panels[""] },
      { key: "table", name: "Table", panel: panels.table },
    ],
    choose: (show) => state.set({ show }),
  });
  const runButton = h(
    "button",
    { type: "button", class: "button primary", on: { click: rows.runAll } },
    "Run",
  );
  const empty = h("div", { class: "empty", hidden: true }, examples());
  const shown = h(
    "div",
    { class: "card-box query-results" },
    h("div", { class: "query-head" }, tabs.element, h("span", { class: "spring" }), step.element),
    panels[""],
    panels.table,
  );
  const element = h(
    "div",
    { class: "tab-page" },
    h(
      "div",
      { class: "card-box query-card" },
      rows.element,
      h("div", { class: "row between" }, rows.add, runButton),
    ),
    shown,
    empty,
  );
  const hidden = new Set();
  let applied = null,
    last = null;

  function examples() {
    return [
      h("strong", {}, "Any question to the time series"),
      h("p", {}, "Write an expression of PromQL above, or begin with one of these."),
      h(
        "div",
        { class: "examples" },
        EXAMPLES.map(({ name, text }) =>
          h(
            "button",
            { type: "button", class: "example", on: { click: () => run([text]) } },
            h("span", {}, name),
            h("code", {}, text),
          ),
        ),
      ),
    ];
  }

  function run(expr) {
    if (JSON.stringify(expr) === JSON.stringify(state.get().expr)) context.again();
    else state.set({ expr });
  }

  function render(now) {
    const key = JSON.stringify(now.expr);
    if (key !== applied) {
      rows.apply(now.expr);
      hidden.clear();
    }
    applied = key;
    tabs.render(now.show === "table" ? "table" : "");
    step.render(now);
    empty.hidden = now.expr.length > 0;
    shown.hidden = now.expr.length === 0;
  }

  function showLines() {
    if (!last) return;
    const { answers, grid } = last,
      { lines, total } = allLines(answers, grid, hidden);
    plot.element.hidden = lines.length === 0;
    const until =
      answers.some(({ text }) => IS_DERIVED.test(text)) && context.completeUntil < grid.end
        ? context.completeUntil
        : null;
    const writer = writerFor(answers);
    if (lines.length) plot.update(timesOf(grid), lines, { until, writer });
    legend.update(lines, writer);
    fill(
      notes,
      until ? h("p", {}, `Requests after ${clock(until)} are still coming in.`) : null,
      total > lines.length
        ? h("p", {}, `The first ${count(lines.length)} of ${count(total)} series are drawn.`)
        : null,
      answers.some(hasHistograms)
        ? h(
            "p",
            {},
            "Histograms are no lines: the table shows them, histogram_quantile() and histogram_count() draw them.",
          )
        : null,
      total === 0 && !answers.some(hasHistograms) && answers.some(({ error }) => !error)
        ? h("p", {}, "No series in this range.")
        : null,
    );
  }

  function toggle(key) {
    if (!hidden.delete(key)) hidden.add(key);
    showLines();
  }

  function toggleAll(hide) {
    if (hide)
      for (const { key } of allLines(last.answers, last.grid, hidden).lines) hidden.add(key);
    else hidden.clear();
    showLines();
  }

  /* Only an answer that takes its time dims the one before. */
  async function waitFor(answers) {
    const slow = setTimeout(() => shown.setAttribute("aria-busy", "true"), SLOW_MS);
    try {
      return await Promise.all(answers);
    } finally {
      clearTimeout(slow);
      shown.removeAttribute("aria-busy");
    }
  }

  async function refresh(now, signal) {
    const asked = rows.rows().filter((row) => row.applied());
    if (!asked.length) return;
    const answers = await waitFor(asked.map((row) => askOne(row.applied(), now, signal)));
    await Promise.all(answers.map(({ text, error }) => !error && askUnit(text, signal)));
    answers.forEach((one, i) => {
      Object.assign(one, { letter: asked[i].letter, index: asked[i].index });
      asked[i].tell(one);
    });
    if (answers.every(({ error }) => error?.status === 0)) return; // weft is gone: what was shown stays
    if (now.show === "table") results.update(answers);
    else {
      last = { answers, grid: gridOf(now) };
      showLines();
    }
  }
  return { element, render, refresh, destroy: plot.destroy };
}
