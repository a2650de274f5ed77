/* hover.js - the small card beside the pointer. */
import { factsOf } from "./facts.js";
import { h, fill } from "../lib/dom.js";
import { count, ms, percent, rate } from "../lib/format.js";
import { kindWords, nodeTitle } from "../lib/words.js";
import { healthBadge } from "../lib/parts.js";

const line = (name, value) => h("div", {}, h("dt", {}, name), h("dd", { class: "num" }, value));

function latencyLines(latency, words) {
  return latency
    ? [
        line(`p50 ${words}`, ms(latency.p50)),
        line("p95", ms(latency.p95)),
        line("p99", ms(latency.p99)),
      ]
    : [];
}

function nodeCard(api) {
  return [
    h("strong", {}, nodeTitle(api)),
    h(
      "p",
      { class: "quiet-text" },
      [kindWords(api.kind), api.namespace].filter(Boolean).join(" · "),
    ),
    healthBadge(api.health),
    h(
      "dl",
      {},
      line("Requests", `${count(api.requests)} · ${rate(api.rate)}`),
      line("Errors", percent(api.error_ratio)),
      latencyLines(api.latency, ""),
      api.versions.filter(Boolean).length > 1 ? line("Versions", api.versions.join(", ")) : null,
    ),
  ];
}

function edgeCard(api, health) {
  const side = api.client_latency ? "client" : "server";
  return [
    h("strong", {}, h("bdi", {}, api.client), " → ", h("bdi", {}, api.server)),
    h("p", { class: "quiet-text" }, api.protocol),
    healthBadge(health),
    h(
      "dl",
      {},
      line("Requests", `${count(api.requests)} · ${rate(api.rate)}`),
      line("Errors", percent(api.error_ratio)),
      latencyLines(api[`${side}_latency`], side),
      Object.keys(api.flags).length ? line("Flags", Object.keys(api.flags).join(" ")) : null,
    ),
  ];
}

/** The card; `show(element, event)` fills and places it, `hide()` takes it away. */
export function createHoverCard(container) {
  const card = h("div", { class: "hover-card", "aria-hidden": "true", hidden: true });
  container.append(card);

  function place(x, y) {
    const width = card.offsetWidth,
      height = card.offsetHeight;
    card.style.left = `${Math.max(8, x + 18 + width > container.clientWidth ? x - width - 14 : x + 18)}px`;
    card.style.top = `${Math.max(8, Math.min(y + 14, container.clientHeight - height - 8))}px`;
  }

  function show(element, event) {
    const api = factsOf(element).api,
      box = container.getBoundingClientRect();
    fill(card, element.isNode() ? nodeCard(api) : edgeCard(api, factsOf(element).health));
    card.hidden = false;
    place(event.clientX - box.left, event.clientY - box.top);
  }
  return {
    show,
    hide() {
      card.hidden = true;
    },
  };
}
