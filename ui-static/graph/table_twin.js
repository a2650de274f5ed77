/* table_twin.js - the graph as two tables: the same figures for the keyboard, the screen reader and the sorting mind. */
import { h } from "../lib/dom.js";
import * as state from "../state.js";
import { createTable } from "../lib/table.js";
import { count, ms, percent, rate } from "../lib/format.js";
import { kindWords, nodeTitle } from "../lib/words.js";
import { healthBadge } from "../lib/parts.js";

const RANK = { failing: 3, degraded: 2, healthy: 1, idle: 0 };
const latencyOf = (edge) => edge.client_latency ?? edge.server_latency;
const numbers = (latency, health) => [
  { name: "Requests", num: true, value: (row) => row.requests, cell: (row) => count(row.requests) },
  { name: "Rate", num: true, value: (row) => row.rate, cell: (row) => rate(row.rate) },
  {
    name: "Errors",
    num: true,
    value: (row) => row.error_ratio,
    cell: (row) => percent(row.error_ratio),
  },
  ...["p50", "p95", "p99"].map((q) => ({
    name: q,
    num: true,
    value: (row) => latency(row)?.[q] ?? null,
    cell: (row) => ms(latency(row)?.[q]),
  })),
  { name: "Health", value: (row) => RANK[health(row)], cell: (row) => healthBadge(health(row)) },
];

const EDGES = [
  { name: "Caller", value: (e) => e.client },
  { name: "Called", value: (e) => e.server },
  { name: "Protocol", value: (e) => e.protocol },
  ...numbers(latencyOf, (e) => e.health),
  { name: "Flags", value: (e) => Object.keys(e.flags).join(" ") },
];
const NODES = [
  { name: "Service", value: nodeTitle },
  { name: "Namespace", value: (n) => n.namespace },
  { name: "Kind", value: (n) => n.kind, cell: (n) => kindWords(n.kind) },
  ...numbers(
    (n) => n.latency,
    (n) => n.health,
  ),
  { name: "Versions", value: (n) => n.versions.join(", ") },
];

const sorted = (sort) => state.set({ sort }, { replace: true });

/** `choose(sel)` opens the panel of a row. */
export function createTableTwin(choose) {
  const edges = createTable({
    columns: EDGES,
    key: (e) => `e:${e.id}`,
    open: (e) => choose(`e:${e.id}`),
    caption: "Edges of the graph",
    sort: { column: 3, direction: "descending" },
    sorted,
  });
  const nodes = createTable({
    columns: NODES,
    key: (n) => `n:${n.id}`,
    open: (n) => choose(`n:${n.id}`),
    caption: "Nodes of the graph",
    sort: { column: 3, direction: "descending" },
    sorted,
  });
  const tabs = [
    ["edges", "Edges"],
    ["nodes", "Nodes"],
  ].map(([name, words]) =>
    h("button", { type: "button", data: { name }, on: { click: () => change(name) } }, words),
  );
  const element = h(
    "section",
    { class: "twin", "aria-label": "The graph as a table", hidden: true },
    h(
      "div",
      { class: "twin-head" },
      h("div", { class: "segmented", role: "group", "aria-label": "Rows" }, tabs),
    ),
    edges.element,
    nodes.element,
  );

  /* The other table has other columns, and its own order. */
  function change(name) {
    state.set({ rows: name === "edges" ? "" : name, sort: "" }, { replace: true });
  }

  function show(now) {
    const shown = now.rows === "nodes" ? "nodes" : "edges";
    edges.element.hidden = shown !== "edges";
    nodes.element.hidden = shown !== "nodes";
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.name === shown));
    edges.order(shown === "edges" ? now.sort : "");
    nodes.order(shown === "nodes" ? now.sort : "");
  }

  function update(answer, now, test) {
    if (element.hidden) return;
    show(now);
    edges.update(test ? answer.edges.filter(test) : answer.edges, now.sel);
    nodes.update(test ? answer.nodes.filter(test) : answer.nodes, now.sel);
  }
  return { element, update };
}
