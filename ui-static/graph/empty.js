/* empty.js - what stands in the picture's place when the range holds nothing. */
import * as state from "../state.js";
import { fill, h } from "../lib/dom.js";

const LONGEST = "24h";

const NO_FILTER = { ns: "", protocol: "", min: "", focus: "", depth: "1" };
const isFiltered = (now) => ["ns", "protocol", "min", "focus"].some((key) => now[key] !== "");

function widen() {
  state.set({ last: LONGEST, start: "", end: "", at: "" });
}

function unfilter() {
  state.set(NO_FILTER);
}

function whyOf(now) {
  if (isFiltered(now)) return "No request that the filters let through ended in it.";
  if (!state.isLive(now)) return "No request ended in it.";
  return now.last === LONGEST ? "No request ended in it." : "weft has data, but none as recent as this.";
}

/** `show(now, isEmpty)` says why, and offers to take the filters away or, when there is one, a longer range. */
export function createEmpty() {
  const element = h("div", { class: "empty overlay-note", hidden: true });

  function show(now, isEmpty) {
    element.hidden = !isEmpty;
    if (!isEmpty) return;
    const button = (words, run) =>
      h("button", { type: "button", class: "button", on: { click: run } }, words);
    const isWidest = state.isLive(now) && now.last === LONGEST;
    fill(
      element,
      h("strong", {}, "Nothing in this range"),
      h("p", {}, whyOf(now)),
      h(
        "p",
        { class: "row wrap" },
        isFiltered(now) ? button("Show everything", unfilter) : null,
        isWidest ? null : button("Show the last 24 hours", widen),
      ),
    );
  }
  return { element, show };
}
