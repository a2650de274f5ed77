/* promql.js - an edge's numbers as expressions of PromQL, to copy or to open in the Query tab. */
import * as state from "../state.js";
import { copyText, fill, h } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { quoted } from "../query/quote.js";
import { stepOf } from "../query/grid.js";

const QUANTILES = [
  ["p50", "0.5"],
  ["p95", "0.95"],
  ["p99", "0.99"],
];

/* As in Tempo: bare names, and the namespace apart from them. */
function graphSelector(client, server) {
  const matchers = [
    ["client", client.name],
    ["client_service_namespace", client.namespace],
    ["server", server.name],
    ["server_service_namespace", server.namespace],
  ];
  return matchers
    .filter(([, value]) => value)
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .join(", ");
}

const edgeSelector = ({ client, server, protocol }) =>
  `client=${quoted(client)}, server=${quoted(server)}, protocol=${quoted(protocol)}`;

/** Two steps of a coarse range are wider than a minute. */
function windowOf(now) {
  const minutes = Math.max(1, Math.ceil((2 * stepOf(now)) / 60));
  return `${minutes}m`;
}

/** [{name, text}] for an edge and its two nodes. */
export function expressionsOf(edge, client, server, window) {
  const graph = graphSelector(client, server),
    side = edge.server_latency || !edge.client_latency ? "server" : "client";
  const rate = (metric, selector) => `rate(${metric}{${selector}}[${window}])`;
  const requests = `sum(${rate("traces_service_graph_request_total", graph)})`,
    failed = `sum(${rate("traces_service_graph_request_failed_total", graph)})`,
    buckets = rate(`traces_service_graph_request_${side}_seconds_bucket`, graph),
    native =
      side === "server" ? "weft_request_duration_seconds" : "weft_request_client_duration_seconds";
  return [
    { name: "Requests a second", text: requests },
    { name: "Share of errors", text: `${failed} / ${requests}` },
    ...QUANTILES.map(([name, q]) => ({
      name: `${name}, ${side} side`,
      text: `histogram_quantile(${q}, sum by (le) (${buckets}))`,
    })),
    {
      name: "p95 by version, native histogram",
      text: `histogram_quantile(0.95, sum by (client_version, server_version) (${rate(native, edgeSelector(edge))}))`,
    },
  ];
}

function row({ name, text }) {
  const copy = h(
    "button",
    {
      type: "button",
      class: "button quiet square small",
      "aria-label": `Copy: ${name}`,
      title: "Copy",
      on: { click: () => copyText(text, copy) },
    },
    icon("copy"),
  );
  const open = h(
    "a",
    {
      class: "button quiet square small",
      href: state.viewHref("latency", { tab: "query", expr: [text] }),
      "aria-label": `Open in Query: ${name}`,
      title: "Open in Query",
    },
    icon("arrow"),
  );
  return h(
    "li",
    {},
    h(
      "div",
      { class: "row between" },
      h("span", {}, name),
      h("span", { class: "row tight" }, copy, open),
    ),
    h("code", {}, text),
  );
}

/** The block stays one element, so that it stays open across refreshes. */
export function createPromql() {
  const list = h("ul", { class: "promql" });
  const element = h(
    "details",
    { class: "block promql-block", hidden: true, on: { toggle: showAll } },
    h("summary", {}, h("h3", {}, "Copy as PromQL")),
    list,
  );
  let shown = "";

  /* It is the last block of the panel and opens below the fold. */
  function showAll() {
    if (element.open) element.scrollIntoView({ block: "nearest" });
  }
  return {
    element,
    update(edge, nodes, now) {
      const [client, server] = [edge.client, edge.server].map((id) =>
        nodes.find((n) => n.id === id),
      );
      element.hidden = !client || !server;
      if (element.hidden) return;
      const rows = expressionsOf(edge, client, server, windowOf(now)),
        key = JSON.stringify([rows, state.viewHref("latency")]);
      if (key !== shown) fill(list, rows.map(row));
      shown = key;
    },
  };
}
