"""test_bounds.py - each limit of the configuration, its default, what going over it is answered, and the counter that tells."""
import json, pathlib, re, socket, subprocess, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from raw_peer import DATA, END_HEADERS, END_STREAM, HEAD, HEADERS, PREFACE, SETTINGS, Frames, call, dial, frame, literal, read_all
from remote_write import HEADERS as WRITE, write_request
from weft import BINARY, Suite, Weft, wait_until

DEFAULTS = {"body": "64MiB", "unpacked": "64MiB", "spans": "1000000", "samples": "1000000", "attributes": "256", "depth": "32",
            "connections": "10000", "per_peer": "1024", "streams": "100", "header_list": "32KiB", "head": "10s", "body_time": "30s", "idle": "60s"}
FAILURES = "weft_transport_failures_total"
GET = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"


def counter(w, name, **labels):
    """The sum of the series that have these labels."""
    total = 0
    for line in w.request("/metrics")[2].decode().splitlines():
        if line.startswith(name + "{") and all('%s="%s"' % pair in line for pair in labels.items()):
            total += float(line.rsplit(" ", 1)[1])
    return total


def bound(setting, go_over, metric, **labels):
    """One weft with that setting: `go_over` gets it, and the counter must have moved by one at least."""
    with Weft(config="limits: { %s }\n" % setting) as w:
        before = counter(w, metric, **labels)
        go_over(w)
        wait_until("%s%s" % (metric, labels), lambda: counter(w, metric, **labels) >= before + 1)


def document(count=1, attributes=1, depth=1):
    value = {"stringValue": "x"}
    for _ in range(depth - 1):
        value = {"arrayValue": {"values": [value]}}
    spans = [{"traceId": "%032x" % (i + 1), "spanId": "%016x" % (i + 1), "name": "GET /", "kind": 2, "startTimeUnixNano": str(time.time_ns()),
              "endTimeUnixNano": str(time.time_ns()), "attributes": [{"key": "k%d" % k, "value": value} for k in range(attributes)]} for i in range(count)]
    return {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]}, "scopeSpans": [{"spans": spans}]}]}


def push(w, doc, want, gzipped=False):
    import gzip
    body = json.dumps(doc).encode()
    headers = {"Content-Type": "application/json", **({"Content-Encoding": "gzip"} if gzipped else {})}
    status, _, text = w.request("/v1/traces", "POST", gzip.compress(body) if gzipped else body, headers, otlp=True)
    assert status == want, (status, text)
    return json.loads(text) if text else {}


def rejected(w, doc):
    told = push(w, doc, 200)
    assert int(told["partialSuccess"]["rejectedSpans"]) == 1, told


def too_many_samples(w):
    rows = [({"__name__": "m", "n": str(n)}, [(int(time.time() * 1000), 1)]) for n in range(11)]
    assert w.request("/api/v1/write", "POST", write_request(rows), WRITE)[0] == 413


def one_connection_too_many(w):
    held = [dial(w.otlp) for _ in range(12)]
    for s in held:
        s.settimeout(0.3)
        s.sendall(GET)
    answers = [read_all(s)[:12] for s in held]
    assert answers.count(b"HTTP/1.1 503") + answers.count(b"") >= 1 and any(a.startswith(b"HTTP/1.1 ") for a in answers), answers
    for s in held:
        s.close()
    wait_until("room", lambda: w.status_of("/-/healthy") == 200)


def one_stream_too_many(w):
    """Before our SETTINGS are acknowledged a stream over the limit is refused alone."""
    sock = dial(w.grpc)
    sock.sendall(PREFACE + frame(SETTINGS, 0, 0) + b"".join(frame(HEADERS, END_HEADERS, 2 * n + 1, HEAD) for n in range(11)))
    frames = Frames(sock)
    while True:
        kind, _, stream, payload = frames.next()
        if kind == 3:
            break
    assert stream == 21 and payload == b"\0\0\0\7", (stream, payload)  # REFUSED_STREAM
    sock.close()


def large_grpc_head(w):
    sock = dial(w.grpc)
    sock.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS | END_STREAM, 1, HEAD + literal(b"x", b"y" * 100) * 34))
    frames = Frames(sock)
    while (got := frames.next()) and not (got[0] == HEADERS and got[2] == 1):
        pass
    assert got, "closed without an answer"
    sock.close()


