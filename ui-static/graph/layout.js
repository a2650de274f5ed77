/* layout.js - where nodes stand: dagre once from left to right, then everything stays; new nodes find a free place. */
import { NODE_HEIGHT } from "./model.js";
import { bends, curve } from "./curve.js";
import { twoLevel } from "./two_level.js";

const RANK_GAP = 68,
  NODE_GAP = 30,
  COLUMN = 220,
  ROW = 82,
  BOX = 22;

const boxOf = (place, margin) => ({
  x1: place.x - place.width / 2 - margin,
  x2: place.x + place.width / 2 + margin,
  y1: place.y - NODE_HEIGHT / 2 - margin,
  y2: place.y + NODE_HEIGHT / 2 + margin,
});
const overlap = (a, b) => a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
const join = (a, b) =>
  a
    ? {
        x1: Math.min(a.x1, b.x1),
        x2: Math.max(a.x2, b.x2),
        y1: Math.min(a.y1, b.y1),
        y2: Math.max(a.y2, b.y2),
      }
    : b;

function place(node) {
  const { x, y } = node.position();
  return { x, y, width: node.data("width"), space: node.data("parent") };
}

function mean(list) {
  return list.reduce((sum, n) => sum + n, 0) / list.length;
}

/** Where the neighbours that already stand would like the node to be. */
function wish(node, standing) {
  const callers = node
    .incomers("node")
    .toArray()
    .map((n) => standing.get(n.id()))
    .filter(Boolean);
  const callees = node
    .outgoers("node")
    .toArray()
    .map((n) => standing.get(n.id()))
    .filter(Boolean);
  if (!callers.length && !callees.length) return null;
  const right = callers.length ? Math.max(...callers.map((p) => p.x)) + COLUMN : null;
  const left = callees.length ? Math.min(...callees.map((p) => p.x)) - COLUMN : null;
  return {
    x: right === null ? left : left === null ? right : Math.max(right, (right + left) / 2),
    y: mean([...callers, ...callees].map((p) => p.y)),
  };
}

/** The column that is already there, when one is near. */
function snap(x, standing) {
  const nearest = [...standing.values()].reduce(
    (best, p) => (Math.abs(p.x - x) < Math.abs(best - x) ? p.x : best),
    Infinity,
  );
  return Math.abs(nearest - x) < COLUMN / 2 ? nearest : x;
}

function spaces(standing) {
  const boxes = new Map();
  for (const p of standing.values())
    if (p.space) boxes.set(p.space, join(boxes.get(p.space), boxOf(p, BOX)));
  return boxes;
}

/** A place is free when no card is there, no foreign namespace is entered and the own one swallows nobody. */
function isFree(candidate, standing, boxes) {
  const card = boxOf(candidate, 12);
  const own = candidate.space ? join(boxes.get(candidate.space), boxOf(candidate, BOX)) : card;
  for (const p of standing.values())
    if (overlap(card, boxOf(p, 0)) || (p.space !== candidate.space && overlap(own, boxOf(p, 0))))
      return false;
  for (const [space, box] of boxes)
    if (space !== candidate.space && overlap(own, box)) return false;
  return true;
}

function nearestFree(wanted, standing, boxes) {
  for (let ring = 0; ring < 60; ring++)
    for (const column of [0, 1, -1])
      for (const sign of ring ? [1, -1] : [1]) {
        const candidate = {
          ...wanted,
          x: wanted.x + column * COLUMN,
          y: wanted.y + sign * ring * ROW,
        };
        if (isFree(candidate, standing, boxes)) return candidate;
      }
  return wanted;
}

/** Places new nodes one after another, those with standing neighbours first. */
function settle(newcomers, standing) {
  const waiting = new Set(newcomers);
  while (waiting.size) {
    const next = [...waiting].find((node) => wish(node, standing)) ?? [...waiting][0];
    const all = [...standing.values()];
    const lowest = {
      x: all.length ? Math.min(...all.map((p) => p.x)) : 0,
      y: all.length ? Math.max(...all.map((p) => p.y)) + ROW * 1.5 : 0,
    };
    const near = wish(next, standing) ?? lowest;
    const wanted = {
      ...near,
      x: snap(near.x, standing),
      width: next.data("width"),
      space: next.data("parent"),
    };
    const found = nearestFree(wanted, standing, spaces(standing));
    standing.set(next.id(), found);
    next.position({ x: found.x, y: found.y });
    waiting.delete(next);
  }
}

