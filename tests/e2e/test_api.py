#!/usr/bin/env python3
"""test_api.py - every call of the own API against a running weft that was fed spans of its own, whose truth is known."""
import gzip, http.client, json, math, random, sys, time, urllib.parse

from weft import Suite, Weft, wait_until

ERROR = 0.0055
REQUESTS = 240
CONFIG = "admin: true\nretention: { edges: 0 }\n"


# --- a mesh of four services: user > shop/web > shop/cart (v1, v2) > bank/ledger (gRPC), shop/cart > api.visa.example ---

class Mesh:
    """Spans of REQUESTS requests, one a second until `end_s`, and what must come out."""

    def __init__(self, end_s, seed=7):
        self.random = random.Random(seed)
        self.spans = {}  # resource key -> spans
        self.edges = {}  # (client, server) -> dict
        self.end_s = end_s
        for i in range(REQUESTS):
            self.request(i, end_s - REQUESTS + i)

    def duration(self, median_ms):
        return int(median_ms * 1e6 * math.exp(self.random.gauss(0, 0.6)))

    def span(self, service, version, trace, span, parent, kind, start, duration, name, attrs, error=False):
        space, bare = service.split("/")
        resource = (("service.namespace", space), ("service.name", bare), ("service.version", version), ("service.instance.id", bare + "-1"))
        self.spans.setdefault(resource, []).append({
            "traceId": "%032x" % trace, "spanId": "%016x" % span, "parentSpanId": "%016x" % parent if parent else "", "kind": kind,
            "name": name, "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + duration),
            "status": {"code": 2} if error else {},
            "attributes": [{"key": k, "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v}} for k, v in attrs.items()]})

    def note(self, client, server, protocol, second, code, error, client_ns, server_ns, versions, operation):
        e = self.edges.setdefault((client, server), {"protocol": protocol, "rows": []})
        e["rows"].append({"second": second, "code": code, "error": error, "client": client_ns, "server": server_ns, "versions": versions, "operation": operation})

    def request(self, i, second):
        trace, base = 0x1000 + i, 0x10 * (i + 1)
        start = second * 10**9 + 1000
        cart_version = "v2" if i % 10 == 9 else "v1"
        status = 503 if i % 40 == 0 else 200
        grpc = 14 if i % 30 == 0 else 0
        web, cart_c, cart_s, led_c, led_s, visa = (self.duration(ms) for ms in (60, 40, 35, 8, 6, 15))
        web, cart_s, led_s = max(web, cart_c), min(cart_s, cart_c), min(led_s, led_c)
        http = lambda code: {"http.request.method": "GET", "http.response.status_code": code, "http.route": "/cart/{id}", "url.path": "/cart/17"}
        rpc = {"rpc.system": "grpc", "rpc.service": "Ledger", "rpc.method": "Post", "rpc.grpc.status_code": grpc}
        self.span("shop/web", "v1", trace, base + 1, 0, 2, start, web, "GET /", http(200))
        self.span("shop/web", "v1", trace, base + 2, base + 1, 3, start, cart_c, "GET", http(status), status >= 500)
        self.span("shop/cart", cart_version, trace, base + 3, base + 2, 2, start, cart_s, "GET /cart/{id}", http(status), status >= 500)
        self.span("shop/cart", cart_version, trace, base + 4, base + 3, 3, start, led_c, "Ledger/Post", rpc, grpc > 0)
        self.span("bank/ledger", "", trace, base + 5, base + 4, 2, start, led_s, "Ledger/Post", rpc, grpc > 0)
        self.span("shop/cart", cart_version, trace, base + 6, base + 3, 3, start, visa, "POST", {**http(200), "server.address": "api.visa.example"})
        end = lambda ns: (start + ns) // 10**9
        self.note("user", "shop/web", "http", end(web), "200", False, None, web, ("", "v1"), "GET /")
        self.note("shop/web", "shop/cart", "http", end(cart_c), str(status), status >= 500, cart_c, cart_s, ("v1", cart_version), "GET /cart/{id}")
        self.note("shop/cart", "bank/ledger", "grpc", end(led_c), "grpc:%d" % grpc, grpc > 0, led_c, led_s, (cart_version, ""), "Ledger/Post")
        self.note("shop/cart", "api.visa.example", "http", end(visa), "200", False, visa, None, (cart_version, ""), None)

    def push(self, weft, batch=97):
        flat = [(r, s) for r, spans in self.spans.items() for s in spans]
        random.Random(3).shuffle(flat)  # any order must do
        for at in range(0, len(flat), batch):
            groups = {}
            for r, s in flat[at:at + batch]:
                groups.setdefault(r, []).append(s)
            body = {"resourceSpans": [{"resource": {"attributes": [{"key": k, "value": {"stringValue": v}} for k, v in r if v]},
                                       "scopeSpans": [{"spans": spans}]} for r, spans in groups.items()]}
            assert weft.push_json(body) == 200

    def span_count(self):
        return sum(map(len, self.spans.values()))


def nearest_rank(values, q):
    values = sorted(values)
    return values[max(0, math.ceil(q * len(values)) - 1)]


def expect(what, got, want):
    if got != want:
        raise AssertionError("%s: %r, want %r" % (what, got, want))


def expect_latency(what, got, values):
    """Exact count, mean and max; quantiles inside the stated bound."""
    values = [v for v in values if v is not None]
    if not values:
        return expect(what, got, None)
    expect(what + " count", got["count"], len(values))
    expect(what + " max", got["max"], max(values) / 1e6)
    expect(what + " error", got["error"], ERROR)
    if abs(got["mean"] - sum(values) / len(values) / 1e6) > 1e-6:
        raise AssertionError("%s mean %r" % (what, got["mean"]))
    for name, q in (("p50", .5), ("p90", .9), ("p95", .95), ("p99", .99)):
        expect_near(what + " " + name, got[name], nearest_rank(values, q) / 1e6)


def expect_near(what, got, exact):
    if abs(got - exact) > ERROR * exact:
        raise AssertionError("%s: %r is more than %g away from %r" % (what, got, ERROR, exact))


class Checks:
    def __init__(self, weft, mesh):
        self.weft, self.mesh = weft, mesh
        self.range = {"start": mesh.end_s - REQUESTS - 60, "end": mesh.end_s + 60}

    def get(self, path, **params):
        return self.weft.json(path, **{**self.range, **params})

    # --- graph ---

    def graph_equals_truth(self):
        g = self.get("/api/mesh/graph")
        expect("edges", sorted((e["client"], e["server"]) for e in g["edges"]), sorted(self.mesh.edges))
        expect("nodes", sorted(n["id"] for n in g["nodes"]), sorted({x for pair in self.mesh.edges for x in pair}))
        expect("range", (g["start"] <= self.range["start"], g["end"] >= self.range["end"], g["resolution"]), (True, True, 15))
        for e in g["edges"]:
            self.check_edge(e, self.mesh.edges[e["client"], e["server"]], g["end"] - g["start"])

    def check_edge(self, e, truth, seconds=None):
        rows, name = truth["rows"], e["id"]
        expect(name, e["id"], "%s>%s>%s" % (e["client"], e["server"], truth["protocol"]))
        expect(name + " requests", e["requests"], len(rows))
        expect(name + " errors", e["errors"], sum(r["error"] for r in rows))
        expect(name + " ratio", e["error_ratio"], e["errors"] / e["requests"])
        if seconds:
            expect(name + " rate", round(e["rate"], 9), round(len(rows) / seconds, 9))
        tally = {}
        for r in rows:
            tally[r["code"].removeprefix("grpc:")] = tally.get(r["code"].removeprefix("grpc:"), 0) + 1
        expect(name + " codes", e["grpc_codes"] if truth["protocol"] == "grpc" else e["codes"], tally)
        expect(name + " attempts", (e["attempts"], e["retried"], e["interval"], e["tcp"], e["mtls"], e["principals"]), (len(rows), 0, None, None, None, None))
        expect_latency(name + " client", e["client_latency"], [r["client"] for r in rows])
        expect_latency(name + " server", e["server_latency"], [r["server"] for r in rows])
        both = [r["client"] - r["server"] for r in rows if r["client"] and r["server"]]
        expect_latency(name + " transit", e["transit_latency"], both)
        expect(name + " versions", sum(v["requests"] for v in e["versions"]), len(rows))
        for v in e["versions"]:
            part = [r for r in rows if r["versions"] == (v["client_version"], v["server_version"])]
            expect(name + " version", (v["requests"], v["errors"]), (len(part), sum(r["error"] for r in part)))
            expect_latency(name + " version", v["server_latency"], [r["server"] for r in part])
        slowest = max(r["client"] or 0 for r in rows) / 1e6
        if slowest:
            expect(name + " slowest", e["exemplars"][0]["latency"], slowest)
        expect(name + " failing exemplar", any(x["error"] for x in e["exemplars"]), any(r["error"] for r in rows))

    def nodes_are_what_they_served(self):
        g = self.get("/api/mesh/graph")
        for n in g["nodes"]:
            served = [r for (c, s), e in self.mesh.edges.items() if s == n["id"] for r in e["rows"]]
            made = [r for (c, s), e in self.mesh.edges.items() if c == n["id"] for r in e["rows"]]
            rows, side = (served, "server") if served else (made, "client")
            expect(n["id"] + " requests", (n["requests"], n["errors"]), (len(rows), sum(r["error"] for r in rows)))
            expect_latency(n["id"], n["latency"], [r[side] for r in rows])

    def groups_add_up(self):
        whole = self.get("/api/mesh/graph")
        total = sum(e["requests"] for e in whole["edges"])
        for group in ("workload", "version", "namespace"):
            g = self.get("/api/mesh/graph", group=group)
            expect("requests by " + group, sum(e["requests"] for e in g["edges"]), total)
            expect("errors by " + group, sum(e["errors"] for e in g["edges"]), sum(e["errors"] for e in whole["edges"]))
            codes = lambda x: sum(sum(e["codes"].values()) + sum(e["grpc_codes"].values()) for e in x["edges"])
            expect("codes by " + group, codes(g) >= total, True)
        ids = {n["id"] for n in self.get("/api/mesh/graph", group="version")["nodes"]}
        expect("versions", {"shop/cart@v1", "shop/cart@v2", "shop/web@v1"} <= ids, True)
        expect("namespaces", {n["id"] for n in self.get("/api/mesh/graph", group="namespace")["nodes"]}, {"shop", "bank", "user", "api.visa.example"})

    def filters_only_hide(self):
        whole = {e["id"]: e for e in self.get("/api/mesh/graph")["edges"]}
        for params, want in (({"namespace": "bank"}, {"shop/cart>bank/ledger>grpc"}), ({"protocol": "grpc"}, {"shop/cart>bank/ledger>grpc"}),
                             ({"focus": "user"}, {"user>shop/web>http"}), ({"focus": "user", "depth": 5}, set(whole)),
                             ({"min_requests": REQUESTS + 1}, set()), ({"namespace": ["bank", "shop"]}, set(whole))):
            got = self.get("/api/mesh/graph", **params)
            expect(str(params), {e["id"] for e in got["edges"]}, want)
            for e in got["edges"]:
                expect(e["id"] + " stays", e, whole[e["id"]])

    def halves_add_up(self):
        middle = (self.mesh.end_s - REQUESTS // 2) // 60 * 60
        first, second = self.get("/api/mesh/graph", end=middle), self.get("/api/mesh/graph", start=middle)
        whole = self.get("/api/mesh/graph")
        expect("no overlap", first["end"], second["start"])
        for e in whole["edges"]:
            parts = [x for g in (first, second) for x in g["edges"] if x["id"] == e["id"]]
            expect(e["id"], sum(p["requests"] for p in parts), e["requests"])
            expect(e["id"] + " max", max((p["client_latency"] or p["server_latency"])["max"] for p in parts), (e["client_latency"] or e["server_latency"])["max"])

    # --- the calls agree with each other ---

    def edge_agrees_with_graph(self):
        for e in self.get("/api/mesh/graph")["edges"]:
            for step in (15, 60, None):
                one = self.get("/api/mesh/edge", client=e["client"], server=e["server"], protocol=e["protocol"], **({"step": step} if step else {}))
                for key, value in e.items():
                    expect("%s %s" % (e["id"], key), one[key], value)
                points = one["points"]
                expect("points", sum(p["requests"] for p in points), e["requests"])
                expect("point errors", sum(p["errors"] for p in points), e["errors"])
                expect("aligned", [p["time"] % one["step"] for p in points], [0] * len(points))
                expect("ordered", [p["time"] for p in points], sorted({p["time"] for p in points}))
                expect("point keys", set(points[0]), {"time", "requests", "errors", "attempts", "p50", "p95", "p99", "flags"})

    def percentiles_equal_truth(self):
        for side in ("client", "server", "transit"):
            got = self.get("/api/mesh/percentiles", side=side, q="0,0.5,0.95,0.99,1", step=60)
            expect("unit", (got["unit"], got["side"], got["q"], got["error"]), ("ms", side, [0, .5, .95, .99, 1], ERROR))
            for s in got["series"]:
                rows = self.mesh.edges[s["client"], s["server"]]["rows"]
                self.check_line(s, rows, side, got["q"])
                for p in s["points"]:
                    self.check_line(p, [r for r in rows if p["time"] <= r["second"] < p["time"] + 60], side, got["q"])
                expect("counts", sum(p["count"] for p in s["points"]), s["count"])

    def check_line(self, line, rows, side, quantiles):
        value = lambda r: r["client"] - r["server"] if side == "transit" and r["client"] and r["server"] else r.get(side)
        values = [v for v in map(value, rows) if v is not None]
        expect("count", line["count"], len(values))
        for q, got in zip(quantiles, line["values"]):
            if q in (0, 1):
                expect("exact q=%g" % q, got, nearest_rank(values, q) / 1e6)
            else:
                expect_near("q=%g" % q, got, nearest_rank(values, q) / 1e6)

    def percentiles_merge(self):
        rows = [r for (c, s), e in self.mesh.edges.items() for r in e["rows"] if r["server"] is not None]
        merged = self.get("/api/mesh/percentiles", by="")["series"]
        expect("one line", len(merged), 1)
        self.check_line(merged[0], rows, "server", [.5, .9, .99])
        cart = self.mesh.edges["shop/web", "shop/cart"]["rows"]
        for s in self.get("/api/mesh/percentiles", server="shop/cart", by="server,version")["series"]:
            self.check_line(s, [r for r in cart if r["versions"][1] == s["version"]], "server", [.5, .9, .99])
        v2 = self.get("/api/mesh/percentiles", server="shop/cart", version="v2")["series"]
        self.check_line(v2[0], [r for r in cart if r["versions"][1] == "v2"], "server", [.5, .9, .99])
        for s in self.get("/api/mesh/percentiles", server="shop/cart", by="code")["series"]:
            self.check_line(s, [r for r in cart if r["code"] == s["code"]], "server", [.5, .9, .99])
        operation = self.get("/api/mesh/percentiles", operation="GET /cart/{id}", by="operation")["series"]
        self.check_line(operation[0], cart, "server", [.5, .9, .99])
        expect("protocol", [s["server"] for s in self.get("/api/mesh/percentiles", protocol="grpc")["series"]], ["bank/ledger"])
        expect("namespace", [s["server"] for s in self.get("/api/mesh/percentiles", namespace="bank")["series"]], ["bank/ledger"])
        both = self.get("/api/mesh/percentiles", server=["shop/cart", "bank/ledger"])["series"]
        expect("two servers", [s["server"] for s in both], ["bank/ledger", "shop/cart"])
        fine = self.get("/api/mesh/percentiles", step=1)
        expect("a step finer than kept", (fine["step"], len(fine["warnings"])), (15, 1))

    def services_agree_with_graph(self):
        nodes = {n["id"]: n for n in self.get("/api/mesh/graph")["nodes"]}
        services = {s["id"]: s for s in self.get("/api/mesh/services")["services"]}
        expect("ids", set(services), set(nodes))
        for name, s in services.items():
            n = nodes[name]
            expect(name, (s["requests"], s["errors"], s["error_ratio"], s["kind"], s["namespace"], s["health"]),
                   (n["requests"], n["errors"], n["error_ratio"], n["kind"], n["namespace"], n["health"]))
            expect(name + " p95", s["p95"], n["latency"] and n["latency"]["p95"])
        expect("cart versions", services["shop/cart"]["versions"], ["v1", "v2"])

    def one_service(self):
        graph = {e["id"]: e for e in self.get("/api/mesh/graph")["edges"]}
        plain, escaped = self.get("/api/mesh/services/shop/cart"), self.get("/api/mesh/services/shop%2Fcart")
        expect("slashes", plain, escaped)
        expect("inbound", [e["id"] for e in plain["inbound"]], ["shop/web>shop/cart>http"])
        expect("outbound", sorted(e["id"] for e in plain["outbound"]), ["shop/cart>api.visa.example>http", "shop/cart>bank/ledger>grpc"])
        for e in plain["inbound"] + plain["outbound"]:
            expect(e["id"], e, graph[e["id"]])
        expect("operations", [(o["name"], o["requests"]) for o in plain["operations"]], [("GET /cart/{id}", REQUESTS)])
        expect_latency("operation", plain["operations"][0]["latency"], [r["server"] for r in self.mesh.edges["shop/web", "shop/cart"]["rows"]])
        expect("instances", [i["id"] for i in plain["instances"]], ["cart-1"])

    # --- status, metrics ---

    def status_balances(self):
        s = self.weft.json("/api/mesh/status")
        spans = s["account"]["spans"]
        expect("account", (spans["received"], spans["stored"], spans["pending"], spans["difference"]), (self.mesh.span_count(), self.mesh.span_count(), 0, 0))
        expect("keys", {"version", "uptime", "ready", "account", "requests", "open", "journal", "storage", "senders", "offenders"} <= set(s), True)
        expect("signals", set(s["account"]), {"spans", "log_records", "metric_points", "samples"})
        expect("open", s["open"]["hops"], 0)
        expect("senders", s["senders"] and s["senders"][0]["signals"], ["spans"])

    def metrics_equal_status(self):
        status, headers, body = self.weft.request("/metrics")
        expect("type", headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        samples, described = {}, set()
        for line in body.decode().splitlines():
            if line.startswith("# TYPE "):
                described.add(line.split()[2])
            elif not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        s = self.weft.json("/api/mesh/status")
        expect("received", samples['weft_items_received_total{signal="spans"}'], s["account"]["spans"]["received"])
        expect("difference", samples['weft_items_difference{signal="spans"}'], 0)
        expect("accepted", samples['weft_requests_total{outcome="accepted"}'], s["requests"]["accepted"])
        expect("described", {n.split("{")[0] for n in samples} - described, set())
        expect("prefix", [n for n in samples if not n.startswith("weft_")], [])

    # --- HTTP ---

    def errors_have_one_envelope(self):
        rows = [("/api/mesh/graph?group=pod", 400, "group"), ("/api/mesh/graph?foo=1", 400, "foo"), ("/api/mesh/graph?start=x", 400, "start"),
                ("/api/mesh/graph?start=200&end=100", 400, "end"), ("/api/mesh/graph?last=15", 400, "last"), ("/api/mesh/graph?depth=0", 400, "depth"),
                ("/api/mesh/graph?min_requests=-1", 400, "min_requests"), ("/api/mesh/graph?view=x", 400, "view"),
                ("/api/mesh/graph?protocol=smtp", 400, "protocol"), ("/api/mesh/graph?group=service&group=service", 400, "group"),
                ("/api/mesh/percentiles?q=1.5", 400, "q"), ("/api/mesh/percentiles?side=x", 400, "side"), ("/api/mesh/percentiles?step=0", 400, "step"),
                ("/api/mesh/percentiles?by=x", 400, "by"), ("/api/mesh/edge?client=a", 400, "server"), ("/api/mesh/edge?client=a&server=b", 404, ""),
                ("/api/mesh/edge?client=a&server=b&step=x", 400, "step"), ("/api/mesh/services?x=1", 400, "x"), ("/api/mesh/status?x=1", 400, "x"),
                ("/api/mesh/services/no/body", 404, "no/body"), ("/api/mesh/nothing", 404, ""), ("/nothing", 404, ""), ("/api/mesh/traces", 404, ""),
                ("/api/mesh/logs", 404, ""), ("/api/mesh/graph/", 404, ""), ("/api/%00", 400, ""), ("/api/../etc/passwd", 400, ""), ("/%2e%2e/x", 400, ""),
                ("/api/mesh/percentiles?start=0&step=15&by=client", 422, "")]
        for target, want, word in rows:
            status, headers, body = self.weft.request(target)
            if want == 422 and status == 200:
                continue  # little data: it has few points whatever the step
            expect(target, status, want)
            answer = json.loads(body)
            expect(target, (answer["status"], set(answer)), ("error", {"status", "error_type", "error"}))
            expect(target + ": " + answer["error"], word in answer["error"], True)
            expect(target, headers["Content-Type"], "application/json")
            expect(target, headers["X-Content-Type-Options"], "nosniff")

    def many_parameters_are_answered(self):
        for count, want in ((200, 200), (257, 414), (900, 414)):
            target = "/api/mesh/percentiles?" + "&".join("server=x%d" % i for i in range(count))
            began = time.monotonic()
            expect("%d parameters" % count, self.weft.request(target)[0], want)
            expect("answered at once", time.monotonic() - began < 5, True)

    def methods(self):
        for path in ("/api/mesh/graph", "/api/mesh/status", "/metrics", "/-/healthy", "/"):
            status, headers, body = self.weft.request(path, "POST", b"")
            expect(path + " POST", (status, headers["Allow"], json.loads(body)["error_type"]), (405, "GET, HEAD, OPTIONS", "bad_data"))
            status, headers, body = self.weft.request(path, "HEAD")
            expect(path + " HEAD", (status, body), (200, b""))
            status, headers, body = self.weft.request(path, "OPTIONS")
            expect(path + " OPTIONS", (status, headers["Allow"], body), (204, "GET, HEAD, OPTIONS", b""))
        connection = http.client.HTTPConnection(self.weft.http, timeout=20)
        connection.request("OPTIONS", "*")
        answer = connection.getresponse()
        expect("OPTIONS *", (answer.status, answer.headers["Allow"]), (204, "GET, HEAD, POST, PUT, OPTIONS"))
        connection.close()
        expect("GET flush", self.weft.request("/-/flush")[0], 405)
        expect("odd method", self.weft.request("/api/mesh/graph", "BREW")[0], 405)

    def gzip_is_the_same_answer(self):
        target = "/api/mesh/graph?" + urllib.parse.urlencode(self.range)
        _, headers, packed = self.weft.request(target, headers={"Accept-Encoding": "gzip"})
        expect("encoding", headers["Content-Encoding"], "gzip")
        plain = self.weft.request(target)[2]
        strip = lambda body: {k: v for k, v in json.loads(body).items() if k != "complete_until"}
        expect("body", strip(gzip.decompress(packed)), strip(plain))

    def web_ui(self):
        status, headers, body = self.weft.request("/")
        expect("index", (status, headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        policy = headers["Content-Security-Policy"]
        expect("policy", ("script-src 'self'" in policy, "default-src 'none'" in policy, "script-src 'self' 'unsafe" in policy), (True, True, False))
        expect("nosniff", headers["X-Content-Type-Options"], "nosniff")
        status, again, empty = self.weft.request("/", headers={"If-None-Match": headers["ETag"]})
        expect("304", (status, empty, again["ETag"]), (304, b"", headers["ETag"]))
        expect("other tag", self.weft.request("/", headers={"If-None-Match": '"x"'})[0], 200)
        _, packed_headers, packed = self.weft.request("/", headers={"Accept-Encoding": "gzip"})
        expect("gzip", (packed_headers["Content-Encoding"], gzip.decompress(packed)), ("gzip", body))
        expect("same file", self.weft.request("/index.html")[2], body)

    def hostile_names_are_text(self):
        evil = "<img src=x onerror=alert(1)>"
        span = {"traceId": "%032x" % 0xbad, "spanId": "%016x" % 1, "kind": 2, "name": "GET <script>", "startTimeUnixNano": str((self.mesh.end_s + 300) * 10**9),
                "endTimeUnixNano": str((self.mesh.end_s + 300) * 10**9 + 1000), "attributes": []}
        body = {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": evil}}]}, "scopeSpans": [{"spans": [span]}]}]}
        expect("push", self.weft.push_json(body), 200)
        self.weft.flush()
        target = "/api/mesh/graph?" + urllib.parse.urlencode({"start": self.mesh.end_s + 200, "end": self.mesh.end_s + 400})
        raw = self.weft.request(target)[2]
        expect("raw", b"<" in raw, False)
        names = [n["name"] for n in json.loads(raw)["nodes"]]
        expect("name", evil in names, True)
        detail = self.weft.json("/api/mesh/services/" + urllib.parse.quote(evil, safe=""), start=self.mesh.end_s + 200, end=self.mesh.end_s + 400)
        expect("id", detail["name"], evil)


def live_answers(weft, mesh):
    """Each second's state is visible: open requests show before they close, and settle without changing."""
    mesh.push(weft)
    start, end = mesh.end_s - REQUESTS - 60, mesh.end_s + 60
    total = lambda: sum(e["requests"] for e in weft.json("/api/mesh/graph", start=start, end=end)["edges"])
    wait_until("open requests in the graph", lambda: total() == REQUESTS * len(mesh.edges))
    weft.flush()
    expect("after flush", total(), REQUESTS * len(mesh.edges))


def before_anything(weft):
    g = weft.json("/api/mesh/graph")
    expect("empty graph", (g["nodes"], g["edges"], g["warnings"], g["truncated"]), ([], [], [], False))
    expect("default range", 885 <= g["end"] - g["start"] <= 930, True)
    expect("no services", weft.json("/api/mesh/services")["services"], [])
    expect("no series", weft.json("/api/mesh/percentiles")["series"], [])
    expect("received", weft.spans()["received"], 0)
    expect("health", (weft.status_of("/-/healthy"), weft.status_of("/-/ready")), (200, 200))


def sampled(service, count):
    """Requests to a service two minutes ago, each of which stands for four."""
    second = int(time.time()) - 120
    spans = [{"traceId": "%032x" % (0xabc0000 + i), "spanId": "%016x" % (i + 1), "kind": 2, "name": "GET /", "traceState": "ot=th:c",
              "startTimeUnixNano": str(second * 10**9), "endTimeUnixNano": str(second * 10**9 + 5_000_000)} for i in range(count)]
    return {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}, "scopeSpans": [{"spans": spans}]}]}


def complete_until_is_final(_):
    """The clock of arrivals less graph.wait and one cell of 15 s; what was pushed by then is closed. It goes on when nothing comes."""
    wait_s, cell_s, late_s = 1, 15, 10  # a tick a second, on any machine
    with Weft(config="graph: { wait: 1s, remember: 1s }\n") as weft:

        def complete_until():
            asked = time.time()
            told = weft.json("/api/mesh/graph")["complete_until"]
            behind = (asked - wait_s - cell_s - late_s, time.time() - wait_s - cell_s)
            expect("%.3f in %.3f to %.3f" % (told, *behind), behind[0] <= told <= behind[1], True)
            return told
        complete_until()
        expect("push", weft.push_json(sampled("final", 1)), 200)
        pushed = time.time()
        wait_until("it is behind the push", lambda: complete_until() >= pushed)
        spans = weft.spans()
        expect("closed", (spans["pending"], spans["stored"]), (0, 1))


def sampled_requests_are_estimates(weft):
    """ot=th:c is one of four: 100 spans stand for 400 requests, and the interval says how sure that is."""
    expect("push", weft.push_json(sampled("sampled", 100)), 200)
    weft.flush()
    edge = weft.json("/api/mesh/edge", client="user", server="sampled", last="15m")
    expect("requests", (edge["requests"], edge["attempts"], edge["server_latency"]["count"]), (400, 400, 400))
    half = 1.96 * math.sqrt(100 * 4 * 3)
    expect("interval", edge["interval"], [math.floor(400 - half), math.ceil(400 + half)])


def names_of_hosts_and_of_nobody(_):
    """An instrumented service that a sidecar calls by a host outside the mesh has that host as an alias; a service that is called `user`
    is not the user."""
    now = int(time.time()) * 10**9

    def spans(service, *spans):
        attributes = lambda pairs: [{"key": k, "value": {"stringValue": v}} for k, v in pairs.items()]
        one = lambda ident, parent, kind, pairs: {"traceId": "ab" * 16, "spanId": ident * 8, "parentSpanId": parent * 8, "kind": kind, "name": "GET",
                                                  "startTimeUnixNano": str(now), "endTimeUnixNano": str(now), "attributes": attributes(pairs)}
        return {"resourceSpans": [{"resource": {"attributes": attributes({"service.name": service})}, "scopeSpans": [{"spans": [one(*x) for x in spans]}]}]}

    proxy = {"component": "proxy", "node_id": "sidecar~10.0.0.1~web-v1-5d6b7c8f9-s3d6.shop~shop.svc.cluster.local", "istio.canonical_service": "web",
             "istio.namespace": "shop", "upstream_cluster": "outbound|8443||api.rates.example", "http.url": "https://api.rates.example:8443/v1",
             "http.method": "GET", "http.status_code": "200"}
    with Weft(config=CONFIG) as weft:
        expect("push", weft.push_json(spans("web.shop", ("01", "", 3, proxy))), 200)
        expect("push", weft.push_json(spans("rates", ("02", "01", 2, {"http.request.method": "GET"}), ("03", "02", 3, {"server.address": "user", "http.request.method": "GET"}))), 200)
        expect("push", weft.push_json(spans("user", ("04", "03", 2, {}))), 200)
        weft.flush()
        graph = weft.json("/api/mesh/graph")
        nodes = {n["id"]: (n["name"], n["kind"], n["aliases"]) for n in graph["nodes"]}
        expect("nodes", nodes, {"shop/web": ("web", "service", []), "rates": ("rates", "service", ["api.rates.example:8443"]), "/user": ("user", "service", [])})
        expect("edges", sorted(e["id"] for e in graph["edges"]), ["rates>/user>http", "shop/web>rates>http"])
        expect("service", weft.json("/api/mesh/services//user")["id"], "/user")


def admin_is_off(_):
    with Weft() as weft:
        for path in ("/-/flush", "/-/compact"):
            status, _, body = weft.request(path, "POST", b"")
            expect(path, (status, "admin" in json.loads(body)["error"]), (404, True))


def compaction_changes_nothing(checks):
    before = checks.get("/api/mesh/graph")
    expect("compact", checks.weft.request("/-/compact", "POST", b"")[0], 200)
    after = checks.get("/api/mesh/graph")
    expect("nodes", after["nodes"], before["nodes"])
    expect("edges", after["edges"], before["edges"])


def main():
    suite = Suite("api")
    with Weft(config=CONFIG) as weft:
        mesh = Mesh(int(time.time()) // 60 * 60 - 600)
        suite.run("before_anything", before_anything, weft)
        suite.run("live_answers", live_answers, weft, mesh)
        checks = Checks(weft, mesh)
        for name in ("graph_equals_truth", "nodes_are_what_they_served", "groups_add_up", "filters_only_hide", "halves_add_up", "edge_agrees_with_graph",
                     "percentiles_equal_truth", "percentiles_merge", "services_agree_with_graph", "one_service", "status_balances", "metrics_equal_status",
                     "errors_have_one_envelope", "many_parameters_are_answered", "methods", "gzip_is_the_same_answer", "web_ui"):
            suite.run(name, getattr(checks, name))
        suite.run("compaction_changes_nothing", compaction_changes_nothing, checks)
        suite.run("sampled_requests_are_estimates", sampled_requests_are_estimates, weft)
        suite.run("hostile_names_are_text", checks.hostile_names_are_text)
    suite.run("names_of_hosts_and_of_nobody", names_of_hosts_and_of_nobody, None)
    suite.run("complete_until_is_final", complete_until_is_final, None)
    suite.run("admin_is_off", admin_is_off, None)
    suite.close()


if __name__ == "__main__":
    main()
