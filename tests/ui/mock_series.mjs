/* mock_series.mjs - Prometheus' API of the mock: made-up series that the words of an expression choose, no PromQL.
 *
 *   by (a, b)   a series for each pair of services, under these labels      many       300 series
 *   rare        a gap in the middle, and a single sample                   hostile    names that are HTML
 *   warned      a warning and an info                                      native     histograms
 *   slow        answers 503 after its time                                 an open bracket: a parse error at its end
 */
const WHERE = [
  ["edge/gateway", "shop/web", 30],
  ["edge/gateway", "shop/api", 12],
  ["shop/web", "shop/catalog", 26],
  ["shop/web", "shop/cart", 14],
  ["shop/web", "shop/checkout", 4],
  ["shop/checkout", "pay/payment", 4],
];
export const HOSTILE = "<img src=x onerror=alert(1)>";
const METRICS = {
  traces_service_graph_request_total: ["counter", "Requests between two services."],
  traces_service_graph_request_failed_total: ["counter", "Failed requests between two services."],
  traces_service_graph_request_server_seconds: ["histogram", "Latency as the server saw it."],
  weft_request_duration_seconds: ["histogram", "Latency as the server saw it."],
  process_resident_memory_bytes: ["gauge", `Memory that is in use ${HOSTILE}.`],
};
const NAMES = Object.keys(METRICS)
  .flatMap((name) =>
    name.startsWith("traces") && name.endsWith("seconds")
      ? ["bucket", "count", "sum"].map((part) => `${name}_${part}`)
      : [name],
  )
  .concat(HOSTILE, "up")
  .sort();
const VALUES = {
  client: ["edge/gateway", "shop/web", "shop/checkout", HOSTILE, 'quoted "name"'],
  server: WHERE.map(([, server]) => server),
};
const LABELS = ["__name__", "client", "protocol", "server", "server_version"];

const wave = (t, seed) => 1 + 0.3 * Math.sin(t / 170 + seed) + 0.07 * Math.sin(t / 23 + seed * 3);

/* Names and a function of time for each series that an expression stands for. */
function chosen(text) {
  if (text.includes("hostile"))
    return [{ metric: { __name__: HOSTILE, [HOSTILE]: HOSTILE }, at: (t) => wave(t, 1) }];
  if (text.includes("many"))
    return Array.from({ length: 300 }, (_, i) => ({
      metric: { __name__: "many", pod: `pod-${i}` },
      at: (t) => 10 + i * wave(t, i),
    }));
  const by = /by \(([^)]*)\)/.exec(text)?.[1].split(/, */) ?? [];
  const rows = by.length ? WHERE : WHERE.slice(0, 1);
  return rows.map(([client, server, n], i) => ({
    metric: Object.fromEntries(
      Object.entries({ client, server, server_version: "v1" }).filter(([key]) => by.includes(key)),
    ),
    at: (t) => (text.includes("rare") && t % 600 > 60 && t % 600 < 420 ? null : n * wave(t, i)),
  }));
}

function histogram(t, i) {
  const buckets = Array.from({ length: 24 }, (_, k) => [
    0,
    String(0.001 * 2 ** (k / 2)),
    String(0.001 * 2 ** ((k + 1) / 2)),
    String(Math.round(900 * Math.exp(-(((k - 9 - i) / 4) ** 2)))),
  ]).filter(([, , , n]) => Number(n) > 0);
  const count = buckets.reduce((sum, [, , , n]) => sum + Number(n), 0);
  return { count: String(count), sum: String(count * 0.031 * wave(t, i)), buckets };
}

const bad = (error) => ({ code: 400, body: { status: "error", errorType: "bad_data", error } });

