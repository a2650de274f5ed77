"""test_limits.py [--full] - more distinct operations, services and versions than anybody can keep: sums stay right, memory stays within its limit.

100,000 in CI; ten million with --full (about two minutes)."""
import http.client, os, pathlib, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from test_otlp import field, fixed64
from weft import Suite, Weft, wait_until

CONFIG = "admin: true\ngraph: { wait: 2s, remember: 1s, max_operations: 200 }\n"
A_REQUEST = 5000
LIMIT_MIB = 512 * 1.1 + 32  # memory + 10 % + 32 MiB
LETTERS = b"ghijklmnopqrstuv"  # no hex digits: such a segment stays itself


def word(n):
    out = bytearray()
    for _ in range(8):
        out.append(LETTERS[n & 15])
        n >>= 4
    return bytes(out)


def body(first, count, now_ns):
    """SERVER spans, each of a trace of its own and with a path nobody has seen before."""
    ids = os.urandom(24 * count)
    times = b"\x30\x02" + fixed64(7, now_ns - 10**6) + fixed64(8, now_ns)
    method = field(9, field(1, b"http.request.method") + field(2, field(1, b"GET")))
    spans = []
    for i in range(count):
        path = field(9, field(1, b"url.path") + field(2, field(1, b"/" + word(first + i))))
        one = b"\x0a\x10" + ids[24 * i:24 * i + 16] + b"\x12\x08" + ids[24 * i + 16:24 * i + 24] + times + method + path
        spans.append(field(2, one))
    resource = field(1, field(1, field(1, b"service.name") + field(2, field(1, b"shop"))))
    return field(1, resource + field(2, b"".join(spans)))


def versions(first, count, now_ns):
    """SERVER spans of one service, each in a version of its own."""
    text = lambda key, value: field(1, field(1, key) + field(2, field(1, value)))
    times, out = b"\x30\x02" + fixed64(7, now_ns - 10**6) + fixed64(8, now_ns), []
    for i in range(first, first + count):
        ids = os.urandom(24)
        span = field(2, field(1, ids[:16]) + field(2, ids[16:]) + times)
        out.append(field(1, field(1, text(b"service.name", b"shop") + text(b"service.version", word(i))) + field(2, span)))
    return b"".join(out)


def distinct_versions(total):
    with Weft(config=CONFIG) as w:
        for first in range(0, total, A_REQUEST):
            assert w.request("/v1/traces", "POST", versions(first, A_REQUEST, time.time_ns()), {"Content-Type": "application/x-protobuf"}, otlp=True)[0] == 200
        began = time.monotonic()
        open_ones = w.json("/api/mesh/graph", last="60m")["edges"][0]["versions"]
        assert sum(v["requests"] for v in open_ones) == total and len(open_ones) <= 801, len(open_ones)
        w.flush()
        edge = w.json("/api/mesh/graph", last="60m")["edges"][0]
        assert time.monotonic() - began < 60, "the graph took %.1f s" % (time.monotonic() - began)
        assert edge["requests"] == sum(v["requests"] for v in edge["versions"]) == total, edge["requests"]
        other = [v["requests"] for v in edge["versions"] if v["server_version"] == "other"]
        assert len(edge["versions"]) == 201 and other == [total - 200], (len(edge["versions"]), other)
        offenders = w.json("/api/mesh/status")["offenders"]
        assert {"kind": "versions", "name": "shop", "distinct": 200, "limit": 200, "refused": total - 200} in offenders, offenders


def services(first, count, now_ns):
    """SERVER spans, each of a service of its own."""
    times, out = b"\x30\x02" + fixed64(7, now_ns - 10**6) + fixed64(8, now_ns), []
    for i in range(first, first + count):
        ids = os.urandom(24)
        name = field(1, field(1, field(1, b"service.name") + field(2, field(1, word(i)))))
        out.append(field(1, name + field(2, field(2, field(1, ids[:16]) + field(2, ids[16:]) + times))))
    return b"".join(out)


