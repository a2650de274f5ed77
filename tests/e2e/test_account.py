"""test_account.py [SEED] - the account after a random mixture of good, repeated, wrong, damaged and oversized requests over every way in,
with a kill -9 in the middle: it says exactly what was sent."""
import collections, gzip, json, os, pathlib, random, socket, sys, time, zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import corpus
from test_otlp import JSON, PROTO, field, fixed64, framed
from weft import Suite, Weft, wait_until

CONFIG = """
admin: true
limits: { body: 64KiB, unpacked: 128KiB, spans: 60, attributes: 8, depth: 8 }
retention: { edges: 30d }
graph: { wait: 60s, remember: 600s }
"""
REQUESTS = 600
METRICS_GRPC = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
DAY_NS = 86400 * 10**9


class Span:
    """One span in both encodings; `fault` names what is wrong with it, or None."""

    def __init__(self, rng, now_ns, fault):
        self.fault = fault
        self.trace, self.id, self.parent = rng.randbytes(16), rng.randbytes(8), b""
        self.start, self.attributes, self.depth = now_ns - rng.randrange(10**9, 5 * 10**9), 2, 0
        if fault == "invalid_id":
            self.trace, self.id = rng.choice(((bytes(16), self.id), (self.trace, bytes(8)), (self.trace[:7], self.id), (self.trace, b""), (self.trace, self.id * 2)))
        elif fault == "invalid_parent_id":
            self.parent = rng.choice((b"\x01", rng.randbytes(16)))
        elif fault == "too_many_attributes":
            self.attributes = 9
        elif fault == "too_deep":
            self.depth = 9
        elif fault == "too_old":
            self.start = rng.choice((now_ns - 40 * DAY_NS, DAY_NS))
        elif fault == "too_new":
            self.start = now_ns + rng.choice((3600 * 10**9, 400 * DAY_NS))
        self.kind, self.end = rng.choice((1, 2, 3, 4, 5)), self.start + rng.randrange(10**8)

    def pairs(self):
        return [("key%d" % i, "value") for i in range(self.attributes)]

    def json(self):
        attributes = [{"key": k, "value": {"stringValue": v}} for k, v in self.pairs()]
        deep = {"stringValue": "x"}
        for _ in range(self.depth):
            deep = {"arrayValue": {"values": [deep]}}
        return {"traceId": self.trace.hex(), "spanId": self.id.hex(), "parentSpanId": self.parent.hex(), "name": "op", "kind": self.kind,
                "startTimeUnixNano": str(self.start), "endTimeUnixNano": self.end, "attributes": attributes + [{"key": "deep", "value": deep}] * bool(self.depth)}

    def proto(self):
        deep = field(1, b"x")
        for _ in range(self.depth):
            deep = field(5, field(1, deep))
        attributes = b"".join(field(9, field(1, k.encode()) + field(2, field(1, v.encode()))) for k, v in self.pairs())
        attributes += field(9, field(1, b"deep") + field(2, deep)) if self.depth else b""
        return (field(1, self.trace) + field(2, self.id) + field(4, self.parent) + field(5, b"op") + bytes([0x30, self.kind]) + fixed64(7, self.start) +
                fixed64(8, self.end) + attributes)


