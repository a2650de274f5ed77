/* edge.js - everything about one edge. */
import * as api from "../api.js";
import * as state from "../state.js";
import { h, fill } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { align, createChart, legend } from "../lib/chart.js";
import { QUANTILES } from "../lib/distribution.js";
import { bytes, count, digits, percent, rate } from "../lib/format.js";
import { evidenceWords } from "../lib/words.js";
import { chip, figure, healthBadge, section } from "../lib/parts.js";
import {
  codesBlock,
  evidenceBlock,
  exemplarsBlock,
  flagsBlock,
  mtlsBlock,
  versionsBlock,
} from "./blocks.js";
import { histogram } from "./histogram.js";
import { askSide, createSideChart } from "./latency.js";
import { createPromql } from "./promql.js";
import { createShell, createSlots } from "./shell.js";

const SIDES = ["client", "server", "transit"];
const TRAFFIC = [
  { name: "requests", color: "--bar", bars: true },
  { name: "errors", color: "--bad-mark", bars: true },
];

const nodeButton = (id) =>
  h(
    "button",
    { type: "button", class: "link-button", on: { click: () => state.set({ sel: `n:${id}` }) } },
    id,
  );

function title(edge) {
  return [
    h(
      "h2",
      { class: "edge-title" },
      nodeButton(edge.client),
      icon("arrow", "calls"),
      nodeButton(edge.server),
    ),
    h("p", { class: "row" }, healthBadge(edge.health), chip(edge.protocol)),
  ];
}

/** When senders sampled, counts are estimates and say so. */
function requestsRemark(edge) {
  const per = rate(edge.rate);
  if (!edge.interval) return per;
  return `${per}, estimate: ${count(edge.interval[0])} to ${count(edge.interval[1])} at 95 %`;
}

function attemptsRemark(edge) {
  const each = edge.requests ? edge.attempts / edge.requests : 0;
  return edge.retried > 0 ? `${digits(each)} each, ${count(edge.retried)} retried` : "none retried";
}

function figures(edge) {
  return h(
    "dl",
    { class: "figures" },
    figure("Requests", count(edge.requests), requestsRemark(edge)),
    figure(
      "Errors",
      count(edge.errors),
      percent(edge.error_ratio),
      edge.errors > 0 ? edge.health : "",
    ),
    figure("Attempts", count(edge.attempts), attemptsRemark(edge)),
  );
}

function trafficBlock() {
  const chart = createChart({
    series: TRAFFIC,
    format: (n) => count(Math.round(n)),
    height: 84,
    sync: "edge",
    label: "Requests and errors over time",
  });
  const element = section("Requests over time", legend(TRAFFIC), chart.element);
  return { element, chart };
}

/** `sync` of the charts: one pointer shows the same moment in all of them. */
export function createEdgePanel(close) {
  const shell = createShell(close);
  const slots = createSlots(shell.body, [
    "figures",
    "traffic",
    "sides",
    "histogram",
    "codes",
    "flags",
    "versions",
    "mtls",
    "exemplars",
    "evidence",
    "promql",
  ]);
  const traffic = trafficBlock(),
    promql = createPromql(),
    sides = Object.fromEntries(SIDES.map((side) => [side, createSideChart(side, "edge")]));
  slots.traffic.append(traffic.element);
  slots.promql.append(promql.element);
  slots.sides.append(section("Latency", ...SIDES.map((side) => sides[side].element)));

  /** What the graph already told; shown at once. */
  function show(edge) {
    shell.title(...title(edge));
    fill(slots.figures, figures(edge));
    for (const side of SIDES) sides[side].summary(edge[`${side}_latency`]);
    fill(slots.codes, codesBlock(edge));
    fill(slots.flags, flagsBlock(edge));
    fill(slots.versions, versionsBlock(edge));
    fill(slots.mtls, mtlsBlock(edge));
    fill(slots.exemplars, exemplarsBlock(edge));
    fill(slots.evidence, evidenceBlock(edge, evidenceWords, bytes));
  }

  async function askHistogram(edge, now, signal) {
    const side = edge.client_latency ? "client" : "server";
    if (!edge[`${side}_latency`]) return fill(slots.histogram);
    const answer = await api.percentiles(
      {
        ...state.rangeParams(now),
        client: edge.client,
        server: edge.server,
        protocol: edge.protocol,
        side,
        q: QUANTILES.join(","),
        by: "",
      },
      signal,
    );
    if (answer.series[0])
      fill(
        slots.histogram,
        section(`How ${side}-side latency is spread`, histogram(answer.q, answer.series[0])),
      );
  }

  async function askTraffic(edge, now, signal) {
    const answer = await api.edge(
      {
        ...state.rangeParams(now),
        client: edge.client,
        server: edge.server,
        protocol: edge.protocol,
        step: state.stepFor(now, 60),
      },
      signal,
    );
    traffic.chart.update(
      align(answer.points ?? [], answer, answer.step, [(p) => p.requests, (p) => p.errors]),
    );
  }

  /** Over time: only for whole services, since the API names other groups in the graph alone. */
  async function refresh(edge, now, signal, { nodes }) {
    show(edge);
    const whole = now.group === "service";
    for (const name of ["traffic", "histogram", "promql"]) slots[name].hidden = !whole;
    if (!whole) return;
    promql.update(edge, nodes, now);
    const who = { client: edge.client, server: edge.server, protocol: edge.protocol };
    const seen = SIDES.filter((side) => edge[`${side}_latency`]);
    await Promise.all([
      askTraffic(edge, now, signal),
      askHistogram(edge, now, signal),
      ...seen.map(async (side) => sides[side].points(await askSide(now, side, who, signal))),
    ]);
  }

  function destroy() {
    traffic.chart.destroy();
    for (const side of SIDES) sides[side].destroy();
  }
  return { element: shell.element, refresh, missing: shell.missing, destroy };
}
