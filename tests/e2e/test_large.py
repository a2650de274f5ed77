"""test_large.py - the largest requests that are allowed, at every door of a weft with one network thread: others are answered
meanwhile, clients take turns, what is too much is told to come again, and neither a client that leaves nor SIGTERM loses an item."""
import base64, concurrent.futures, http.client, json, pathlib, re, signal, socket, struct, sys, tempfile, threading, time

import hpack  # from the venv that ./dev deps makes

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import packing
from raw_peer import ACK, DATA, END_HEADERS, END_STREAM, HEAD, HEADERS, PING, PREFACE, RST, SETTINGS, Frames, dial, frame, literal
from remote_write import HEADERS as WRITE_HEADERS, field, label_bytes, varint
from weft import Suite, Weft, wait_until

CONFIG = "workers: 1\nretention: { edges: 0, series: 0 }\n"
MIB = 1 << 20
PATIENCE_S = 600  # two dozen are decoded one after the other
LARGE = 60 * MIB  # unpacked; limits.unpacked is 64 MiB
START = 1700000000 * 10**9
SPAN_ID = b"\x07" * 8


def text(key, value):
    return {"key": key, "value": {"stringValue": value}}


def repeated(one, between=b""):
    """As often as LARGE bytes take; (bytes, how often)."""
    count = LARGE // (len(one) + len(between))
    return between.join([one] * count), count


def json_spans():
    """The same span over and over: one is counted, the others are dropped as duplicates."""
    span = {"traceId": "07" * 16, "spanId": "07" * 8, "name": "GET /", "kind": 3, "startTimeUnixNano": str(START), "endTimeUnixNano": str(START + 10**6),
            "attributes": [text("http.request.method", "GET"), text("server.address", "cart")]}
    spans, count = repeated(json.dumps(span).encode(), b",")
    head = b'{"resourceSpans":[{"resource":{"attributes":[%s]},"scopeSpans":[{"spans":[' % json.dumps(text("service.name", "web")).encode()
    return head + spans + b"]}]}]}", count


def proto_text(key, value):
    return field(1, key) + field(2, field(1, value))


def proto_spans():
    times = b"\x30\x03\x39" + struct.pack("<Q", START) + b"\x41" + struct.pack("<Q", START + 10**6)
    span = field(1, b"\x07" * 16) + field(2, SPAN_ID) + field(5, b"GET /") + times + field(9, proto_text(b"server.address", b"cart"))
    spans, count = repeated(field(2, span))
    return field(1, field(1, field(1, proto_text(b"service.name", b"web"))) + field(2, spans)), count


def samples():
    sample = b"\x09" + struct.pack("<d", 1) + b"\x10" + varint(1000)
    return repeated(field(1, label_bytes({"__name__": "up", "instance": "10.0.0.1:9090", "job": "a job with a long name"}) + field(2, sample)))


class Door:
    """One way in: sends the packed body, from an address of its own if one is given; answers a status as HTTP has it."""

    def __init__(self, w, body, source=None):
        self.w, self.body, self.source = w, body, source

    def send(self):
        connection = self.open()
        answer = connection.getresponse()
        self.headers, self.answer = answer.headers, answer.read()
        connection.close()
        return answer.status

    def open(self):
        """The request is on its way."""
        connection = http.client.HTTPConnection(self.address(), timeout=PATIENCE_S, source_address=(self.source, 0) if self.source else None)
        connection.request("POST", self.path, self.body, self.head)
        return connection

    def address(self):
        return self.w.otlp

    def leave(self):
        connection = self.open()
        return lambda: reset(connection.sock)


class Json(Door):
    path, head = "/v1/traces", {"Content-Type": "application/json", "Content-Encoding": "zstd"}


class Proto(Door):
    path, head = "/v1/traces", {"Content-Type": "application/x-protobuf", "Content-Encoding": "zstd"}


class Write(Door):
    path, head = "/api/v1/write", WRITE_HEADERS

    def address(self):
        return self.w.http


