/* receivers.js - who gets series from weft by remote write, how far behind each is, and what it will never get. */
import { h } from "../lib/dom.js";
import { count, duration } from "../lib/format.js";
import { note, section } from "../lib/parts.js";

/** A receiver this far behind is worth a look. */
const LATE_S = 60;

function lost(one) {
  const parts = Object.entries(one.dropped).map(
    ([reason, n]) => `${count(n)} ${reason.replaceAll("_", " ")}`,
  );
  if (one.expired_s) parts.push(`${duration(one.expired_s)} expired`);
  return parts;
}

/** Name, right-aligned or not, and [text, whether it is a complaint]. */
const COLUMNS = [
  ["Protocol", true, (one) => [`${one.protocol}.0`]],
  ["Sent", true, (one) => [count(one.sent)]],
  ["Waiting", true, (one) => [count(one.pending)]],
  ["Behind", true, (one) => [duration(one.lag_s), one.lag_s > LATE_S]],
  ["Failed requests", true, (one) => [count(one.failed), one.failed > 0]],
  ["Lost", true, (one) => [lost(one).join(", ") || "0", lost(one).length > 0]],
  ["Last error", false, (one) => [one.last_error ?? "", one.last_error !== null]],
];

function row(one) {
  const cells = COLUMNS.map(([, num, of]) => {
    const [text, complains] = of(one);
    return h("td", { class: `${num ? "num" : ""} ${complains ? "warn-text" : ""}` }, text);
  });
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, one.name ? `${one.name} ` : "", h("code", {}, one.url)),
    cells,
  );
}

/** A card, or null when weft sends to nobody. */
export function receivers(status) {
  const list = status.remote_write ?? [];
  if (!list.length) return null;
  const heads = [["Receiver"], ...COLUMNS].map(([name, num]) =>
    h("th", { scope: "col", class: num ? "num" : "" }, name),
  );
  return h(
    "div",
    { class: "card-box" },
    section(
      "Remote write",
      note("Series that weft sends on. A receiver that was away gets what it missed."),
      h(
        "div",
        { class: "wide-table", tabindex: 0, role: "region", "aria-label": "Remote write receivers" },
        h(
          "table",
          { class: "plain receivers" },
          h("thead", {}, h("tr", {}, heads)),
          h("tbody", {}, list.map(row)),
        ),
      ),
    ),
  );
}
