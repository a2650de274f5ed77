/* graph.js - the first view: picture, toolbar, side panel, table twin, and the waiting page before there is a picture. */
import { factsOf } from "../graph/facts.js";
import * as api from "../api.js";
import * as state from "../state.js";
import { h } from "../lib/dom.js";
import { parseFind } from "../lib/find.js";
import { createCanvas } from "../graph/canvas.js";
import { createCorner, createToolbar } from "../graph/toolbar.js";
import { createHoverCard } from "../graph/hover.js";
import { createTableTwin } from "../graph/table_twin.js";
import { createWaiting } from "../graph/waiting.js";
import { saveJson, savePng, saveSvg } from "../graph/export.js";
import { leaveUndecided } from "../graph/undecided.js";
import { plural } from "../lib/format.js";
import { createEdgePanel } from "../panel/edge.js";
import { createNodePanel } from "../panel/node.js";

const HOLD = 2;

/** What makes a picture of its own, with places of its own. */
const pictureKey = (now) => [now.group, now.mode, now.ns, now.protocol, now.min, now.focus, now.depth].join("|");

function graphParams(now) {
  const params = { ...state.rangeParams(now), group: now.group, view: now.mode };
  if (now.ns) params.namespace = now.ns.split(",");
  if (now.protocol) params.protocol = now.protocol;
  if (now.min) params.min_requests = now.min;
  if (now.focus) Object.assign(params, { focus: now.focus, depth: now.depth });
  return params;
}

