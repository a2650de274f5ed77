/* curve.js - the line of an edge: leaves to the right, arrives from the left, bends where the layout says. */

const CLEARANCE = 18,
  LEVEL = 58;

/** A point as cytoscape wants it: along and beside the straight line between the two centres. */
function relative(point, from, to) {
  const dx = to.x - from.x,
    dy = to.y - from.y,
    length = Math.hypot(dx, dy) || 1;
  const px = point.x - from.x,
    py = point.y - from.y;
  return {
    weight: (px * dx + py * dy) / (length * length),
    distance: (px * -dy + py * dx) / length,
  };
}

/** Undoes the scaling of cytoscape-dagre: its weights run from border to border, not from centre to centre. */
export function bends(scratch, from, to) {
  const weights = scratch.controlPointWeights ?? [],
    distances = scratch.controlPointDistances ?? [];
  const dx = to.x - from.x,
    dy = to.y - from.y,
    length = Math.hypot(dx, dy) || 1;
  const first = Math.min(0.45, from.width / 2 / length),
    last = 1 - Math.min(0.45, to.width / 2 / length);
  const points = weights.map((weight, i) => {
    const along = first + weight * (last - first),
      beside = distances[i];
    return {
      x: from.x + along * dx - (beside * dy) / length,
      y: from.y + along * dy + (beside * dx) / length,
    };
  });
  /* dagre doubles the ranks: every other point lies between two columns and only steers. */
  return points.filter((_, i) => i % 2 === 1);
}

/** Straight across the columns that a long edge passes, so that it meets no card there. */
function across(column) {
  return [
    { x: column.x - LEVEL, y: column.y },
    { x: column.x + LEVEL, y: column.y },
  ];
}

function forward(from, to, columns, bow) {
  const start = { x: from.x + from.width / 2, y: from.y },
    end = { x: to.x - to.width / 2, y: to.y };
  const inside = columns
    .filter((p) => p.x > start.x + LEVEL + 20 && p.x < end.x - LEVEL - 20)
    .flatMap(across);
  const reach = inside.length ? Math.min(34, (end.x - start.x) / 6) : (end.x - start.x) / 2;
  const middle = inside.length
    ? inside
    : bow
      ? [{ x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 + bow }]
      : [];
  return {
    points: [{ x: start.x + reach, y: start.y }, ...middle, { x: end.x - reach, y: end.y }],
    from: "50% 0%",
    to: "-50% 0%",
  };
}

function backward(from, to, columns, bow) {
  const below = { x: (from.x + to.x) / 2, y: Math.max(from.y, to.y) + 70 + bow };
  return {
    points: columns.length ? columns : [below],
    from: "outside-to-node",
    to: "outside-to-node",
  };
}

/**
 * Data fields of an edge between two placed nodes ({x, y, width}); `columns`: where the layout leads it past other nodes;
 * `bow` keeps edges of one pair apart.
 */
export function curve(from, to, columns, bow = 0) {
  const ahead = to.x - to.width / 2 - (from.x + from.width / 2) > CLEARANCE;
  const line = ahead ? forward(from, to, columns, bow) : backward(from, to, columns, bow);
  const flat =
    Math.abs(from.y - to.y) < 0.5 && line.points.every((p) => Math.abs(p.y - from.y) < 0.5);
  const points = line.points.map((point) => relative(point, from, to));
  return {
    weights: points.map((p) => p.weight),
    distances: flat ? points.map(() => 0) : points.map((p) => p.distance),
    from: line.from,
    to: line.to,
  };
}
