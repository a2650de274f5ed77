/* overlay.js - what cytoscape has no style for: rings, glyphs, two-line text, versions, edge labels, padlocks, names of namespaces. */
import { factsOf } from "./facts.js";
import { FAR, paintNames } from "./far_labels.js";
import { PATHS } from "../lib/icons.js";
import {
  errorShare,
  NAME_FONT,
  SMALL_FONT,
  SPACE_FONT,
  NODE_HEIGHT,
  TEXT_LEFT,
  versionBars,
} from "./model.js";

const RING = 11,
  RING_LEFT = 21;
const paths = new Map();

function glyph(name) {
  if (!paths.has(name)) paths.set(name, new Path2D(PATHS[name] ?? PATHS.service));
  return paths.get(name);
}

function drawGlyph(ctx, name, x, y, size, color, width = 1.5) {
  ctx.save();
  ctx.translate(x - size / 2, y - size / 2);
  ctx.scale(size / 16, size / 16);
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.lineCap = ctx.lineJoin = "round";
  ctx.stroke(glyph(name));
  ctx.restore();
}

function arc(ctx, x, y, from, to, color, width) {
  ctx.beginPath();
  ctx.arc(x, y, RING, from, to);
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.lineCap = "butt";
  ctx.stroke();
}

function drawRing(ctx, api, x, y, c) {
  const top = -Math.PI / 2,
    share = errorShare(api);
  const split = top + share * 2 * Math.PI;
  if (share < 1)
    arc(ctx, x, y, split, top + 2 * Math.PI, api.requests ? c.ok : c["line-strong"], 2.2);
  if (share > 0) arc(ctx, x, y, top, split, c["bad-mark"], 3.6);
}

function drawVersions(ctx, versions, left, right, y, c) {
  if (versions.length < 2) return;
  const colors = [c.p50, c.p95, c.p99];
  versionBars(versions, left, right).forEach(({ x, width }, i) => {
    ctx.fillStyle = colors[i % colors.length];
    ctx.fillRect(x, y, width, 2.6);
  });
}

function drawMark(ctx, health, x, y, c) {
  const color = { degraded: c["warn-mark"], failing: c["bad-mark"] }[health];
  if (!color) return;
  ctx.beginPath();
  ctx.arc(x, y, 8.5, 0, 2 * Math.PI);
  ctx.fillStyle = c.surface;
  ctx.fill();
  drawGlyph(ctx, health, x, y, 14, color, 1.9);
}

function drawNode(ctx, node, c, isFar) {
  const { x, y } = node.position(),
    api = factsOf(node).api,
    width = node.data("width");
  const left = x - width / 2,
    ringX = left + RING_LEFT;
  ctx.globalAlpha = node.hasClass("dim") ? 0.22 : 1;
  drawRing(ctx, api, ringX, y, c);
  drawGlyph(ctx, api.kind, ringX, y, 11, c["text-2"]);
  drawMark(ctx, api.health, left + width - 4, y - NODE_HEIGHT / 2 + 2, c);
  const versions = factsOf(node).versions;
  if (!isFar) {
    ctx.fillStyle = c.text;
    ctx.font = NAME_FONT;
    ctx.fillText(factsOf(node).title, left + TEXT_LEFT, y - 3);
    ctx.fillStyle = c["text-3"];
    ctx.font = SMALL_FONT;
    ctx.fillText(factsOf(node).sub, left + TEXT_LEFT, y + 12);
  }
  drawVersions(ctx, versions, left + TEXT_LEFT, left + width - 14, y + NODE_HEIGHT / 2 - 6, c);
}

function drawSpace(ctx, space, c) {
  const { x, y } = space.position();
  ctx.globalAlpha = 1;
  ctx.fillStyle = c["text-3"];
  ctx.font = SPACE_FONT;
  ctx.fillText(
    factsOf(space).title,
    x - space.outerWidth() / 2 + 14,
    y - space.outerHeight() / 2 + 15,
  );
}

const LABEL_COLORS = { degraded: "warn", failing: "bad", idle: "text-3" };

/* Labels change with each refresh; here they cost a few strokes, as cytoscape's own they would cost a new layout of the edge. */
function drawLabel(ctx, edge, c) {
  const label = factsOf(edge).label;
  if (!label || edge.hasClass("dim")) return;
  const { x, y } = edge.midpoint(),
    width = ctx.measureText(label).width;
  ctx.globalAlpha = 0.92;
  ctx.fillStyle = c.bg;
  ctx.fillRect(x - width / 2 - 3, y - 8, width + 6, 16);
  ctx.globalAlpha = 1;
  ctx.fillStyle = c[LABEL_COLORS[factsOf(edge).health] ?? "text-2"];
  ctx.fillText(label, x - width / 2, y + 4);
}

/** Sick edges last, so that nothing covers their labels. */
function drawLabels(ctx, edges, c) {
  ctx.font = "500 10.5px Inter, system-ui, sans-serif";
  const isSick = (edge) => factsOf(edge).health in { degraded: 1, failing: 1 };
  for (const sick of [false, true])
    for (const edge of edges) if (isSick(edge) === sick) drawLabel(ctx, edge, c);
}

/** Only when the API knows: closed when all of it is mutual TLS, open when some is plain. */
function drawLock(ctx, edge, c) {
  const mtls = factsOf(edge).api.mtls;
  if (!mtls || (mtls.mutual === 0 && mtls.plain === 0)) return;
  const { x, y } = edge.midpoint(),
    open = mtls.plain > 0;
  ctx.globalAlpha = edge.hasClass("dim") ? 0.12 : 1;
  drawGlyph(ctx, open ? "unlocked" : "locked", x, y - 15, 11, open ? c.warn : c["text-3"], 1.6);
}

/** Paints everything in model coordinates, from afar without words; the caller has set the transform. */
export function paint(ctx, cy, colors, isFar = false) {
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  const edges = cy.edges().toArray();
  if (!isFar) {
    for (const space of cy.nodes(".space").toArray()) drawSpace(ctx, space, colors);
    drawLabels(ctx, edges, colors);
  }
  for (const edge of edges) drawLock(ctx, edge, colors);
  for (const node of cy.nodes(".card").toArray()) drawNode(ctx, node, colors, isFar);
  ctx.globalAlpha = 1;
}

/** A canvas above the picture that is repainted with each frame of it. */
export function createOverlay(cy, container, colors) {
  const canvas = document.createElement("canvas");
  canvas.className = "graph-overlay";
  canvas.setAttribute("aria-hidden", "true");
  container.append(canvas);
  const ctx = canvas.getContext("2d");

  function draw() {
    const ratio = devicePixelRatio || 1,
      width = container.clientWidth,
      height = container.clientHeight;
    if (
      canvas.width !== Math.round(width * ratio) ||
      canvas.height !== Math.round(height * ratio)
    ) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const zoom = cy.zoom(),
      pan = cy.pan();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    ctx.setTransform(ratio * zoom, 0, 0, ratio * zoom, ratio * pan.x, ratio * pan.y);
    paint(ctx, cy, colors(), zoom < FAR);
    if (zoom >= FAR) return;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    paintNames(ctx, cy, colors());
  }
  cy.on("render", draw);
  return { draw };
}
