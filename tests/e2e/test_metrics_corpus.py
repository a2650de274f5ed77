"""test_metrics_corpus.py - every metric body of the corpus over the network, connection by connection: all of it is taken, and what
PromQL adds up is what was sent, or what the sending Prometheus answered itself."""
import collections, gzip, http.client, json, math, pathlib, struct, subprocess, sys, urllib.parse, zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import corpus
from weft import Suite, Weft, shared

CONFIG = "retention: { series: 0 }\nseries: { translation: NoTranslation }\n"
GRPC, OTLP, WRITE = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", "/v1/metrics", "/api/v1/write"
EXTERNAL = ("cluster", "replica")  # labels that the sending Prometheus puts on what it sends, and its own answers lack
KEPT = ("content-type", "content-encoding", "user-agent", "x-prometheus-remote-write-version")


# ---- what was sent, read by an own small walker ----

def fields(b):
    """[(field number, value)] of a protobuf message; fixed-width numbers as raw bytes."""
    i, out = 0, []

    def varint():
        nonlocal i
        n = shift = 0
        while True:
            byte = b[i]
            i += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n

    while i < len(b):
        tag = varint()
        if tag & 7 == 0:
            value = varint()
        else:
            n = {1: 8, 5: 4}.get(tag & 7) or varint()
            value, i = b[i:i + n], i + n
        out.append((tag >> 3, value))
    return out


def all_of(message, number):
    return [v for n, v in message if n == number]


def attributes(message, number):
    return tuple(sorted(all_of(message, number)))


def is_named(resource):
    return b"service.name" in resource or b"service.instance.id" in resource


def points(body, conn):
    """(name, kind, temporality, is_monotonic, stream, time, value) of the number and histogram points of a request."""
    for rm in all_of(fields(body), 1):
        rm = fields(rm)
        resource = b"".join(all_of(rm, 1))
        owner = resource if is_named(resource) else resource + b"%d" % conn
        for sm in all_of(rm, 2):
            sm = fields(sm)
            for metric in all_of(sm, 2):
                metric = fields(metric)
                name = b"".join(all_of(metric, 1)).decode()
                for kind in (5, 7, 9, 10, 11):
                    for data in all_of(metric, kind):
                        data = fields(data)
                        temporality = (all_of(data, 2) or [0])[0]
                        for point in all_of(data, 1):
                            yield name, kind, temporality, owner, all_of(sm, 1), fields(point)


def expected_sums(requests):
    """{name: sum over its streams of the last (cumulative) or added up (delta) value}, and how many points there were."""
    last, count = {}, 0
    for conn, body in requests:
        for name, kind, temporality, owner, scope, point in points(body, conn):
            count += 1
            attrs = attributes(point, {9: 9, 10: 1}.get(kind, 7))
            when = struct.unpack("<Q", all_of(point, 3)[0])[0]
            if kind in (5, 7):
                ints, doubles = all_of(point, 6), all_of(point, 4)
                value = struct.unpack("<q", ints[-1])[0] if ints else struct.unpack("<d", doubles[-1])[0]
                names = [name]
            elif kind == 9:
                value, names = struct.unpack("<Q", (all_of(point, 4) or [bytes(8)])[0])[0], [name + "_count"]
            else:
                continue
            for n in names:
                key = (n, owner, tuple(scope), attrs)
                if temporality == 1:
                    last[key] = (when, last.get(key, (0, 0))[1] + value)
                elif key not in last or when >= last[key][0]:
                    last[key] = (when, value)
    sums = collections.defaultdict(float)
    for (name, *_), (_, value) in last.items():
        sums[name] += value
    return {n: v for n, v in sums.items() if math.isfinite(v)}, count


def unpacked(request, body):
    headers = request["headers"]
    coding = headers.get("content-encoding", "")
    if request["transport"] == "grpc":
        coding, body = (headers.get("grpc-encoding", "") if body[0] else ""), body[5:]
    if coding in ("", "identity"):
        return body
    if coding == "gzip":
        return gzip.decompress(body)
    if coding in ("deflate", "zlib"):
        return zlib.decompress(body)
    return None  # what Python cannot unpack is only counted


# ---- sending ----

def metric_requests(folder):
    """[(index line, body)] of all metric requests that the capture took, in its order."""
    bodies = subprocess.run(["zstd", "-dc", "--long=27", str(folder / "bodies.bin.zst")], check=True, capture_output=True).stdout
    out = []
    for line in (folder / "index.jsonl").read_text().splitlines():
        r = json.loads(line)
        if r["path"] in (GRPC, OTLP, WRITE) and not r.get("cut") and r.get("answer", "ok")[:2] in ("ok", "pa", "20"):
            out.append((r, bodies[r["off"]:r["off"] + r["len"]]))
    return out


