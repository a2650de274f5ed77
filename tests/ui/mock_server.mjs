/* mock_server.mjs - a weft that behaves on demand: for states that are hard to produce live, and for 200 nodes.
 *
 *   node mock_server.mjs [PORT] [STATE]      STATE: busy (default), waiting, dropped, large, nasty, unready, receivers,
 *                                            quiet (knows senders, no service), silent
 */
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seriesAnswer } from "./mock_series.mjs";

const TYPES = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  woff2: "font/woff2",
};
const GETS_ALL = {
  url: "http://prometheus.obs:9090/api/v1/write",
  name: "",
  protocol: 2,
  sent: 1_204_000,
  requests: 640,
  failed: 0,
  retries: 0,
  dropped: {},
  expired_s: 0,
  pending: 120,
  lag_s: 1.5,
  last_error: null,
};
/* One that gets everything, and one that was away for longer than series are kept. */
export const RECEIVERS = [
  GETS_ALL,
  {
    ...GETS_ALL,
    url: "https://mimir.example.com/api/v1/push",
    name: "<b>long-term</b>",
    protocol: 1,
    failed: 31,
    dropped: { rejected: 1200, native_histogram: 7 },
    expired_s: 10_800,
    pending: 88_000,
    lag_s: 432_000,
    last_error: "503: the ring is empty",
  },
];

export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const ERROR = 0.0055;

/* client, server, protocol, requests/s, error ratio, median ms, what else */
const MESH = [
  ["user", "edge/gateway", "http", 42, 0.006, 38, {}],
  ["edge/gateway", "shop/web", "http", 30, 0.006, 30, {}],
  ["edge/gateway", "shop/api", "http", 12, 0.004, 14, {}],
  ["shop/web", "shop/catalog", "grpc", 26, 0.0005, 5, {}],
  ["shop/web", "shop/cart", "http", 14, 0.002, 8, {}],
  ["shop/web", "shop/recommend", "grpc", 9, 0.018, 46, { flags: { UT: 0.018 } }],
  [
    "shop/web",
    "shop/checkout",
    "http",
    4,
    0.034,
    84,
    { flags: { URX: 0.02, UF: 0.014 }, retry: 0.09 },
  ],
  ["shop/api", "shop/catalog", "grpc", 8, 0, 5, {}],
  ["shop/api", "shop/search", "http", 6, 0.001, 22, {}],
  ["shop/cart", "redis:cart@redis.shop", "database", 28, 0, 0.4, {}],
  [
    "shop/checkout",
    "pay/payment",
    "http",
    4,
    0.13,
    62,
    { flags: { UO: 0.09, UF: 0.03 }, retry: 0.2, versions: ["v1", "v2"] },
  ],
  ["shop/checkout", "shop/cart", "http", 4, 0.001, 8, {}],
  ["shop/checkout", "ship/quote", "grpc", 4, 0.004, 18, {}],
  ["shop/catalog", "postgresql:catalog@db.shop", "database", 34, 0, 1.7, {}],
  ["shop/search", "shop/catalog", "grpc", 6, 0, 5, {}],
  ["pay/payment", "pay/ledger", "grpc", 3.6, 0.002, 11, {}],
  ["pay/payment", "pay/fraud", "http", 3.6, 0.007, 24, {}],
  ["pay/payment", "api.bank.example", "http", 3.4, 0.021, 130, { flags: { UT: 0.021 } }],
  ["pay/ledger", "postgresql:ledger@db.pay", "database", 7, 0, 2.2, {}],
  ["shop/checkout", "kafka:orders", "messaging", 4, 0, 1.1, {}],
  ["kafka:orders", "ship/dispatch", "messaging", 4, 0.001, 6, {}],
  ["ship/dispatch", "ship/quote", "grpc", 2, 0, 15, {}],
  ["ship/dispatch", "ship/label", "http", 0.006, 0, 33, {}],
];

