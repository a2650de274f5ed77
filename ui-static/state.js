/* state.js - the whole view state, kept in the fragment of the address: a copied address shows the same picture. */

const DEFAULTS = {
  view: "graph",
  last: "15m",
  start: "",
  end: "",
  at: "",
  group: "service",
  mode: "mesh",
  ns: "",
  protocol: "",
  min: "",
  focus: "",
  depth: "1",
  label: "rate",
  find: "",
  table: "",
  rows: "",
  sort: "",
  sel: "",
  service: "",
  server: "",
  client: "",
  version: "",
  operation: "",
  side: "server",
  compare: "",
  with: "",
  tab: "",
  expr: [],
  show: "",
  step: "",
};
export const VIEWS = ["graph", "services", "latency", "senders"];
/** What the next view keeps when a person changes it. */
const SHARED = ["last", "start", "end", "at"];
export const RANGES = { "5m": 300, "15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400 };

const listeners = new Set();
let current = parse(location.hash);

function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const state = { ...DEFAULTS };
  if (VIEWS.includes(path)) state.view = path;
  for (const [key, value] of new URLSearchParams(query))
    if (Array.isArray(DEFAULTS[key])) state[key] = [...state[key], value];
    else if (key in DEFAULTS && key !== "view") state[key] = value;
  if (!Object.keys(RANGES).includes(state.last)) state.last = DEFAULTS.last;
  return state;
}

/** The address of a state: only what differs from the defaults. */
export function href(state) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(state))
    if (Array.isArray(value)) for (const one of value) query.append(key, one);
    else if (key !== "view" && value !== "" && value !== DEFAULTS[key]) query.set(key, value);
  const text = query.toString();
  return `#/${state.view}${text ? `?${text}` : ""}`;
}

export const get = () => current;

function announce() {
  for (const run of listeners) run(current);
}

/** Changes the state; `replace` leaves no step in the browser's history. */
export function set(patch, { replace = false } = {}) {
  const next = { ...current, ...patch };
  const address = href(next);
  if (address === href(current)) return;
  current = next;
  history[replace ? "replaceState" : "pushState"](null, "", address);
  announce();
}

/** Fills in what was left open, without a step in the history and without asking anew. */
export function quietly(patch) {
  current = { ...current, ...patch };
  history.replaceState(null, "", href(current));
}

/** The address of another view with the same time range. */
export function viewHref(view, extra = {}) {
  const kept = Object.fromEntries(SHARED.map((key) => [key, current[key]]));
  return href({ ...DEFAULTS, ...kept, ...extra, view });
}

export function subscribe(run) {
  listeners.add(run);
  return () => listeners.delete(run);
}

addEventListener("popstate", () => {
  current = parse(location.hash);
  announce();
});

export const isFixed = (state) => state.start !== "";
export const isLive = (state) => !isFixed(state) && state.at === "";

/** Start and end in Unix seconds, as far as the page can know them. */
export function bounds(state, now = Date.now() / 1000) {
  if (isFixed(state))
    return { start: Number(state.start), end: state.end === "" ? now : Number(state.end) };
  const end = state.at === "" ? now : Number(state.at);
  return { start: end - RANGES[state.last], end };
}

/** The range as parameters of an API call. */
export function rangeParams(state) {
  return isLive(state) ? { last: state.last } : bounds(state);
}

/** A step in seconds that gives about `points` points, from the steps that are kept. */
export function stepFor(state, points = 60) {
  const { start, end } = bounds(state);
  const steps = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];
  return steps.find((step) => (end - start) / step <= points) ?? 86_400;
}
