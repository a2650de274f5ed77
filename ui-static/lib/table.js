/* table.js - a table that sorts by its headings and opens its rows, by pointer and by keyboard. */
import { h, fill } from "./dom.js";

const ARROWS = { ascending: "↑", descending: "↓" };

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return typeof a === "string" ? a.localeCompare(b) : a - b;
}

/** What stands in the address for an order: "p95" or, the largest first, "-p95"; `fallback` where it names no column. */
function orderOf(text, columns, fallback) {
  const name = text.replace(/^-/, ""),
    column = columns.findIndex((one) => one.name === name);
  if (column < 0) return { ...fallback };
  return { column, direction: text.startsWith("-") ? "descending" : "ascending" };
}

/**
 * Columns: {name, value(row) to sort by, cell(row) to show, num, title}. The first column's cell is the row's heading;
 * with `open(row)` it becomes a button. `key(row)` tells rows apart. `update(rows, chosenKey)` shows rows. `sorted(text)` is
 * told a new order, which `order(text)` takes back from the address; without it the table keeps its order to itself.
 */
export function createTable({
  columns,
  key,
  open,
  caption,
  sort = { column: 0, direction: "ascending" },
  sorted = () => {},
}) {
  let order = { ...sort },
    rows = [],
    chosen = null;
  const body = h("tbody");
  const heads = columns.map((column, i) => {
    const sign = h("span", { class: "sort", "aria-hidden": "true" });
    const cell = h(
      "th",
      { scope: "col", class: column.num ? "num" : "" },
      h(
        "button",
        { type: "button", title: column.title, on: { click: () => sortBy(i) } },
        column.name,
        sign,
      ),
    );
    return { cell, sign };
  });
  const element = h(
    "div",
    { class: "table-box", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      { class: "table" },
      h("caption", { class: "sr-only" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head) => head.cell),
        ),
      ),
      body,
    ),
  );

  function sortBy(i) {
    const first = columns[i].num ? "descending" : "ascending",
      other = columns[i].num ? "ascending" : "descending";
    const direction = order.column === i && order.direction === first ? other : first;
    order = { column: i, direction };
    render();
    sorted(`${direction === "descending" ? "-" : ""}${columns[i].name}`);
  }

  function cells(row) {
    return columns.map((column, i) => {
      const content = column.cell ? column.cell(row) : column.value(row);
      const title = typeof content === "string" && !column.num ? content : null, // it may be cut
        words = title === null ? "" : "words";
      if (i > 0) return h("td", { class: column.num ? "num" : words, title }, content);
      if (!open) return h("th", { scope: "row", class: words, title }, content);
      return h(
        "th",
        { scope: "row" },
        h("button", { type: "button", class: "row-button", title, data: { key: key(row) } }, content),
      );
    });
  }

  function render() {
    const { value } = columns[order.column],
      sign = order.direction === "ascending" ? 1 : -1;
    const sorted = [...rows].sort(
      (a, b) => sign * compare(value(a), value(b)) || (key(a) < key(b) ? -1 : 1),
    );
    heads.forEach((head, i) => {
      head.cell.setAttribute("aria-sort", i === order.column ? order.direction : "none");
      head.sign.textContent = i === order.column ? ARROWS[order.direction] : "";
    });
    fill(
      body,
      sorted.map((row) =>
        h(
          "tr",
          {
            class: open ? "opens" : "",
            "aria-current": open && key(row) === chosen ? "true" : null,
            on: open ? { click: () => open(row) } : {},
          },
          cells(row),
        ),
      ),
    );
  }
  return {
    element,
    order(text) {
      order = orderOf(text, columns, sort);
    },
    update(next, chosenKey = null) {
      rows = next;
      chosen = chosenKey;
      render();
    },
  };
}
