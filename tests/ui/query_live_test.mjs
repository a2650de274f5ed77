/* query_live_test.mjs - the Query tab, the worst labels and an edge's PromQL against a running weft. */
import * as format from "../../ui-static/lib/format.js";
import { nameOf, numberOf } from "../../ui-static/query/answer.js";
import { unitOf } from "../../ui-static/query/unit.js";
import { until } from "./browser.mjs";
import { equal, ok, test } from "./check.mjs";
import { COUNTER, HISTOGRAM, metricsBatch, SHOPS } from "./metrics.mjs";
import { axe, go, screenshot, text, texts } from "./page.mjs";
import { queryAt } from "./query_test.mjs";
import { NASTY } from "./spans.mjs";

const RATE = `sum by (shop) (rate(${COUNTER}[1m]))`;

const asked = (weft, path, params) =>
  weft.get(`/api/v1/${path}?${new URLSearchParams(params)}`).then(({ data }) => data);

async function linesTest(page, weft, at) {
  await go(page, queryAt([RATE, `increase(${COUNTER}[5m])`], `&at=${at}`));
  await until(
    page,
    "six lines",
    () => document.querySelectorAll(".legend-table tbody tr").length === 6,
  );
  const end = Math.floor(at / 15) * 15;
  const range = { start: end - 900, end, step: 15 };
  const answers = await Promise.all(
    [RATE, `increase(${COUNTER}[5m])`].map((query) =>
      asked(weft, "query_range", { query, ...range }),
    ),
  );
  const series = answers.flatMap(({ result }) => result);
  equal(
    await texts(page, ".series-name"),
    series.map(({ metric }) => nameOf(metric)),
    "names",
  );
  equal(
    await page.$$eval(".legend-table td:nth-child(2)", (cells) => cells.map((c) => c.textContent)),
    series.map(({ values }) => format.compact(numberOf(values.at(-1)[1]))),
    "last values",
  );
  await screenshot(page, "query-live");
}

const UNITS = [
  ["histogram_quantile(0.95, sum by (le) (rate(a_seconds_bucket[1m])))", "s"],
  ["histogram_quantile(0.9, sum by (x) (rate(weft_request_duration_seconds[1m]))) > 0.1", "s"],
  ["rate(x_seconds_sum[1m]) / rate(x_seconds_count[1m])", "s"],
  ["-(max by (x) (a_seconds))", "s"],
  ["topk(3, sum by (x) (rate(a_total[1m])))", "/s"],
  ["rate(a_seconds_bucket[1m]) + rate(a_seconds_count[1m])", "/s"],
  ["histogram_count(rate(weft_request_duration_seconds[1m]))", "/s"],
  ["max_over_time(process_resident_memory_bytes[5m:1m])", "bytes"],
  ["rate(sent_bytes_total[1m])", "bytes/s"],
  ["sum(rate(a_total[1m])) / sum(rate(b_total[1m]))", ""],
  ["rate(process_cpu_seconds_total[1m])", ""],
  ["a_seconds * 1000", ""],
  ["a_seconds + a_bytes", ""],
  ["count(a_seconds)", ""],
  ["a_seconds > bool 1", ""],
  ["process_start_time_seconds", ""],
  ["increase(a_total[5m])", ""],
];

async function unitTest(page, weft, at) {
  for (const [query, unit] of UNITS)
    equal(unitOf(await asked(weft, "parse_query", { query })), unit, query);
  await go(page, queryAt([RATE], `&at=${at}`));
  await until(page, "a unit in the legend", () =>
    [...document.querySelectorAll(".legend-table td:nth-child(2)")].every((cell) =>
      /^[\d.]+\/s$/.test(cell.textContent),
    ),
  );
  await go(page, queryAt([RATE, `increase(${COUNTER}[5m])`], `&at=${at}`));
  await until(page, "bare numbers for two units", () => {
    const cells = [...document.querySelectorAll(".legend-table td:nth-child(2)")];
    return cells.length === 6 && cells.every((cell) => /^[\d.,]+( k)?$/.test(cell.textContent));
  });
}

async function tableTest(page, weft, at) {
  await go(page, queryAt([COUNTER, HISTOGRAM], `&show=table&at=${at}`));
  await until(page, "bars", () => document.querySelectorAll(".results .bars rect").length === 6);
  const counters = await asked(weft, "query", { query: COUNTER, time: at }),
    histograms = await asked(weft, "query", { query: HISTOGRAM, time: at });
  equal(
    await texts(page, ".results td.value"),
    counters.result.map(({ value }) => value[1]),
    "values",
  );
  const { count, sum } = histograms.result[0].histogram[1];
  equal(
    await texts(page, ".results tr:has(.bars) td.num"),
    [count, sum].map((number) => format.compact(numberOf(number))),
    "count and sum",
  );
  await screenshot(page, "query-live-table");
  await axe(page, "table, live");
}