function largeMesh() {
  const rows = [];
  for (let i = 1; i < 200; i++) {
    const name = (n) => (n === 0 ? "edge/gateway" : `team-${n % 9}/service-${n}`);
    rows.push([
      name(Math.floor((i - 1) / 2.4)),
      name(i),
      "http",
      1 + ((i * 7) % 40),
      i % 23 === 0 ? 0.04 : 0.001,
      2 + ((i * 13) % 90),
      {},
    ]);
    if (i % 2 === 0)
      rows.push([name(Math.floor(i / 3)), name(i - 1), "grpc", 2 + (i % 5), 0, 4 + (i % 30), {}]);
  }
  return rows;
}

const nasty = "<img src=x onerror=alert(1)>";
const NASTY = [
  ["user", `web/${nasty}`, "http", 5, 0.02, 12, {}],
  [`web/${nasty}`, 'web/"quoted" & <b>bold</b>', "http", 5, 0, 4, {}],
];

const kindOf = (id) =>
  id === "user" || id === "unknown"
    ? id
    : /gateway/.test(id)
      ? "gateway"
      : /^(postgresql|redis):/.test(id)
        ? "database"
        : /^kafka:/.test(id)
          ? "messaging"
          : id.includes("/")
            ? "service"
            : "external";
const spaceOf = (id) => (id.includes("/") && !id.includes(":") ? id.slice(0, id.indexOf("/")) : "");
const wave = (t, seed) => 1 + 0.25 * Math.sin(t / 170 + seed) + 0.08 * Math.sin(t / 23 + seed * 3);

/** Normal quantile, good enough for a picture (Acklam's central region is not needed here). */
function z(q) {
  const p = Math.min(Math.max(q, 0.0005), 0.9995);
  return 4.91 * (Math.pow(p, 0.14) - Math.pow(1 - p, 0.14));
}
const quantile = (median, q, t = 0, seed = 0) =>
  median * wave(t, seed) * Math.exp(0.55 * z(q)) * (q > 0.97 ? 1.4 : 1);

function latency(median, n, seed) {
  if (n < 1) return null;
  const at = (q) => quantile(median, q, Date.now() / 1000, seed);
  return {
    count: n,
    mean: at(0.58),
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    max: at(0.9995) * 1.6,
    error: ERROR,
  };
}

function exemplars(median) {
  return Array.from({ length: 5 }, (_, i) => ({
    trace_id: `4bf92f3577b34da6a3ce929d0e0e47${10 + i}`,
    time: Date.now() / 1000 - 20 * i,
    latency: median * (9 - i),
    error: i % 2 === 1,
  }));
}

function edgeOf(row, range, index) {
  const [client, server, protocol, perSecond, ratio, median, extra] = row;
  const seconds = range.end - range.start;
  const requests = Math.round(perSecond * seconds * wave(range.end, index));
  const errors = Math.round(requests * ratio);
  const flags = Object.fromEntries(
    Object.entries(extra.flags ?? {}).map(([k, v]) => [k, Math.round(requests * v)]),
  );
  const versions = extra.versions ?? [""];
  return {
    id: `${client}>${server}>${protocol}`,
    health: healthOf(requests, ratio),
    client,
    server,
    protocol,
    requests,
    errors,
    rate: requests / seconds,
    error_ratio: requests ? errors / requests : 0,
    interval: null,
    attempts: Math.round(requests * (1 + (extra.retry ?? 0))),
    retried: Math.round(requests * (extra.retry ?? 0) * 0.7),
    codes: protocol === "http" ? { 200: requests - errors, 503: errors } : {},
    grpc_codes: protocol === "grpc" ? { 0: requests - errors, 14: errors } : {},
    flags,
    client_latency: ["user", "unknown"].includes(client) ? null : latency(median, requests, index),
    server_latency: ["database", "external", "messaging"].includes(kindOf(server))
      ? null
      : latency(median * 0.86, requests, index),
    transit_latency:
      ["database", "external"].includes(kindOf(server)) || client === "user"
        ? null
        : latency(median * 0.1, requests, index),
    transit_skipped: 9,
    request_bytes: requests * 310,
    response_bytes: requests * 2900,
    tcp: null,
    mtls: null,
    principals: null,
    versions: versions.map((v, i) => ({
      client_version: "v1",
      server_version: v || "v1",
      requests: Math.round(requests * (i ? 0.1 : versions.length > 1 ? 0.9 : 1)),
      errors: Math.round(errors * (i ? 0.7 : 0.3)),
      client_latency: latency(median * (1 + i), requests, index),
      server_latency: latency(median * (1 + i) * 0.86, requests, index),
    })),
    evidence:
      client === "user" || client === "unknown" ? ["server_span"] : ["client_span", "server_span"],
    denied: 0,
    exemplars: exemplars(median),
  };
}

