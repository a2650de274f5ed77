/* grid.js - the moments a range is asked at: whole steps, so that a refresh does not shift them. */
import { fill, h } from "../lib/dom.js";
import * as state from "../state.js";

const STEPS = [15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600];
const CHOICE = {
  1: "1 s",
  5: "5 s",
  15: "15 s",
  30: "30 s",
  60: "1 m",
  300: "5 m",
  900: "15 m",
  3600: "1 h",
};
const POINTS = 250;

function autoStep(now) {
  const { start, end } = state.bounds(now);
  return STEPS.find((step) => (end - start) / step <= POINTS) ?? Math.ceil((end - start) / POINTS);
}

export const stepOf = (now) => (Number(now.step) > 0 ? Number(now.step) : autoStep(now));

/** {start, end, step, count} in seconds; `count` may be more than weft answers to. */
export function gridOf(now) {
  const step = stepOf(now),
    { start, end } = state.bounds(now);
  const last = Math.floor(end / step) * step,
    count = Math.floor((end - start) / step) + 1,
    first = last - (count - 1) * step;
  return {
    start: first,
    end: last,
    step,
    count,
  };
}

export const timesOf = ({ start, step, count }) =>
  Array.from({ length: count }, (_, i) => start + i * step);

function words(seconds) {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} m` : `${seconds} s`;
}

/** The choice of a step; `choose("")` is automatic. */
export function createStep(choose) {
  const auto = h("option", { value: "" });
  const select = h(
    "select",
    { "aria-label": "Step", on: { change: () => choose(select.value) } },
    auto,
    Object.entries(CHOICE).map(([value, name]) => h("option", { value }, name)),
  );
  const element = h("label", { class: "field" }, h("span", {}, "Step"), select);

  function render(now) {
    element.hidden = now.show === "table";
    fill(auto, `auto (${words(autoStep(now))})`);
    if (now.step && !(now.step in CHOICE) && ![...select.options].some((o) => o.value === now.step))
      select.append(h("option", { value: now.step }, words(stepOf(now))));
    select.value = now.step;
  }
  return { element, render };
}
