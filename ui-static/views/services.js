/* services.js - every service in a list, and one service on a page of its own. */
import * as api from "../api.js";
import * as state from "../state.js";
import { hasReceived } from "../lib/account.js";
import { fill, h } from "../lib/dom.js";
import { createTable } from "../lib/table.js";
import { align } from "../lib/chart.js";
import { ago, count, ms, percent } from "../lib/format.js";
import { kindWords } from "../lib/words.js";
import { healthBadge, sparkline } from "../lib/parts.js";
import { createServicePage } from "./service.js";

const LINE_PX = 72;
const MOOD = { failing: "bad-text", degraded: "warn-text" };
const RANK = { failing: 3, degraded: 2, healthy: 1, idle: 0 };

function columns(lines) {
  return [
    { name: "Service", value: (s) => s.id },
    { name: "Health", value: (s) => RANK[s.health], cell: (s) => healthBadge(s.health) },
    { name: "Requests", num: true, value: (s) => s.requests, cell: (s) => count(s.requests) },
    { name: "Traffic", value: (s) => s.requests, cell: (s) => lines.traffic(s.id) },
    {
      name: "Errors",
      num: true,
      value: (s) => s.error_ratio,
      cell: (s) => h("span", { class: MOOD[s.health] }, percent(s.error_ratio)),
    },
    { name: "p95", num: true, value: (s) => s.p95, cell: (s) => ms(s.p95) },
    { name: "p95 over time", value: (s) => s.p95, cell: (s) => lines.latency(s.id) },
    { name: "Kind", value: (s) => s.kind, cell: (s) => kindWords(s.kind) },
    {
      name: "Versions",
      value: (s) => s.versions.join(", "),
      cell: (s) => s.versions.filter(Boolean).join(", "),
    },
    { name: "Last seen", num: true, value: (s) => s.last_seen, cell: (s) => ago(s.last_seen) },
  ];
}

/** Small lines for all services out of one answer. */
function createLines() {
  let known = new Map();
  const line = (id, i, words) =>
    known.has(id)
      ? sparkline(known.get(id)[i], `${words} of ${id} over time`, { width: LINE_PX })
      : "";
  return {
    update(answer) {
      known = new Map(
        answer.series.map((one) => [
          one.server,
          align(one.points ?? [], answer, answer.step, [(p) => p.count, (p) => p.values[0]]).slice(1),
        ]),
      );
    },
    traffic: (id) => line(id, 0, "requests"),
    latency: (id) => line(id, 1, "p95"),
  };
}

export function createServicesView(context) {
  const lines = createLines(),
    page = createServicePage();
  const table = createTable({
    columns: columns(lines),
    key: (s) => s.id,
    open: (s) => state.set({ service: s.id }),
    caption: "Services",
    sort: { column: 2, direction: "descending" },
    sorted: (sort) => state.set({ sort }, { replace: true }),
  });
  const filter = h("input", {
    type: "search",
    placeholder: "Filter by name",
    "aria-label": "Filter services by name",
    on: { input: () => state.set({ find: filter.value }, { replace: true }) },
  });
  const total = h("span", { class: "quiet-text" });
  const empty = h(
    "div",
    { class: "empty", hidden: true },
    h("strong", {}),
    h("p", {}),
  );
  const list = h(
    "div",
    { class: "page" },
    h(
      "div",
      { class: "page-head" },
      h("h1", {}, "Services"),
      total,
      h("span", { class: "spring" }),
      filter,
    ),
    table.element,
    empty,
  );
  const element = h("div", { class: "view" }, list, page.element);
  let answer = null;

  function whyEmpty(wanted) {
    if (answer.services.length > 0) return [`No service's name has ${wanted} in it`, ""];
    if (context.status && hasReceived(context.status))
      return ["No service in this range", "No request ended in it; choose another range."];
    return ["No services yet", "They appear with the first spans."];
  }

  function render(now) {
    const hadFocus = (now.service ? list : page.element).contains(document.activeElement);
    list.hidden = now.service !== "";
    page.element.hidden = now.service === "";
    page.render(now);
    if (hadFocus) element.parentElement.focus();
    if (document.activeElement !== filter) filter.value = now.find;
    if (!answer || now.service) return;
    const wanted = now.find.toLowerCase(),
      rows = answer.services.filter((s) => s.id.toLowerCase().includes(wanted));
    total.textContent = count(rows.length);
    [empty.firstChild.textContent, empty.lastChild.textContent] = whyEmpty(wanted);
    empty.hidden = rows.length > 0;
    table.element.hidden = rows.length === 0;
    table.order(now.sort);
    table.update(rows);
  }

  async function refreshList(now, signal) {
    const step = state.stepFor(now, 40);
    const [next, series] = await Promise.all([
      api.services(state.rangeParams(now), signal),
      api.percentiles({ ...state.rangeParams(now), by: "server", q: "0.95", step }, signal),
    ]);
    answer = next;
    lines.update(series);
    render(now);
  }

  return {
    element,
    render,
    destroy: page.destroy,
    refresh: (now, signal) => (now.service ? page.refresh(now, signal) : refreshList(now, signal)),
    keys: {
      Escape: () => (state.get().service ? state.set({ service: "" }) : false),
      "/": () => filter.focus(),
    },
  };
}
