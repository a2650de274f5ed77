/* canvas.js - the living picture: one cytoscape instance that is updated in place, with its keys and its pointer. */
import cytoscape from "cytoscape";
import dagre from "cytoscape-dagre";
import { h } from "../lib/dom.js";
import { elements } from "./model.js";
import { factsOf, setFacts } from "./facts.js";
import { createLayout } from "./layout.js";
import { createOverlay } from "./overlay.js";
import { readColors, stylesheet } from "./style.js";
import { onTheme } from "../frame/theme.js";

cytoscape.use(dagre);

/* cytoscape would write a <style> element, which the page's security policy forbids, unless one of this id exists. */
document.head.append(h("meta", { id: "__________cytoscape_stylesheet" }));

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const MARKS = ["dim", "lit", "found", "chosen"];
/* Each changed line costs a redraw of everything, so a line that would change by a hair does not. */
const STEADY = 0.6;
const NO_MOTION = matchMedia("(prefers-reduced-motion: reduce)");
const NARROW = 640,
  READABLE = 0.55,
  BESIDE_PANEL = 0.72;

/** New figures always; style only where something to be seen changed, for that is what costs time. */
function renew(old, { data, classes, facts }) {
  if (Math.abs(old.data("width") - data.width) > STEADY) old.data("width", data.width);
  if (factsOf(old).classes !== classes) {
    const marks = MARKS.filter((mark) => old.hasClass(mark));
    old.classes([classes, ...marks].join(" "));
  }
  setFacts(old, facts);
}

/** Brings the elements of `cy` to `wanted` without touching what did not change; answers the ids that are new. */
function patch(cy, wanted) {
  const keep = new Set(wanted.map((element) => element.data.id));
  cy.elements()
    .filter((element) => !keep.has(element.id()))
    .remove();
  const added = [];
  for (const element of wanted) {
    const old = cy.getElementById(element.data.id);
    if (old.empty()) {
      added.push(element);
      continue;
    }
    if (old.data("parent") !== element.data.parent)
      old.move({ parent: element.data.parent ?? null });
    renew(old, element);
  }
  cy.add(added.map(({ group, classes, data }) => ({ group, classes, data })));
  for (const { data, facts } of added) setFacts(cy.getElementById(data.id), facts);
  return new Set(added.map(({ data }) => data.id));
}

/** How far to move so that no side stays empty while the other is cut off. */
function overhang(from, to, room, margin = 36) {
  if (from > margin && to > room - margin) return -Math.min(from - margin, to - room + margin);
  if (from < margin && to < room - margin) return Math.min(margin - from, room - margin - to);
  return 0;
}

/** The next card in the direction of an arrow key: near along the way, nearer still across it. */
function neighbour(cy, from, [dx, dy]) {
  const cards = cy.nodes(".card").toArray(),
    here = from?.position() ?? { x: -Infinity, y: 0 };
  if (!from) return cards.sort((a, b) => a.position("x") - b.position("x"))[0];
  let best = null,
    bestCost = Infinity;
  for (const card of cards) {
    const { x, y } = card.position(),
      along = (x - here.x) * dx + (y - here.y) * dy,
      across = Math.abs((x - here.x) * dy) + Math.abs((y - here.y) * dx);
    const cost = along + across * 2.2;
    if (along > 5 && cost < bestCost) [best, bestCost] = [card, cost];
  }
  return best ?? from;
}

/**
 * The picture in `container`. `events`: hover(element|null, event), choose(element|null), focus(node), cursor(node).
 */
