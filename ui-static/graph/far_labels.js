/* far_labels.js - names in a picture that is seen from afar, as on a map: of one size on the screen, what is sick first, then what
 * is busy, as many as there is room for. */
import { factsOf } from "./facts.js";

/** Below this scale the names on the cards cannot be read. */
export const FAR = 0.5;

const SIZE = 11,
  GAP = 2,
  FAMILY = "Inter, system-ui, sans-serif";
const RANK = { failing: 0, degraded: 1 },
  COLORS = { failing: "bad", degraded: "warn" };

/* Rectangles of the screen that are taken. */
function createRoom() {
  const taken = [];
  return (box) => {
    const isFree = taken.every(
      (t) => box.x2 <= t.x1 || box.x1 >= t.x2 || box.y2 <= t.y1 || box.y1 >= t.y2,
    );
    if (isFree) taken.push(box);
    return isFree;
  };
}

/* How busy to a factor of four, so that a refresh seldom changes which names are seen. */
const busyness = (requests) => Math.round(Math.log2(requests + 1) / 2);

function byUrgency(a, b) {
  const [one, two] = [a, b].map((card) => factsOf(card).api);
  return (
    (RANK[one.health] ?? 2) - (RANK[two.health] ?? 2) ||
    busyness(two.requests) - busyness(one.requests) ||
    (one.id < two.id ? -1 : 1)
  );
}

/** Paints them; the context's units are px of the screen. */
export function paintNames(ctx, cy, colors) {
  const claim = createRoom();

  function paint(text, x, y, color, ground) {
    const width = ctx.measureText(text).width,
      left = x - width / 2;
    if (!claim({ x1: left - GAP, y1: y - SIZE, x2: left + width + GAP, y2: y + GAP })) return;
    ctx.globalAlpha = 0.85;
    ctx.fillStyle = ground;
    ctx.fillRect(left - GAP, y - SIZE, width + 2 * GAP, SIZE + 2 * GAP);
    ctx.globalAlpha = 1;
    ctx.fillStyle = color;
    ctx.fillText(text, left, y);
  }

  ctx.font = `600 ${SIZE}px ${FAMILY}`;
  for (const space of cy.nodes(".space").toArray()) {
    const { x1, x2, y1 } = space.renderedBoundingBox({ includeOverlays: false });
    paint(factsOf(space).title, (x1 + x2) / 2, y1 - 2 * GAP, colors["text-2"], colors.bg);
  }
  ctx.font = `500 ${SIZE}px ${FAMILY}`;
  for (const card of cy.nodes(".card").not(".dim").toArray().sort(byUrgency)) {
    const { x, y } = card.renderedPosition(),
      { title, api } = factsOf(card);
    if (x < 0 || y < 0 || x > cy.width() || y > cy.height()) continue;
    paint(title, x, y + SIZE / 3, colors[COLORS[api.health] ?? "text"], colors.surface);
  }
}