/** Above this many cards whole-graph ranks make one endless column and cost too much time. */
const WHOLE = 70;

/** The whole graph at once keeps the flow across namespaces; answers false where dagre gives up (it does on some nestings). */
function wholeGraph(cy) {
  if (cy.nodes(".card").length > WHOLE) return false;
  try {
    runDagre(cy);
    return true;
  } catch {
    return false;
  }
}

function runDagre(cy) {
  cy.layout({
    name: "dagre",
    rankDir: "LR",
    rankSep: RANK_GAP,
    nodeSep: NODE_GAP,
    edgeSep: 14,
    ranker: "network-simplex",
    fit: false,
    animate: false,
    nodeDimensionsIncludeLabels: false,
    useDagreEdgeControlPoints: true,
    automaticDagreEdgeStyle: false,
    sort: (a, b) => (a.id() < b.id() ? -1 : 1),
  }).run();
}

/** 0 for an edge alone; edges of one pair fan out. */
function bowOf(edge) {
  const twins = edge.parallelEdges().toArray();
  return twins.length < 2 ? 0 : (twins.indexOf(edge) - (twins.length - 1) / 2) * 36;
}

const endsOf = (from, to) => [from.x, from.y, to.x, to.y].join();

/** Draws every edge, as dagre bends it when it `isWhole`, and keeps the lines. */
function drawCurves(cy, isWhole, lines) {
  for (const edge of cy.edges().toArray()) {
    if (edge.hasClass("loop")) continue;
    const from = place(edge.source()),
      to = place(edge.target()),
      line = curve(from, to, isWhole ? bends(edge.scratch(), from, to) : [], bowOf(edge));
    edge.data(line);
    lines.set(edge.id(), { line, ends: endsOf(from, to) });
  }
}

/** Draws the edges that have no line, or `all`: as they were when both ends stand where they stood, else anew. */
function drawMissing(cy, all, lines) {
  for (const edge of cy.edges().toArray()) {
    if (edge.hasClass("loop") || (!all && edge.data("weights"))) continue;
    const from = place(edge.source()),
      to = place(edge.target()),
      ends = endsOf(from, to),
      known = lines.get(edge.id());
    const line = known?.ends === ends ? known.line : curve(from, to, [], bowOf(edge));
    edge.data(line);
    lines.set(edge.id(), { line, ends });
  }
}

/** Those of `cards` that have a place, at it; who comes back when somebody else stands there has none. */
function returnTo(places, cards, comesBack) {
  const standing = new Map(),
    isTaken = (box) => [...standing.values()].some((one) => overlap(box, boxOf(one, 0)));
  for (const card of cards)
    if (places.has(card.id()) && !comesBack(card)) standing.set(card.id(), places.get(card.id()));
  for (const card of cards) {
    const known = places.get(card.id());
    if (known && comesBack(card) && !isTaken(boxOf(known, 0))) standing.set(card.id(), known);
  }
  return standing;
}

/** `arrange(key, anew, added)`: every picture (key) keeps its own places; answers how many nodes had to be squeezed in. */
export function createLayout(cy) {
  const memory = new Map();
  let current = null;

  function remember(places) {
    for (const node of cy.nodes(".card").toArray()) places.set(node.id(), place(node));
  }

  function anew(key) {
    const picture = { places: new Map(), lines: new Map() };
    memory.set(key, picture);
    const whole = wholeGraph(cy);
    if (!whole) twoLevel(cy);
    drawCurves(cy, whole, picture.lines);
    remember(picture.places);
    return { moved: true, squeezed: 0 };
  }

  function arrange(key, force, added) {
    const picture = memory.get(key);
    const changed = current !== key;
    current = key;
    if (!cy.nodes().length) return { moved: false, squeezed: 0 };
    if (!picture || force) return anew(key);
    const { places, lines } = picture,
      cards = cy.nodes(".card").toArray(),
      comesBack = (card) => changed || added.has(card.id()),
      standing = returnTo(places, cards, comesBack),
      newcomers = cards.filter((card) => !standing.has(card.id()));
    for (const card of cards.filter(comesBack)) {
      const known = standing.get(card.id());
      if (known) card.position({ x: known.x, y: known.y });
    }
    settle(newcomers, standing);
    drawMissing(cy, changed, lines);
    remember(places);
    return { moved: changed, squeezed: newcomers.length };
  }
  return { arrange };
}