function refusal(text) {
  if (text.includes("slow"))
    return {
      code: 503,
      body: {
        status: "error",
        errorType: "timeout",
        error: "query timed out in expression evaluation",
      },
    };
  const lines = text.split("\n");
  if (text.split("(").length > text.split(")").length) {
    const place = `${lines.length}:${Buffer.byteLength(lines.at(-1)) + 1}`;
    return bad(`invalid parameter "query": ${place}: parse error: unclosed left parenthesis`);
  }
  const at = lines[0].indexOf("!!");
  if (at >= 0)
    return bad(
      `invalid parameter "query": 1:${Buffer.byteLength(lines[0].slice(0, at)) + 1}: parse error: unexpected character after '!': '!'`,
    );
  return null;
}

function envelope(text, data) {
  const notes = text.includes("warned")
    ? {
        warnings: ['PromQL warning: bucket label "le" is missing (1:1)'],
        infos: [
          'PromQL info: metric might not be a counter, name does not end in _total: "x" (1:6)',
        ],
      }
    : {};
  return { code: 200, body: { status: "success", data, ...notes } };
}

function query(form) {
  const text = form.get("query"),
    time = Number(form.get("time"));
  const refused = refusal(text);
  if (refused) return refused;
  if (/^\d+$/.test(text)) return envelope(text, { resultType: "scalar", result: [time, text] });
  const result = chosen(text).map(({ metric, at }, i) =>
    text.includes("native")
      ? { metric, histogram: [time, histogram(time, i)] }
      : { metric, value: [time, String(at(time) ?? 0)] },
  );
  return envelope(text, { resultType: "vector", result });
}

const TOO_FINE = {
  code: 400,
  body: {
    status: "error",
    errorType: "bad_data",
    error: "exceeded maximum resolution of 11,000 points per timeseries",
  },
};

function queryRange(form) {
  const text = form.get("query"),
    [start, end, step] = ["start", "end", "step"].map((name) => Number(form.get(name)));
  const refused = refusal(text);
  if (refused) return refused;
  if ((end - start) / step > 11_000) return TOO_FINE;
  const times = Array.from(
    { length: Math.floor((end - start) / step) + 1 },
    (_, i) => start + i * step,
  );
  const result = chosen(text).map(({ metric, at }, i) =>
    text.includes("native")
      ? { metric, histograms: times.map((t) => [t, histogram(t, i)]) }
      : { metric, values: times.filter((t) => at(t) !== null).map((t) => [t, String(at(t))]) },
  );
  return envelope(text, { resultType: "matrix", result });
}

const success = (data) => ({ code: 200, body: { status: "success", data } });
const top = (pairs) => pairs.map(([name, value]) => ({ name, value }));

function tsdb() {
  return success({
    headStats: { numSeries: 48_210, numLabelPairs: 9120, chunkCount: 4, minTime: 0, maxTime: 0 },
    seriesCountByMetricName: top([
      ["istio_request_duration_milliseconds_bucket", 21_400],
      ["istio_requests_total", 8120],
      [HOSTILE, 640],
    ]),
    labelValueCountByLabelName: top([
      ["request_id", 7900],
      ["pod", 412],
      ["le", 22],
    ]),
    memoryInBytesByLabelName: top([["request_id", 284_400]]),
    seriesCountByLabelValuePair: top([
      ["job=istio-proxy", 40_020],
      [`user_agent=${HOSTILE}`, 1200],
    ]),
  });
}

/** The answer to a path under /api/v1, {code, body}; null for others. */
export function seriesAnswer(path, form) {
  const label = /^\/api\/v1\/label\/([^/]+)\/values$/.exec(path)?.[1];
  if (label === "__name__") return success(NAMES);
  if (label) return success(VALUES[decodeURIComponent(label)] ?? []);
  const metadata = () =>
    success(
      Object.fromEntries(
        Object.entries(METRICS).map(([name, [type, help]]) => [name, [{ type, help, unit: "" }]]),
      ),
    );
  return (
    {
      "/api/v1/query": query,
      "/api/v1/query_range": queryRange,
      "/api/v1/labels": () => success(LABELS),
      "/api/v1/metadata": metadata,
      "/api/v1/parse_query": () => success({ type: "numberLiteral", val: "0" }),
      "/api/v1/status/tsdb": tsdb,
    }[path]?.(form) ?? null
  );
}
