/* senders.js - who sends what, and what became of it. */
import * as api from "../api.js";
import * as state from "../state.js";
import { fill, h } from "../lib/dom.js";
import { createTable } from "../lib/table.js";
import { ago, bytes, count, digits, rate } from "../lib/format.js";
import { chip, figure, note, section } from "../lib/parts.js";
import { receivers } from "../senders/receivers.js";
import { createSeries } from "../senders/series.js";

const nameOf = (sender) => sender.name || sender.peer;

/** Items a second of each sender, from two answers. */
function createRates() {
  let before = new Map(),
    at = -Infinity,
    known = new Map();
  return {
    update(senders) {
      const now = performance.now() / 1000;
      if (now - at < 0.5) return;
      known = new Map(
        senders.map((s) => [
          s.peer,
          before.has(s.peer) ? Math.max(0, (s.items - before.get(s.peer)) / (now - at)) : null,
        ]),
      );
      before = new Map(senders.map((s) => [s.peer, s.items]));
      at = now;
    },
    of: (sender) => known.get(sender.peer) ?? null,
  };
}

function offset(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "–";
  return `${milliseconds > 0 ? "+" : ""}${digits(milliseconds)} ms`;
}

function columns(rates) {
  return [
    { name: "Sender", value: nameOf },
    { name: "Address", value: (s) => s.peer, cell: (s) => h("code", {}, s.peer) },
    { name: "Client", value: (s) => s.client },
    {
      name: "Signals",
      value: (s) => s.signals.join(", "),
      cell: (s) => s.signals.map((one) => chip(one.replaceAll("_", " "))),
    },
    { name: "Items", num: true, value: (s) => s.items, cell: (s) => count(s.items) },
    { name: "Rate", num: true, value: rates.of, cell: (s) => rate(rates.of(s)) },
    {
      name: "Refused",
      num: true,
      value: (s) => s.refused,
      cell: (s) => h("span", { class: s.refused ? "warn-text" : "" }, count(s.refused)),
    },
    {
      name: "Clock",
      num: true,
      title: "How far the sender's clock is from this host's",
      value: (s) => s.clock_offset_ms,
      cell: (s) => offset(s.clock_offset_ms),
    },
    { name: "Last seen", num: true, value: (s) => s.last_seen, cell: (s) => ago(s.last_seen) },
  ];
}

/** What became of requests that were not accepted whole. */
function unwanted(requests) {
  return ["partial", "rejected", "refused", "aborted"]
    .filter((outcome) => requests[outcome])
    .map((outcome) => `${count(requests[outcome])} ${outcome}`)
    .join(", ");
}

function figures(status) {
  const files = Object.values(status.storage ?? {}).reduce(
    (sum, kind) => sum + (kind.bytes ?? 0),
    0,
  );
  return h(
    "dl",
    { class: "figures wide-figures" },
    figure(
      "Requests accepted",
      count(status.requests.accepted),
      unwanted(status.requests) || "none refused",
      unwanted(status.requests) ? "degraded" : "",
    ),
    figure("Open hops", count(status.open?.hops), status.open ? bytes(status.open.bytes) : ""),
    figure("Journal", bytes(status.journal.bytes)),
    figure("Kept on disk", bytes(files)),
  );
}

/** What has so many different names that the rest went into `other`. */
function offenders(status) {
  const list = status.offenders ?? [];
  if (!list.length) return null;
  const row = (one) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, one.name),
      h("td", {}, one.kind),
      h("td", { class: "num" }, count(one.distinct)),
      h("td", { class: "num" }, count(one.limit)),
    );
  return h(
    "div",
    { class: "card-box" },
    section(
      "Too many different names",
      note("Their sums are right; names over the limit are counted together as other."),
      h(
        "table",
        { class: "plain" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["Of", "Kind", "Distinct", "Limit"].map((name, i) =>
              h("th", { scope: "col", class: i > 1 ? "num" : "" }, name),
            ),
          ),
        ),
        h("tbody", {}, list.map(row)),
      ),
    ),
  );
}

export function createSendersView(context) {
  const rates = createRates(),
    top = h("div", { class: "card-box" }),
    worst = h("div"),
    receiving = h("div"),
    series = createSeries(),
    total = h("span", { class: "quiet-text" });
  const table = createTable({
    columns: columns(rates),
    key: (s) => `${nameOf(s)} ${s.peer}`,
    caption: "Senders",
    sort: { column: 4, direction: "descending" },
    sorted: (sort) => state.set({ sort }, { replace: true }),
  });
  const empty = h(
    "div",
    { class: "empty", hidden: true },
    h("strong", {}, "Nobody has sent anything yet"),
    h("p", {}, h("a", { href: state.viewHref("graph") }, "How to point a proxy here")),
  );
  const element = h(
    "div",
    { class: "page" },
    h("div", { class: "page-head" }, h("h1", {}, "Senders"), total),
    top,
    table.element,
    empty,
    receiving,
    worst,
    series.element,
  );

  async function refresh(now, signal) {
    const status = context.status ?? (await api.status(signal));
    rates.update(status.senders);
    total.textContent = count(status.senders.length);
    fill(top, figures(status));
    table.order(now.sort);
    table.update(status.senders);
    table.element.hidden = status.senders.length === 0;
    empty.hidden = status.senders.length > 0;
    fill(receiving, receivers(status));
    receiving.hidden = !receiving.firstChild;
    fill(worst, offenders(status));
    worst.hidden = !worst.firstChild;
    await series.refresh(signal);
  }
  return { element, refresh, destroy() {} };
}