def gauge_json(rng, now_ns, points):
    one = [{"timeUnixNano": str(now_ns - 10**9 * (points - i)), "asDouble": rng.random()} for i in range(points)]
    return {"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"metrics": [{"name": "m%d" % rng.getrandbits(40), "gauge": {"dataPoints": one}}]}]}]}


class Mixture:
    FAULTS = ("invalid_id", "invalid_parent_id", "too_many_attributes", "too_deep", "too_old", "too_new")

    def __init__(self, weft, seed):
        self.rng, self.known = random.Random(seed), []
        self.want, self.requests = collections.Counter(), collections.Counter()
        self.move_to(weft)

    def move_to(self, weft):
        self.weft, self.grpc = weft, corpus.GrpcClient(weft.grpc)

    def spans(self):
        """Some new, some wrong, some that were sent before."""
        out, now_ns = [], time.time_ns()
        for _ in range(self.rng.randrange(0, 12)):
            roll = self.rng.random()
            if roll < 0.2 and self.known:
                out.append(self.rng.choice(self.known))
            elif roll < 0.3:
                out.append(Span(self.rng, now_ns, self.rng.choice(self.FAULTS)))
            else:
                out.append(Span(self.rng, now_ns, None))
                self.known.append(out[-1])
        return out

    # --- ways in: True when it was taken, and how many were rejected ---

    def over_grpc(self, body, path=corpus.SPANS_GRPC):
        headers = {"content-type": "application/grpc", "te": "trailers"}
        if self.rng.random() < 0.5:
            headers["grpc-encoding"], message = "gzip", framed(gzip.compress(body), 1)
        else:
            message = framed(body)
        status, data = self.grpc.call(path, headers, message)
        return status == 0, len(data) > 5

    def over_http(self, body, kind, path="/v1/traces"):
        name, pack = self.rng.choice(((None, bytes), ("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)))
        status, _, answer = self.weft.request(path, "POST", pack(body), {**kind, **({"Content-Encoding": name} if name else {})}, otlp=True)
        return status == 200, answer not in (b"", b"{}")

    def send(self, spans):
        resource = field(1, field(1, field(1, b"service.name") + field(2, field(1, b"shop"))))
        proto = field(1, resource + field(2, b"".join(field(2, s.proto()) for s in spans)))
        way = self.rng.randrange(3)
        if way == 0:
            return self.over_grpc(proto)
        if way == 1:
            return self.over_http(proto, PROTO)
        document = {"resourceSpans": [{"scopeSpans": [{"spans": [s.json() for s in spans]}]}]}
        return self.over_http(json.dumps(document).encode(), JSON)

    # --- what is sent, and what the account must say of it ---

    def good_or_wrong(self):
        spans = self.spans()
        faults = [s.fault for s in spans if s.fault]
        assert self.send(spans) == (True, bool(faults)), faults
        self.want["received"] += len(spans)
        self.want.update("rejected " + f for f in faults)
        self.requests["partial" if faults else "accepted"] += 1

    def points(self):
        count = self.rng.randrange(1, 9)
        document = gauge_json(self.rng, time.time_ns(), count)
        assert self.over_http(json.dumps(document).encode(), JSON, "/v1/metrics") == (True, False)
        self.want["points"] += count
        self.requests["accepted"] += 1

    def refused(self):
        damaged = self.rng.choice((b"\xff\xff\xff", b'{"resourceSpans":[', b"\x0a\x7f"))
        too_many = field(1, field(2, b"".join(field(2, Span(self.rng, time.time_ns(), None).proto()) for _ in range(61))))
        body = self.rng.choice((damaged, too_many, os.urandom(1) * (140 << 10)))
        taken, _ = self.over_grpc(body) if self.rng.random() < 0.5 else self.over_http(body, self.rng.choice((PROTO, JSON)))
        assert not taken
        self.requests["rejected"] += 1

    def step(self):
        self.rng.choices((self.good_or_wrong, self.points, self.refused), (8, 1, 1))[0]()

    def check(self):
        status = self.weft.json("/api/mesh/status")
        spans, points = status["account"]["spans"], status["account"]["metric_points"]
        assert spans["difference"] == points["difference"] == 0, (spans, points)
        assert spans["received"] == self.want["received"], (spans, self.want)
        assert {"rejected " + k: n for k, n in spans["rejected"].items()} == {k: n for k, n in self.want.items() if k.startswith("rejected")}, (spans, self.want)
        assert not spans["refused"] and not spans["sampled_out"], spans
        assert points["received"] == points["stored"] == self.want["points"], (points, self.want)
        assert status["requests"] == {**dict.fromkeys(status["requests"], 0), **self.requests}, (status["requests"], self.requests)
        return spans

    def check_closed(self):
        """Everything is stored or has a reason: a span is stored once, sent again it is a duplicate."""
        self.weft.flush()
        spans = self.check()
        faults = sum(n for k, n in self.want.items() if k.startswith("rejected"))
        assert spans["stored"] == len(self.known) and spans["pending"] == 0, (spans, len(self.known))
        assert spans["dropped"] == {"duplicate": self.want["received"] - faults - len(self.known)}, (spans, self.want)


def mixed(seed):
    with Weft(config=CONFIG) as first:
        mixture = Mixture(first, seed)
        for i in range(REQUESTS // 2):
            mixture.step()
            if i % 50 == 0:
                mixture.check()
        first.kill()
        # What was refused was not written down: a process that is killed takes its count along.
        mixture.requests["rejected"] = 0
        with Weft(data=first.data, config=CONFIG) as again:
            mixture.move_to(again)
            mixture.check()
            for _ in range(REQUESTS // 2):
                mixture.step()
            mixture.check_closed()


def grows(weft, outcome, act):
    """What `act` does counts as one request of this outcome, and as nothing else."""
    before = weft.json("/api/mesh/status")
    act()
    wait_until(outcome, lambda: weft.json("/api/mesh/status")["requests"][outcome] > before["requests"][outcome])
    after = weft.json("/api/mesh/status")
    assert after["account"] == before["account"], (before["account"], after["account"])
    assert after["requests"] == {**before["requests"], outcome: before["requests"][outcome] + 1}, (before["requests"], after["requests"])


def goes_away(weft):
    """Clients that leave in the middle of a body."""
    def over_http():
        host, port = weft.otlp.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as s:
            s.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: weft\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"resourceSpans\":")
            time.sleep(0.05)

    def over_grpc():
        client = corpus.GrpcClient(weft.grpc)
        client.h2.send_headers(1, [(":method", "POST"), (":scheme", "http"), (":path", corpus.SPANS_GRPC), (":authority", "weft"),
                                   ("content-type", "application/grpc"), ("te", "trailers")])
        client.h2.send_data(1, framed(bytes(1000))[:500])
        client.sock.sendall(client.h2.data_to_send())
        time.sleep(0.05)
        client.close()

    for act in (over_http, over_grpc):
        grows(weft, "aborted", act)


def goes_away_at_once(weft):
    """The end comes with the bytes before it, which are still to be read: it is heard of all the same, and not by a time limit."""
    host, port = weft.otlp.rsplit(":", 1)
    before, times = weft.json("/api/mesh/status")["requests"]["aborted"], 30
    for _ in range(times):
        with socket.create_connection((host, int(port))) as s:
            s.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: weft\r\nContent-Type: application/json\r\nContent-Length: 60001\r\n\r\n" + b" " * 60000)
    wait_until("all of them", lambda: weft.json("/api/mesh/status")["requests"]["aborted"] == before + times, 20)  # a body has 30 s


def leaves_behind_its_request(weft):
    """One that ends its direction with the request gets its answer, and the connection does not stay open till it counts as idle."""
    def open_files():
        return len(os.listdir("/proc/%d/fd" % weft.process.pid))
    host, port = weft.http.rsplit(":", 1)
    before, clients = open_files(), []
    for _ in range(30):
        s = socket.create_connection((host, int(port)))
        s.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: weft\r\n\r\n")
        s.shutdown(socket.SHUT_WR)
        clients.append(s)
    for s in clients:
        assert s.recv(1000).startswith(b"HTTP/1.1 200")
    wait_until("closed by weft", lambda: open_files() <= before + 2, 30)  # idle is who is silent for 60 s
    for s in clients:
        s.close()


def refused_before_they_are_read(weft):
    """Too big by their head alone, another method, another type, a path that is not there: no handler sees them, the account does."""
    def call(path, headers, body):
        client = corpus.GrpcClient(weft.grpc)
        try:
            assert client.call(path, headers, body)[0] != 0
        finally:
            client.close()

    grpc = {"content-type": "application/grpc", "te": "trailers"}
    big = bytes(70 << 10)
    acts = (lambda: weft.request("/v1/traces", "POST", big, PROTO, otlp=True), lambda: weft.request("/v1/traces", "POST", b"x", {"Content-Type": "a/b"}, otlp=True),
            lambda: weft.request("/v1/nothing", "POST", b"{}", JSON, otlp=True), lambda: weft.request("/v1/traces", "GET", otlp=True),
            lambda: call(corpus.SPANS_GRPC, grpc, framed(big)), lambda: call("/nobody.Knows/This", grpc, framed(b"")))
    for act in acts:
        grows(weft, "rejected", act)


def main():
    suite = Suite("account")
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    suite.run("a mixture of seed %d" % seed, mixed, seed)
    with Weft(config=CONFIG) as weft:
        for test in (goes_away, goes_away_at_once, leaves_behind_its_request, refused_before_they_are_read):
            suite.run(test.__name__.replace("_", " "), test, weft)
    suite.close()


if __name__ == "__main__":
    main()
