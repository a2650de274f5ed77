/* curve.js - the line of an edge: leaves to the right, arrives from the left, bends where the layout says. */

const CLEARANCE = 18;

/** A point as cytoscape wants it: along and beside the straight line between the two centres. */
function relative(point, from, to) {
  const dx = to.x - from.x, dy = to.y - from.y, length = Math.hypot(dx, dy) || 1;
  const px = point.x - from.x, py = point.y - from.y;
  return { weight: (px * dx + py * dy) / (length * length), distance: (px * -dy + py * dx) / length };
}

/** Undoes the scaling of cytoscape-dagre: its weights run from border to border, not from centre to centre. */
export function bends(scratch, from, to) {
  const weights = scratch.controlPointWeights ?? [], distances = scratch.controlPointDistances ?? [];
  const dx = to.x - from.x, dy = to.y - from.y, length = Math.hypot(dx, dy) || 1;
  const first = Math.min(0.45, from.width / 2 / length), last = 1 - Math.min(0.45, to.width / 2 / length);
  return weights.map((weight, i) => {
    const along = first + weight * (last - first), beside = distances[i];
    return { x: from.x + along * dx - (beside * dy) / length, y: from.y + along * dy + (beside * dx) / length };
  });
}

function forward(from, to, middle) {
  const start = { x: from.x + from.width / 2, y: from.y }, end = { x: to.x - to.width / 2, y: to.y };
  const reach = Math.min(46, (end.x - start.x) * 0.42);
  const inside = middle.filter((p) => p.x > start.x + reach && p.x < end.x - reach);
  return { points: [{ x: start.x + reach, y: start.y }, ...inside, { x: end.x - reach, y: end.y }], from: "50% 0%", to: "-50% 0%" };
}

function backward(from, to, middle) {
  const bow = { x: (from.x + to.x) / 2, y: Math.max(from.y, to.y) + 70 };
  return { points: middle.length ? middle : [bow], from: "outside-to-node", to: "outside-to-node" };
}

/** Data fields of an edge between two placed nodes ({x, y, width}). */
export function curve(from, to, middle) {
  const ahead = to.x - to.width / 2 - (from.x + from.width / 2) > CLEARANCE;
  const line = ahead ? forward(from, to, middle) : backward(from, to, middle);
  const flat = Math.abs(from.y - to.y) < 0.5 && line.points.every((p) => Math.abs(p.y - from.y) < 0.5);
  const points = line.points.map((point) => relative(point, from, to));
  return { weights: points.map((p) => p.weight), distances: flat ? points.map(() => 0) : points.map((p) => p.distance), from: line.from, to: line.to };
}
