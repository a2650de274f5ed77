/* topbar.js - the bar above every view: name, views, time, colours, help. */
import { h, s } from "../lib/dom.js";
import * as state from "../state.js";
import { createRange } from "./range.js";
import { themeButton } from "./theme.js";

const NAMES = { graph: "Graph", services: "Services", latency: "Latency", senders: "Senders" };

function logo() {
  return s(
    "svg",
    { class: "logo", viewBox: "0 0 32 32", "aria-hidden": "true" },
    s("path", { class: "warp", d: "M3 9c9 0 9 14 18 14h8" }),
    s("path", { class: "woof", d: "M3 23c9 0 9-14 18-14h8" }),
  );
}

export function createTopbar({ help }) {
  const range = createRange();
  const links = state.VIEWS.map((view) =>
    h("a", { href: state.viewHref(view), data: { view } }, NAMES[view]),
  );
  const element = h(
    "header",
    { class: "topbar" },
    h(
      "a",
      { class: "brand", href: "#/graph", "aria-label": "weft: the service graph" },
      logo(),
      h("span", {}, "weft"),
    ),
    h("nav", { class: "views", "aria-label": "Views" }, links),
    h(
      "div",
      { class: "topbar-tools" },
      range.element,
      themeButton(),
      h(
        "button",
        {
          class: "button quiet square",
          type: "button",
          "aria-label": "Keys and help",
          title: "Keys (?)",
          on: { click: help },
        },
        "?",
      ),
    ),
  );

  function render(now) {
    for (const link of links) {
      link.href = state.viewHref(link.dataset.view);
      if (link.dataset.view === now.view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    range.render(now);
  }
  return { element, render, toggleLive: range.toggleLive };
}
