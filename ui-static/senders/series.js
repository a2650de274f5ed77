/* series.js - how many time series there are, and which metrics and labels they come from. */
import * as api from "../api.js";
import { fill, h } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { bar, note, section } from "../lib/parts.js";

const TOP = 8,
  AGAIN_MS = 30_000;
const LISTS = [
  ["seriesCountByMetricName", "Metrics with most series", "series"],
  ["labelValueCountByLabelName", "Labels with most values", "values"],
  ["seriesCountByLabelValuePair", "Label values in most series", "series"],
];

/* Bars compare within a list: the sum over metrics is all series, but a label's values are a share of nothing. */
function list(rows, title, unit) {
  if (!rows.length) return null;
  const most = rows[0].value || 1;
  const row = ({ name, value }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, h("code", {}, name)),
      h("td", { class: "wide-cell" }, bar(value / most)),
      h("td", { class: "num", title: `${count(value)} ${unit}` }, count(value)),
    );
  return section(
    title,
    h("table", { class: "plain", "aria-label": title }, h("tbody", {}, rows.map(row))),
  );
}

/** Asked for now and then only: to name the worst, weft walks over its whole index. */
export function createSeries() {
  const element = h("div", { class: "card-box", hidden: true });
  let asked = -Infinity;

  async function refresh(signal) {
    if (performance.now() - asked < AGAIN_MS) return;
    const { data } = await api.tsdb({ limit: TOP }, signal);
    asked = performance.now();
    const { numSeries, numLabelPairs } = data.headStats;
    element.hidden = numSeries === 0;
    fill(
      element,
      h(
        "div",
        { class: "row between wrap" },
        h("h2", {}, "Time series"),
        note(`${count(numSeries)} series · ${count(numLabelPairs)} different label values`),
      ),
      h(
        "div",
        { class: "worst-grid" },
        LISTS.map(([key, title, unit]) => list(data[key] ?? [], title, unit)),
      ),
    );
  }
  return { element, refresh };
}
