/* find.js - the find box: a name, `error > 1%`, `p95 > 200ms`, `rate > 5`, `plain`, `flag:UO`; several words must all hold. */

const UNITS = { "%": 0.01, us: 0.001, µs: 0.001, ms: 1, s: 1000, m: 60_000, min: 60_000 };
const COMPARE = {
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
};
const TERM =
  /(error|errors|rate|p50|p90|p95|p99)\s*(>=|<=|>|<)\s*([\d.]+)\s*(%|us|µs|ms|s|min|m)?|flag:(\S+)|"([^"]*)"|(\S+)/gi;

const latencyOf = (api) => api.client_latency ?? api.server_latency ?? api.latency ?? null;

function figure(api, name) {
  if (name.startsWith("error")) return api.error_ratio;
  if (name === "rate") return api.rate;
  return latencyOf(api)?.[name] ?? null;
}

function comparison(name, sign, number, unit) {
  const limit =
    Number(number) * (UNITS[unit?.toLowerCase()] ?? (name.startsWith("error") ? 0.01 : 1));
  return (api) => {
    const value = figure(api, name.toLowerCase());
    return value !== null && COMPARE[sign](value, limit);
  };
}

const namesOf = (api) =>
  [api.id, api.name, ...(api.aliases ?? [])].filter(Boolean).join(" ").toLowerCase();

function term([, name, sign, number, unit, flag, quoted, word]) {
  if (name) return { test: comparison(name, sign, number, unit) };
  if (flag)
    return {
      test: (api) =>
        Object.keys(api.flags ?? {}).some((f) => f.toLowerCase() === flag.toLowerCase()),
    };
  if (word?.toLowerCase() === "plain") return { test: (api) => (api.mtls?.plain ?? 0) > 0 };
  const text = (quoted ?? word).toLowerCase();
  return { byName: true, test: (api) => namesOf(api).includes(text) };
}

/**
 * A test for the API's nodes and edges, or null when there is nothing to look for.
 * A query of names alone looks at nodes only: an edge's id holds both names.
 */
export function parseFind(text) {
  const terms = [...text.trim().matchAll(TERM)].map(term);
  if (!terms.length) return null;
  const named = terms.every((one) => one.byName);
  return (api) => !(named && "client" in api) && terms.every((one) => one.test(api));
}
