/* slot.js - the place of the side panel: opens the right one for what is chosen and keeps it fresh. */
import { h } from "../lib/dom.js";
import { createEdgePanel } from "./edge.js";
import { createNodePanel } from "./node.js";

const isChoice = (sel) => sel.startsWith("e:") || sel.startsWith("n:");

/** `close()` ends the choice, `focus(id)` focuses the picture on a node. */
export function createPanelSlot({ close, focus }) {
  const element = h("div", { class: "side" });
  let panel = null;
  let shown = "";

  function create(sel) {
    if (sel.startsWith("e:")) return createEdgePanel(close);
    return sel.startsWith("n:") ? createNodePanel(close, focus) : null;
  }

  /** Opens the panel of `sel` ("e:..." or "n:..."); answers whether something changed. */
  function open(sel) {
    const wanted = isChoice(sel) ? sel : "";
    if (wanted === shown) return false;
    panel?.destroy();
    shown = wanted;
    panel = create(wanted);
    element.replaceChildren(...(panel ? [panel.element] : []));
    return true;
  }

  /** Fills the panel from an answer of the graph and what more it asks for. */
  async function refresh(answer, now, signal) {
    if (!panel) return;
    const id = shown.slice(2);
    const list = shown.startsWith("e:") ? answer.edges : answer.nodes;
    const found = list.find((one) => one.id === id);
    if (found) await panel.refresh(found, now, signal, answer);
    else panel.missing(id);
  }
  return { element, open, refresh, isOpen: () => panel !== null, destroy: () => panel?.destroy() };
}
