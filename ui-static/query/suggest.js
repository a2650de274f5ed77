/* suggest.js - what could stand at the caret: PromQL's own words, and names that weft knows. */
import * as api from "../api.js";
import * as state from "../state.js";
import { quoted } from "./quote.js";
import { ranked } from "./rank.js";
import { AGGREGATIONS, FUNCTIONS, WINDOWS, WORDS } from "./words.js";

const KEEP_MS = 30_000,
  NAMES_MAX = 10_000,
  VALUES_MAX = 1000,
  METRICS_MAX = 3;
const PARTS = /_(bucket|count|sum|total)$/;

const called = (kind, after) => (map) =>
  [...map].map(([text, [args, help]]) => ({
    text,
    kind,
    help: `(${args}) ${help}`,
    insert: text + (args ? after : `${after}${after && ")"}`),
  }));
const OWN = [
  ...called("function", "(")(FUNCTIONS),
  ...called("aggregation", "")(AGGREGATIONS),
  ...[...WORDS].map(([text, help]) => ({ text, kind: "word", help, insert: text })),
];

/** Answers of the API, asked once in a while; a failure is an empty list and is not kept. */
function createMemory() {
  const known = new Map();
  return function remember(key, load) {
    const kept = known.get(key);
    if (kept && performance.now() - kept.at < KEEP_MS) return kept.answer;
    const answer = load().catch((error) => {
      known.delete(key);
      if (error instanceof api.ApiError) return null;
      throw error;
    });
    known.set(key, { at: performance.now(), answer });
    return answer;
  };
}

/** A metric's name as a selector: names that are no identifiers stand in quotes. */
const selector = (metric) => `{__name__=${JSON.stringify(metric)}}`;

function described(name, metadata) {
  const found = metadata[name] ?? metadata[name.replace(PARTS, "")];
  return {
    text: name,
    insert: name,
    kind: found?.[0]?.type && found[0].type !== "unknown" ? found[0].type : "metric",
    help: found?.[0]?.help ?? "",
  };
}

/** `suggest(context)` answers what fits: {text, insert, kind, help}. */
export function createSuggest() {
  const remember = createMemory();

  function ask(what, call, params) {
    const { start, end } = state.bounds(state.get());
    const { last, start: from, end: to, at } = state.get();
    return remember(JSON.stringify([what, params, last, from, to, at]), async () => {
      const { data } = await call({ ...params, start, end });
      return data;
    });
  }

  async function names() {
    const [list, metadata] = await Promise.all([
      ask("names", (p) => api.labelValues("__name__", p), { limit: NAMES_MAX }),
      remember("metadata", async () => (await api.metadata({ limit_per_metric: 1 })).data),
    ]);
    return [...OWN, ...(list ?? []).map((name) => described(name, metadata ?? {}))];
  }

  /* A metric that is half written or unknown has no labels: then all are offered. */
  async function matching(what, call, metrics) {
    const params = { limit: VALUES_MAX, "match[]": metrics.slice(0, METRICS_MAX).map(selector) };
    const found = (await ask(what, call, params)) ?? [];
    if (found.length || !metrics.length) return found;
    return (await ask(what, call, { limit: VALUES_MAX })) ?? [];
  }

  async function labels({ metrics, isMatcher }) {
    const list = await matching("labels", (p) => api.labelNames(p), metrics);
    return list
      .filter((name) => name !== "__name__" || isMatcher)
      .map((text) => ({ text, kind: "label", help: "", insert: isMatcher ? `${text}=` : text }));
  }

  async function values({ label, metrics, quote }) {
    const list = await matching(`values ${label}`, (p) => api.labelValues(label, p), metrics);
    return list.map((text) => ({ text, kind: "value", help: "", insert: quoted(text, quote) }));
  }

  const windows = () => WINDOWS.map((text) => ({ text, kind: "window", help: "", insert: text }));

  return async function suggest(context) {
    const items = await { name: names, label: labels, value: values, window: windows }[
      context.kind
    ]?.(context);
    return ranked(items ?? [], context.prefix);
  };
}
