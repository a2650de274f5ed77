/* api.js - every call the UI makes; the answers are those of the API, unchanged. */

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

async function call(path, params = {}, signal = undefined) {
  let response;
  try {
    response = await fetch(address(path, params), {
      signal,
      headers: { Accept: "application/json" },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "weft does not answer");
  }
  if (!response.ok) throw await failure(response);
  return response.json();
}

export const graph = (params, signal) => call("/api/mesh/graph", params, signal);
export const percentiles = (params, signal) => call("/api/mesh/percentiles", params, signal);
export const edge = (params, signal) => call("/api/mesh/edge", params, signal);
export const services = (params, signal) => call("/api/mesh/services", params, signal);
export const service = (id, params, signal) =>
  call(`/api/mesh/services/${encodeURIComponent(id)}`, params, signal);
export const status = (signal) => call("/api/mesh/status", {}, signal);
