"""test_limits.py [--full] - more distinct operations than anybody can keep: sums stay right, memory stays within its limit.

100,000 in CI; ten million with --full (about two minutes)."""
import http.client, os, pathlib, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from test_otlp import field, fixed64
from weft import Suite, Weft

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


def main():
    suite = Suite("limits")
    total = 10_000_000 if "--full" in sys.argv else 100_000
    suite.run("%d distinct operations" % total, distinct_operations, total)
    suite.close()


if __name__ == "__main__":
    main()
