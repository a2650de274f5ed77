/* percentiles.js - percentiles of one server over time, as lines and as a heatmap, beside another range or version. */
import * as api from "../api.js";
import * as state from "../state.js";
import { fill, h } from "../lib/dom.js";
import { align, createChart, legend } from "../lib/chart.js";
import { bound, count, ms } from "../lib/format.js";
import { section } from "../lib/parts.js";
import { LINES } from "../panel/latency.js";
import { createPickers } from "./pickers.js";
import { createHeatmap, HEAT_Q } from "./heatmap.js";

const Q = [0.5, 0.95, 0.99];
const BESIDE = LINES.map((line) => ({
  ...line,
  name: `${line.name} beside`,
  width: 1.2,
  dash: [2, 3],
  color: "--text-3",
}));
const STEP_POINTS = 96;

function who(now) {
  const params = { server: now.server, side: now.side };
  for (const key of ["client", "version", "operation"]) if (now[key]) params[key] = now[key];
  return params;
}

/* What the figures are of; another question dims them until its answer comes. */
const questionOf = (now) =>
  JSON.stringify(
    ["last", "start", "end", "at", "server", "client", "version", "operation", "side"]
      .concat("compare", "with")
      .map((key) => now[key]),
  );

/** What is laid beside: the same range before, or another version; null for nothing. */
function beside(now) {
  const { start, end } = state.bounds(now);
  if (now.compare === "before")
    return {
      range: { start: 2 * start - end, end: start },
      shift: end - start,
      params: who(now),
      words: "the range before",
    };
  if (now.compare === "version" && now.with)
    return {
      range: state.rangeParams(now),
      shift: 0,
      params: { ...who(now), version: now.with },
      words: `version ${now.with}`,
    };
  return null;
}

const ask = (range, params, q, step, signal) =>
  api.percentiles(
    { ...range, ...params, q: q.join(","), by: "", ...(step ? { step } : {}) },
    signal,
  );

function shifted(answer, seconds, step) {
  const whole = Math.round(seconds / step) * step;
  return (answer?.series[0]?.points ?? []).map((point) => ({ ...point, time: point.time + whole }));
}

function merge(main, other, shift) {
  const { step } = main;
  const points = main.series[0]?.points ?? [],
    second = other ? shifted(other, shift, step) : [];
  const times = align(
    points,
    main,
    step,
    Q.map((_, i) => (p) => p.values[i]),
  );
  const beside = align(
    second,
    main,
    step,
    Q.map((_, i) => (p) => p.values[i]),
  ).slice(1);
  return [...times, ...beside];
}

const SIDES = { server: "the server's side", client: "the callers' side", transit: "both sides" };

function valuesOf(answer, lines, words, side) {
  const series = answer?.series[0];
  if (!series)
    return h("p", { class: "quiet-text" }, `${words}: no request was seen from ${SIDES[side]}.`);
  return h(
    "div",
    { class: "row wrap" },
    h("strong", {}, words),
    legend(
      lines.map((line, i) => ({
        ...line,
        name: line.name.replace(" beside", ""),
        value: ms(series.values[i]),
      })),
    ),
    h("span", { class: "quiet-text num" }, `${count(series.count)} requests`),
    h(
      "span",
      { class: "bound", title: "Guaranteed largest relative error of each percentile" },
      bound(answer.error),
    ),
  );
}

export function createPercentiles() {
  const pickers = createPickers(),
    heat = createHeatmap(),
    summary = h("div", { class: "latency-summary" });
  const chart = createChart({
    series: [...LINES, ...BESIDE],
    format: ms,
    height: 280,
    label: "p50, p95 and p99 over time",
  });
  const empty = h("div", { class: "empty" }, h("strong", {}), h("p", {}));
  const content = h(
    "div",
    { class: "stack", hidden: true },
    h("div", { class: "card-box" }, summary, chart.element),
    h("div", { class: "card-box" }, section("Where requests fall", heat.element)),
  );
  const element = h("div", { class: "tab-page" }, pickers.element, empty, content);
  let answered = "";

  function sayWhyEmpty() {
    const [title, why] = pickers.isEmpty()
      ? ["No server in this range", "None was called in it; choose another range."]
      : ["Pick a server", "Its percentiles over time appear here, exact to the stated bound."];
    empty.firstChild.textContent = title;
    empty.lastChild.textContent = why;
  }

  function render(now) {
    pickers.render(now);
    sayWhyEmpty();
    empty.hidden = now.server !== "";
    content.hidden = now.server === "";
    content.setAttribute("aria-busy", String(questionOf(now) !== answered));
  }

  async function refreshLines(now, signal) {
    const step = state.stepFor(now, STEP_POINTS),
      other = beside(now),
      range = state.rangeParams(now);
    const [lines, whole, otherLines, otherWhole] = await Promise.all([
      ask(range, who(now), Q, step, signal),
      ask(range, who(now), Q, 0, signal),
      other ? ask(other.range, other.params, Q, step, signal) : null,
      other ? ask(other.range, other.params, Q, 0, signal) : null,
    ]);
    chart.update(merge(lines, otherLines, other?.shift ?? 0), [lines.start, lines.end]);
    fill(
      summary,
      valuesOf(whole, LINES, now.version ? `version ${now.version}` : "This range", now.side),
      other ? valuesOf(otherWhole, BESIDE, other.words, now.side) : null,
    );
  }

  async function refreshHeat(now, signal) {
    const step = state.stepFor(now, 64);
    heat.update(await ask(state.rangeParams(now), who(now), HEAT_Q, step, signal));
  }

  async function refresh(now, signal) {
    await pickers.refresh(now, signal);
    const chosen = state.get();
    render(chosen);
    if (chosen.server)
      await Promise.all([refreshLines(chosen, signal), refreshHeat(chosen, signal)]);
    answered = questionOf(chosen);
    render(chosen);
  }
  return {
    element,
    render,
    refresh,
    destroy() {
      chart.destroy();
      heat.destroy();
    },
  };
}
