/* completion.js - the list under the caret: a combobox's listbox, by keyboard and by pointer. */
import { fill, h } from "../lib/dom.js";
import { contextAt } from "./context.js";

const SHOWN = 40;
const OPENS_EMPTY = new Set(["label", "value", "window"]);

/* What completing adds behind the word, unless it stands there already. */
const follows = (context, rest) => (context.kind === "window" && !rest.startsWith("]") ? "]" : "");

function inserted(item, context, text) {
  const rest = text.slice(context.to),
    next = rest[0] ?? "";
  let words = item.insert;
  if (words.endsWith("(") && next === "(") words = words.slice(0, -1);
  if (context.kind === "label" && words.endsWith("=") && /^\s*[=!]/.test(rest))
    words = words.slice(0, -1);
  return words + follows(context, rest);
}

const option = (id, item, prefix, take) => {
  const at = item.text.toLowerCase().indexOf(prefix.toLowerCase()),
    end = at + prefix.length;
  return h(
    "li",
    { id, role: "option", "aria-selected": "false", on: { pointerdown: take } },
    h(
      "span",
      { class: "what" },
      item.text.slice(0, at),
      h("b", {}, item.text.slice(at, end)),
      item.text.slice(end),
    ),
    h("span", { class: "kind" }, item.kind),
    item.help ? h("span", { class: "help" }, item.help) : null,
  );
};

/**
 * `input`: the text area; `suggest(context)` answers items; `replace(from, to, words)` changes the text;
 * `place(element, at)` puts the list under a position of the text.
 */
export function createCompletion({ id, input, suggest, replace, place }) {
  const list = h("ul", { id, role: "listbox", "aria-label": "Suggestions" }),
    foot = h("p", { class: "completion-foot", "aria-hidden": "true" });
  const element = h("div", { class: "completion", hidden: true }, list, foot);
  let items = [],
    context = null,
    active = -1,
    asked = 0;
  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-haspopup": "listbox",
    "aria-expanded": "false",
    "aria-controls": id,
  }))
    input.setAttribute(name, value);

  const isOpen = () => !element.hidden;

  function close() {
    asked++;
    element.hidden = true;
    items = [];
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function choose(i) {
    list.children[active]?.setAttribute("aria-selected", "false");
    active = (i + items.length) % items.length;
    const chosen = list.children[active];
    chosen.setAttribute("aria-selected", "true");
    chosen.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", chosen.id);
  }

  function take(item) {
    const { from, to } = context,
      words = inserted(item, context, input.value);
    close();
    replace(from, to, words);
  }

  function show(found, where) {
    items = found.slice(0, SHOWN);
    const isDone = items.length === 1 && items[0].text === where.prefix;
    if (!items.length || isDone) return close();
    context = where;
    active = -1;
    input.removeAttribute("aria-activedescendant");
    fill(
      list,
      items.map((item, i) =>
        option(`${id}-${i}`, item, where.prefix, (event) => {
          event.preventDefault();
          take(item);
        }),
      ),
    );
    list.scrollTop = 0;
    const more = found.length - items.length;
    foot.textContent = `${more ? `${more} more · ` : ""}Tab takes the first, ↓ chooses, Esc closes`;
    element.hidden = false;
    input.setAttribute("aria-expanded", "true");
    place(element, where.from);
  }

  /** Looks at the caret anew; `wanted` when a person asked for the list with nothing written. */
  async function update(wanted = false) {
    const where = contextAt(input.value, input.selectionStart);
    const isEmpty = where.prefix === "" && !wanted && !OPENS_EMPTY.has(where.kind);
    if (where.kind === "none" || isEmpty) return close();
    const mine = ++asked,
      found = await suggest(where);
    if (mine === asked && document.activeElement === input) show(found, where);
  }

  /** Answers whether the key was for the list. */
  function key(event) {
    if (event.key === " " && event.ctrlKey) return (update(true), true);
    if (!isOpen()) return false;
    const moves = { ArrowDown: active + 1, ArrowUp: active < 0 ? -1 : active - 1 };
    if (event.key in moves) return (choose(moves[event.key]), true);
    if (event.key === "Escape") return (close(), true);
    if (event.key === "Tab" && !event.shiftKey) return (take(items[Math.max(active, 0)]), true);
    if (event.key === "Enter" && active >= 0) return (take(items[active]), true);
    return false;
  }
  return { element, update, close, key };
}