def large_http_head(w):
    with dial(w.http) as s:
        s.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n" + b"".join(b"x-%d: %s\r\n" % (n, b"y" * 100) for n in range(40)) + b"\r\n")
        assert read_all(s).startswith(b"HTTP/1.1 431 ")


def stalls(port, first, want=b""):
    def go(w):
        with dial(getattr(w, port)) as s:
            s.sendall(first)
            said = read_all(s)
            assert want in said, said
            assert s.recv(1) == b"" if want else True
    return go


def slow_grpc_body(w):
    with dial(w.grpc) as s:
        s.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, HEAD) + frame(DATA, 0, 1, b"\0\0\0\0\5h"))
        frames = Frames(s)
        while (got := frames.next()) and got[0] != HEADERS:
            pass
        assert got, "the connection was closed for it"


def nobody_reads_the_answer(w):
    """The peer's window is zero, so that the answer can never leave."""
    with dial(w.grpc) as s:
        s.sendall(PREFACE + frame(SETTINGS, 0, 0, b"\0\4\0\0\0\0") + call(1))
        frames = Frames(s)
        while frames.next():
            pass
        assert frames.closed


def nobody_reads_the_http_answers(w):
    """The deadline of an answer is the idle time, and what 16 KiB/s take."""
    before = counter(w, FAILURES, reason="idle")
    with dial(w.http) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 300)
        wait_until("closed", lambda: counter(w, FAILURES, reason="idle") > before)


HALF_BODY = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
BOUNDS = [
    ("body", "body: 1KiB", lambda w: push(w, document(20), 413), FAILURES, {"reason": "too_big"}),
    ("unpacked", "unpacked: 1KiB", lambda w: push(w, document(20), 413, gzipped=True), "weft_requests_total", {"outcome": "rejected"}),
    ("spans", "spans: 10", lambda w: push(w, document(11), 413), "weft_requests_total", {"outcome": "rejected"}),
    ("samples", "samples: 10", too_many_samples, "weft_requests_total", {"outcome": "rejected"}),
    ("attributes", "attributes: 10", lambda w: rejected(w, document(1, 11)), "weft_items_rejected_total", {"reason": "too_many_attributes"}),
    ("depth", "depth: 5", lambda w: rejected(w, document(1, 1, 7)), "weft_items_rejected_total", {"reason": "too_deep"}),
    ("connections", "connections: 10, per_peer: 10", one_connection_too_many, "weft_connections_refused_total", {"limit": "connections"}),
    ("per_peer", "per_peer: 10", one_connection_too_many, "weft_connections_refused_total", {"limit": "per_peer"}),
    ("streams", "streams: 10", one_stream_too_many, FAILURES, {"reason": "too_many_streams"}),
    ("header_list", "header_list: 4KiB", large_grpc_head, FAILURES, {"reason": "head_too_large"}),
    ("header_list", "header_list: 4KiB", large_http_head, FAILURES, {"reason": "head_too_large"}),
    ("head", "head: 1s", stalls("http", b"GET / HTTP/1.1\r\nHos", b"408"), FAILURES, {"reason": "slow_head"}),
    ("head", "head: 1s", stalls("grpc", PREFACE[:10]), FAILURES, {"reason": "slow_head"}),
    ("body_time", "body_time: 1s", stalls("otlp", HALF_BODY, b"408"), FAILURES, {"reason": "slow_body"}),
    ("body_time", "body_time: 1s", slow_grpc_body, FAILURES, {"reason": "slow_body"}),
    ("idle", "idle: 1s", nobody_reads_the_answer, FAILURES, {"reason": "idle"}),
    ("idle", "idle: 1s", nobody_reads_the_http_answers, FAILURES, {"reason": "idle"}),
    ("idle", "idle: 1s", stalls("http", GET, b"200 OK"), FAILURES, {"reason": "idle"}),
]


def cpu_ns(w):
    return sum(int(path.read_text().split()[0]) for path in pathlib.Path("/proc/%d/task" % w.process.pid).glob("*/schedstat"))


