/* strokes.js - how lines are told apart: a colour for each series, a dash for each expression. */
import { s } from "../lib/dom.js";

export const COLORS = 8;
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3], [14, 4], [4, 2], [1, 4], [9, 2, 2, 2, 2, 2]];

export const colorAt = (i) => `--line-${(i % COLORS) + 1}`;
export const dashAt = (i) => DASHES[i % DASHES.length];

/** A short piece of an expression's line, of one colour or of the text's. */
export function strokeSample(expression, color = "--text-3") {
  return s(
    "svg",
    {
      class: "stroke",
      viewBox: "0 0 22 4",
      width: 22,
      height: 4,
      "aria-hidden": "true",
      vars: { "--c": `var(${color})` },
    },
    s("path", { d: "M0 2H22", "stroke-dasharray": dashAt(expression).join(" ") }),
  );
}