export function createCanvas(container, events) {
  let colors = readColors(),
    untouched = true,
    fitted = false,
    cursor = null,
    hovered = null;
  /* An element of its own: cytoscape takes any change of its container's attributes for a change of size. */
  const ground = h("div", { class: "ground" });
  container.append(ground);
  const cy = cytoscape({
    container: ground,
    style: stylesheet(colors),
    layout: { name: "preset" },
    minZoom: 0.08,
    maxZoom: 2.5,
    autoungrabify: true,
    boxSelectionEnabled: false,
    autounselectify: true,
    wheelSensitivity: 0.35,
  });
  const layout = createLayout(cy);
  const overlay = createOverlay(cy, container, () => colors);
  const stopTheme = onTheme(() => {
    colors = readColors();
    cy.style(stylesheet(colors));
  });
  document.fonts?.load("600 12px Inter").then(
    () => overlay.draw(),
    () => {},
  );

  function fit() {
    if (!cy.nodes().length || !cy.width()) return;
    cy.fit(undefined, Math.min(44, cy.width() / 16));
    if (cy.zoom() > 1.08)
      cy.zoom({ level: 1.08, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
    const chosen = cy.elements(".chosen");
    if (chosen.nonempty() && cy.zoom() < BESIDE_PANEL) lookAt(chosen);
    else if (cy.zoom() < READABLE && cy.width() < NARROW) startAtLeft();
    fitted = true;
    cy.emit("render");
  }

  function lookAt(chosen) {
    cy.zoom(BESIDE_PANEL);
    cy.center(chosen);
    const { x1, x2, y1, y2 } = cy.elements().renderedBoundingBox();
    cy.panBy({ x: overhang(x1, x2, cy.width()), y: overhang(y1, y2, cy.height()) });
  }

  /* A phone cannot show the whole width readably: begin with who calls first. */
  function startAtLeft() {
    cy.zoom(READABLE);
    const first = cy
      .nodes(".card")
      .min((card) => card.position("x"))
      .ele.position();
    cy.pan({
      x: 14 - cy.elements().boundingBox().x1 * READABLE,
      y: cy.height() / 2 - first.y * READABLE,
    });
  }

  /* A panel that opens must not make the picture small: the scale stays, the chosen element comes into sight. */
  function refit() {
    cy.resize();
    const chosen = cy.elements(".chosen");
    if (fitted && chosen.nonempty()) reveal(chosen);
    else if (untouched) fit();
  }

  /** Draws an answer; `key` names the picture, whose places are kept; `anew` lays it out again; `sel` is the chosen element. */
  function update(answer, { label, key, sel, anew = false }) {
    performance.mark("graph-start");
    let added;
    cy.batch(() => {
      added = patch(cy, elements(answer, label));
    });
    if (hovered?.removed()) hover(null); // cytoscape says nothing of it
    const result = layout.arrange(key, anew, added);
    mark("chosen", cy.getElementById(sel)); // before it is fitted: what is looked at must be readable
    if (result.moved) untouched = true;
    if (untouched && (result.moved || (result.squeezed > 0 && cy.elements(".chosen").empty())))
      fit();
    overlay.draw();
    performance.measure("graph-update", "graph-start");
    return result;
  }

  function mark(name, wanted) {
    const had = cy.elements(`.${name}`);
    if (had.same(wanted)) return;
    cy.batch(() => {
      had.difference(wanted).removeClass(name);
      wanted.addClass(name);
    });
  }

  /** Lights an element with its neighbours; null lights everything. */
  function light(element) {
    const lit =
      element === null
        ? cy.collection()
        : element.isNode()
          ? element.closedNeighborhood()
          : element.union(element.connectedNodes());
    mark("lit", lit);
    mark("dim", element === null ? cy.collection() : cy.elements(".card, .link").difference(lit));
    overlay.draw();
  }

  function reveal(element) {
    const box = element.renderedBoundingBox(),
      inside = box.x1 >= 0 && box.y1 >= 0 && box.x2 <= cy.width() && box.y2 <= cy.height();
    if (inside) return;
    if (NO_MOTION.matches) cy.center(element);
    else cy.animate({ center: { eles: element }, duration: 180 });
  }

  function zoomBy(factor) {
    untouched = false;
    cy.zoom({
      level: cy.zoom() * factor,
      renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 },
    });
  }

  function hover(element, event) {
    hovered = element;
    events.hover(element, event);
  }

  function onKey(event) {
    if (event.key in ARROWS) {
      cursor = neighbour(cy, cursor?.inside() ? cursor : null, ARROWS[event.key]);
      if (!cursor) return;
      light(cursor);
      reveal(cursor);
      events.cursor(cursor);
    } else if (event.key === "Enter" && cursor) events.choose(cursor);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  container.addEventListener("keydown", onKey);
  container.addEventListener("blur", () => light(null));
  cy.on("mouseover", "node.card, edge", (event) => hover(event.target, event.originalEvent));
  cy.on("mouseout", "node.card, edge", () => hover(null));
  container.addEventListener("pointerleave", () => hover(null));
  cy.on("tap", "node.card, edge", (event) => events.choose(event.target));
  cy.on("tap", (event) => event.target === cy && events.choose(null));
  cy.on("dbltap", "node.card", (event) => events.focus(event.target));
  cy.on("dragpan scrollzoom pinchzoom", () => {
    untouched = false;
  });
  const watcher = new ResizeObserver(refit);
  watcher.observe(container);

  return {
    cy,
    update,
    light,
    mark,
    reveal,
    zoomBy,
    fit() {
      untouched = true;
      fit();
    },
    colors: () => colors,
    cursor: () => cursor,
    destroy() {
      watcher.disconnect();
      stopTheme();
      cy.destroy();
    },
  };
}
