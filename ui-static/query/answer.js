/* answer.js - answers of query and query_range as the page needs them: names, columns on one grid, positions of errors. */
import { quoted } from "./quote.js";

const IDENTIFIER = /^[A-Za-z_:][\w:]*$/;

const labelText = ([name, value]) =>
  `${/^[A-Za-z_]\w*$/.test(name) ? name : quoted(name)}=${quoted(value)}`;

/** A series' name in two parts, the metric and its labels in braces; either may be empty. */
export function nameParts(metric) {
  const { __name__: name = "", ...labels } = metric,
    list = Object.entries(labels).map(labelText);
  const isPlain = IDENTIFIER.test(name);
  if (name && !isPlain) list.unshift(quoted(name));
  return [isPlain ? name : "", list.length ? `{${list.join(", ")}}` : ""];
}

export const nameOf = (metric) => nameParts(metric).join("") || "{}";

/** Prometheus writes numbers as text: "NaN", "+Inf", "0.5". */
export function numberOf(text) {
  if (/^[+-]?Inf$/.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  return Number(text);
}

/** Every result as a list of series: {metric, value | values, histogram | histograms}. */
export function seriesOf({ resultType, result }) {
  if (resultType === "scalar" || resultType === "string") return [{ metric: {}, value: result }];
  return result;
}

/** Whether lines can be drawn of it. */
export const isLine = (one) => one.values?.length > 0;

/** A range's series as a line: {name, metric, values} on the grid, a null where nothing was. */
export function lineOf({ metric, values }, { start, step, count }) {
  const column = Array(count).fill(null);
  for (const [time, text] of values) {
    const i = Math.round((time - start) / step);
    if (i >= 0 && i < count) column[i] = numberOf(text);
  }
  return { name: nameOf(metric), metric, values: column };
}

const encoder = new TextEncoder();

/* weft counts bytes, the page UTF-16 units. */
function unitsOf(line, bytes) {
  let at = 0;
  for (let left = bytes; left > 0 && at < line.length;) {
    const sign = String.fromCodePoint(line.codePointAt(at));
    left -= encoder.encode(sign).length;
    at += sign.length;
  }
  return at;
}

/** Where in `text` an error such as "1:5: parse error: ..." points; null when it names no place. */
export function placeOf(message, text) {
  const found = /(\d+):(\d+): parse error/.exec(message);
  if (!found) return null;
  const lines = text.split("\n"),
    line = Number(found[1]) - 1;
  const before = lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0);
  return Math.min(text.length, before + unitsOf(lines[line] ?? "", Number(found[2]) - 1));
}

/** The sentence without what the place of the message tells anyway. */
export const sentence = (message) => message.replace(/^invalid parameter "query": /, "");