class Senders:
    """One connection for each of the capture's: the connection is part of who an Envoy is."""

    def __init__(self, weft):
        self.weft, self.open = weft, {}

    def send(self, request, body):
        """What the sender is told beyond success, or None."""
        key = (request["transport"], request["path"] == WRITE, request["conn"])
        if request["transport"] == "grpc":
            if key not in self.open:
                self.open[key] = corpus.GrpcClient(self.weft.grpc)
            status, answer = self.open[key].call(GRPC, request["headers"], body)
            return None if status == 0 and len(answer) == 5 else (status, answer)
        if key not in self.open:
            self.open[key] = http.client.HTTPConnection(self.weft.http if key[1] else self.weft.otlp, timeout=60)
        headers = {k: v for k, v in request["headers"].items() if k in KEPT}
        self.open[key].request("POST", request["path"], body=body, headers=headers)
        answer = self.open[key].getresponse()
        said = answer.read()
        return None if answer.status in (200, 204) and said in (b"", b"{}") else (answer.status, said)

    def close(self):
        for c in self.open.values():
            c.close()


def ask(w, query, at):
    """{sorted labels: value} of an instant query."""
    body = urllib.parse.urlencode({"query": query, "time": "%.3f" % at}).encode()
    status, _, answer = w.request("/api/v1/query", "POST", body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert status == 200, (query, status, answer[:300])
    data = json.loads(answer)["data"]
    assert data["resultType"] == "vector", data["resultType"]
    return {tuple(sorted(s["metric"].items())): float(s["value"][1]) for s in data["result"] if "value" in s}  # no native histograms


def account(w):
    status = w.json("/api/mesh/status")
    for name, row in status["account"].items():
        assert row["difference"] == 0 and row["pending"] == 0, (name, row)
    return status["account"]


# ---- tests ----

def taken_whole(w, folder, told_nothing):
    """Sends a scenario; returns its requests and the account."""
    requests = metric_requests(folder)
    senders = Senders(w)
    told = [t for t in (senders.send(r, b) for r, b in requests) if t]
    senders.close()
    assert not told or not told_nothing, (len(told), told[0])
    return requests, account(w)


def otlp_scenario(folder):
    # A Collector forwards several Envoys over one connection and names none: there points collide, and it is told.
    merged = folder.name.startswith("otelcol")
    with Weft(config=CONFIG) as w:
        requests, rows = taken_whole(w, folder, not merged)
        row = rows["metric_points"]
        plain = [(r["conn"], unpacked(r, b)) for r, b in requests]
        summary = json.loads((folder / "summary.json").read_text()).get("data_points", {})
        if all(r.get("answer", "ok").startswith("ok") for r, _ in requests) and "unavailable" not in folder.name and "faults" not in folder.name:
            assert row["received"] == sum(summary.values()), (row, summary)
        assert row["received"] == row["stored"] + sum(row["rejected"].values()), row
        assert merged or row["rejected"] == {}, row
        if merged or any(b is None for _, b in plain) or any("json" in r["headers"]["content-type"] for r, _ in requests):
            return
        sums, count = expected_sums(plain)
        assert row["received"] == count, (row, count)
        at = max(r["t_end"] for r, _ in requests) / 1e9 + 60
        got = {dict(k)["__name__"]: v for k, v in ask(w, 'sum by (__name__) (last_over_time({__name__=~".+"}[1h]))', at).items()}
        wrong = {n: (v, got.get(n)) for n, v in sums.items() if n not in got or abs(got[n] - v) > 1e-9 * max(abs(v), 1)}
        assert not wrong, (len(wrong), list(wrong.items())[:3])


def write_scenario(folder):
    """The sending Prometheus' own answers, where it was told that all was taken."""
    with Weft(config=CONFIG) as w:
        requests, rows = taken_whole(w, folder, True)
        row = rows["samples"]
        assert row["received"] == row["stored"] > 0, row
        summary = json.loads((folder / "summary.json").read_text())
        if "unavailable" not in folder.name:
            assert row["received"] == summary["remote_write_series"], row  # one sample each
        for query, want in json.loads((folder / "expected.json").read_text()).items():
            result = want["data"]["result"]
            if not result:
                continue
            got = ask(w, query, float(result[0]["value"][0]))
            got = {tuple(l for l in labels if l[0] not in EXTERNAL): v for labels, v in got.items()}
            for s in result:
                value, mine = float(s["value"][1]), got.get(tuple(sorted(s["metric"].items())))
                assert mine is not None and (mine == value or abs(mine - value) <= 1e-9 * abs(value)), (query, s, mine)
            assert len(got) == len(result), (query, len(got), len(result))


def main():
    suite = Suite("metrics_corpus")
    root = shared("corpus")
    if not root:
        suite.skip("all", "no corpus (WEFT_CORPUS)")
        suite.close()
    for folder in sorted(p.parent for p in root.glob("*/index.jsonl")):
        text = (folder / "index.jsonl").read_text()
        if WRITE in text:
            suite.run(folder.name, write_scenario, folder)
        elif GRPC in text or OTLP in text:
            suite.run(folder.name, otlp_scenario, folder)
    suite.close()


if __name__ == "__main__":
    main()
