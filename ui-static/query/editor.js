/* editor.js - one expression as text: coloured, completed, with the place of an error underlined. */
import { fill, h } from "../lib/dom.js";
import { createCompletion } from "./completion.js";
import { nested, roleOf, tokens } from "./tokens.js";

/* Colours by what a piece is; a name's role depends on its surroundings. */
function classes(text) {
  const list = nested(text),
    roles = new Map();
  list.forEach((piece, i) => {
    if (piece.type === "name") roles.set(piece.from, roleOf(piece, list[i + 1]));
  });
  return (piece) => `tok-${roles.get(piece.from) ?? piece.type}`;
}

function painted(text, wrong) {
  const classOf = classes(text);
  const out = tokens(text).map((piece) => {
    const isWrong = wrong && piece.from < wrong.to && piece.to > wrong.from;
    return h("span", { class: `${classOf(piece)}${isWrong ? " wrong" : ""}` }, piece.text);
  });
  /* At the end there is no piece to underline. */
  if (wrong && wrong.from >= text.length) out.push(h("span", { class: "wrong" }, "\u00a0"));
  return [out, "\u200b"];
}

/** Where the piece at `at` ends, for the underline. */
export function pieceAt(text, at) {
  const piece = tokens(text).find(({ from, to }) => from <= at && at < to);
  return { from: piece?.from ?? text.length, to: piece?.to ?? text.length };
}

/** `run()` on Enter, `changed()` on every change. */
export function createEditor({ id, label, suggest, run, changed }) {
  const mirror = h("pre", { class: "mirror", "aria-hidden": "true" });
  const input = h("textarea", {
    id,
    class: "expr-input",
    rows: 1,
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
    autocorrect: "off",
    "aria-label": label,
    "aria-describedby": `${id}-note`,
    placeholder: "sum by (server) (rate(traces_service_graph_request_total[1m]))",
    on: { input: edited, keydown: pressed, blur: () => completion.close() },
  });
  const completion = createCompletion({ id: `${id}-list`, input, suggest, replace, place });
  const element = h("div", { class: "expr-box" }, mirror, input, completion.element);
  input.addEventListener("pointerdown", completion.close);
  let wrong = null;

  function paint() {
    fill(mirror, painted(input.value, wrong));
  }

  function forget() {
    wrong = null;
    input.removeAttribute("aria-invalid");
  }

  function edited() {
    forget();
    paint();
    changed();
    completion.update();
  }

  function replace(from, to, words) {
    input.setSelectionRange(from, to);
    /* The browser's own undo goes on working this way. */
    if (!document.execCommand("insertText", false, words)) {
      input.setRangeText(words, from, to, "end");
      edited();
    }
  }

  /* Under the beginning of the word; the mirror has the same lines as the text. */
  function place(list, at) {
    const range = document.createRange(),
      walker = document.createTreeWalker(mirror, NodeFilter.SHOW_TEXT);
    let left = at,
      node = walker.nextNode();
    while (node && left > node.length) {
      left -= node.length;
      node = walker.nextNode();
    }
    if (!node) return;
    range.setStart(node, left);
    const spot = range.getBoundingClientRect(),
      box = element.getBoundingClientRect();
    const room = box.width - list.offsetWidth;
    list.style.setProperty("--left", `${Math.max(0, Math.min(spot.left - box.left - 6, room))}px`);
    list.style.setProperty("--top", `${spot.bottom - box.top + 6}px`);
  }

  function pressed(event) {
    if (completion.key(event)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      completion.close();
      run();
    } else if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) completion.close();
  }

  paint();
  return {
    element,
    focus: () => input.focus(),
    text: () => input.value,
    set(text) {
      if (input.value === text) return;
      input.value = text;
      forget();
      paint();
    },
    /** Underlines from `at` on; null takes the line away. */
    mark(at) {
      const next = at === null ? null : pieceAt(input.value, at);
      if (next?.from === wrong?.from && next?.to === wrong?.to) return;
      wrong = next;
      if (wrong) input.setAttribute("aria-invalid", "true");
      else forget();
      paint();
    },
  };
}
