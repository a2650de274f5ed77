/* api.js - every call the UI makes; the answers are those of the API, unchanged. */
import { released } from "./lib/press.js";

/** An answer that is not 200: `message` is the server's own sentence. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/* An empty parameter means nothing, but `by=` alone merges everything. */
function address(path, params) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== null && one !== undefined && (one !== "" || key === "by")) query.append(key, one);
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

async function failure(response) {
  const body = await response.json().catch(() => ({}));
  return new ApiError(response.status, body.error ?? `weft answered ${response.status}`);
}

/* What goes wrong on the way; an end that somebody wished for is none of it. */
const told = (words) => (error) => {
  throw error.name === "AbortError" ? error : new ApiError(0, words);
};

async function ask(url, options) {
  const response = await fetch(url, { headers: { Accept: "application/json" }, ...options }).catch(
    told("weft does not answer"),
  );
  if (!response.ok) throw await failure(response);
  const body = await response.json().catch(told("weft's answer was cut off"));
  await released();
  if (options.signal?.aborted) throw new DOMException("no longer wanted", "AbortError");
  return body;
}

const call = (path, params = {}, signal = undefined) => ask(address(path, params), { signal });

export const graph = (params, signal) => call("/api/mesh/graph", params, signal);
export const percentiles = (params, signal) => call("/api/mesh/percentiles", params, signal);
export const edge = (params, signal) => call("/api/mesh/edge", params, signal);
export const services = (params, signal) => call("/api/mesh/services", params, signal);
export const service = (id, params, signal) =>
  call(`/api/mesh/services/${encodeURIComponent(id)}`, params, signal);
export const status = (signal) => call("/api/mesh/status", {}, signal);

/* Expressions may be longer than an address should be. */
const post = (path, params, signal) =>
  ask(path, { method: "POST", body: new URLSearchParams(params), signal });

/** Prometheus' API; the answers keep their envelope, for its warnings and infos. */
export const query = (params, signal) => post("/api/v1/query", params, signal);
export const queryRange = (params, signal) => post("/api/v1/query_range", params, signal);
export const parseQuery = (text, signal) => post("/api/v1/parse_query", { query: text }, signal);
export const labelNames = (params, signal) => call("/api/v1/labels", params, signal);
export const labelValues = (name, params, signal) =>
  call(`/api/v1/label/${encodeURIComponent(name)}/values`, params, signal);
export const metadata = (params, signal) => call("/api/v1/metadata", params, signal);
export const tsdb = (params, signal) => call("/api/v1/status/tsdb", params, signal);