export function createGraphView(context) {
  const view = { answer: null, panel: null, panelFor: "", hits: [], hit: 0, anew: false, spaces: new Set(), waited: false, count: 0, held: 0 };
  const picture = h("div", { class: "picture", tabindex: "0", role: "application", "aria-label": "Service graph" });
  const stage = h("div", { class: "stage" }, picture), side = h("div", { class: "side" });
  const empty = h("div", { class: "empty overlay-note", hidden: true });
  const live = h("p", { class: "sr-only", role: "status" }), undecided = h("p", { class: "undecided" });
  const canvas = createCanvas(picture, { hover, choose, focus: (node) => focus(factsOf(node).api.id), cursor: (node) => { live.textContent = spoken(node); } });
  const card = createHoverCard(stage), twin = createTableTwin((sel) => state.set({ sel })), waiting = createWaiting();
  const toolbar = createToolbar({ nextHit, table: toggleTable, save: { png: () => savePng(canvas.cy, canvas.colors()), svg: () => saveSvg(canvas.cy, canvas.colors()), json: () => view.answer && saveJson(view.answer) } });
  const corner = createCorner({ zoomIn: () => canvas.zoomBy(1.25), zoomOut: () => canvas.zoomBy(0.8), fit: canvas.fit, tidy });
  stage.append(corner.element, undecided, empty, live);
  const body = h("div", { class: "graph-body" }, h("div", { class: "graph-main" }, stage, twin.element), side);
  const drawn = h("div", { class: "graph-view" }, toolbar.element, body);
  const element = h("div", { class: "view" }, drawn, waiting.element);
  drawn.hidden = waiting.element.hidden = true;

  function describe(words) {
    if (picture.getAttribute("aria-label") !== words) picture.setAttribute("aria-label", words);
  }

  function spoken(node) {
    const { name, kind, rate, error_ratio: errors, health } = factsOf(node).api;
    return `${name}, ${kind}, ${rate.toFixed(1)} requests a second, ${(errors * 100).toFixed(1)} percent errors, ${health}`;
  }

  function hover(target, event) {
    canvas.light(target);
    if (target) card.show(target, event);
    else card.hide();
  }

  function choose(target) {
    state.set({ sel: target ? target.id() : "" });
  }

  function focus(id) {
    state.set({ focus: id, depth: "1" });
  }

  function tidy() {
    view.anew = true;
    draw(state.get());
  }

  function toggleTable() {
    state.set({ table: state.get().table === "1" ? "" : "1" });
  }

  function nextHit() {
    if (!view.hits.length) return;
    const target = view.hits[view.hit++ % view.hits.length];
    canvas.reveal(target);
    state.set({ sel: target.id() });
  }

  /** Marks what the find box asks for; answers the number of hits or null. */
  function find(now) {
    const test = parseFind(now.find);
    if (!test) {
      view.hits = [];
      canvas.mark("found", canvas.cy.collection());
      return null;
    }
    const found = canvas.cy.elements(".card, .link").filter((element) => test(factsOf(element).api));
    view.hits = found.toArray();
    canvas.mark("found", found);
    return found.length;
  }

  function showPanel(now) {
    const kind = now.sel.slice(0, 2), wanted = kind === "e:" || kind === "n:" ? now.sel : "";
    if (view.panelFor === wanted) return;
    view.panel?.destroy();
    view.panelFor = wanted;
    const close = () => { state.set({ sel: "" }); picture.focus(); };
    view.panel = wanted === "" ? null : kind === "e:" ? createEdgePanel(close) : createNodePanel(close, focus);
    side.replaceChildren(...(view.panel ? [view.panel.element] : []));
    body.classList.toggle("with-panel", view.panel !== null);
    const target = canvas.cy.getElementById(wanted);
    canvas.mark("chosen", wanted ? target : canvas.cy.collection());
    if (wanted && target.nonempty()) requestAnimationFrame(() => canvas.reveal(target));
  }

  async function refreshPanel(now, signal) {
    if (!view.panel || !view.answer) return;
    const id = now.sel.slice(2), list = now.sel.startsWith("e:") ? view.answer.edges : view.answer.nodes;
    const found = list.find((one) => one.id === id);
    if (found) await view.panel.refresh(found, now, signal, view.answer);
  }

  function draw(now) {
    if (!view.answer || drawn.hidden) return;
    const result = canvas.update(view.answer, { label: now.label, key: pictureKey(now), anew: view.anew });
    view.anew = false;
    if (result.moved) corner.suggestTidy(false);
    else if (result.squeezed) corner.suggestTidy(true);
    canvas.mark("chosen", now.sel ? canvas.cy.getElementById(now.sel) : canvas.cy.collection());
    describe(`Service graph: ${view.answer.nodes.length} nodes, ${view.answer.edges.length} edges. Arrow keys go from node to node, Enter opens, t shows it as a table.`);
  }

  function render(now) {
    twin.element.hidden = now.table !== "1";
    showPanel(now);
    if (view.answer) draw(now);
    const hits = find(now);
    toolbar.render(now, { namespaces: [...view.spaces], hits });
    if (view.answer) twin.update(view.answer, now.sel, parseFind(now.find));
  }

  /* The first picture waits up to two more answers until no new nodes come: what is placed once stays. */
  function isWaiting() {
    const { length } = view.answer.nodes, grew = length !== view.count;
    view.count = length;
    if (length > 0) return view.waited && grew && view.held++ < HOLD;
    view.waited = (context.status?.account.spans?.received ?? 0) === 0;
    return view.waited;
  }

  function showEmpty(now) {
    const nothing = view.answer.nodes.length === 0;
    empty.hidden = !nothing;
    if (nothing) empty.replaceChildren(h("strong", {}, "Nothing in this range"), h("p", {}, state.isFixed(now) || now.last === "24h" ? "No request of these filters ended in it." : "weft has data, but none as recent as this."),
      now.last === "24h" ? "" : h("button", { type: "button", class: "button", on: { click: () => state.set({ last: "24h", start: "", end: "", at: "" }) } }, "Show the last 24 hours"));
  }

  async function ask(now, signal) {
    const params = graphParams(now), answer = await api.graph(params, signal);
    if (!state.isLive(now)) return { shown: answer, waiting: 0 };
    return leaveUndecided(answer, params, signal);
  }

  async function refresh(now, signal) {
    const { shown, waiting: open } = await ask(now, signal);
    view.answer = shown;
    undecided.textContent = open ? `${plural(open, "request waits for its caller's span", "requests wait for their callers' spans")}` : "";
    for (const node of view.answer.nodes) if (node.namespace) view.spaces.add(node.namespace);
    const waits = isWaiting();
    waiting.element.hidden = !waits;
    drawn.hidden = waits;
    if (waits) waiting.render(context.status);
    else showEmpty(now);
    context.truth.update({ completeUntil: view.answer.complete_until, warnings: [...(view.answer.warnings ?? []), ...(view.answer.truncated ? ["part of the graph was left out"] : [])] });
    render(now);
    await refreshPanel(now, signal);
  }

  function escape() {
    if (state.get().sel) return state.set({ sel: "" });
    if (state.get().find) return state.set({ find: "" }, { replace: true });
    if (state.get().focus) return state.set({ focus: "", depth: "1" });
    return false;
  }

  function focusKey() {
    const sel = state.get().sel, node = sel.startsWith("n:") ? sel.slice(2) : canvas.cursor() && factsOf(canvas.cursor()).api.id;
    return node ? focus(node) : false;
  }

  return {
    element, render, refresh,
    hurried: () => view.answer !== null && (view.answer.nodes.length === 0 || drawn.hidden),
    keys: { "/": () => toolbar.find.focus(), Escape: escape, f: focusKey, "+": () => canvas.zoomBy(1.25), "-": () => canvas.zoomBy(0.8), "0": canvas.fit, l: tidy, t: toggleTable },
    destroy() { view.panel?.destroy(); canvas.destroy(); },
  };
}
