/* empty.js - what stands in the picture's place when the range holds nothing. */
import * as state from "../state.js";
import { fill, h } from "../lib/dom.js";

const LONGEST = "24h";

function widen() {
  state.set({ last: LONGEST, start: "", end: "", at: "" });
}

/** `show(now, isEmpty)` says why, and offers a longer range when there is one. */
export function createEmpty() {
  const element = h("div", { class: "empty overlay-note", hidden: true });

  function show(now, isEmpty) {
    element.hidden = !isEmpty;
    if (!isEmpty) return;
    const widest = state.isFixed(now) || now.last === LONGEST;
    const why = widest
      ? "No request of these filters ended in it."
      : "weft has data, but none as recent as this.";
    const button = { type: "button", class: "button", on: { click: widen } };
    fill(
      element,
      h("strong", {}, "Nothing in this range"),
      h("p", {}, why),
      now.last === LONGEST ? null : h("button", button, "Show the last 24 hours"),
    );
  }
  return { element, show };
}
