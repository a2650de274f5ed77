/* graph.js - the first view: picture, toolbar, side panel, table twin, and the waiting page before there is a picture. */
import * as state from "../state.js";
import { h } from "../lib/dom.js";
import { hasReceived } from "../lib/account.js";
import { parseFind } from "../lib/find.js";
import { plural } from "../lib/format.js";
import { nodeTitle } from "../lib/words.js";
import { askGraph, pictureKey, truthOf } from "../graph/ask.js";
import { createCanvas } from "../graph/canvas.js";
import { createEmpty } from "../graph/empty.js";
import { createFinder } from "../graph/finder.js";
import { createCorner, createToolbar } from "../graph/toolbar.js";
import { createHoverCard } from "../graph/hover.js";
import { createTableTwin } from "../graph/table_twin.js";
import { createWaiting } from "../graph/waiting.js";
import { factsOf } from "../graph/facts.js";
import { saveJson, savePng, saveSvg } from "../graph/export.js";
import { createPanelSlot } from "../panel/slot.js";

const HOLD = 2;

/** A node for the ear. */
function spoken(node) {
  const { api } = factsOf(node),
    { kind, rate, error_ratio: errors, health } = api;
  const share = (errors * 100).toFixed(1);
  return `${nodeTitle(api)}, ${kind}, ${rate.toFixed(1)} requests a second, ${share} percent errors, ${health}`;
}

function undecidedWords(n) {
  const one = "request waits for its caller's span";
  return n ? plural(n, one, "requests wait for their callers' spans") : "";
}

function describe(picture, { nodes, edges }) {
  const words =
    `Service graph: ${nodes.length} nodes, ${edges.length} edges. ` +
    "Arrow keys go from node to node, Enter opens, t shows it as a table.";
  if (picture.getAttribute("aria-label") !== words) picture.setAttribute("aria-label", words);
}

const focusOn = (id) => state.set({ focus: id, depth: "1" });
const toggleTable = () => state.set({ table: state.get().table === "1" ? "" : "1" });

/** Takes back one thing: the choice, else the search, else the focus. */
function escape() {
  const now = state.get();
  if (now.sel) return state.set({ sel: "" });
  if (now.find) return state.set({ find: "" }, { replace: true });
  return now.focus ? state.set({ focus: "", depth: "1" }) : false;
}

export function createGraphView(context) {
  const view = {
    answer: null,
    anew: false,
    spaces: new Set(),
    waited: false,
    count: 0,
    held: 0,
  };
  const picture = h("div", {
    class: "picture",
    tabindex: "0",
    role: "application",
    "aria-label": "Service graph",
  });
  const stage = h("div", { class: "stage" }, picture);
  const live = h("p", { class: "sr-only", role: "status" });
  const undecided = h("p", { class: "undecided" });
  const canvas = createCanvas(picture, {
    hover,
    choose,
    focus: (node) => focusOn(factsOf(node).api.id),
    cursor: (node) => {
      live.textContent = spoken(node);
    },
  });
  const card = createHoverCard(stage);
  const twin = createTableTwin((sel) => state.set({ sel }));
  const waiting = createWaiting();
  const empty = createEmpty();
  const finder = createFinder(canvas);
  const panel = createPanelSlot({ close: leavePanel, focus: focusOn });
  const toolbar = createToolbar({
    nextHit,
    table: toggleTable,
    save: {
      png: () => savePng(canvas.cy, canvas.colors()),
      svg: () => saveSvg(canvas.cy, canvas.colors()),
      json: () => view.answer && saveJson(view.answer),
    },
  });
  const corner = createCorner({
    zoomIn: () => canvas.zoomBy(1.25),
    zoomOut: () => canvas.zoomBy(0.8),
    fit: canvas.fit,
    tidy,
  });
  stage.append(corner.element, undecided, empty.element, live);
  const body = h(
    "div",
    { class: "graph-body" },
    h("div", { class: "graph-main" }, stage, twin.element),
    panel.element,
  );
  const drawn = h("div", { class: "graph-view" }, toolbar.element, body);
  const element = h("div", { class: "view" }, drawn, waiting.element);
  drawn.hidden = waiting.element.hidden = true;

  function hover(target, event) {
    canvas.light(target);
    if (target) card.show(target, event);
    else card.hide();
  }

  function choose(target) {
    state.set({ sel: target ? target.id() : "" });
  }

  function tidy() {
    view.anew = true;
    draw(state.get());
  }

  function nextHit() {
    const sel = finder.step();
    if (sel) state.set({ sel });
  }

  function leavePanel() {
    state.set({ sel: "" });
    picture.focus();
  }

  function showPanel(now) {
    const hadFocus = panel.element.contains(document.activeElement);
    if (!panel.open(now.sel)) return;
    if (hadFocus) (panel.element.firstChild ?? picture).focus();
    body.classList.toggle("with-panel", panel.isOpen());
    const target = canvas.cy.getElementById(now.sel);
    canvas.mark("chosen", target);
    if (target.nonempty()) requestAnimationFrame(() => canvas.reveal(target));
  }

  function draw(now) {
    if (!view.answer || drawn.hidden) return;
    const result = canvas.update(view.answer, {
      label: now.label,
      key: pictureKey(now),
      sel: now.sel,
      anew: view.anew,
    });
    view.anew = false;
    if (result.moved) corner.suggestTidy(false);
    else if (result.squeezed) corner.suggestTidy(true);
    describe(picture, view.answer);
  }

  function render(now) {
    twin.element.hidden = now.table !== "1";
    showPanel(now);
    if (view.answer) draw(now);
    const hits = finder.find(now.find);
    toolbar.render(now, { namespaces: [...view.spaces], hits });
    if (view.answer) twin.update(view.answer, now, parseFind(now.find));
  }

  /* The first picture waits up to two more answers until no new nodes come: what is placed once stays. */
  function isWaiting() {
    const { length } = view.answer.nodes,
      grew = length !== view.count;
    view.count = length;
    if (length > 0) return view.waited && grew && view.held++ < HOLD;
    view.waited = !context.status || !hasReceived(context.status);
    return view.waited;
  }

  async function refresh(now, signal) {
    const { shown, waiting: open } = await askGraph(now, signal);
    view.answer = shown;
    undecided.textContent = undecidedWords(open);
    for (const node of shown.nodes) if (node.namespace) view.spaces.add(node.namespace);
    const waits = isWaiting();
    waiting.element.hidden = !waits;
    drawn.hidden = waits;
    if (waits) waiting.render(context.status);
    else empty.show(now, shown.nodes.length === 0);
    context.truth.update(truthOf(shown));
    render(now);
    await panel.refresh(shown, now, signal);
  }

  function focusKey() {
    const sel = state.get().sel,
      node = sel.startsWith("n:")
        ? sel.slice(2)
        : canvas.cursor() && factsOf(canvas.cursor()).api.id;
    return node ? focusOn(node) : false;
  }

  return {
    element,
    render,
    refresh,
    hurried: () =>
      view.answer !== null &&
      (drawn.hidden || (view.answer.nodes.length === 0 && state.isLive(state.get()))),
    keys: {
      "/": () => toolbar.find.focus(),
      Escape: escape,
      f: focusKey,
      "+": () => canvas.zoomBy(1.25),
      "-": () => canvas.zoomBy(0.8),
      0: canvas.fit,
      l: tidy,
      t: toggleTable,
    },
    destroy() {
      panel.destroy();
      canvas.destroy();
    },
  };
}
