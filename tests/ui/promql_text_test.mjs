/* promql_text_test.mjs - what the Query tab makes of text, without a browser: the caret, names, errors, numbers. */
import { compact } from "../../ui-static/lib/format.js";
import { isLine, lineOf, nameOf, numberOf, placeOf } from "../../ui-static/query/answer.js";
import { contextAt } from "../../ui-static/query/context.js";
import { quoted } from "../../ui-static/query/quote.js";
import { ranked } from "../../ui-static/query/rank.js";
import { metricsOf, tokens } from "../../ui-static/query/tokens.js";
import { AGGREGATIONS, FUNCTIONS } from "../../ui-static/query/words.js";
import { equal, test } from "./check.mjs";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/* "|" is the caret: [kind, prefix, what is replaced, label, metrics] */
const CARETS = [
  ["ra|", ["name", "ra", "ra"]],
  ["sum(ra|te(x))", ["name", "ra", "rate"]],
  ["|", ["name", "", ""]],
  ["x{|", ["label", "", "", undefined, ["x"]]],
  ["x{cl|ient='a'}", ["label", "cl", "client", undefined, ["x"]]],
  ['x{a="b",|}', ["label", "", "", undefined, ["x"]]],
  ['x{a="b"|}', ["none", "", ""]],
  ['x{client="sh|', ["value", "sh", '"sh', "client", ["x"]]],
  ['x{client=~"sh|op/web",a="b"}', ["value", "sh", '"shop/web"', "client", ["x"]]],
  ["x{client=|}", ["value", "", "", "client", ["x"]]],
  ['{__name__="tr|"}', ["value", "tr", '"tr"', "__name__", []]],
  ["sum by (cl|) (rate(foo[1m]))", ["label", "cl", "cl", undefined, ["foo"]]],
  ["foo / on(|) group_left bar", ["label", "", "", undefined, ["foo", "bar"]]],
  ["x[|", ["window", "", ""]],
  ["x[5|m]", ["window", "5", "5m"]],
  ["0.9|", ["none", "", ""]],
  ["1e3 * x|", ["name", "x", "x"]],
  ["x # ra|", ["none", "", ""]],
  ["# c\nra|", ["name", "ra", "ra"]],
  ['label_replace(x, "a|', ["none", "", ""]],
];

function caretRows() {
  for (const [written, [kind, prefix, replaced, label, metrics]] of CARETS) {
    const caret = written.indexOf("|"),
      text = written.replace("|", "");
    const found = contextAt(text, caret);
    equal(
      [found.kind, found.prefix, text.slice(found.from, found.to), found.label, found.metrics],
      [kind, prefix, replaced, label, metrics],
      written,
    );
  }
}

function pieceRows() {
  const text = `sum by(a)(rate(x{b='q"',c="d\\"e"}[5m30s]))>bool 0x1F+.5e-3 # ü "`;
  equal(
    tokens(text)
      .map((piece) => piece.text)
      .join(""),
    text,
    "pieces make the text",
  );
  equal(
    metricsOf('sum by (a) (rate(foo{b="c"}[5m])) / on(x) group_left bar offset 5m'),
    ["foo", "bar"],
    "metrics",
  );
}

function nameRows() {
  const rows = [
    [{}, "{}"],
    [{ __name__: "up" }, "up"],
    [{ __name__: "up", job: 'a"b\\c\nd' }, 'up{job="a\\"b\\\\c\\nd"}'],
    [{ __name__: "my.metric", "a.b": "c" }, '{"my.metric", "a.b"="c"}'],
  ];
  for (const [metric, wanted] of rows) equal(nameOf(metric), wanted, JSON.stringify(metric));
  equal(quoted("it's `x`", "'"), "'it\\'s `x`'", "single quotes");
  equal(quoted("a\\b", "`"), "`a\\b`", "backticks");
}

function placeRows() {
  const rows = [
    ["1:5: parse error: x", "sum(", 4],
    ['invalid parameter "query": 2:3: parse error: x', "a +\n ?b", 6],
    ["1:4: parse error: x", "ü!!", 2],
    ["1:99: parse error: x", "a", 1],
    ["query timed out", "a", null],
  ];
  for (const [message, text, at] of rows) equal(placeOf(message, text), at, message);
}

function numberRows() {
  for (const [text, wanted] of [
    ["+Inf", Infinity],
    ["-Inf", -Infinity],
    ["1e-3", 0.001],
  ])
    equal(numberOf(text), wanted, text);
  const words = [0, 1234.5, 12_345, -3.2e6, 4e9, 5e12, 0.00012345, 1.5e-7, 2e18, NaN, -Infinity];
  equal(
    words.map(compact),
    [
      "0",
      "1,235",
      "12.3 k",
      "-3.2 M",
      "4 G",
      "5 T",
      "0.000123",
      "1.50e-7",
      "2.00e18",
      "NaN",
      "-Inf",
    ],
    "compact",
  );
}

function gridRows() {
  const series = [
    {
      metric: { a: "1" },
      values: [
        [115, "2"],
        [145, "NaN"],
      ],
    },
    { metric: {}, histograms: [[100, {}]] },
  ];
  const grid = { start: 100, step: 15, count: 4 },
    lines = series.filter(isLine).map((one) => lineOf(one, grid));
  equal(
    lines.map(({ name, values }) => [name, values]),
    [['{a="1"}', [null, 2, null, NaN]]],
    "lines",
  );
}

function rankRows() {
  const items = ["x_rate", "irate", "rate", "Rates", "none"].map((text) => ({ text }));
  equal(
    ranked(items, "rate").map(({ text }) => text),
    ["Rates", "rate", "x_rate", "irate"],
    "order",
  );
}

/* The help must know what the server knows, and nothing else. */
function wordRows(root) {
  const functions = readFileSync(join(root, "query/promql_function.c"), "utf8");
  const named = [...functions.matchAll(/\[FN_\w+\]\s*=\s*\{"(\w+)"/g)].map(([, name]) => name);
  equal([...FUNCTIONS.keys()].sort(), named.sort(), "functions");
  const words = readFileSync(join(root, "query/promql_words.c"), "utf8");
  const aggregations = [...words.matchAll(/\[AGG_\w+\] = "(\w+)"/g)].map(([, name]) => name);
  equal([...AGGREGATIONS.keys()].sort(), aggregations.sort(), "aggregations");
}

export async function promqlTextTests(root) {
  await test("completion knows what stands at the caret", caretRows);
  await test("expressions fall into pieces", pieceRows);
  await test("series have names that can be asked for", nameRows);
  await test("an error's place is found in the text", placeRows);
  await test("numbers in little room", numberRows);
  await test("answers become columns with gaps", gridRows);
  await test("the closest suggestion comes first", rankRows);
  await test("the help names the server's functions and aggregations", () => wordRows(root));
}
