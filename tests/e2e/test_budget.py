"""test_budget.py - every part takes what it holds from the one budget of memory, and gives it back: a part that is wired without
it fails here."""
import base64, math, pathlib, random, re, socket, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import corpus
from remote_write import HEADERS, write_request
from weft import Suite, Weft, wait_until

MIB = 1 << 20
CONFIG = "memory: 64MiB\nretention: { edges: 0, series: 0 }\ngraph: { wait: 60s }\nlimits: { body: 64MiB, unpacked: 64MiB }\n"


def used(w):
    status, _, text = w.request("/metrics")
    assert status == 200, text
    return int(re.search(rb"^weft_memory_budget_used_bytes (\d+)", text, re.M).group(1))


def hold(address, path, content_type, mib):
    """A body of which `mib` MiB arrive, and the last byte never does. Without a user agent, as who never sends again."""
    host, port = address.rsplit(":", 1)
    holder = socket.create_connection((host, int(port)))
    holder.settimeout(60)
    head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nContent-Type: %s\r\n\r\n" % (path, mib * MIB + 1, content_type)
    holder.sendall(head.encode() + b"\0" * (mib * MIB))
    return holder


def at_rest(w):
    """Whether what is used was the same the last five times: nothing runs any more."""
    seen = []

    def same():
        seen.append(used(w))
        return len(seen) >= 5 and len(set(seen[-5:])) == 1
    return same


def bodies_that_arrive(w):
    for address, path in ((w.otlp, "/v1/traces"), (w.http, "/api/v1/write")):
        wait_until("a calm start", at_rest(w))
        before = used(w)
        holder = hold(address, path, "application/x-protobuf", 4)
        wait_until("the body", lambda: used(w) > before + 3 * MIB)
        holder.close()
        wait_until("given back", lambda: used(w) < before + MIB)


def push(w, spans):
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]}
    return w.push_json({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]})


def open_spans(w):
    wait_until("a calm start", at_rest(w))
    before = used(w)
    spans = [{"traceId": "%032x" % (i + 1), "spanId": "%016x" % (i + 1), "name": "GET /", "kind": 3, "startTimeUnixNano": str(time.time_ns()),
              "endTimeUnixNano": str(time.time_ns()), "attributes": [{"key": "server.address", "value": {"stringValue": "h%d" % (i % 3000)}}]}
             for i in range(20000)]
    for first in range(0, len(spans), 5000):
        assert push(w, spans[first:first + 5000]) == 200
    wait_until("open spans", lambda: used(w) > before + 20000 * 64)


def series_in_memory(w):
    wait_until("a calm start", at_rest(w))
    before, now = used(w), int(time.time() * 1000)
    for first in range(0, 20000, 5000):
        rows = [({"__name__": "wide", "text": "x" * 400, "n": str(n)}, [(now, 1)]) for n in range(first, first + 5000)]
        assert w.request("/api/v1/write", "POST", write_request(rows), HEADERS)[0] in (200, 204)
    assert used(w) > before + MIB, (before, used(w))


