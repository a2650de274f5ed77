/* table.js - a table that sorts by its headings and opens its rows, by pointer and by keyboard. */
import { h, fill } from "./dom.js";

const ARROWS = { ascending: "↑", descending: "↓" };

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return typeof a === "string" ? a.localeCompare(b) : a - b;
}

/**
 * Columns: {name, value(row) to sort by, cell(row) to show, num, title}. The first column's cell is the row's heading;
 * with `open(row)` it becomes a button. `key(row)` tells rows apart. `update(rows, chosenKey)` shows rows.
 */
export function createTable({
  columns,
  key,
  open,
  caption,
  sort = { column: 0, direction: "ascending" },
}) {
  const order = { ...sort };
  let rows = [],
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
    order.direction = order.column === i && order.direction === first ? other : first;
    order.column = i;
    render();
  }

  function cells(row) {
    return columns.map((column, i) => {
      const content = column.cell ? column.cell(row) : column.value(row);
      if (i > 0) return h("td", { class: column.num ? "num" : "" }, content);
      const title = typeof content === "string" ? content : null; // it may be cut
      return h(
        "th",
        { scope: "row" },
        open
          ? h(
              "button",
              { type: "button", class: "row-button", title, data: { key: key(row) } },
              content,
            )
          : content,
      );
    });
  }

  function render() {
    const { value } = columns[order.column],
      sign = order.direction === "ascending" ? 1 : -1;
    const focused = document.activeElement?.dataset?.key;
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
    if (focused && element.contains(body) && open)
      [...body.querySelectorAll(".row-button")].find((b) => b.dataset.key === focused)?.focus();
  }
  return {
    element,
    update(next, chosenKey = null) {
      rows = next;
      chosen = chosenKey;
      render();
    },
  };
}