def distinct_services(total):
    with Weft(config=CONFIG.replace("max_operations", "max_edges")) as w:
        for first in range(0, total, A_REQUEST):
            assert w.request("/v1/traces", "POST", services(first, A_REQUEST, time.time_ns()), {"Content-Type": "application/x-protobuf"}, otlp=True)[0] == 200
        w.flush()
        graph = w.json("/api/mesh/graph", last="60m")
        assert sum(e["requests"] for e in graph["edges"]) == total and not graph["truncated"], graph["warnings"]
        assert [e["requests"] for e in graph["edges"] if e["server"] == "other"] == [total - 200], len(graph["edges"])
        assert any(o["kind"] == "edges" and o["refused"] == total - 200 for o in w.json("/api/mesh/status")["offenders"])


def resident_mib(pid):
    for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024


def distinct_operations(total):
    with Weft(config=CONFIG) as w:
        connection = http.client.HTTPConnection(w.otlp, timeout=60)
        for first in range(0, total, A_REQUEST):
            connection.request("POST", "/v1/traces", body(first, A_REQUEST, time.time_ns()), {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        connection.close()
        w.flush()
        spans = w.spans()
        assert spans["received"] == spans["stored"] == total and spans["difference"] == 0, spans
        node = next(n for n in w.json("/api/mesh/graph", last="60m")["nodes"] if n["id"] == "shop")
        assert node["requests"] == total, node["requests"]
        rows = w.json("/api/mesh/percentiles", by="operation", last="60m")["series"]
        assert sum(r["count"] for r in rows) == total, "operations add up to %d" % sum(r["count"] for r in rows)
        assert any(r["operation"] == "other" for r in rows) and len(rows) <= 201, len(rows)
        assert any("shop" in str(o) for o in w.json("/api/mesh/status")["offenders"]), "the worst offender is not named"
        assert resident_mib(w.process.pid) <= LIMIT_MIB, "%d MiB resident" % resident_mib(w.process.pid)
        print("     %d distinct operations: %.0f MiB resident at most" % (total, resident_mib(w.process.pid)))


def at_many_times(first, count, now_ns):
    """SERVER spans of one service, each in a tile of its own: what waited in a queue for months."""
    out = []
    for i in range(first, first + count):
        ids, end = os.urandom(24), now_ns - i * 15 * 10**9
        out.append(field(2, field(1, ids[:16]) + field(2, ids[16:]) + b"\x30\x02" + fixed64(7, end - 10**6) + fixed64(8, end)))
    service = field(1, field(1, field(1, b"service.name") + field(2, field(1, b"shop"))))
    return field(1, service + field(2, b"".join(out)))


def distinct_times(total, fault=""):
    memory_mib = 64
    with Weft(config=CONFIG + "memory: %dMiB\n" % memory_mib, env={"WEFT_FAULT": fault}) as w:
        now = time.time_ns()
        for first in range(0, total, A_REQUEST):
            body = at_many_times(first, A_REQUEST, now)
            push = lambda: w.request("/v1/traces", "POST", body, {"Content-Type": "application/x-protobuf"}, otlp=True)[0]
            wait_until("room for more", lambda: push() == 200, 60)
            graph = w.json("/api/mesh/graph", last="60m")
            assert graph["truncated"] == any("still open" in text for text in graph["warnings"]), graph["warnings"]
            time.sleep(0.2)  # 25,000 a second: what closes at once is not there at once
        wait_until("all closed", lambda: w.spans()["pending"] == 0, 60)
        peak = resident_mib(w.process.pid)
        assert peak <= memory_mib * 1.1 + 32, "%d MiB resident" % peak
        spans = w.spans()
        assert spans["stored"] == total and spans["difference"] == 0, spans
        node = next(n for n in w.json("/api/mesh/graph", start=int(now / 10**9) - total * 15 - 60, end=int(now / 10**9) + 60)["nodes"] if n["id"] == "shop")
        assert node["requests"] == total, node["requests"]
        print("     %d distinct times: %.0f MiB resident at most" % (total, peak))


def main():
    suite = Suite("limits")
    total = 10_000_000 if "--full" in sys.argv else 100_000
    suite.run("%d distinct operations" % total, distinct_operations, total)
    suite.run("20000 distinct services", distinct_services, 20_000)
    suite.run("50000 distinct versions", distinct_versions, 50_000)
    suite.run("100000 distinct times", distinct_times, 100_000)
    slow = ",".join("slow:checkpoint_%s:1-10000" % place for place in ("begin", "image", "part"))
    suite.run("100000 distinct times, slow checkpoints", distinct_times, 100_000, slow)
    suite.close()


if __name__ == "__main__":
    main()
