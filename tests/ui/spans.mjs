/* spans.mjs - a small mesh as OTLP/JSON, and what its graph must be. */
import { randomBytes } from "node:crypto";

export const NASTY = "<img src=x onerror=alert(1)>";
const SERVER = 2,
  CLIENT = 3;

const hex = (bytes) => randomBytes(bytes).toString("hex");
const attribute = (key, value) => ({
  key,
  value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value },
});

const NODES = {
  web: { "service.name": "web", "service.namespace": "shop", "service.version": "v1" },
  cart: { "service.name": "cart", "service.namespace": "shop", "service.version": "v1" },
  checkout: { "service.name": "checkout", "service.namespace": "shop", "service.version": "v1" },
  payment1: { "service.name": "payment", "service.namespace": "pay", "service.version": "v1" },
  payment2: { "service.name": "payment", "service.namespace": "pay", "service.version": "v2" },
  nasty: { "service.name": NASTY, "service.namespace": "evil" },
};

function span(trace, parent, kind, name, start, milliseconds, extra = {}, failed = false) {
  const end = start + BigInt(Math.round(milliseconds * 1e6));
  return {
    traceId: trace,
    spanId: hex(8),
    ...(parent ? { parentSpanId: parent } : {}),
    name,
    kind,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(end),
    attributes: Object.entries(extra).map(([key, value]) => attribute(key, value)),
    status: failed ? { code: 2 } : {},
  };
}

/** One request: user -> web, and from there on the branch that `i` chooses. */
function request(i, start, out) {
  const trace = hex(16),
    failed = i % 10 === 0,
    status = failed ? 503 : 200;
  const answer = (code) => ({
    "http.request.method": "GET",
    "http.route": "/shop",
    "http.response.status_code": code,
  });
  const root = span(trace, null, SERVER, "GET /shop", start, 60 + i, answer(status), failed);
  out.web.push(root);
  const call = (from, to, parent, at, milliseconds, code) => {
    const client = span(
      trace,
      parent,
      CLIENT,
      "GET",
      start + BigInt(at) * 1_000_000n,
      milliseconds,
      { ...answer(code), ...(code === 503 ? { response_flags: "UO" } : {}) },
      code === 503,
    );
    const server = span(
      trace,
      client.spanId,
      SERVER,
      "GET /call",
      start + BigInt(at) * 1_000_000n + 500_000n,
      milliseconds - 1,
      answer(code),
      code === 503,
    );
    out[from].push(client);
    out[to].push(server);
    return server.spanId;
  };
  if (i % 2) call("web", "cart", root.spanId, 5, 8 + (i % 7), 200);
  else {
    const checkout = call("web", "checkout", root.spanId, 4, 40 + (i % 13), status);
    call("checkout", i % 8 === 0 ? "payment2" : "payment1", checkout, 8, 20 + (i % 11), status);
  }
  if (i % 5 === 1) call("web", "nasty", root.spanId, 30, 3, 200);
}

/** A batch of `n` requests that ended within the last seconds. */
export function batch(n) {
  const out = Object.fromEntries(Object.keys(NODES).map((name) => [name, []]));
  const now = BigInt(Date.now()) * 1_000_000n;
  for (let i = 0; i < n; i++) request(i, now - BigInt(2000 + (i % 40) * 100) * 1_000_000n, out);
  return JSON.stringify({
    resourceSpans: Object.entries(out)
      .filter(([, spans]) => spans.length)
      .map(([name, spans]) => ({
        resource: {
          attributes: Object.entries(NODES[name]).map(([key, value]) => attribute(key, value)),
        },
        scopeSpans: [{ scope: { name: "ui-test" }, spans }],
      })),
  });
}

/** Edges of `n` requests: id without protocol -> [requests, errors]. */
export function expected(n) {
  const edges = {},
    add = (id, failed) => {
      edges[id] ??= [0, 0];
      edges[id][0]++;
      edges[id][1] += failed ? 1 : 0;
    };
  for (let i = 0; i < n; i++) {
    const failed = i % 10 === 0;
    add("user>shop/web", failed);
    if (i % 2) add("shop/web>shop/cart", false);
    else {
      add("shop/web>shop/checkout", failed);
      add("shop/checkout>pay/payment", failed);
    }
    if (i % 5 === 1) add(`shop/web>evil/${NASTY}`, false);
  }
  return edges;
}

const of = (attributes, spans) => ({
  resource: {
    attributes: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
  },
  scopeSpans: [{ spans }],
});

/** One call from one service, given by its resource, to another. */
function call(from, to) {
  const trace = hex(16),
    start = BigInt(Date.now() - 1500) * 1_000_000n,
    answer = { "http.response.status_code": 200 };
  const client = span(trace, null, CLIENT, "GET", start, 12, answer),
    server = span(trace, client.spanId, SERVER, "GET /stock", start + 500_000n, 10, answer);
  return [of(from, [client]), of(to, [server])];
}

/** One more service that nobody knew: cart -> stock. */
export const newcomer = () =>
  JSON.stringify({
    resourceSpans: call(NODES.cart, { "service.name": "stock", "service.namespace": "shop" }),
  });

/** Names that no editor would choose: as long as they may be, with what XML cannot hold, from right to left. */
export const LONG = { name: "n".repeat(250), space: "s".repeat(200), version: "v".repeat(250) };
export const BROKEN = "esc\u001b\ufffe";
export const HEBREW = ["חנות/עגלה", "חנות/תשלום"];

export function oddNames() {
  const [cart, payment] = HEBREW.map((id) => {
    const [space, name] = id.split("/");
    return { "service.name": name, "service.namespace": space };
  });
  const long = {
    "service.name": LONG.name,
    "service.namespace": LONG.space,
    "service.version": LONG.version,
  };
  return JSON.stringify({
    resourceSpans: [
      ...call(cart, payment),
      ...call(payment, long),
      ...call(payment, { "service.name": BROKEN, "service.namespace": "odd" }),
    ],
  });
}
