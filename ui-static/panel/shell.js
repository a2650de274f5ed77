/* shell.js - the frame of a side panel: title, close, and a body that is filled block by block. */
import { h, fill } from "../lib/dom.js";
import { icon } from "../lib/icons.js";

/** `close()` is called by the button; the whole can have the focus, to go on from another panel. */
export function createShell(close) {
  const head = h("div", { class: "panel-head" }),
    body = h("div", {
      class: "panel-body",
      tabindex: "0",
      role: "region",
      "aria-label": "Details",
    });
  const button = h(
    "button",
    {
      type: "button",
      class: "button quiet square",
      "aria-label": "Close panel",
      title: "Close (Esc)",
      on: { click: close },
    },
    icon("close"),
  );
  const element = h(
    "aside",
    { class: "panel", tabindex: "-1", "aria-label": "Details" },
    h("header", {}, head, button),
    body,
  );
  const title = (...parts) => {
    fill(head, ...parts);
    body.hidden = false;
  };
  /* A copied address may name what this range does not hold: no empty charts below. */
  const missing = (id) => {
    title(h("h2", {}, id), h("p", { class: "quiet-text" }, "Not seen in this range."));
    body.hidden = true;
  };
  return { element, head, body, title, missing };
}

/** Places that are refilled one by one, so that charts and scroll position survive a refresh. */
export function createSlots(parent, names) {
  const slots = Object.fromEntries(
    names.map((name) => [name, h("div", { class: `slot slot-${name}` })]),
  );
  parent.append(...Object.values(slots));
  return slots;
}
