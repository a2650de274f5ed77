/* two_level.js - a layout that always succeeds: each namespace by itself, then the namespaces as one graph. */
import cytoscape from "cytoscape";
import { layersOf } from "./layers.js";
import { NODE_HEIGHT } from "./model.js";

const BOX = 24,
  GAP_X = 24,
  GAP_Y = 22;
/* Dagre needs a second for this many, and half a minute for 1,500. */
const EDGES_MAX = 300;

/** Centres of nodes ({id, width, height}); edges are [from, to]. */
function centresOf(nodes, edges, rankSep) {
  return edges.length > EDGES_MAX
    ? layersOf(nodes, edges, rankSep, GAP_Y)
    : dagreOf(nodes, edges, rankSep);
}

function dagreOf(nodes, edges, rankSep) {
  const elements = [
    ...nodes.map((node) => ({ data: node })),
    ...edges.map(([source, target], i) => ({ data: { id: `#${i}`, source, target } })),
  ];
  const cy = cytoscape({
    headless: true,
    styleEnabled: true,
    elements,
    layout: { name: "preset" },
    style: [
      {
        selector: "node",
        style: { shape: "rectangle", width: "data(width)", height: "data(height)" },
      },
    ],
  });
  cy.layout({
    name: "dagre",
    rankDir: "LR",
    rankSep,
    nodeSep: GAP_Y,
    edgeSep: 10,
    fit: false,
    animate: false,
    sort: (a, b) => (a.id() < b.id() ? -1 : 1),
  }).run();
  const places = new Map(cy.nodes().map((node) => [node.id(), { ...node.position() }]));
  cy.destroy();
  return places;
}

/** Rows and columns for nodes that have no neighbour inside. */
function gridOf(nodes, top) {
  const columns = Math.max(1, Math.ceil(Math.sqrt(nodes.length / 2.5))),
    width = Math.max(...nodes.map((node) => node.width)) + GAP_X;
  return new Map(
    nodes.map((node, i) => [
      node.id,
      { x: (i % columns) * width, y: top + Math.floor(i / columns) * (NODE_HEIGHT + GAP_Y) },
    ]),
  );
}

function boundsOf(nodes, places) {
  const box = { x1: Infinity, x2: -Infinity, y1: Infinity, y2: -Infinity };
  for (const { id, width, height } of nodes) {
    const { x, y } = places.get(id);
    box.x1 = Math.min(box.x1, x - width / 2);
    box.x2 = Math.max(box.x2, x + width / 2);
    box.y1 = Math.min(box.y1, y - height / 2);
    box.y2 = Math.max(box.y2, y + height / 2);
  }
  return box;
}

/** One namespace: what is connected inside by dagre, the rest in a grid below. */
function inside(nodes, edges) {
  const linked = new Set(edges.flat()),
    joined = nodes.filter((node) => linked.has(node.id)),
    alone = nodes.filter((node) => !linked.has(node.id));
  const places = joined.length ? centresOf(joined, edges, 56) : new Map();
  const bottom = joined.length ? boundsOf(joined, places).y2 + GAP_Y + NODE_HEIGHT / 2 : 0,
    left = joined.length ? boundsOf(joined, places).x1 : 0;
  if (alone.length)
    for (const [id, place] of gridOf(alone, bottom))
      places.set(id, { x: place.x + left + alone[0].width / 2, y: place.y });
  return places;
}

const sizeOf = (node) => ({ id: node.id(), width: node.data("width"), height: NODE_HEIGHT });
const homeOf = (node) => node.data("parent") ?? node.id();

/** Moves every card of `cy`. */
export function twoLevel(cy) {
  const cards = cy
      .nodes(".card")
      .toArray()
      .sort((a, b) => (a.id() < b.id() ? -1 : 1)),
    homes = new Map();
  for (const card of cards)
    homes.set(homeOf(card), [...(homes.get(homeOf(card)) ?? []), sizeOf(card)]);
  const links = cy
    .edges()
    .toArray()
    .filter((edge) => !edge.isLoop())
    .map((edge) => [edge.source(), edge.target()]);
  const inner = new Map(),
    boxes = [];
  for (const [home, nodes] of homes) {
    const places = inside(
      nodes,
      links
        .filter(([a, b]) => homeOf(a) === home && homeOf(b) === home)
        .map(([a, b]) => [a.id(), b.id()]),
    );
    const box = boundsOf(nodes, places),
      margin = nodes.length === 1 && nodes[0].id === home ? 0 : BOX;
    inner.set(home, { places, box });
    boxes.push({
      id: home,
      width: box.x2 - box.x1 + 2 * margin,
      height: box.y2 - box.y1 + 2 * margin,
    });
  }
  const outer = [
    ...new Set(
      links
        .map(([a, b]) => [homeOf(a), homeOf(b)])
        .filter(([a, b]) => a !== b)
        .map((pair) => JSON.stringify(pair)),
    ),
  ].map((pair) => JSON.parse(pair));
  const centres = centresOf(boxes, outer, 84);
  for (const card of cards) {
    const { places, box } = inner.get(homeOf(card)),
      centre = centres.get(homeOf(card)),
      place = places.get(card.id());
    card.position({
      x: centre.x + place.x - (box.x1 + box.x2) / 2,
      y: centre.y + place.y - (box.y1 + box.y2) / 2,
    });
  }
}
