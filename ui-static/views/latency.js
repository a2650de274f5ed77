/* latency.js - the two ways to look at latency: percentiles of a server, and any expression. */
import * as state from "../state.js";
import { h } from "../lib/dom.js";
import { createTabs } from "../lib/tabs.js";
import { createPercentiles } from "../latency/percentiles.js";
import { createQuery } from "../query/query.js";

const tabOf = (now) => (now.tab === "query" ? "query" : "");

export function createLatencyView(context) {
  const parts = { "": createPercentiles(), query: createQuery(context) };
  const tabs = createTabs({
    id: "latency",
    label: "Ways to look at latency",
    tabs: [
      { key: "", name: "Percentiles", panel: parts[""].element },
      { key: "query", name: "Query", panel: parts.query.element },
    ],
    choose: (tab) => state.set({ tab }),
  });
  const element = h(
    "div",
    { class: "page" },
    h("div", { class: "page-head" }, h("h1", {}, "Latency"), tabs.element),
    parts[""].element,
    parts.query.element,
  );
  const shown = (now) => parts[tabOf(now)];

  function render(now) {
    tabs.render(tabOf(now));
    shown(now).render(now);
  }
  return {
    element,
    render,
    refresh: (now, signal) => shown(now).refresh(now, signal),
    destroy() {
      for (const part of Object.values(parts)) part.destroy();
    },
  };
}