async function type(page, words, wanted) {
  await page.keyboard.type(words);
  await until(
    page,
    `${wanted} is offered`,
    (name) =>
      [...document.querySelectorAll(".completion:not([hidden]) .what")].some(
        (what) => what.textContent === name,
      ),
    wanted,
  );
}

async function completionTest(page) {
  await go(page, queryAt([]));
  await until(page, "an empty expression", () => document.querySelector("#expr-A")?.value === "");
  await page.click("#expr-A");
  await type(page, "ui_ord", COUNTER);
  ok((await text(page, ".completion .help")).includes(NASTY), "the help is not the sender's");
  equal(await text(page, ".completion .kind"), "counter", "type");
  await page.keyboard.press("Tab");
  await type(page, "{sh", "shop");
  await page.keyboard.press("Tab");
  await type(page, "", NASTY);
  equal(
    (await texts(page, ".completion .what")).sort(),
    [...SHOPS].sort(),
    "values of the metric's label",
  );
  await page.keyboard.press("Tab");
  await page.keyboard.type("}");
  await page.keyboard.press("Enter");
  await until(
    page,
    "its line",
    (name) =>
      [...document.querySelectorAll(".legend-table .series-name")].some((s) =>
        s.textContent.includes(name),
      ),
    `shop="${NASTY}"`,
  );
}

async function errorTest(page) {
  await go(page, queryAt(["sum(up) +\n  foo{bar=baz}"]));
  await until(page, "an underline", () => document.querySelector(".wrong"));
  ok(/2:\d+: parse error/.test(await text(page, "#expr-A-note")), await text(page, "#expr-A-note"));
  equal(await text(page, ".wrong"), "baz", "what is underlined");
  await go(page, queryAt(["up[5m]"]));
  await until(page, "the server's sentence", () =>
    /range query/.test(document.querySelector("#expr-A-note").textContent),
  );
}

async function worstTest(page, weft) {
  await go(page, "#/senders");
  await until(page, "the worst labels", () => document.querySelector(".worst-grid table"));
  const tsdb = await asked(weft, "status/tsdb", { limit: 8 });
  equal(
    await texts(page, ".worst-grid .block:nth-child(2) code"),
    tsdb.labelValueCountByLabelName.map(({ name }) => name),
    "labels",
  );
  equal(
    await texts(page, ".worst-grid .block:nth-child(1) td.num"),
    tsdb.seriesCountByMetricName.map(({ value }) => format.count(value)),
    "series of metrics",
  );
}

async function edgeTest(page) {
  await go(page, `#/graph?last=1h&sel=${encodeURIComponent("e:shop/checkout>pay/payment>http")}`);
  await until(page, "the edge as PromQL", () => document.querySelector(".promql li"));
  await page.click(".promql-block summary");
  await axe(page, "an edge as PromQL");
  await screenshot(page, "edge-promql");
  const written = await texts(page, ".promql code");
  equal(
    written[0],
    'sum(rate(traces_service_graph_request_total{client="checkout", client_service_namespace="shop", server="payment", server_service_namespace="pay"}[1m]))',
    "requests a second",
  );
  ok(
    written.at(-1).includes('{client="shop/checkout", server="pay/payment", protocol="http"}'),
    `the native one is ${written.at(-1)}`,
  );
  await page.click(".promql li:nth-child(2) .button:not(a)");
  await page.click(".promql li:nth-child(2) a");
  await until(
    page,
    "the expression in the Query tab",
    (wanted) => document.querySelector("#expr-A")?.value === wanted,
    written[1],
  );
  ok(/last=1h/.test(await page.evaluate(() => location.hash)), "the range was lost");
  await go(page, queryAt(written, "&last=15m"));
  await until(
    page,
    "series for all of them",
    (n) =>
      [...document.querySelectorAll(".expr-note")].filter((note) =>
        /[1-9]\d* series in/.test(note.textContent),
      ).length === n,
    written.length,
    60_000,
  );
  await screenshot(page, "query-edge");
}

/** The graph of this weft holds the mesh of spans.mjs already. */
export async function queryLiveTests(page, weft) {
  await weft.pushMetrics(metricsBatch());
  const at = Math.floor(Date.now() / 1000);
  await test("lines of the Query tab equal the API's", () => linesTest(page, weft, at));
  await test("values of one unit are written with it", () => unitTest(page, weft, at));
  await test("the table of the Query tab equals the API's", () => tableTest(page, weft, at));
  await test("completion offers what weft holds, hostile names as text", () =>
    completionTest(page));
  await test("errors of the server are underlined where it says", () => errorTest(page));
  await test("the Senders view names the worst labels", () => worstTest(page, weft));
}

/** Edges become series when their requests are closed, some time after the last span. */
export async function edgeAsPromqlTest(page) {
  await test("an edge as PromQL leads to the Query tab, and has series", () => edgeTest(page));
}
