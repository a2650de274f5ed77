/* tokens.js - PromQL in pieces, as far as colours and completion need it; text that is half written is no error here. */
import { AGGREGATIONS, FUNCTIONS, WORDS } from "./words.js";

const PATTERNS = [
  ["space", /\s+/y],
  ["comment", /#[^\n]*/y],
  ["string", /"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|`[^`]*`?/y],
  ["number", /0x[\da-f]+|(?:\d+(?:ms|[smhdwy]))+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\w:])/iy],
  ["name", /[A-Za-z_:][\w:]*/y],
  ["op", /=~|!~|!=|==|>=|<=|[-+*/%^=<>@]/y],
  ["mark", /[(){}[\],]/y],
  ["other", /./suy],
];

function pieceAt(text, at) {
  for (const [type, pattern] of PATTERNS) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) return { type, text: found[0], from: at, to: at + found[0].length };
  }
  return null;
}

/** Whether a string piece has its closing quote. */
export const isClosed = ({ text }) =>
  text.length > 1 && text.at(-1) === text[0] && !/(^|[^\\])(\\\\)*\\$/.test(text.slice(0, -1));

/** All pieces of a text, spaces included: {type, text, from, to}. */
export function tokens(text) {
  const list = [];
  for (let at = 0; at < text.length; at = list.at(-1).to) list.push(pieceAt(text, at));
  return list;
}

/** Pieces that count, each with `depth` words: what bracket it is in and what stood before that bracket. */
export function nested(text) {
  const open = [],
    list = [];
  for (const piece of tokens(text)) {
    if (piece.type === "space" || piece.type === "comment") continue;
    if (piece.type === "mark" && ")}]".includes(piece.text)) open.pop();
    list.push({ ...piece, inside: open.at(-1) ?? null });
    if (piece.type === "mark" && "({[".includes(piece.text))
      open.push({ mark: piece.text, before: list.at(-2) ?? null });
  }
  return list;
}

const GROUPINGS = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);

/** Whether a bracket holds label names: `by (...)` and the like. */
export const isGrouping = (inside) =>
  inside?.mark === "(" && inside.before?.type === "name" && GROUPINGS.has(inside.before.text);

/** What a name is where it stands: label, function, word or metric. */
export function roleOf({ text, inside }, next) {
  if (inside?.mark === "{" || isGrouping(inside)) return "label";
  if (next?.text === "(" && FUNCTIONS.has(text)) return "function";
  if (AGGREGATIONS.has(text) && (next?.text === "(" || GROUPINGS.has(next?.text)))
    return "function";
  return WORDS.has(text) ? "word" : "metric";
}

/** The metric names of an expression, each once. */
export function metricsOf(text) {
  const list = nested(text);
  const names = list
    .filter((piece, i) => piece.type === "name" && roleOf(piece, list[i + 1]) === "metric")
    .map((piece) => piece.text);
  return [...new Set(names)];
}
