/* context.js - what a person is writing at the caret: a name, a label, a label's value or a window. */
import { isClosed, isGrouping, metricsOf, nested, tokens } from "./tokens.js";

const IS_MATCH = new Set(["=", "!=", "=~", "!~"]);
const NONE = { kind: "none", prefix: "", from: 0, to: 0 };

/* The rest of the word or string under the caret is replaced too. */
function wordEnd(text, caret) {
  return caret + /^[\w:]*/.exec(text.slice(caret))[0].length;
}

function stringEnd(text, caret, quote) {
  const rest = text.slice(caret),
    end = rest.search(new RegExp(`[${quote}\n,}]`));
  if (end < 0) return text.length;
  return caret + end + (rest[end] === quote ? 1 : 0);
}

const metricBefore = (inside) =>
  inside.before?.type === "name" && inside.before.to > inside.before.from
    ? [inside.before.text]
    : [];

function inString(text, caret, list) {
  const piece = list.at(-1),
    [label, op] = [list.at(-3), list.at(-2)];
  if (piece.inside?.mark !== "{" || label?.type !== "name" || !IS_MATCH.has(op?.text)) return NONE;
  return {
    kind: "value",
    label: label.text,
    quote: piece.text[0],
    metrics: metricBefore(piece.inside),
    prefix: piece.text.slice(1),
    from: piece.from,
    to: stringEnd(text, caret, piece.text[0]),
  };
}

/* The bracket that is open at the caret, as `nested` would tell it of one more piece. */
const openAt = (head) => nested(`${head} x`).at(-1).inside;

function inBraces(text, word, before, inside) {
  const label = before.at(-2);
  if (IS_MATCH.has(before.at(-1)?.text) && label?.type === "name")
    return {
      ...word,
      kind: "value",
      label: label.text,
      quote: '"',
      metrics: metricBefore(inside),
    };
  return ["{", ","].includes(before.at(-1)?.text)
    ? { ...word, kind: "label", isMatcher: true, metrics: metricBefore(inside) }
    : NONE;
}

/** `kind`: name, label, value, window or none; `prefix` stands from `from` to the caret, and up to `to` is replaced. */
export function contextAt(text, caret) {
  const head = text.slice(0, caret),
    last = tokens(head).at(-1);
  if (last?.type === "comment") return NONE;
  if (last?.type === "string" && !isClosed(last)) return inString(text, caret, nested(head));
  const prefix = /[A-Za-z_:][\w:]*$/.exec(head)?.[0] ?? "",
    isWord = last?.type === "name",
    word = {
      prefix: isWord ? prefix : "",
      from: isWord ? caret - prefix.length : caret,
      to: wordEnd(text, caret),
    };
  const before = nested(head.slice(0, word.from)),
    inside = openAt(head.slice(0, word.from));
  if (inside?.mark === "{") return inBraces(text, word, before, inside);
  if (isGrouping(inside)) return { ...word, kind: "label", metrics: metricsOf(text) };
  if (inside?.mark === "[") {
    const digits = /[\dsmhdwy]*$/.exec(head)[0];
    return {
      kind: "window",
      prefix: digits,
      from: caret - digits.length,
      to: wordEnd(text, caret),
    };
  }
  if (last?.type === "number") return NONE;
  return { ...word, kind: "name" };
}
