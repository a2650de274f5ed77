#!/usr/bin/env python3
"""make.py - writes the captures of our own beside it, in the format of the corpus: index.jsonl, bodies.bin.zst, summary.json.

Nothing is random: the same script gives the same bytes. Needs the zstd program."""
import base64, collections, gzip, json, pathlib, struct, subprocess, zlib

HERE = pathlib.Path(__file__).parent
GRPC = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
T0 = 1_795_000_000_000_000_000
KINDS = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"]
STATUSES = ["unset", "ok", "error"]


# ---- protobuf ----
def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def field(number, value):
    """bytes and str: length-delimited; int: varint; ("f64" | "f32" | "dbl", x): fixed."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, tuple):
        code, tag = {"f64": ("<Q", 1), "dbl": ("<d", 1), "f32": ("<I", 5)}[value[0]]
        return varint(number << 3 | tag) + struct.pack(code, value[1])
    return varint(number << 3) + varint(value)


def pb_value(v):
    if isinstance(v, bool):
        return field(2, int(v))
    if isinstance(v, int):
        return field(3, v)
    if isinstance(v, float):
        return field(4, ("dbl", v))
    if isinstance(v, bytes):
        return field(7, v)
    if isinstance(v, list):
        return field(5, b"".join(field(1, pb_value(x)) for x in v))
    if isinstance(v, dict):
        return field(6, pb_attrs(v, 1))
    return b"" if v is None else field(1, v)


def pb_attrs(attrs, number):
    return b"".join(field(number, field(1, k) + field(2, pb_value(v))) for k, v in attrs.items())


def pb_span(s):
    out = field(1, s["trace"]) + field(2, s["id"])
    if s.get("parent"):
        out += field(4, s["parent"])
    out += field(5, s["name"]) + field(6, s["kind"]) + field(7, ("f64", s["start"])) + field(8, ("f64", s["end"]))
    out += pb_attrs(s["attrs"], 9)
    for at, name, attrs in s.get("events", []):
        out += field(11, field(1, ("f64", at)) + field(2, name) + pb_attrs(attrs, 3))
    for trace, span in s.get("links", []):
        out += field(13, field(1, trace) + field(2, span))
    status = field(2, s["message"]) if s.get("message") else b""
    out += field(15, status + (field(3, s["status"]) if s.get("status") else b""))
    return out + field(16, ("f32", s.get("flags", 257)))


def pb_request(resource, spans, scope="make.py"):
    scope_spans = field(1, field(1, scope)) + b"".join(field(2, pb_span(s)) for s in spans)
    return field(1, field(1, pb_attrs(resource, 1)) + field(2, scope_spans))


# ---- JSON ----
def js_value(v):
    if isinstance(v, bool):
        return {"boolValue": v}
    if isinstance(v, int):
        return {"intValue": str(v)}
    if isinstance(v, float):
        return {"doubleValue": v if v == v and abs(v) != float("inf") else str(v).replace("nan", "NaN").replace("inf", "Infinity")}
    if isinstance(v, bytes):
        return {"bytesValue": base64.b64encode(v).decode()}
    if isinstance(v, list):
        return {"arrayValue": {"values": [js_value(x) for x in v]}}
    if isinstance(v, dict):
        return {"kvlistValue": {"values": js_attrs(v)}}
    return {} if v is None else {"stringValue": v}


def js_attrs(attrs):
    return [{"key": k, "value": js_value(v)} for k, v in attrs.items()]


def js_request(resource, spans, scope="make.py"):
    out = []
    for s in spans:
        out.append({"traceId": s["trace"].hex(), "spanId": s["id"].hex().upper(), "parentSpanId": s.get("parent", b"").hex(),
                    "name": s["name"], "kind": s["kind"], "startTimeUnixNano": str(s["start"]), "endTimeUnixNano": s["end"],
                    "attributes": js_attrs(s["attrs"]), "flags": s.get("flags", 257), "links": [],
                    "events": [{"timeUnixNano": str(at), "name": n, "attributes": js_attrs(a)} for at, n, a in s.get("events", [])],
                    "status": {"code": s.get("status", 0), "message": s.get("message", "")}})
    doc = {"resourceSpans": [{"scopeSpans": [{"spans": out, "scope": {"name": scope}}], "resource": {"attributes": js_attrs(resource)}}]}
    return json.dumps(doc, ensure_ascii=False).encode()


# ---- spans ----
def ident(n, size):
    return (n * 0x9E3779B97F4A7C15 % (1 << 64) or 1).to_bytes(8, "big") * (size // 8)


def envoy(service, kind, trace, n, parent, start, took, cluster, code, flags="-"):
    attrs = {"component": "proxy", "node_id": f"sidecar~10.1.0.{len(service)}~{service}-v1-abc~shop.svc.cluster.local",
             "http.protocol": "HTTP/1.1", "http.method": "GET", "http.url": f"http://{service}.shop:8080/items/{n % 7}",
             "http.status_code": str(code), "response_flags": flags, "request_size": "0", "response_size": str(100 + n % 900),
             "user_agent": "make.py/1", "upstream_cluster": cluster, "upstream_cluster.name": cluster, "peer.address": "10.1.0.9",
             "guid:x-request-id": f"{trace:08x}-0000-4000-8000-000000000000", "istio.canonical_service": service,
             "istio.canonical_revision": "v1"}
    bad = code >= 500 or code == 0
    if bad:
        attrs["error"] = "true"
    return dict(trace=ident(trace, 16), id=ident(n, 8), parent=ident(parent, 8) if parent else b"", name=f"{service}.shop.svc.cluster.local:8080/*",
                kind=kind, start=start, end=start + took, attrs=attrs, status=2 if bad and kind == 3 else 0)


def mesh(traces):
    """{service: spans}: gateway -> cart -> catalog, every ninth catalog call fails, as the sidecars report it."""
    out = collections.defaultdict(list)
    for t in range(1, traces + 1):
        n, start, code = t * 10, T0 + t * 250_000_000, 503 if t % 9 == 0 else 200
        out["gateway"].append(envoy("gateway", 2, t, n, 0, start, 9_000_000, "outbound|8080||cart.shop.svc.cluster.local", code))
        out["gateway"].append(envoy("cart", 3, t, n + 1, n, start + 100_000, 8_000_000, "outbound|8080||cart.shop.svc.cluster.local", code))
        out["cart"].append(envoy("cart", 2, t, n + 2, n + 1, start + 300_000, 7_000_000, "inbound|8080||", code))
        out["cart"].append(envoy("catalog", 3, t, n + 3, n + 2, start + 900_000, 5_000_000, "outbound|8080||catalog.shop.svc.cluster.local", code))
        out["catalog"].append(envoy("catalog", 2, t, n + 4, n + 3, start + 1_200_000, 4_000_000, "inbound|8080||", code))
    return out


def rare(n):
    """Spans as SDKs send them: every kind, every type of value, events, links, text beyond ASCII."""
    values = {"text": "Grüße ✓", "empty": "", "none": None, "yes": True, "no": False, "int": -(1 << 63), "big": (1 << 63) - 1,
              "half": 0.5, "nan": float("nan"), "infinite": float("inf"), "bytes": bytes(range(8)), "long": "x" * 300,
              "list": ["a", 1, [True, None]], "map": {"k": {"deeper": [1.5]}}}
    return [dict(trace=ident(500 + i, 16), id=ident(900 + i, 8), parent=ident(899 + i, 8) if i % 2 else b"", name=f"step {i}", kind=1 + i % 5,
                 start=T0 + i * 1_000_000, end=T0 + i * 1_000_000 + 40_000, attrs=values, status=i % 3, message="went wrong" if i % 3 == 2 else "",
                 events=[(T0 + i, "exception", {"exception.type": "E", "depth": [[1]]})], links=[(ident(500, 16), ident(900, 8))], flags=256)
            for i in range(n)]


# ---- captures ----
def snappy_block(b):
    """Literals only."""
    out = varint(len(b))
    for at in range(0, len(b), 60):
        part = b[at:at + 60]
        out += bytes([len(part) - 1 << 2]) + part
    return out


def zstd(b):
    return subprocess.run(["zstd", "-q", "-19", "-c"], input=b, capture_output=True, check=True).stdout


PACK = {"": lambda b: b, "gzip": lambda b: gzip.compress(b, mtime=0), "deflate": zlib.compress, "zlib": zlib.compress,
        "zstd": zstd, "snappy": snappy_block}


class Capture:
    def __init__(self, name):
        self.folder, self.lines, self.bodies, self.spans, self.total = HERE / name, [], b"", collections.Counter(), 0

    def add(self, grpc, resource, spans, encoding="", as_json=False):
        body = PACK[encoding]((js_request if as_json else pb_request)(resource, spans))
        headers = {"content-type": "application/grpc" if grpc else "application/json" if as_json else "application/x-protobuf"}
        if encoding:
            headers["grpc-encoding" if grpc else "content-encoding"] = encoding
        if grpc:
            body = struct.pack(">BI", encoding != "", len(body)) + body
        self.lines.append(dict(n=len(self.lines) + 1, conn=1, port=4317 if grpc else 4318, transport="grpc" if grpc else "http", method="POST",
                               path=GRPC if grpc else "/v1/traces", proto="HTTP/2.0" if grpc else "HTTP/1.1", headers=headers,
                               off=len(self.bodies), len=len(body), answer="ok"))
        self.bodies += body
        self.total += len(spans)
        for s in spans:
            self.spans[f"{resource['service.name']} {KINDS[s['kind']]} {STATUSES[s.get('status', 0)]}"] += 1

    def write(self):
        self.folder.mkdir(exist_ok=True)
        (self.folder / "index.jsonl").write_text("".join(json.dumps(l, separators=(",", ":")) + "\n" for l in self.lines))
        (self.folder / "bodies.bin.zst").write_bytes(zstd(self.bodies))
        (self.folder / "summary.json").write_text(json.dumps({"spans": dict(sorted(self.spans.items())), "span_total": self.total}, indent=1) + "\n")


def main():
    proxies = Capture("own-proxies")
    for service, spans in mesh(18).items():
        for at in range(0, len(spans), 5):
            proxies.add(True, {"service.name": f"{service}.shop"}, spans[at:at + 5], ["", "", "gzip", "zstd"][at // 5 % 4])
    proxies.write()
    sdk = Capture("own-sdk")
    resource = {"service.name": "worker", "service.namespace": "shop", "process.pid": 4242, "tags": ["a", "b"]}
    for i, encoding in enumerate(PACK):
        for as_json in (False, True):
            sdk.add(False, resource, rare(6)[i:i + 4], encoding, as_json)
    sdk.write()


if __name__ == "__main__":
    main()