def cost_us(w, ask, count=100):
    """CPU time of weft for one client, connection and all; the least of three rounds."""
    def round_us():
        before = cpu_ns(w)
        for _ in range(count):
            ask()
        time.sleep(0.1)
        return (cpu_ns(w) - before) / count / 1000
    return min(round_us() for _ in range(3))


def refusals_cost_less():
    """Than the same request when it is taken: 40 spans by a client of one request."""
    from test_otlp import framed, proto_spans
    body = proto_spans(*[i.to_bytes(8, "big") for i in range(1, 41)])

    def post(body, kind="application/x-protobuf", path="/v1/traces"):
        head = "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (path, kind, len(body))
        return head.encode() + body

    def http(request):
        with dial(w.otlp) as s:
            s.sendall(request)
            assert read_all(s).startswith(b"HTTP/1.1 ")

    def grpc(*pieces):
        with dial(w.grpc) as s:
            s.sendall(PREFACE + frame(SETTINGS, 0, 0) + b"".join(pieces))
            frames = Frames(s)
            while (got := frames.next()) and not (got[0] == HEADERS and got[1] & END_STREAM):
                pass
            assert got
    refused = {
        "wrong type": lambda: http(post(body, "text/plain")),
        "no such path": lambda: http(post(body, path="/nowhere")),
        "too big": lambda: http(post(bytes(17 << 10))[:150]),
        "undecodable": lambda: http(post(b"\xff" * len(body))),
        "wrong head": lambda: http(b"GET / HTTP/3.0\r\n\r\n"),
        "unknown method": lambda: grpc(frame(HEADERS, END_HEADERS, 1, HEAD.replace(b"Export", b"Exporx")), frame(DATA, END_STREAM, 1, framed(body))),
        "too big on gRPC": lambda: grpc(frame(HEADERS, END_HEADERS, 1, HEAD), frame(DATA, 0, 1, framed(bytes(17 << 10))[:2000])),
        "undecodable on gRPC": lambda: grpc(call(1, framed(b"\xff" * len(body)))),
    }
    with Weft(config="limits: { body: 16KiB }\n") as w:
        taken = min(cost_us(w, lambda: http(post(body))), cost_us(w, lambda: grpc(call(1, framed(body)))))
        costs = {name: cost_us(w, ask) for name, ask in refused.items()}
        print("     taken %.0f us, refused %s" % (taken, ", ".join("%s %.0f" % pair for pair in costs.items())))
        assert all(cost < taken for cost in costs.values()), (taken, costs)


def what_was_accepted_is_accepted(setting):
    """kill -9, and a start with a limit that the journal's requests are over."""
    with Weft(config="admin: true\n") as first:
        push(first, document(count=100), 200)
        rows = [({"__name__": "m", "n": str(n)}, [(int(time.time() * 1000), 1)]) for n in range(100)]
        assert first.request("/api/v1/write", "POST", write_request(rows), WRITE)[0] in (200, 204)
        first.kill()
        with Weft(data=first.data, config="admin: true\nlimits: { %s }\n" % setting) as again:
            again.flush()
            account = again.json("/api/mesh/status")["account"]
            for signal in ("spans", "samples"):
                row = account[signal]
                assert row["received"] == row["stored"] == 100 and row["difference"] == 0, (signal, row)


def each_has_a_default_and_a_row():
    told = subprocess.run([BINARY, "check-config", "--reference"], capture_output=True, text=True, check=True).stdout
    rows = dict(re.findall(r"^\| `limits\.(\w+)` \| [^|]* \| `([^`]*)` \|", told, re.M))
    assert rows == DEFAULTS, rows
    assert {name for name, *_ in BOUNDS} == set(DEFAULTS), "a limit without a row here"


def main():
    suite = Suite("bounds")
    suite.run("each_has_a_default_and_a_row", each_has_a_default_and_a_row)
    suite.run("refusals_cost_less", refusals_cost_less)
    for setting in ("spans: 10", "samples: 10", "unpacked: 1KiB", "body: 1KiB"):
        suite.run("a replay does not mind %s" % setting, what_was_accepted_is_accepted, setting)
    for name, setting, go_over, metric, labels in BOUNDS:
        suite.run(name, lambda: bound(setting, go_over, metric, **labels))
    suite.close()


if __name__ == "__main__":
    main()
