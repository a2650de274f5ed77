/* latency.js - p50, p95 and p99 over time, one small chart for each side of a call. */
import * as api from "../api.js";
import * as state from "../state.js";
import { h, fill } from "../lib/dom.js";
import { align, createChart } from "../lib/chart.js";
import { bound, ms } from "../lib/format.js";

const Q = [0.5, 0.95, 0.99];
export const LINES = [
  { name: "p50", color: "--p50", width: 1.4 },
  { name: "p95", color: "--p95", width: 1.6 },
  { name: "p99", color: "--p99", width: 1.4, dash: [4, 3] },
];
const WORDS = { client: "Client side", server: "Server side", transit: "Transit between them" };
const WHY = {
  client: "The caller sent no span of its own.",
  server: "The called side sent no span of its own.",
  transit: "Needs both sides of single-attempt requests.",
};

function figures(latency) {
  if (!latency) return null;
  return ["p50", "p95", "p99"].map((name, i) =>
    h(
      "span",
      {},
      h("i", { class: i === 2 ? "dashed" : "", vars: { "--c": `var(${LINES[i].color})` } }),
      `${name} `,
      h("b", { class: "num" }, ms(latency[name])),
    ),
  );
}

/** One side: heading with the figures of the whole range, then the lines. */
export function createSideChart(side, sync) {
  const head = h("div", { class: "side-head" }),
    missing = h("p", { class: "quiet-text", hidden: true }, WHY[side]);
  const chart = createChart({
    series: LINES,
    format: ms,
    height: 88,
    sync,
    label: `${WORDS[side]}: p50, p95 and p99 over time`,
  });
  const element = h("div", { class: "side-chart" }, head, missing, chart.element);

  function summary(latency) {
    fill(
      head,
      h("h3", {}, WORDS[side]),
      h("div", { class: "legend" }, figures(latency)),
      latency
        ? h(
            "span",
            { class: "bound", title: "Largest relative error of each percentile" },
            bound(latency.error),
          )
        : null,
    );
    missing.hidden = Boolean(latency);
    chart.element.hidden = !latency;
  }

  function points(answer) {
    const series = answer.series[0];
    if (series?.points)
      chart.update(
        align(
          series.points,
          answer,
          answer.step,
          Q.map((_, i) => (point) => point.values[i]),
        ),
      );
  }
  return { element, summary, points, destroy: chart.destroy };
}

/** Asks for one side over time; `who`: {client, server}. */
export function askSide(now, side, who, signal) {
  const step = state.stepFor(now, 60);
  return api.percentiles(
    { ...state.rangeParams(now), ...who, side, q: Q.join(","), step, by: "" },
    signal,
  );
}
