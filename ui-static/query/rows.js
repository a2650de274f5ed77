/* rows.js - the expressions one below the other, each with its letter, its line and what became of it. */
import { fill, h } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { plural } from "../lib/format.js";
import { placeOf, sentence } from "./answer.js";
import { createEditor } from "./editor.js";
import { strokeSample } from "./strokes.js";

export const ROWS_MAX = 8;
const LETTERS = "ABCDEFGH";

function remarks({ series, warnings, infos, error, milliseconds }) {
  if (error)
    return [h("span", { class: "remark bad-text" }, icon("failing"), sentence(error.message))];
  const list = (warnings ?? []).map((text) =>
    h("span", { class: "remark warn-text" }, icon("degraded", "Warning"), text),
  );
  for (const text of infos ?? [])
    list.push(h("span", { class: "remark" }, icon("unknown", "Info"), text));
  const words = `${plural(series.length, "series", "series")} in ${Math.round(milliseconds)} ms`;
  return [...list, h("span", { class: "remark quiet-text" }, words)];
}

/* What tells one note from another; times differ with every refresh and are worth no announcement. */
const noteKey = ({ error, warnings, infos }) => JSON.stringify([error?.message, warnings, infos]);

function createRow(index, { suggest, run, remove }) {
  const letter = LETTERS[index],
    id = `expr-${letter}`;
  const badge = h("span", { class: "letter", "aria-hidden": "true" }, letter),
    note = h("div", { class: "expr-note", id: `${id}-note` }),
    alert = h("div", { class: "sr-only", role: "status" });
  const editor = createEditor({ id, label: `Expression ${letter}`, suggest, run, changed: edited });
  const button = h(
    "button",
    {
      type: "button",
      class: "button quiet square",
      "aria-label": `Remove expression ${letter}`,
      title: "Remove",
      on: { click: remove },
    },
    icon("close"),
  );
  const element = h(
    "div",
    { class: "expr-row" },
    h("span", { class: "expr-sign" }, badge, strokeSample(index)),
    editor.element,
    button,
    note,
    alert,
  );
  let applied = "",
    told = "";

  function edited() {
    if (editor.text().trim() !== applied)
      fill(note, h("span", { class: "quiet-text" }, "Enter runs it"));
    else fill(note);
  }
  return {
    element,
    letter,
    index,
    focus: editor.focus,
    text: () => editor.text().trim(),
    applied: () => applied,
    draft: editor.set,
    apply(text) {
      if (text !== applied) fill(note);
      applied = text;
      editor.set(text);
    },
    /** What the server said: {series, warnings, infos, error, milliseconds}; not of a text that changed since. */
    tell(result) {
      if (editor.text().trim() !== applied) return;
      editor.mark(result.error ? placeOf(result.error.message, editor.text()) : null);
      fill(note, remarks(result));
      const key = noteKey(result);
      if (key !== told)
        alert.textContent = result.error ? `Expression ${letter}: ${note.textContent}` : "";
      told = key;
    },
  };
}

/** `run(texts)` is told the expressions to ask for; `apply(texts)` shows those of the address. */
export function createRows({ suggest, run }) {
  const list = h("div", { class: "expr-list" });
  const add = h(
    "button",
    { type: "button", class: "button quiet", on: { click: () => append().focus() } },
    icon("plus"),
    "Expression",
  );
  let rows = [];

  function runAll() {
    run(rows.map((row) => row.text()).filter(Boolean));
  }

  function append() {
    const row = createRow(rows.length, {
      suggest,
      run: runAll,
      remove: () => removeRow(row),
    });
    rows.push(row);
    list.append(row.element);
    arrange();
    return row;
  }

  function arrange() {
    add.disabled = rows.length >= ROWS_MAX;
  }

  /* Letters stay A, B, C: the texts move up. Text that was never run stays as it is. */
  function removeRow(row) {
    const at = rows.indexOf(row),
      texts = rows.map((one) => one.text());
    const wasApplied = row.applied() !== "";
    texts.splice(at, 1);
    rows.pop().element.remove();
    rows.forEach((one, i) => one.draft(texts[i]));
    arrange();
    (rows[at] ?? rows.at(-1)).focus();
    if (wasApplied) run(texts.filter(Boolean));
  }

  function apply(texts) {
    const wanted = texts.slice(0, ROWS_MAX);
    while (rows.length < Math.max(1, wanted.length)) append();
    while (rows.length > Math.max(1, wanted.length)) rows.pop().element.remove();
    rows.forEach((row, i) => row.apply(wanted[i] ?? ""));
    arrange();
  }
  append();
  return { element: h("div", { class: "exprs" }, list), add, apply, runAll, rows: () => rows };
}