def answers_that_nobody_reads(w):
    before = used(w)
    host, port = w.http.rsplit(":", 1)
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect((host, int(port)))
    reader.sendall(b"GET /api/v1/series?match[]=wide HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until("the answer", lambda: used(w) > before + 8 * MIB)
    wait_until("the query's end", at_rest(w))
    assert used(w) > before + 8 * MIB  # what is left is the answer
    reader.close()
    wait_until("given back", lambda: used(w) < before + MIB)


def pushes_are_told_to_come_again(w):
    """Each in the words of its transport, and with a Status in the encoding of the request."""
    for kind, head in (("application/json", b'{"code":14,'), ("application/x-protobuf", b"\x08\x0e\x12")):
        status, headers, body = w.request("/v1/traces", "POST", b"{}", {"Content-Type": kind}, otlp=True)
        assert status == 429 and int(headers["Retry-After"]) >= 1, (kind, status, headers)
        assert headers["Content-Type"] == kind and body.startswith(head), (kind, headers["Content-Type"], body)
    client = corpus.GrpcClient(w.grpc)

    def call(agent):
        headers = {"content-type": "application/grpc", "te": "trailers", "user-agent": agent}
        return client.call(corpus.SPANS_GRPC, headers, b"\0\0\0\0\2\x0a\0")[0]
    assert call("OTel-OTLP-Exporter-Envoy/1.30") == 0, "who never sends again is refused last"
    status = call("grpc-go/1.60")
    details = client.trailers.get("grpc-status-details-bin", "")
    client.close()
    told = base64.b64decode(details + "=" * (-len(details) % 4))
    assert status == 14 and b"google.rpc.RetryInfo" in told, (status, told)


def answers_need_room(w):
    """Large ones wait until there is memory; small ones are there."""
    large = ("/api/v1/series?match[]=wide", "/federate?match[]=wide", "/api/mesh/graph")
    for path in large:
        assert w.request(path)[0] == 200, path
    wait_until("a calm start", at_rest(w))
    holders = []
    for mib in (16, 8, 8, 4, 4, 4, 2, 2, 1, 1, 1, 1):
        before = used(w)
        if before + mib * MIB < 58 * MIB:
            holders.append(hold(w.otlp, "/v1/traces", "application/x-protobuf", mib))
            wait_until("the body", lambda: used(w) >= before + mib * MIB)
    assert used(w) > 55 * MIB, used(w)
    for path in large:
        status, headers, body = w.request(path)
        assert status == 503 and b"memory budget is used up" in body and headers["Retry-After"], (path, status, body[:300])
    pushes_are_told_to_come_again(w)
    assert w.request("/api/mesh/status")[0] == 200 and w.request("/api/v1/query?query=vector(1)")[0] == 200
    for holder in holders:
        holder.close()
    for path in large:
        wait_until("room for " + path, lambda: w.request(path)[0] == 200)


EDGES, HALVES = 40, 400  # callees; spans of one side in a body


def halves(rng, first):
    """One body of callers' spans and one of their callees', of the requests from `first` on; how many each callee got."""
    sent, sides, now = [0] * EDGES, ([], []), time.time_ns()
    for i in range(first, first + HALVES):
        edge = rng.randrange(EDGES)
        sent[edge] += 1
        span = {"traceId": "%032x" % i, "spanId": "%016x" % (2 * i), "name": "GET /", "kind": 3, "startTimeUnixNano": str(now - 10**6), "endTimeUnixNano": str(now)}
        sides[0].append(("web", span | {"attributes": [{"key": "peer.service", "value": {"stringValue": "s%d" % edge}}]}))
        sides[1].append(("s%d" % edge, span | {"spanId": "%016x" % (2 * i + 1), "parentSpanId": span["spanId"], "kind": 2}))
    named = lambda name: {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]}
    return sent, [{"resourceSpans": [{"resource": named(n), "scopeSpans": [{"spans": [x]}]} for n, x in side]} for side in sides]


def overload_keeps_shares():
    """Many times what there is memory for: refused are whole pushes, of both sides alike, so each edge loses the same share; what closes
    gives its memory back, and others have it."""
    rng, offered, statuses = random.Random(8), [0] * EDGES, {200: 0, 429: 0}
    with Weft(config="admin: true\n" + CONFIG.replace("wait: 60s", "wait: 1s, remember: 1s")) as w:
        start = int(time.time()) - 30
        holders = [hold(w.otlp, "/v1/traces", "application/x-protobuf", 14) for _ in range(3)]
        wait_until("the bodies", lambda: used(w) > 42 * MIB)
        first = 1
        while min(statuses.values()) < 60:
            assert first < 1000 * HALVES, "never more than there is room for, or nothing taken: %s" % statuses
            sent, bodies = halves(rng, first)
            first += HALVES
            offered = [a + b for a, b in zip(offered, sent)]
            for body in bodies:
                statuses[w.push_json(body)] += 1
        for holder in holders:
            holder.close()
        w.flush()
        wait_until("memory that comes back", lambda: used(w) < 4 * MIB)
        counts = {e["server"]: e["requests"] for e in w.json("/api/mesh/graph", start=start, end=start + 600)["edges"] if e["client"] == "web"}
        spans = w.spans()
    assert spans["difference"] == 0 and spans["stored"] == statuses[200] * HALVES, (spans, statuses)
    share = sum(counts.values()) / sum(offered)
    assert 0.02 < share < 0.9, (share, statuses)
    for edge, n in enumerate(offered):
        got = counts.get("s%d" % edge, 0)
        assert abs(got - share * n) < 5 * math.sqrt(n * share * (1 - share)), "s%d: %d of %d, all: %.3f" % (edge, got, n, share)


def main():
    suite = Suite("budget")
    with Weft(config=CONFIG) as w:
        for test in (bodies_that_arrive, open_spans, series_in_memory, answers_that_nobody_reads, answers_need_room):
            suite.run(test.__name__, test, w)
    suite.run("overload_keeps_shares", overload_keeps_shares)
    suite.close()


if __name__ == "__main__":
    main()
