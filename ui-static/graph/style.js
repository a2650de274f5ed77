/* style.js - the stylesheet of the picture, from the page's colours. */
import { cssVar } from "../lib/dom.js";

const NAMES = [
  "bg",
  "surface",
  "line",
  "line-strong",
  "text",
  "text-2",
  "text-3",
  "accent",
  "ok",
  "warn",
  "warn-mark",
  "bad",
  "bad-mark",
  "edge",
  "edge-idle",
  "space-box",
  "p50",
  "p95",
  "p99",
  "on-accent",
];

/** The page's colours by name, read once a theme. */
export const readColors = () =>
  Object.fromEntries(NAMES.map((name) => [name, cssVar(`--${name}`)]));

/* The silhouette says the kind even where no text can be read. */
const SHAPES = {
  gateway: "cut-rectangle",
  database: "barrel",
  messaging: "rectangle",
  external: "round-rectangle",
  user: "round-rectangle",
  unknown: "round-rectangle",
  blocked: "octagon",
};

function nodeRules(c) {
  return [
    {
      selector: "node.space",
      style: {
        shape: "round-rectangle",
        "corner-radius": 14,
        "background-color": c["space-box"],
        "border-width": 1,
        "border-color": c.line,
        padding: "21px",
        events: "no",
        label: "",
      },
    },
    {
      selector: "node.card",
      style: {
        shape: "round-rectangle",
        "corner-radius": 10,
        width: "data(width)",
        height: 46,
        "background-color": c.surface,
        "border-width": 1,
        "border-color": c["line-strong"],
        label: "",
        "overlay-opacity": 0,
      },
    },
    ...Object.entries(SHAPES).map(([kind, shape]) => ({
      selector: `node.kind-${kind}`,
      style: { shape },
    })),
    { selector: "node.kind-gateway", style: { "corner-radius": 13 } },
    { selector: "node.kind-messaging", style: { "border-style": "double", "border-width": 3 } },
    { selector: "node.kind-user, node.kind-unknown", style: { "corner-radius": 23 } },
    {
      selector: "node.kind-external, node.kind-unknown, node.idle",
      style: { "border-style": "dashed" },
    },
    { selector: "node.degraded", style: { "border-color": c["warn-mark"], "border-width": 1.5 } },
    { selector: "node.failing", style: { "border-color": c["bad-mark"], "border-width": 1.5 } },
    { selector: "node.lit", style: { "border-color": c["text-3"] } },
    { selector: "node.found", style: { "border-color": c.accent, "border-width": 2 } },
    {
      selector: "node.chosen",
      style: {
        "border-color": c.accent,
        "border-width": 2,
        "outline-width": 3,
        "outline-color": c.accent,
        "outline-opacity": 0.22,
        "outline-offset": 1,
      },
    },
    { selector: "node.dim", style: { opacity: 0.22 } },
  ];
}

function edgeRules(c) {
  return [
    {
      selector: "edge",
      style: {
        width: "data(width)",
        "curve-style": "unbundled-bezier",
        "edge-distances": "node-position",
        "control-point-weights": (e) => e.data("weights") ?? [0.5],
        "control-point-distances": (e) => e.data("distances") ?? [0],
        "source-endpoint": (e) => e.data("from") ?? "outside-to-node",
        "target-endpoint": (e) => e.data("to") ?? "outside-to-node",
        "line-color": c.edge,
        "target-arrow-color": c.edge,
        "target-arrow-shape": "triangle",
        "arrow-scale": 0.85,
        "line-cap": "round",
        "overlay-opacity": 0,
      },
    },
    {
      selector: "edge.loop",
      style: {
        "curve-style": "bezier",
        "loop-direction": "0deg", // above: cards are wider than high
        "loop-sweep": "100deg",
        "control-point-step-size": 42, // no higher than the gap to the card above
      },
    },
    {
      selector: "edge.idle",
      style: {
        "line-style": "dashed",
        "line-dash-pattern": [5, 5],
        "line-cap": "butt",
        "line-color": c["edge-idle"],
        "target-arrow-color": c["edge-idle"],
      },
    },
    {
      selector: "edge.degraded",
      style: { "line-color": c["warn-mark"], "target-arrow-color": c["warn-mark"], "z-index": 2 },
    },
    {
      selector: "edge.failing",
      style: { "line-color": c["bad-mark"], "target-arrow-color": c["bad-mark"], "z-index": 3 },
    },
    {
      selector: "edge.found",
      style: { "underlay-color": c.accent, "underlay-opacity": 0.25, "underlay-padding": 4 },
    },
    {
      selector: "edge.chosen",
      style: {
        "underlay-color": c.accent,
        "underlay-opacity": 0.28,
        "underlay-padding": 5,
        "z-index": 9,
      },
    },
    { selector: "edge.lit", style: { "z-index": 8 } },
    { selector: "edge.dim", style: { opacity: 0.12 } },
  ];
}

export const stylesheet = (colors) => [...nodeRules(colors), ...edgeRules(colors)];