class Grpc(Door):
    """By hand: GOAWAY, which the library takes for the end, leaves the streams that are open alone."""

    def open(self):
        sock = dial(self.w.grpc, PATIENCE_S)
        message = b"\1" + struct.pack(">I", len(self.body)) + self.body
        assert len(message) < 16384, "one frame"
        head = frame(HEADERS, END_HEADERS, 1, HEAD + literal(b"grpc-encoding", b"zstd"))
        sock.sendall(PREFACE + frame(SETTINGS, 0, 0) + head + frame(DATA, END_STREAM, 1, message))
        return sock

    def send(self):
        sock = self.open()
        frames, decoder, self.headers = Frames(sock), hpack.Decoder(), {}
        while True:
            got = frames.next()
            if not got:
                raise ConnectionError("weft closed the connection")
            kind, flags, stream, payload = got
            if kind == PING and not flags & ACK:
                sock.sendall(frame(PING, ACK, 0, payload))
            if kind == HEADERS and stream == 1:
                self.headers.update(decoder.decode(payload))
                if flags & END_STREAM:
                    sock.close()
                    return {"0": 200, "14": 429}.get(self.headers["grpc-status"], self.headers["grpc-status"])

    def leave(self):
        """A stream that is reset, then the connection."""
        sock = self.open()

        def away():
            sock.sendall(frame(RST, 0, 1, b"\0\0\0\x08"))
            reset(sock)
        return away


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def metric(w, name):
    return int(re.search(r"^%s (\d+)" % name, w.request("/metrics")[2].decode(), re.M).group(1))


def decoding(w):
    return metric(w, "weft_large_requests_decoding") > 0


