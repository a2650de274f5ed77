/* export.js - the picture as a file: PNG from the canvases, SVG written anew, JSON as the API gave it. */
import { factsOf } from "./facts.js";
import { download } from "../lib/dom.js";
import { PATHS } from "../lib/icons.js";
import { paint } from "./overlay.js";
import {
  errorShare,
  NAME_FONT,
  NODE_HEIGHT,
  SMALL_FONT,
  TEXT_LEFT,
  textWidth,
  versionBars,
} from "./model.js";

const MARGIN = 32,
  SCALE = 2;
/* Browsers make no file of a canvas that is larger. */
const SIDE_MAX_PX = 16_384,
  AREA_MAX_PX = 2 ** 25;

function frameOf(cy) {
  const box = cy.elements().boundingBox();
  return {
    x: box.x1 - MARGIN,
    y: box.y1 - MARGIN,
    width: box.w + 2 * MARGIN,
    height: box.h + 2 * MARGIN,
  };
}

const scaleOf = ({ width, height }) =>
  Math.min(SCALE, SIDE_MAX_PX / Math.max(width, height), Math.sqrt(AREA_MAX_PX / (width * height)));

/** The whole graph at twice the size or as large as can be, whatever part is on the screen. */
export async function savePng(cy, colors) {
  const box = cy.elements().boundingBox(),
    frame = frameOf(cy),
    scale = scaleOf(frame);
  const blob = await cy.png({ output: "blob-promise", full: true, scale });
  const picture = await createImageBitmap(blob);
  const canvas = document.createElement("canvas");
  canvas.width = frame.width * scale;
  canvas.height = frame.height * scale;
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = colors.bg;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.drawImage(picture, MARGIN * scale, MARGIN * scale, box.w * scale, box.h * scale);
  ctx.setTransform(scale, 0, 0, scale, -frame.x * scale, -frame.y * scale);
  paint(ctx, cy, colors);
  canvas.toBlob((file) => download("weft-graph.png", file), "image/png");
}

/* XML holds these in no form, not even as a reference. */
const NOT_XML = /[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]/gu;
const escapeXml = (text) =>
  String(text)
    .replace(NOT_XML, "\ufffd")
    .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const n = (value) => value.toFixed(1);

function tag(name, attributes, inside = "") {
  const list = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
    .join("");
  return `<${name}${list}>${inside}</${name}>`;
}

function text(x, y, words, attributes) {
  return tag("text", { x: n(x), y: n(y), ...attributes }, escapeXml(words));
}

/** Quadratic pieces through the middles of the control points, as cytoscape draws them. */
function edgePath(edge) {
  const start = edge.sourceEndpoint(),
    end = edge.targetEndpoint(),
    controls = edge.controlPoints() ?? [];
  if (!controls.length) return `M${n(start.x)} ${n(start.y)}L${n(end.x)} ${n(end.y)}`;
  let path = `M${n(start.x)} ${n(start.y)}`;
  controls.forEach((point, i) => {
    const next = controls[i + 1],
      to = next ? { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 } : end;
    path += `Q${n(point.x)} ${n(point.y)} ${n(to.x)} ${n(to.y)}`;
  });
  return path;
}

function edgeSvg(edge, c) {
  const color =
    { degraded: c["warn-mark"], failing: c["bad-mark"], idle: c["edge-idle"] }[
      factsOf(edge).health
    ] ?? c.edge;
  const middle = edge.midpoint(),
    label = factsOf(edge).label;
  return (
    tag("path", {
      d: edgePath(edge),
      fill: "none",
      stroke: color,
      "stroke-width": n(edge.data("width")),
      "marker-end": "url(#tip)",
      ...(factsOf(edge).health === "idle" ? { "stroke-dasharray": "5 5" } : {}),
    }) +
    (label
      ? text(middle.x, middle.y + 4, label, {
          "text-anchor": "middle",
          "font-size": 10.5,
          fill: c[{ degraded: "warn", failing: "bad" }[factsOf(edge).health] ?? "text-2"],
          stroke: c.bg,
          "stroke-width": 4,
          "paint-order": "stroke",
        })
      : "")
  );
}

/* Other programs may lack the font: the text keeps its width and stays in its card. */
const fitted = (words, font) => ({
  textLength: n(textWidth(words, font)),
  lengthAdjust: "spacingAndGlyphs",
});

/* Beside the colour of the border: health is never colour alone. */
function markSvg(health, x, y, c) {
  const color = { degraded: c["warn-mark"], failing: c["bad-mark"] }[health];
  if (!color) return "";
  return (
    tag("circle", { cx: n(x), cy: n(y), r: 8.5, fill: c.surface }) +
    tag("path", {
      d: PATHS[health],
      fill: "none",
      stroke: color,
      "stroke-width": 1.9,
      transform: `translate(${n(x - 7)} ${n(y - 7)}) scale(.875)`,
    })
  );
}

