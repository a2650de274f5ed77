/* model.js - an answer of /api/mesh/graph as elements of the picture: ids, sizes, labels, health. */
import { ms, percent, rate } from "../lib/format.js";
import { nodeTitle } from "../lib/words.js";

export const NODE_HEIGHT = 46;
export const TEXT_LEFT = 40;
const MIN_WIDTH = 104,
  MAX_WIDTH = 196,
  TEXT_RIGHT = 14;
export const NAME_FONT = "600 12.5px Inter, system-ui, sans-serif";
export const SMALL_FONT = "450 11px Inter, system-ui, sans-serif";
export const SPACE_FONT = "600 11px Inter, system-ui, sans-serif";

const MARKS = { degraded: "▲ ", failing: "✕ ", healthy: "", idle: "" };

export const LABELS = {
  rate: "Requests/s",
  errors: "Errors %",
  p50: "p50",
  p95: "p95",
  p99: "p99",
  transit: "Transit p50",
  none: "No label",
};

const measure = document.createElement("canvas").getContext("2d");

/** In px of the picture. */
export function textWidth(text, font) {
  measure.font = font;
  return measure.measureText(text).width;
}

/** Cuts `text` with an ellipsis so that it fits, and no letter in two. */
function fitText(text, font, width) {
  if (textWidth(text, font) <= width) return text;
  let low = 1,
    high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (textWidth(`${text.slice(0, middle)}…`, font) <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** Room for usual figures: a card that followed each figure would move its edges with every refresh. */
const usualWidth = () => textWidth("88.8/min  ·  p95 88.8 ms", SMALL_FONT);

/** The second line of a node: rate and p95, or that nothing happened. */
function figures(node) {
  if (node.requests === 0) return "no requests";
  return [rate(node.rate), node.latency ? `p95 ${ms(node.latency.p95)}` : null]
    .filter(Boolean)
    .join("  ·  ");
}

const edgeLatency = (edge) => edge.client_latency ?? edge.server_latency;

function edgeText(edge, label) {
  if (label === "none") return "";
  if (label === "rate") return rate(edge.rate);
  if (label === "errors") return percent(edge.error_ratio);
  if (label === "transit") return edge.transit_latency ? ms(edge.transit_latency.p50) : "";
  const latency = edgeLatency(edge);
  return latency ? ms(latency[label]) : "";
}

/** Width by rate on a log scale: 0.1/s is a hair, 1000/s a ribbon; in steps, so that a line does not breathe. */
function edgeWidth(perSecond) {
  const width = Math.min(6.5, Math.max(1.2, 2 + 1.15 * Math.log10(Math.max(perSecond, 0.05))));
  return Math.round(width * 2) / 2;
}

/** Requests by version of a node, from the edges that reach it. */
function versionShares(node, inbound) {
  const shares = new Map(node.versions.map((version) => [version, 0]));
  for (const edge of inbound)
    for (const row of edge.versions ?? [])
      if (shares.has(row.server_version))
        shares.set(row.server_version, shares.get(row.server_version) + row.requests);
  const total = [...shares.values()].reduce((all, n) => all + n, 0);
  return [...shares].map(([version, n]) => ({
    version,
    share: total ? n / total : 1 / shares.size,
  }));
}

/** Where the parts of a card's bar of versions lie between `left` and `right`: none is too thin to see, none leaves the bar. */
export function versionBars(versions, left, right) {
  const gap = 2,
    room = right - left - gap * (versions.length - 1);
  let x = left;
  return versions.map(({ share }) => {
    const width = Math.max(3, room * share),
      bar = { x, width: Math.max(0, Math.min(width, right - x)) };
    x += width + gap;
    return bar;
  });
}

/** The red share of a card's ring: that of errors; a share above nothing is never thinner than a hair. */
export function errorShare({ requests, errors, error_ratio: ratio }) {
  return requests && errors ? Math.min(1, Math.max(ratio, 0.02)) : 0;
}

/** Namespaces of one cluster go without its name; none is longer than a card, for its box may hold just one. */
function spaceTitles(nodes) {
  const several = new Set(nodes.map((node) => node.cluster).filter(Boolean)).size > 1;
  return new Map(
    nodes
      .filter((node) => node.namespace)
      .map((node) => [
        spaceKey(node),
        fitText(several ? spaceKey(node) : node.namespace, SPACE_FONT, MAX_WIDTH),
      ]),
  );
}

const spaceKey = (node) =>
  node.namespace ? `${node.cluster ? `${node.cluster}:` : ""}${node.namespace}` : "";

function nodeElement(node, inbound, grouped) {
  const sub = figures(node);
  const name = nodeTitle(node);
  const wanted = TEXT_LEFT + TEXT_RIGHT + Math.max(textWidth(name, NAME_FONT), usualWidth());
  const width = Math.round(Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, wanted)));
  const space = spaceKey(node);
  const classes = `card kind-${node.kind} ${node.health}`,
    title = fitText(name, NAME_FONT, width - TEXT_LEFT - TEXT_RIGHT + 4);
  return {
    group: "nodes",
    classes,
    data: { id: `n:${node.id}`, parent: grouped && space ? `s:${space}` : undefined, width },
    facts: {
      api: node,
      classes,
      title,
      sub: fitText(sub, SMALL_FONT, width - TEXT_LEFT - 6),
      versions: versionShares(node, inbound),
    },
  };
}

function edgeElement(edge, label) {
  const { health } = edge,
    text = edgeText(edge, label);
  const classes = `link ${health}${edge.client === edge.server ? " loop" : ""}`;
  return {
    group: "edges",
    classes,
    data: {
      id: `e:${edge.id}`,
      source: `n:${edge.client}`,
      target: `n:${edge.server}`,
      width: edgeWidth(edge.rate),
    },
    facts: { api: edge, classes, health, label: text && MARKS[health] + text },
  };
}

function groupBy(edges, key) {
  const groups = new Map();
  for (const edge of edges) groups.set(edge[key], [...(groups.get(edge[key]) ?? []), edge]);
  return groups;
}

/** Elements in a stable order, so that one answer always makes the same picture. */
export function elements(answer, label) {
  const byId = (a, b) => (a.id < b.id ? -1 : 1);
  const nodes = [...answer.nodes].sort(byId),
    known = new Set(nodes.map((node) => node.id));
  const edges = [...answer.edges]
    .sort(byId)
    .filter((edge) => known.has(edge.client) && known.has(edge.server));
  const inbound = groupBy(edges, "server"),
    grouped = answer.group !== "namespace";
  const spaces = grouped ? [...spaceTitles(nodes)] : [];
  return [
    ...spaces.map(([space, title]) => ({
      group: "nodes",
      classes: "space",
      data: { id: `s:${space}` },
      facts: { title, classes: "space" },
    })),
    ...nodes.map((node) => nodeElement(node, inbound.get(node.id) ?? [], grouped)),
    ...edges.map((edge) => edgeElement(edge, label)),
  ];
}