function healthOf(requests, ratio) {
  if (requests < 10) return "idle";
  if (ratio >= 0.1) return "failing";
  return ratio >= 0.01 ? "degraded" : "healthy";
}

function nodeOf(id, edges) {
  const inbound = edges.filter((e) => e.server === id);
  const mine = inbound.length ? inbound : edges.filter((e) => e.client === id);
  const requests = mine.reduce((n, e) => n + e.requests, 0),
    errors = mine.reduce((n, e) => n + e.errors, 0);
  const ratio = requests ? errors / requests : 0,
    space = spaceOf(id);
  return {
    id,
    name: space ? id.slice(space.length + 1) : id,
    namespace: space,
    cluster: "",
    kind: kindOf(id),
    requests,
    errors,
    rate: mine.reduce((n, e) => n + e.rate, 0),
    error_ratio: ratio,
    latency: mine[0]?.server_latency ?? mine[0]?.client_latency ?? null,
    versions: id === "pay/payment" ? ["v1", "v2"] : kindOf(id) === "service" ? ["v1"] : [],
    health: healthOf(requests, ratio),
    aliases: id === "shop/cart" ? ["cartservice"] : [],
  };
}

function time(text, fallback) {
  if (text === null) return fallback;
  const relative = /^-(\d+)([smhd])$/.exec(text);
  if (relative)
    return Date.now() / 1000 - relative[1] * { s: 1, m: 60, h: 3600, d: 86_400 }[relative[2]];
  return Number(text);
}

function rangeOf(query) {
  const end = time(query.get("end"), Date.now() / 1000);
  const last = query.get("last");
  const start = last ? time(`-${last}`) : time(query.get("start"), end - 900);
  return { start: Math.floor(start / 15) * 15, end: Math.ceil(end / 15) * 15, resolution: 15 };
}

/**
 * The server; `mock.state` may be changed while it runs. `mock.own[path](query, usual)` answers a path in the test's own way; a
 * promise is waited for.
 */