function versionsSvg(versions, left, right, y, c) {
  if (versions.length < 2) return "";
  const colors = [c.p50, c.p95, c.p99];
  return versionBars(versions, left, right)
    .map(({ x, width }, i) =>
      tag("rect", { x: n(x), y: n(y), width: n(width), height: 2.6, fill: colors[i % colors.length] }),
    )
    .join("");
}

const ROUND = { user: 23, unknown: 23 };
const isDashed = ({ kind, health }) => ["external", "unknown"].includes(kind) || health === "idle";

function nodeSvg(node, c) {
  const { x, y } = node.position(),
    width = node.data("width"),
    { api, title, sub, versions } = factsOf(node),
    left = x - width / 2;
  const border =
    { degraded: c["warn-mark"], failing: c["bad-mark"] }[api.health] ?? c["line-strong"];
  const around = 2 * Math.PI * 11,
    share = errorShare(api);
  const ring = (color, wide, dash) =>
    tag("circle", {
      cx: n(left + 21),
      cy: n(y),
      r: 11,
      fill: "none",
      stroke: color,
      "stroke-width": wide,
      "stroke-dasharray": dash,
      transform: `rotate(-90 ${n(left + 21)} ${n(y)})`,
    });
  return (
    tag("rect", {
      x: n(left),
      y: n(y - NODE_HEIGHT / 2),
      width,
      height: NODE_HEIGHT,
      rx: ROUND[api.kind] ?? 10,
      fill: c.surface,
      stroke: border,
      ...(isDashed(api) ? { "stroke-dasharray": "4 3" } : {}),
    }) +
    markSvg(api.health, left + width - 4, y - NODE_HEIGHT / 2 + 2, c) +
    ring(api.requests ? c.ok : c["line-strong"], 2.2, "none") +
    (share > 0 ? ring(c["bad-mark"], 3.6, `${n(around * share)} ${n(around)}`) : "") +
    tag("path", {
      d: PATHS[api.kind] ?? PATHS.service,
      fill: "none",
      stroke: c["text-2"],
      "stroke-width": 1.5,
      transform: `translate(${n(left + 15.5)} ${n(y - 5.5)}) scale(.69)`,
    }) +
    text(left + TEXT_LEFT, y - 3, title, {
      "font-size": 12.5,
      "font-weight": 600,
      fill: c.text,
      ...fitted(title, NAME_FONT),
    }) +
    text(left + TEXT_LEFT, y + 12, sub, {
      "font-size": 11,
      fill: c["text-3"],
      ...fitted(sub, SMALL_FONT),
    }) +
    versionsSvg(versions, left + TEXT_LEFT, left + width - 14, y + NODE_HEIGHT / 2 - 6, c)
  );
}

function spaceSvg(space, c) {
  const { x, y } = space.position(),
    width = space.outerWidth(),
    height = space.outerHeight();
  return (
    tag("rect", {
      x: n(x - width / 2),
      y: n(y - height / 2),
      width: n(width),
      height: n(height),
      rx: 14,
      fill: c["space-box"],
      stroke: c.line,
    }) +
    text(x - width / 2 + 14, y - height / 2 + 15, factsOf(space).title, {
      "font-size": 11,
      "font-weight": 600,
      fill: c["text-3"],
    })
  );
}

/** A document of its own: no script, no reference to anything else, every name escaped. */
export function svgText(cy, c) {
  const frame = frameOf(cy),
    all = (selector, draw) =>
      cy
        .elements(selector)
        .toArray()
        .map((element) => draw(element, c))
        .join("\n");
  const tip = tag(
    "defs",
    {},
    tag(
      "marker",
      {
        id: "tip",
        viewBox: "0 0 8 8",
        refX: 7,
        refY: 4,
        markerWidth: 8,
        markerHeight: 8,
        markerUnits: "userSpaceOnUse",
        orient: "auto",
      },
      tag("path", { d: "M0 0 8 4 0 8Z", fill: c["text-3"] }),
    ),
  );
  return tag(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: [frame.x, frame.y, frame.width, frame.height].map(n).join(" "),
      width: n(frame.width),
      height: n(frame.height),
      "font-family": "Inter, system-ui, sans-serif",
    },
    tip +
      tag("rect", {
        x: n(frame.x),
        y: n(frame.y),
        width: n(frame.width),
        height: n(frame.height),
        fill: c.bg,
      }) +
      all(".space", spaceSvg) +
      all(".link", edgeSvg) +
      all(".card", nodeSvg),
  );
}

export function saveSvg(cy, colors) {
  download("weft-graph.svg", new Blob([svgText(cy, colors)], { type: "image/svg+xml" }));
}

export function saveJson(answer) {
  download(
    "weft-graph.json",
    new Blob([JSON.stringify(answer, null, 2)], { type: "application/json" }),
  );
}
