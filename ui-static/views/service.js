/* service.js - one service: its latency, who calls it, whom it calls, its operations and instances. */
import * as api from "../api.js";
import * as state from "../state.js";
import { fill, h } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { createTable } from "../lib/table.js";
import { ago, count, ms, percent, rate } from "../lib/format.js";
import { kindWords } from "../lib/words.js";
import { chip, figure, healthBadge, note, section } from "../lib/parts.js";
import { edgeList } from "../panel/node.js";
import { askSide, createSideChart } from "../panel/latency.js";

const OPERATIONS = [
  { name: "Operation", value: (o) => o.name },
  { name: "Requests", num: true, value: (o) => o.requests, cell: (o) => count(o.requests) },
  {
    name: "Errors",
    num: true,
    value: (o) => (o.requests ? o.errors / o.requests : 0),
    cell: (o) => percent(o.requests ? o.errors / o.requests : 0),
  },
  ...["p50", "p95", "p99", "max"].map((q) => ({
    name: q,
    num: true,
    value: (o) => o.latency?.[q] ?? null,
    cell: (o) => ms(o.latency?.[q]),
  })),
];

const sum = (edges, key) => edges.reduce((total, edge) => total + edge[key], 0);

function figures(detail) {
  const served = detail.inbound.length ? detail.inbound : detail.outbound,
    requests = sum(served, "requests"),
    errors = sum(served, "errors");
  return h(
    "dl",
    { class: "figures wide-figures" },
    figure(
      detail.inbound.length ? "Requests served" : "Requests made",
      count(requests),
      rate(sum(served, "rate")),
    ),
    figure(
      "Errors",
      count(errors),
      percent(requests ? errors / requests : 0),
      errors / requests >= 0.1 ? "failing" : errors / requests >= 0.01 ? "degraded" : "",
    ),
    figure("Callers", count(detail.inbound.length)),
    figure("Calls", count(detail.outbound.length)),
  );
}

function instances(list) {
  return list?.length
    ? h(
        "table",
        { class: "plain" },
        h(
          "tbody",
          {},
          list.map((one) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, h("code", {}, one.id)),
              h("td", { class: "num quiet-text" }, ago(one.last_seen)),
            ),
          ),
        ),
      )
    : note("None named itself.");
}

/** `element` is hidden by the list view while no service is chosen. */
export function createServicePage() {
  const head = h("div", { class: "page-head" }),
    top = h("div"),
    inbound = h("div"),
    outbound = h("div"),
    where = h("div");
  const chart = createSideChart("server", null),
    operations = createTable({
      columns: OPERATIONS,
      key: (o) => o.name,
      caption: "Operations",
      sort: { column: 1, direction: "descending" },
    });
  const missing = h(
    "div",
    { class: "empty", hidden: true },
    h("strong", {}, "Nothing of this name in this range"),
  );
  const content = h(
    "div",
    { class: "page-grid" },
    h("div", { class: "card-box span-all" }, top),
    h("div", { class: "card-box span-all" }, chart.element),
    h("div", { class: "card-box" }, inbound),
    h("div", { class: "card-box" }, outbound),
    h("div", { class: "card-box span-all" }, section("Operations", operations.element)),
    h("div", { class: "card-box span-all" }, where),
  );
  const element = h("div", { class: "page", hidden: true }, head, missing, content);
  let shown = "";

  const back = () =>
    h(
      "a",
      {
        class: "button quiet square",
        href: state.viewHref("services"),
        "aria-label": "All services",
      },
      icon("back"),
    );

  /* Of another service there is only the name until its answer comes. */
  function render({ service }) {
    if (service === shown) return;
    shown = service;
    fill(head, back(), h("h1", {}, service));
    missing.hidden = content.hidden = true;
  }

  function show(detail, id) {
    fill(
      head,
      back(),
      h("h1", {}, id),
      healthBadge(detail.health),
      chip(kindWords(detail.kind)),
      detail.versions.filter(Boolean).map((v) => chip(v, "version")),
      h("span", { class: "spring" }),
      h(
        "a",
        { class: "button", href: state.viewHref("graph", { sel: `n:${id}`, focus: id }) },
        icon("focus"),
        "In the graph",
      ),
      h("a", { class: "button", href: state.viewHref("latency", { server: id }) }, "Latency"),
    );
    fill(top, figures(detail));
    fill(
      inbound,
      section(
        `Called by (${detail.inbound.length})`,
        detail.inbound.length ? edgeList(detail.inbound, "client") : note("Nobody in this range."),
      ),
    );
    fill(
      outbound,
      section(
        `Calls (${detail.outbound.length})`,
        detail.outbound.length
          ? edgeList(detail.outbound, "server")
          : note("Nobody in this range."),
      ),
    );
    operations.update(detail.operations ?? []);
    fill(where, section("Instances", instances(detail.instances)));
  }

  async function refreshChart(now, id, signal) {
    const [lines, all] = await Promise.all([
      askSide(now, "server", { server: id }, signal),
      api.percentiles(
        { ...state.rangeParams(now), server: id, q: "0.5,0.95,0.99", by: "" },
        signal,
      ),
    ]);
    const whole = all.series[0];
    chart.summary(
      whole
        ? { p50: whole.values[0], p95: whole.values[1], p99: whole.values[2], error: all.error }
        : null,
    );
    chart.points(lines);
  }

  async function refresh(now, signal) {
    const id = now.service;
    try {
      const detail = await api.service(id, state.rangeParams(now), signal);
      missing.hidden = true;
      content.hidden = false;
      show(detail, id);
      await refreshChart(now, id, signal);
    } catch (error) {
      if (error.status !== 404) throw error;
      fill(head, back(), h("h1", {}, id));
      missing.hidden = false;
      content.hidden = true;
    }
  }
  return { element, render, refresh, destroy: chart.destroy };
}