export function startMock(root, state = "busy", port = 0) {
  const mock = { state, extra: [], requests: [], own: {} };
  const rows = () =>
    (({ waiting: [], quiet: [], large: largeMesh(), nasty: NASTY })[mock.state] ?? MESH).concat(mock.extra);
  /* A row marked open is younger than the wait: an answer that ends before now does not hold it. */
  const edges = (range) =>
    rows()
      .map((row, i) => ({ row, i }))
      .filter(({ row }) => !row[6].open || range.end > Date.now() / 1000 - 20)
      .map(({ row, i }) => edgeOf(row, range, i));

  function graph(query) {
    const range = rangeOf(query);
    let list = edges(range);
    const focus = query.get("focus");
    if (focus) {
      let near = new Set([focus]);
      for (let i = 0; i < Number(query.get("depth") ?? 1); i++)
        near = new Set(
          list.flatMap((e) =>
            near.has(e.client) || near.has(e.server) ? [e.client, e.server] : [],
          ),
        );
      list = list.filter((e) => near.has(e.client) && near.has(e.server));
    }
    const wanted = query.getAll("namespace");
    if (wanted.length)
      list = list.filter(
        (e) => wanted.includes(spaceOf(e.client)) || wanted.includes(spaceOf(e.server)),
      );
    const ids = [...new Set(list.flatMap((e) => [e.client, e.server]))];
    return {
      ...range,
      group: "service",
      view: "mesh",
      complete_until: Date.now() / 1000 - 45,
      nodes: ids.map((id) => nodeOf(id, list)),
      edges: list,
      warnings: [],
      truncated: false,
    };
  }

  function points(range, step, make) {
    const list = [];
    for (let t = Math.floor(range.start / step) * step; t < range.end; t += step)
      list.push({ time: t, ...make(t) });
    return list;
  }

  function edge(query) {
    const range = rangeOf(query),
      step = Number(query.get("step") || 15);
    const found = edges(range).find(
      (e) => e.client === query.get("client") && e.server === query.get("server"),
    );
    if (!found) return null;
    const seed = found.id.length;
    return {
      ...range,
      ...found,
      step,
      points: points(range, step, (t) => {
        const requests = Math.round(found.rate * step * wave(t, seed));
        const errors = Math.round(requests * found.error_ratio * (1 + Math.sin(t / 90)));
        return {
          time: t,
          requests,
          errors,
          attempts: Math.round((requests * found.attempts) / Math.max(found.requests, 1)),
          p50: 1,
          p95: 2,
          p99: 3,
          flags: {},
        };
      }),
    };
  }

  function series(names, median, count, query, range) {
    const q = (query.get("q") ?? "0.5,0.9,0.99").split(",").map(Number),
      step = Number(query.get("step") || 0);
    const seed = median;
    return {
      ...names,
      count,
      values: q.map((one) => quantile(median, one, range.end, seed)),
      points: step
        ? points(range, step, (t) => ({
            count: Math.round(((count * step) / (range.end - range.start)) * wave(t, seed)),
            values: q.map((one) => quantile(median, one, t, seed)),
          }))
        : undefined,
    };
  }

  function percentiles(query) {
    const range = rangeOf(query),
      by = (query.get("by") ?? "client,server").split(",").filter(Boolean),
      side = query.get("side") ?? "server";
    const scale = { server: 0.86, client: 1, transit: 0.1 }[side];
    let list = edges(range).map((e, i) => ({ e, median: rows()[i][5] * scale }));
    for (const key of ["client", "server"])
      if (query.get(key)) list = list.filter(({ e }) => query.getAll(key).includes(e[key]));
    list = list.filter(({ e }) => e[`${side}_latency`]);
    const groups = new Map();
    for (const { e, median } of list) {
      const names = Object.fromEntries(by.map((key) => [key, e[key] ?? "v1"])),
        key = JSON.stringify(names);
      const group = groups.get(key) ?? { names, median, count: 0 };
      group.count += e.requests;
      groups.set(key, group);
    }
    return {
      unit: "ms",
      side,
      q: (query.get("q") ?? "0.5,0.9,0.99").split(",").map(Number),
      error: ERROR,
      ...range,
      ...(query.get("step") ? { step: Number(query.get("step")) } : {}),
      series: [...groups.values()].map((g) => series(g.names, g.median, g.count, query, range)),
      warnings: [],
    };
  }

  function services(query) {
    const answer = graph(query),
      now = Date.now() / 1000;
    return {
      services: answer.nodes.map((n) => ({
        id: n.id,
        namespace: n.namespace,
        kind: n.kind,
        versions: n.versions,
        first_seen: now - 86_400,
        last_seen: now - 3,
        requests: n.requests,
        errors: n.errors,
        error_ratio: n.error_ratio,
        p95: n.latency?.p95 ?? null,
        health: n.health,
      })),
    };
  }

  function service(id, query) {
    const answer = graph(query),
      node = answer.nodes.find((n) => n.id === id);
    if (!node) return null;
    const names = ["GET /", "GET /items/{}", "POST /orders", "GET /healthz"];
    return {
      id,
      kind: node.kind,
      versions: node.versions,
      instances: [0, 1].map((i) => ({
        id: `${node.name}-6d5f9c7b8-x2k4${i}`,
        last_seen: Date.now() / 1000 - i * 7,
      })),
      operations: names.map((name, i) => ({
        name,
        requests: Math.round(node.requests / (i + 2)),
        errors: Math.round(node.errors / (i + 2)),
        latency: latency(4 + i * 9, 100, i),
      })),
      inbound: answer.edges.filter((e) => e.server === id),
      outbound: answer.edges.filter((e) => e.client === id),
    };
  }

  function status() {
    const received = mock.state === "waiting" ? 0 : Math.round(((Date.now() / 1000) % 1e6) * 1204);
    const dropped = mock.state === "dropped" ? { late: 31 } : {},
      refused = mock.state === "dropped" ? { memory: 1200 } : {};
    const zero = {
      received: 0,
      stored: 0,
      sampled_out: 0,
      rejected: {},
      dropped: {},
      refused: {},
      pending: 0,
      difference: 0,
    };
    return {
      version: "0.1.0",
      uptime: 812.5,
      ready: true,
      account: {
        spans: {
          ...zero,
          received,
          stored: Math.max(received - 3000, 0),
          dropped,
          refused,
          pending: Math.min(3000, received),
        },
        log_records: zero,
        metric_points: zero,
        samples: zero,
      },
      requests: {
        accepted: received / 5,
        partial: 0,
        refused: mock.state === "dropped" ? 240 : 0,
        rejected: 0,
        aborted: mock.state === "dropped" ? 3 : 0,
      },
      open: { hops: 900, traces: 0, bytes: 512_000 },
      journal: { bytes: 8_400_000, oldest: Date.now() / 1000 - 60 },
      storage: {
        edges: {
          files: 12,
          bytes: 220_000,
          oldest: Date.now() / 1000 - 7200,
          newest: Date.now() / 1000,
        },
      },
      senders:
        mock.state === "waiting"
          ? []
          : ["gateway", "web", "cart", "payment"].map((name, i) => ({
              peer: `127.0.0.1:${4242 + i}`,
              name: `sidecar~10.1.0.${i}~${name}.shop~shop.svc.cluster.local`,
              client: "OTel-OTLP-Exporter-Envoy/1.40.0",
              signals: ["spans"],
              items: received / 4,
              refused: 0,
              last_seen: Date.now() / 1000 - i,
              clock_offset_ms: i * 1.5 - 2,
            })),
      remote_write: mock.state === "receivers" ? RECEIVERS : [],
    };
  }

  function file(path) {
    try {
      const name = path === "/" ? "index.html" : path.slice(1);
      if (name.includes("/")) return null;
      return { type: TYPES[name.split(".").pop()], body: readFileSync(join(root, name)) };
    } catch {
      return null;
    }
  }

  function answer(url) {
    const query = url.searchParams,
      path = url.pathname;
    if (mock.state === "unready") return { status: 503, error: "weft is replaying its journal" };
    if (path.startsWith("/api/mesh/services/"))
      return service(decodeURIComponent(path.slice(19)), query);
    return (
      {
        "/api/mesh/graph": graph,
        "/api/mesh/edge": edge,
        "/api/mesh/percentiles": percentiles,
        "/api/mesh/services": services,
        "/api/mesh/status": status,
      }[path]?.(query) ?? null
    );
  }

  async function formOf(request, url) {
    const form = new URLSearchParams(url.search);
    let body = "";
    for await (const chunk of request) body += chunk;
    for (const [key, value] of new URLSearchParams(body)) form.append(key, value);
    return form;
  }

  async function serve(request, response) {
    const url = new URL(request.url, "http://mock");
    mock.requests.push(request.url);
    response.setHeader("Content-Security-Policy", CSP);
    response.setHeader("X-Content-Type-Options", "nosniff");
    const found = file(url.pathname);
    if (found) return response.setHeader("Content-Type", found.type).end(found.body);
    response.setHeader("Content-Type", "application/json");
    const series = seriesAnswer(url.pathname, await formOf(request, url));
    if (series) {
      response.statusCode = series.code;
      return response.end(JSON.stringify(series.body));
    }
    if (mock.state === "silent") return; // the connection stays open
    const usual = answer(url),
      own = mock.own[url.pathname],
      body = own ? await own(url.searchParams, usual) : usual;
    const refused = !body || typeof body.error === "string";
    response.statusCode = refused ? (body?.status ?? 404) : 200;
    if (body?.cut) return response.end('{"nodes":[');
    response.end(
      JSON.stringify(
        refused
          ? {
              status: "error",
              error_type: "not_found",
              error: body?.error ?? "nothing of this name",
            }
          : body,
      ),
    );
  }
  const server = createServer(serve);
  return new Promise((resolve) =>
    server.listen(port, "127.0.0.1", () => {
      mock.url = `http://127.0.0.1:${server.address().port}`;
      mock.close = () => {
        server.close();
        server.closeAllConnections();
      };
      resolve(mock);
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.env.WEFT_UI_DIST ?? "build/release/ui";
  const mock = await startMock(root, process.argv[3] ?? "busy", Number(process.argv[2] ?? 9601));
  console.log(mock.url);
}