class Small:
    """One client with one small request after the other; the times of its answers."""

    def __init__(self, w):
        self.connection = http.client.HTTPConnection(w.otlp, timeout=PATIENCE_S)
        self.answered, self.end, self.number = [], threading.Event(), 0
        self.thread = threading.Thread(target=self.run)

    def one(self):
        self.number += 1
        span = {"traceId": "%032x" % self.number, "spanId": "%016x" % self.number, "name": "x", "kind": 2, "startTimeUnixNano": str(START),
                "endTimeUnixNano": str(START + 1)}
        self.connection.request("POST", "/v1/traces", json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        self.answered.append(time.monotonic())

    def run(self):
        while not self.end.is_set():
            self.one()

    def __enter__(self):
        self.one()
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.end.set()
        self.thread.join()
        self.connection.close()


ALL = 4


def others_are_answered(door, signal_name, plain):
    """While the network thread decodes itself, it answers at most two small requests for each large one. All of one address may wait."""
    body, count = plain
    with Weft(config=CONFIG + "memory: 2GiB\n") as w, concurrent.futures.ThreadPoolExecutor(ALL) as senders, Small(w) as small:
        began = time.monotonic()
        statuses = [f.result() for f in [senders.submit(door(w, body).send) for _ in range(ALL)]]
        ended = time.monotonic()
        small.end.set()
        small.thread.join()
        meanwhile = sum(began < at < ended for at in small.answered)
        assert statuses == [200 if signal_name == "spans" else 204] * ALL, statuses
        print("     %d small requests answered within the %.2f s of %d large ones" % (meanwhile, ended - began, ALL))
        assert meanwhile >= 10 * ALL, "%d small requests were answered" % meanwhile
        assert metric(w, "weft_large_requests_total") == ALL
        row = w.json("/api/mesh/status")["account"][signal_name]
        assert row["received"] == ALL * count + (small.number if signal_name == "spans" else 0) and row["difference"] == 0, row


def refused_over_the_bound(door, plain):
    """One runs, some wait, the rest is told when to come again; then all of it is taken, once."""
    body, count = plain
    with Weft(config=CONFIG) as w, concurrent.futures.ThreadPoolExecutor(24) as senders:
        doors = [door(w, body) for _ in range(24)]
        statuses = [f.result() for f in [senders.submit(d.send) for d in doors]]
        refused = [d for d, status in zip(doors, statuses) if status == 429]
        assert set(statuses) == {200, 429} and statuses.count(200) >= 17, statuses
        assert metric(w, "weft_large_requests_turned_away_total") == len(refused)
        for d in refused:
            if door is Grpc:
                details = d.headers["grpc-status-details-bin"]
                assert b"google.rpc.RetryInfo" in base64.b64decode(details + "=" * (-len(details) % 4)), d.headers
            else:
                assert int(d.headers["Retry-After"]) >= 1 and b"large requests" in d.answer, (d.headers, d.answer)
        requests = w.json("/api/mesh/status")["requests"]
        assert requests["refused"] == len(refused), requests
        assert all(door(w, body).send() == 200 for _ in refused)
        row = w.spans()
        assert row["received"] == 24 * count and row["difference"] == 0, row
        wait_until("nothing waits", lambda: metric(w, "weft_large_requests_waiting_bytes") == 0, PATIENCE_S)


def clients_take_turns(plain):
    """Sixteen requests of one client do not keep another's from being next."""
    body, _ = plain
    with Weft(config=CONFIG) as w, concurrent.futures.ThreadPoolExecutor(17) as senders:
        ends = []

        def send(source):
            assert Json(w, body, source).send() == 200
            ends.append(source)
        many = [senders.submit(send, "127.0.0.2") for _ in range(16)]
        wait_until("a queue", lambda: metric(w, "weft_large_requests_waiting") >= 5, PATIENCE_S)
        senders.submit(send, "127.0.0.3").result()
        for f in many:
            f.result()
        assert ends.index("127.0.0.3") <= 11, ends  # some end before it comes


LEAVING = 4


def clients_that_leave(door, signal_name, plain):
    """While one is decoded and another waits: both are decoded to the end, and counted."""
    body, count = plain
    with Weft(config=CONFIG) as w:
        leaving = [door(w, body).leave() for _ in range(LEAVING)]
        wait_until("all have come", lambda: metric(w, "weft_large_requests_total") == LEAVING, PATIENCE_S)
        assert decoding(w) or metric(w, "weft_large_requests_waiting") > 0, "they were decoded before their clients left"
        for away in leaving:
            away()
        row = wait_until("all are counted", lambda: (lambda r: r if r["received"] == LEAVING * count else None)(w.json("/api/mesh/status")["account"][signal_name]), PATIENCE_S)
        assert row["difference"] == 0, row
        wait_until("all are gone", lambda: metric(w, "weft_connections") <= 1 and not decoding(w), PATIENCE_S)
        assert door(w, body).send() in (200, 204)
        assert w.stop() == 0


def sigterm_meanwhile(door, plain):
    """What was acknowledged is there after a restart; what waited was told to come again."""
    body, count = plain
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(14) as senders:
        with Weft(data=folder + "/data", config=CONFIG) as w:
            def send():
                d = door(w, body)
                try:
                    return d.send(), d.headers
                except (ConnectionError, http.client.HTTPException):
                    return None, {}
            answers = [senders.submit(send) for _ in range(14)]
            wait_until("some wait", lambda: decoding(w) and metric(w, "weft_large_requests_waiting") >= 8, PATIENCE_S)
            began = time.monotonic()
            w.process.send_signal(signal.SIGTERM)
            assert w.process.wait(timeout=60) == 0
            took = time.monotonic() - began
            assert took <= 5, "%.1f s" % took
            answers = [f.result() for f in answers]
            statuses = [status for status, _ in answers]
            assert statuses.count(429) >= 2 and set(statuses) <= {200, 429, None}, statuses
            if door is not Grpc:
                assert all(int(h["Retry-After"]) >= 1 for status, h in answers if status == 429), answers
        with Weft(data=folder + "/data", config=CONFIG) as w:
            row = w.spans()
            acknowledged = statuses.count(200)
            assert row["received"] in (acknowledged * count, (acknowledged + statuses.count(None)) * count) and row["difference"] == 0, (row, statuses)


def resident_peak(w):
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/%d/status" % w.process.pid).read_text()).group(1))


def memory_is_enough(door, plain):
    """Sixteen clients at once and a thread for each two: what a request unpacks and decodes to is paid before it is there."""
    body, count = plain
    memory = 384 * MIB
    with Weft(config="workers: 8\nmemory: 384MiB\nretention: { edges: 0, series: 0 }\n") as w, concurrent.futures.ThreadPoolExecutor(16) as senders:
        doors = [door(w, body, "127.0.0.%d" % (n + 2)) for n in range(16)]
        statuses = [f.result() for f in [senders.submit(d.send) for d in doors]]
        refused = [d for d, status in zip(doors, statuses) if status in (429, 503)]
        assert set(statuses) <= {200, 204, 429, 503} and len(refused) < 16, statuses
        assert all(b"memory budget is used up" in d.answer for d in refused), {d.answer for d in refused}
        peak = resident_peak(w)
        print("     %d taken, peak %d MiB" % (16 - len(refused), peak / MIB))
        assert peak < memory * 1.1 + 32 * MIB, "%d MiB" % (peak / MIB)
        wait_until("all is given back", lambda: metric(w, "weft_memory_budget_used_bytes") < 32 * MIB, PATIENCE_S)
        assert door(w, body).send() in (200, 204)
        assert w.json("/api/mesh/status")["account"]["spans" if door is not Write else "samples"]["difference"] == 0


def packed_in_the_journal(plain):
    """Plain as it came; the journal, for which all others wait, gets a tenth, and gives all of it back."""
    body, count = plain
    with Weft(config=CONFIG + "journal: { checkpoint: 1h }\n") as w:
        assert w.request("/v1/traces", "POST", body, {"Content-Type": "application/json"}, otlp=True)[0] == 200
        assert metric(w, "weft_journal_appended_bytes_total") < len(body) / 10
        w.kill()
        with Weft(data=w.data, config=CONFIG) as again:
            row = again.spans()
            assert row["received"] == count and row["difference"] == 0, row


def small_ones_stay(w):
    """Below the threshold nothing is handed over; a few bytes that unpack to more than that are."""
    span = field(1, b"\x07" * 16) + field(2, SPAN_ID) + b"\x30\x03\x39" + struct.pack("<Q", START) + b"\x41" + struct.pack("<Q", START + 10**6)
    for size, handed in ((390000, 0), (1000000, 1)):
        body = field(1, field(2, field(2, span) * (size // len(field(2, span)))))
        before = metric(w, "weft_large_requests_total")
        for head, content in (({}, body), ({"Content-Encoding": "zstd"}, packing.HTTP["zstd"](body)), ({"Content-Encoding": "gzip"}, packing.HTTP["gzip"](body))):
            assert w.request("/v1/traces", "POST", content, {"Content-Type": "application/x-protobuf", **head}, otlp=True)[0] == 200
        assert metric(w, "weft_large_requests_total") - before == 3 * handed, size


def main():
    suite = Suite("large")
    as_json, as_proto, as_samples = json_spans(), proto_spans(), samples()
    zstd = lambda plain: (packing.HTTP["zstd"](plain[0]), plain[1])
    zjson, zproto, written = zstd(as_json), zstd(as_proto), (packing.HTTP["snappy"](as_samples[0]), as_samples[1])
    with Weft(config=CONFIG) as w:
        suite.run("small ones stay", small_ones_stay, w)
    for name, door, signal_name, body in (("JSON", Json, "spans", zjson), ("protobuf", Proto, "spans", zproto), ("gRPC", Grpc, "spans", zproto),
                                          ("remote write", Write, "samples", written)):
        suite.run("others are answered beside %s" % name, others_are_answered, door, signal_name, body)
        suite.run("clients that leave, %s" % name, clients_that_leave, door, signal_name, body)
    suite.run("over the bound, HTTP", refused_over_the_bound, Json, zjson)
    suite.run("over the bound, gRPC", refused_over_the_bound, Grpc, zproto)
    for name, door, body in (("JSON", Json, zjson), ("protobuf", Proto, zproto), ("remote write", Write, written)):
        suite.run("memory is enough, %s" % name, memory_is_enough, door, body)
    suite.run("clients take turns", clients_take_turns, zjson)
    suite.run("SIGTERM meanwhile, HTTP", sigterm_meanwhile, Json, zjson)
    suite.run("SIGTERM meanwhile, gRPC", sigterm_meanwhile, Grpc, zproto)
    suite.run("packed in the journal", packed_in_the_journal, as_json)
    suite.close()


if __name__ == "__main__":
    main()
