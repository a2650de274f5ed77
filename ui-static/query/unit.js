/* unit.js - what an expression's values are measured in, as far as names and functions tell: seconds, bytes, anything a second. */
import { bytes, compact, ms } from "../lib/format.js";

const NONE = { base: "", per: false };
/* What keeps its argument's unit. */
const KEEPING = new Set([
  ...["abs", "ceil", "floor", "round", "clamp", "clamp_min", "clamp_max", "sort", "sort_desc"],
  ...["label_replace", "label_join", "delta", "idelta", "increase", "histogram_sum"],
  ...["avg", "min", "max", "sum", "last", "quantile", "stddev"].map((name) => `${name}_over_time`),
]);
const GROWTH = new Set(["rate", "irate", "deriv"]);
const OF_OBSERVATIONS = new Set(["histogram_quantile", "histogram_avg", "histogram_stddev"]);
const KEEPING_AGGREGATIONS = new Set([
  ...["sum", "avg", "min", "max", "stddev", "quantile"],
  ...["topk", "bottomk", "limitk", "limit_ratio"],
]);

/* `observed`: what a histogram's buckets are bounds of; its own values are counts. */
function ofName(name = "") {
  const [, stem, end] = /^(.*?)(_bucket|_count|_sum|_total)?$/.exec(name),
    isMoment = /_(time|timestamp)_seconds$/.test(stem),
    observed = /_seconds$/.test(stem) && !isMoment ? "s" : /_bytes$/.test(stem) ? "bytes" : "";
  const counts = end === "_bucket" || end === "_count";
  return { ...NONE, base: counts ? "" : observed, observed };
}

function ofCall({ func: { name }, args }) {
  const wanted = args.find(({ type }) => type !== "numberLiteral" && type !== "stringLiteral"),
    unit = wanted ? ofNode(wanted) : NONE;
  if (GROWTH.has(name)) return unit.per ? NONE : { ...unit, per: true };
  if (OF_OBSERVATIONS.has(name)) return { ...NONE, base: unit.observed ?? "" };
  if (name === "histogram_count") return { ...NONE, per: unit.per };
  return KEEPING.has(name) ? unit : NONE;
}

const COMPARISONS = new Set([">", "<", ">=", "<=", "==", "!="]);
const isNumber = ({ type }) => type === "numberLiteral";
const alike = (a, b) => a.base === b.base && a.per === b.per;

function ofBinary({ op, bool, lhs, rhs }) {
  const [left, right] = [ofNode(lhs), ofNode(rhs)];
  if (bool) return NONE;
  if (COMPARISONS.has(op)) return isNumber(lhs) ? right : left;
  if (op === "/") return left.per && right.per && !right.base ? { ...NONE, base: left.base } : NONE;
  if (["+", "-", "or"].includes(op)) return isNumber(rhs) || alike(left, right) ? left : NONE;
  return op === "and" || op === "unless" ? left : NONE;
}

function ofNode(node) {
  switch (node.type) {
    case "vectorSelector":
    case "matrixSelector":
      return ofName(node.name);
    case "call":
      return ofCall(node);
    case "aggregation":
      return KEEPING_AGGREGATIONS.has(node.op) ? ofNode(node.expr) : NONE;
    case "binaryExpr":
      return ofBinary(node);
    case "parenExpr":
    case "unaryExpr":
    case "subquery":
      return ofNode(node.expr);
    default:
      return NONE;
  }
}

/** The unit of a tree as /api/v1/parse_query answers it: "s", "bytes", "bytes/s", "/s" or "". */
export function unitOf(tree) {
  const { base, per } = ofNode(tree);
  if (!per) return base;
  return base === "s" ? "" : `${base}/s`; // seconds a second are a share
}

const WRITERS = {
  s: (n) => (n < 0 ? `−${ms(-n * 1000)}` : ms(n * 1000)),
  bytes: (n) => (n < 0 ? `−${bytes(-n)}` : bytes(n)),
  "bytes/s": (n) => `${WRITERS.bytes(n)}/s`,
  "/s": (n) => `${compact(n)}/s`,
};

/** Writes a value in `unit`; what is no number, and a unit that nobody knows, as bare numbers. */
export function writerOf(unit) {
  const write = WRITERS[unit];
  return write ? (n) => (Number.isFinite(n) ? write(n) : compact(n)) : compact;
}
