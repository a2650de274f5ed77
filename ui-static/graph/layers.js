/* layers.js - columns from left to right for graphs that dagre takes too long for: who calls stands before who is called. */

const SWEEPS = 4;

/* Every id, a caller before whom it calls wherever no circle forbids it. */
function walk(roots, next) {
  const entered = new Set(),
    left = new Set();
  for (const root of roots) {
    const stack = [root];
    while (stack.length) {
      const id = stack.at(-1);
      if (entered.has(id)) left.add(stack.pop());
      else {
        entered.add(id);
        stack.push(...next.get(id).filter((one) => !entered.has(one)));
      }
    }
  }
  return [...left].reverse();
}

/* The column of each id; a call that leads back to an earlier column counts for nothing. */
function ranksOf(nodes, edges) {
  const next = new Map(nodes.map(({ id }) => [id, []])),
    called = new Set(edges.map(([, to]) => to));
  for (const [from, to] of edges) next.get(from).push(to);
  const ids = nodes.map(({ id }) => id),
    order = walk([...ids.filter((id) => !called.has(id)), ...ids], next),
    turn = new Map(order.map((id, i) => [id, i])),
    ranks = new Map(order.map((id) => [id, 0]));
  for (const id of order)
    for (const to of next.get(id))
      if (turn.get(to) > turn.get(id)) ranks.set(to, Math.max(ranks.get(to), ranks.get(id) + 1));
  return ranks;
}

/* Sorts each column by where the neighbours of its nodes stand, so that fewer lines cross. */
function untangle(columns, edges) {
  const near = new Map(columns.flat().map(({ id }) => [id, []])),
    height = new Map();
  for (const [a, b] of edges) {
    near.get(a).push(b);
    near.get(b).push(a);
  }
  const settle = (column) => column.forEach(({ id }, i) => height.set(id, i - column.length / 2));
  columns.forEach(settle);
  const wish = ({ id }) => {
    const all = near.get(id);
    return all.length ? all.reduce((sum, one) => sum + height.get(one), 0) / all.length : 0;
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    for (const column of sweep % 2 ? [...columns].reverse() : columns) {
      const wishes = new Map(column.map((node) => [node, wish(node)]));
      column.sort((a, b) => wishes.get(a) - wishes.get(b));
      settle(column);
    }
}

/** Centres of nodes ({id, width, height}); edges are [from, to]. */
export function layersOf(nodes, edges, gapX, gapY) {
  const ranks = ranksOf(nodes, edges),
    columns = [];
  for (const node of nodes) (columns[ranks.get(node.id)] ??= []).push(node);
  untangle(columns, edges);
  const places = new Map();
  let x = 0;
  for (const column of columns) {
    const width = Math.max(...column.map((node) => node.width));
    let y = -column.reduce((sum, node) => sum + node.height + gapY, 0) / 2;
    for (const { id, height } of column) {
      places.set(id, { x: x + width / 2, y: y + height / 2 });
      y += height + gapY;
    }
    x += width + gapX;
  }
  return places;
}
