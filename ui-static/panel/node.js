/* node.js - everything about one node: what it serves, whom it calls, its operations and instances. */
import * as api from "../api.js";
import * as state from "../state.js";
import { h, fill } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { ago, count, ms, percent, rate } from "../lib/format.js";
import { kindWords, mood, nodeTitle, versionOf } from "../lib/words.js";
import { chip, figure, healthBadge, note, section } from "../lib/parts.js";
import { askSide, createSideChart } from "./latency.js";
import { createShell, createSlots } from "./shell.js";

const SHOWN = 12,
  EDGES_SHOWN = 40;

function title(node) {
  return [
    h("h2", {}, nodeTitle(node)),
    h(
      "p",
      { class: "row wrap" },
      healthBadge(node.health),
      chip(kindWords(node.kind)),
      node.namespace ? chip(node.namespace, "namespace") : null,
      (node.aliases ?? []).map((alias) => chip(`also ${alias}`)),
    ),
  ];
}

function figures(node) {
  return h(
    "dl",
    { class: "figures" },
    figure("Requests", count(node.requests), rate(node.rate)),
    figure(
      "Errors",
      count(node.errors),
      percent(node.error_ratio),
      node.errors > 0 ? node.health : "",
    ),
    figure(
      "p95",
      node.latency ? ms(node.latency.p95) : "–",
      node.latency ? `max ${ms(node.latency.max)}` : "not observed",
    ),
  );
}

/** Which service's page and latency belong to a node; null when it is none of one service. */
function serviceOf(node, group) {
  if (group === "service") return { service: node.id };
  const version = group === "version" ? versionOf(node) : null;
  return version ? { service: node.id.slice(0, -version.length - 1), version } : null;
}

function links(node, { service, version = "" }) {
  const page = state.viewHref("services", { service }),
    latency = state.viewHref("latency", { server: service, version });
  return [
    h("a", { class: "button", href: page }, "Open as page"),
    node.latency ? h("a", { class: "button", href: latency }, "Latency") : null,
  ];
}

function actions(node, focus, group) {
  const service = serviceOf(node, group);
  return h(
    "div",
    { class: "row wrap actions" },
    h(
      "button",
      { type: "button", class: "button", on: { click: () => focus(node.id) } },
      icon("focus"),
      "Focus",
    ),
    service ? links(node, service) : null,
  );
}

function edgeLines(sorted, other) {
  return h(
    "ul",
    { class: "edge-list" },
    sorted.map((edge) =>
      h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            data: { key: edge.id },
            on: { click: () => state.set({ view: "graph", sel: `e:${edge.id}` }) },
          },
          h("span", { class: `edge-dot health-${edge.health}` }, icon(edge.health)),
          h("span", { class: "edge-name" }, edge[other]),
          h("span", { class: "num quiet-text" }, rate(edge.rate)),
          h("span", { class: `num ${mood(edge)}` }, percent(edge.error_ratio)),
          h("span", { class: "num" }, ms((edge.client_latency ?? edge.server_latency)?.p95)),
        ),
      ),
    ),
  );
}

/** One line for each of the busiest edges of the node, and how many more there are; `other` names its far end. */
export function edgeList(edges, other) {
  const sorted = [...edges].sort((a, b) => b.requests - a.requests);
  return [
    edgeLines(sorted.slice(0, EDGES_SHOWN), other),
    sorted.length > EDGES_SHOWN
      ? note(`and ${sorted.length - EDGES_SHOWN} more with fewer requests`)
      : null,
  ];
}

function edgesBlock(name, edges, other) {
  return edges.length ? section(`${name} (${edges.length})`, edgeList(edges, other)) : null;
}

function operationsBlock(operations) {
  const rows = [...(operations ?? [])].sort((a, b) => b.requests - a.requests);
  if (!rows.length) return null;
  const head = ["Operation", "Requests", "Errors", "p95"];
  return section(
    "Operations",
    h(
      "table",
      { class: "plain operations" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head.map((name, i) => h("th", { scope: "col", class: i ? "num" : "" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        rows
          .slice(0, SHOWN)
          .map((row) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, row.name),
              h("td", { class: "num" }, count(row.requests)),
              h(
                "td",
                { class: `num ${mood(row)}` },
                percent(row.requests ? row.errors / row.requests : 0),
              ),
              h("td", { class: "num" }, ms(row.latency?.p95)),
            ),
          ),
      ),
    ),
    rows.length > SHOWN ? note(`and ${rows.length - SHOWN} more on its page`) : null,
  );
}

function instancesBlock(instances) {
  if (!instances?.length) return null;
  return section(
    "Instances",
    h(
      "table",
      { class: "plain" },
      h(
        "tbody",
        {},
        instances
          .slice(0, SHOWN)
          .map((one) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, h("code", {}, one.id)),
              h("td", { class: "num quiet-text" }, ago(one.last_seen)),
            ),
          ),
      ),
    ),
  );
}

export function createNodePanel(close, focus) {
  const shell = createShell(close);
  const slots = createSlots(shell.body, [
    "figures",
    "actions",
    "chart",
    "versions",
    "inbound",
    "outbound",
    "operations",
    "instances",
  ]);
  const chart = createSideChart("server", null);
  slots.chart.append(section("Latency", chart.element));

  function show(node, answer, group) {
    shell.title(...title(node));
    fill(slots.figures, figures(node));
    fill(slots.actions, actions(node, focus, group));
    const served = answer.edges.some((edge) => edge.server === node.id && edge.server_latency);
    slots.chart.hidden = !served;
    chart.summary(served ? node.latency : null);
    fill(
      slots.versions,
      node.versions.filter(Boolean).length
        ? section(
            "Versions",
            h(
              "p",
              { class: "row wrap" },
              node.versions.filter(Boolean).map((v) => chip(v)),
            ),
          )
        : null,
    );
    fill(
      slots.inbound,
      edgesBlock(
        "Called by",
        answer.edges.filter((edge) => edge.server === node.id),
        "client",
      ),
    );
    fill(
      slots.outbound,
      edgesBlock(
        "Calls",
        answer.edges.filter((edge) => edge.client === node.id),
        "server",
      ),
    );
    return served;
  }

  async function askDetail(node, now, signal) {
    const detail = await api.service(node.id, state.rangeParams(now), signal);
    fill(slots.operations, operationsBlock(detail.operations));
    fill(slots.instances, instancesBlock(detail.instances));
  }

  async function refresh(node, now, signal, answer) {
    const served = show(node, answer, now.group);
    if (now.group !== "service") return;
    await Promise.all([
      askDetail(node, now, signal).catch((error) => {
        if (error.status !== 404) throw error;
      }),
      served ? askSide(now, "server", { server: node.id }, signal).then(chart.points) : null,
    ]);
  }
  return { element: shell.element, refresh, missing: shell.missing, destroy: chart.destroy };
}
