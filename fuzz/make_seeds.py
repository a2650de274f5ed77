#!/usr/bin/env python3
"""make_seeds.py - writes the seeds of the codec fuzzers: requests of tests/data, and small ones for each rule of
docs/otlp-input.md. Run it again after tests/data/make.py has changed."""
import json, pathlib, subprocess, sys

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests/data"))
import make
from make import field

COMPRESSIONS = ["gzip", "zlib", "zstd", "snappy", "x-snappy-framed", "lz4"]  # fuzz_unpack: first byte modulo 6


def write(target, name, data):
    folder = ROOT / "fuzz/corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


# Requests of our own captures, the small ones.
for scenario in sorted((ROOT / "tests/data").glob("*/index.jsonl")):
    bodies = subprocess.run(["zstd", "-dc", str(scenario.parent / "bodies.bin.zst")], capture_output=True, check=True).stdout
    for line in scenario.read_text().splitlines()[:12]:
        r = json.loads(line)
        body, headers = bodies[r["off"]:r["off"] + r["len"]], r["headers"]
        coding = headers.get("content-encoding", "")
        name = f"{scenario.parent.name}-{r['n']}"
        if r["transport"] == "grpc":
            coding, body = headers.get("grpc-encoding", ""), body[5:]
        if coding:
            coding = {"deflate": "zlib"}.get(coding, coding)
            write("fuzz_unpack", name, bytes([COMPRESSIONS.index(coding)]) + body)
        elif len(body) > 6000:
            continue
        elif "json" in headers["content-type"]:
            write("fuzz_otlp_json", name, body)
        else:
            write("fuzz_otlp_trace", name, body)

# One span for each rule.
IDS = field(1, b"0123456789abcdef") + field(2, b"abcdefgh")
TIMES = field(7, ("f64", make.T0)) + field(8, ("f64", make.T0 + 5))


def attr(value_field):
    return field(9, field(1, "k") + value_field)


def deep(levels):
    value = field(3, 1)
    for _ in range(levels):
        value = field(5, field(1, value))
    return field(2, value)


SPANS = {
    "plain": IDS + TIMES + field(5, "n") + field(6, 3) + field(4, b"parentid") + field(3, "a=b") + field(16, ("f32", 257)),
    "no-ids": TIMES, "short-id": field(1, b"0123") + TIMES, "zero-id": field(1, bytes(16)) + field(2, bytes(8)) + TIMES,
    "bad-parent": IDS + TIMES + field(4, b"xyz"), "too-old": IDS + field(8, ("f64", 5)), "too-new": IDS + field(8, ("f64", 1 << 62)),
    "end-absurd": IDS + field(7, ("f64", make.T0)) + field(8, ("f64", (1 << 64) - 1)),
    "values": IDS + TIMES + b"".join(attr(field(2, v)) for v in
        (field(1, "text"), field(2, 1), field(3, -1), field(4, ("dbl", 0.5)), field(7, b"\x00\xff"), b"", make.pb_value([1, "x"]), make.pb_value({"a": {"b": 1}}))),
    "value-twice": IDS + TIMES + attr(field(2, make.pb_value([1])) + field(2, make.pb_value([2]))) + attr(field(2, b"\xd1\x04\x01\x02") + field(2, b"\x03\x04\x05\x06")),
    "value-first": IDS + TIMES + b"".join(field(9, field(2, v) + field(1, "key")) for v in (field(1, "text"), field(2, 1), field(3, -1), field(4, ("dbl", 0.5)), b"")),
    "no-key": IDS + TIMES + field(9, b"") + field(9, field(2, field(3, 1))),
    "not-utf8": IDS + TIMES + field(5, b"a\xff\xe2\x82\xf0\x9f\x98b\xed\xa0\x80") + attr(field(2, field(1, b"\xc3\xa9\xc3"))) + field(3, b"\x80"),
    "too-many": IDS + TIMES + attr(field(2, field(1, "v"))) * 21, "too-many-ints": IDS + TIMES + attr(field(2, field(3, 7))) * 21,
    "deep-5": IDS + TIMES + attr(deep(4)), "deep-6": IDS + TIMES + attr(deep(5)), "deep-event": IDS + TIMES + field(11, field(3, field(1, "k") + deep(9))),
    "event": IDS + TIMES + field(11, field(1, ("f64", 1)) + field(2, "e") + make.pb_attrs({"a": [True]}, 3) + field(4, 1)) + field(12, 1),
    "link": IDS + TIMES + field(13, field(1, b"t") + field(2, b"s") + field(3, "x") + make.pb_attrs({"a": {"k": 1}}, 4) + field(5, 1) + field(6, ("f32", 1))) + field(14, 1),
    "status": IDS + TIMES + field(15, field(2, "no") + field(3, 2)) + field(15, field(3, 1)) + field(10, 3),
    "unknown": IDS + TIMES + field(100, 1) + field(101, ("f64", 1)) + field(102, ("f32", 1)) + field(103, "x") + bytes.fromhex("a3060801ab06ac06a406"),
    "groups-open": IDS + bytes.fromhex("a306") * 33, "group-wrong": IDS + bytes.fromhex("a306ac06"), "group-cut": IDS + bytes.fromhex("a30609"),
    "group-all": IDS + bytes.fromhex("a3060b12016108020c090102030405060708" + "0d01020304" + "a406"), "group-number-0": IDS + bytes.fromhex("a3060001"), "group-type-7": IDS + bytes.fromhex("a3060f"),
    "group-past-end": IDS + bytes.fromhex("a3060a0961"), "group-long": IDS + bytes.fromhex("a3060affffffff7f"), "end-alone": IDS + bytes.fromhex("a406"),
    "wrong-type": IDS + field(5, 1), "event-wrong": IDS + field(11, field(1, 1)), "value-wrong": IDS + attr(field(2, field(1, 1))), "key-wrong": IDS + field(9, field(1, 1)),
    "status-wrong": IDS + field(15, field(3, b"")), "long-varint": IDS + bytes.fromhex("30ffffffffffffffffffffff"), "long-length": IDS + bytes.fromhex("2affffffff7f"),
    "past-end": IDS + bytes.fromhex("2a7f61"), "number-0": IDS + bytes.fromhex("0000"), "type-7": IDS + bytes.fromhex("a706"), "fixed-cut": IDS + bytes.fromhex("3901"),
}
for name, span in SPANS.items():
    write("fuzz_otlp_trace", "span-" + name, field(1, field(2, field(2, span) + field(2, SPANS["plain"]))))
good = field(2, SPANS["plain"])
REQUESTS = {
    "empty": b"", "unknown": field(9, "x"), "wrong": field(1, 1), "resource-wrong": field(1, field(1, field(1, 1))), "scope-wrong": field(1, field(2, field(1, field(1, 1)))),
    "owners-behind": field(1, field(2, good + field(1, field(1, "s") + field(2, "1") + make.pb_attrs({"a": 1}, 3) + field(4, 1)) + field(3, "u")) +
                           field(1, make.pb_attrs({"a": 1, "b": "c"}, 1) + field(2, 1)) + field(3, "u")),
    "resource-many": field(1, field(1, make.pb_attrs({str(i): "v" for i in range(21)}, 1)) + field(2, good)),
    "resource-deep": field(1, field(1, field(1, field(1, "k") + deep(9))) + field(2, good)), "many-spans": field(1, field(2, field(2, b"") * 301)),
}
for name, body in REQUESTS.items():
    write("fuzz_otlp_trace", "request-" + name, body)

JIDS = '"traceId":"000102030405060708090a0B0c0d0e0f","spanId":"0000000000000001","endTimeUnixNano":"1795439550137001535"'
MEMBERS = {
    "plain": JIDS + ',"name":"a\\u00e9\\n","kind":2,"flags":257,"parentSpanId":"00000000000000ab","traceState":"a=b","startTimeUnixNano":1e18,"status":{"code":2,"message":"m"}',
    "no-ids": '"name":"x"', "bad-ids": '"traceId":"xyz","spanId":"","parentSpanId":"1"', "bad-parent": JIDS + ',"parentSpanId":"1"',
    "nulls": '"traceId":null,"name":null,"kind":null,"attributes":null,"status":null,"endTimeUnixNano":null,"events":[{}],"x":[[{}]]',
    "values": JIDS + ',"attributes":[' + ",".join('{"key":"k","value":%s}' % v for v in (
        '{"stringValue":"s"}', '{"boolValue":true}', '{"boolValue":null}', '{"intValue":"-1"}', '{"intValue":1e3}', '{"doubleValue":"NaN"}', '{"doubleValue":"Infinity"}',
        '{"doubleValue":"-Infinity"}', '{"doubleValue":0.5}', '{"bytesValue":"AP/-_w=="}', '{"bytesValue":null}', '{}', 'null', '{"arrayValue":{"values":[{"intValue":1}]}}',
        '{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{}}}]}}', '{"intValue":null,"doubleValue":null,"stringValue":null}')) + ',{"key":""}]',
    "deep": JIDS + ',"attributes":[{"key":"k","value":' + '{"arrayValue":{"values":[' * 6 + "{}" + "]}}" * 6 + "}]",
    "many": JIDS + ',"attributes":[' + ",".join(['{"key":"k"}'] * 21) + "]",
    **{"wrong-%d" % i: m for i, m in enumerate(('"kind":"2"', '"kind":1.5', '"name":1', '"endTimeUnixNano":-1', '"endTimeUnixNano":true', '"attributes":[1]', '"attributes":{}',
        '"attributes":[{"value":1}]', '"attributes":[{"value":{"intValue":1.5}}]', '"attributes":[{"value":{"doubleValue":"x"}}]', '"attributes":[{"value":{"boolValue":1}}]',
        '"attributes":[{"value":{"bytesValue":"*"}}]', '"attributes":[{"value":{"bytesValue":"AAAAA"}}]', '"name":"\\ud800"', '"status":[]'))},
}
for name, members in MEMBERS.items():
    write("fuzz_otlp_json", "span-" + name, ('{"resourceSpans":[{"scopeSpans":[{"scope":{"name":"s","version":"1"},"spans":[{%s}]}]}]}' % members).encode())
SPAN = "{%s}" % JIDS
for name, text in {
    "empty": "{}", "null": "null", "array": "[]", "cut": '{"resourceSpans":[{"scopeSpans":[{"spans":[{', "behind": "{} x", "not-object": '{"resourceSpans":[null]}',
    "owners-behind": '{"resourceSpans":[{"scopeSpans":[{"spans":[%s],"scope":null}],"resource":{"attributes":[{"key":"a"}]}}]}' % SPAN,
    "resource-first": '{"resourceSpans":[{"resource":{"attributes":[{"key":"a"}]},"scopeSpans":[{"spans":[%s]}]}]}' % SPAN,
    "resource-twice": '{"resourceSpans":[{"resource":{},"resource":{}}]}', "scopes-twice": '{"resourceSpans":[{"scopeSpans":[],"scopeSpans":[]}]}',
    "many-spans": '{"resourceSpans":[{"resource":{},"scopeSpans":[{"spans":[%s]}]}]}' % ",".join(["{}"] * 301),
    "good-spans": '{"resourceSpans":[{"resource":{},"scopeSpans":[{"spans":[%s]}]}]}' % ",".join([SPAN] * 20),
}.items():
    write("fuzz_otlp_json", "request-" + name, text.encode())


def chunk(kind, data):
    return bytes([kind]) + len(data).to_bytes(3, "little") + data


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF).to_bytes(4, "little")


TEXT, MAGIC = b"hello hello hello", chunk(0xFF, b"sNaPpY")
PACKED = {
    "framed": (4, MAGIC + chunk(1, masked_crc(TEXT) + TEXT) + chunk(0, masked_crc(TEXT) + make.snappy_block(TEXT)) + chunk(0xFE, b"..")),
    "framed-sum": (4, MAGIC + chunk(1, b"...." + TEXT)), "framed-no-sum": (4, MAGIC + chunk(1, b"x")), "framed-unknown": (4, MAGIC + chunk(2, b"")),
    "framed-no-magic": (4, chunk(1, masked_crc(b""))), "framed-magic": (4, chunk(0xFF, b"sNaPpX")), "framed-cut": (4, MAGIC + b"\x01\x05\x00\x00"), "framed-short": (4, MAGIC[:3]),
    "block-lie": (3, b"\xff\xff\xff\xff\x0f\x00"), "block-bad": (3, b"\x05\xff\xff"),
    "lz4": (5, bytes.fromhex("04224d18604082" + "05000080") + b"hello" + bytes(4)), "lz4-cut": (5, bytes.fromhex("04224d18604082")), "lz4-bad": (5, b"." * 20),
    "lz4-two": (5, bytes.fromhex("04224d18604082" + "05000080") + b"hello" + bytes(4) + bytes.fromhex("04224d18604082") + bytes(4)),
    "lz4-over": (0x83, bytes.fromhex("04224d18604082" + "d0070080") + bytes(2000) + bytes(4)),
    "zlib-behind": (1, make.PACK["zlib"](TEXT) + b"x"), "zstd-cut": (2, make.zstd(TEXT)[:-1]), "zstd-two": (2, make.zstd(TEXT) * 2), "zstd-bad": (2, b"...."),
    "zstd-sized": (2, bytes.fromhex("28b52ffd2005290000") + b"hello"),
    "zstd-window": (2, bytes.fromhex("28b52ffd0070010000")), "gzip-two": (0, make.PACK["gzip"](TEXT) * 2), "gzip-bad": (0, b"x" * 20),
    **{f"bomb-{i}": (0x80 + (i - 0x80) % 6, pack(bytes(5000))) for i, pack in enumerate((make.PACK["gzip"], make.PACK["zlib"], make.zstd, make.snappy_block))},
}
for name, (how, data) in PACKED.items():
    write("fuzz_unpack", name, bytes([how]) + data)
for token in ("gzip", "identity", "br"):
    write("fuzz_unpack", "token-" + token, b"\x00" + token.encode())

# Metrics: one body of each kind, in every format.
METRIC_TIMES = field(2, ("f64", make.T0)) + field(3, ("f64", make.T0 + 5))
WHO = field(1, make.pb_attrs({"service.name": "cart", "host.name": "n1", "list": [1, "x"]}, 1))
EXEMPLAR = field(2, ("f64", make.T0)) + field(3, ("dbl", 0.5)) + field(4, b"abcdefgh") + field(5, b"0123456789abcdef") + make.pb_attrs({"k": "v"}, 7)
POINTS = {
    "gauge": (5, METRIC_TIMES + field(4, ("dbl", 0.5)) + make.pb_attrs({"a.b": "c", "n": 3}, 7) + field(5, EXEMPLAR), b""),
    "sum": (7, METRIC_TIMES + field(6, ("f64", 7)), field(2, 2) + field(3, 1)),
    "delta": (7, METRIC_TIMES + field(6, ("f64", 7)), field(2, 1) + field(3, 1)),
    "histogram": (9, METRIC_TIMES + field(4, ("f64", 3)) + field(5, ("dbl", 9.0)) + field(6, bytes(8) + b"\x03" + bytes(7)) + field(7, ("dbl", 1.0)) + field(8, EXEMPLAR), field(2, 2)),
    "exponential": (10, METRIC_TIMES + field(4, ("f64", 3)) + field(6, 40) + field(7, ("f64", 1)) + field(8, field(1, 3) + field(2, b"\x01\x00\x01")), field(2, 2)),
    "summary": (11, METRIC_TIMES + field(4, ("f64", 3)) + field(5, ("dbl", 9.0)) + field(6, field(1, ("dbl", 0.5)) + field(2, ("dbl", 4.0))), b""),
    "unrecorded": (5, METRIC_TIMES + field(8, 1), b""), "no-value": (5, METRIC_TIMES, b""), "no-time": (5, field(4, ("dbl", 1.0)), b""), "no-kind": (7, METRIC_TIMES + field(6, ("f64", 1)), b""),
}
for name, (kind, point, tail) in POINTS.items():
    metric = field(1, "a.b") + field(2, "help") + field(3, "By/s") + field(kind, field(1, point) + tail)
    write("fuzz_otlp_metric", name, field(1, WHO + field(2, field(1, field(1, "lib")) + field(2, metric))))
METRIC_JSON = {
    "gauge": '"gauge":{"dataPoints":[{"timeUnixNano":"5","asDouble":"NaN","attributes":[{"key":"k","value":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":1}}]}}}]}]}',
    "sum": '"sum":{"dataPoints":[{"timeUnixNano":5,"asInt":"3","exemplars":[{"asInt":1,"traceId":"000102030405060708090a0b0c0d0e0f"}]}],"aggregationTemporality":1,"isMonotonic":true}',
    "histogram": '"histogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":5,"count":3,"bucketCounts":["1",2],"explicitBounds":[0.5]}]}',
    "exponential": '"exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":5,"count":3,"scale":-2,"negative":{"offset":-1,"bucketCounts":[3]}}]}',
    "summary": '"summary":{"dataPoints":[{"timeUnixNano":5,"count":1,"sum":2,"quantileValues":[{"quantile":0.5,"value":1}]}]}',
}
for name, data in METRIC_JSON.items():
    write("fuzz_otlp_metric", "json-" + name, ('{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","unit":"s",%s}],"scope":{"name":"s"}}],"resource":{}}]}' % data).encode())

SAMPLE = field(1, ("dbl", 1.5)) + field(2, make.T0 // 10**6)
LABELS = b"".join(field(1, field(1, k) + field(2, v)) for k, v in (("__name__", "up"), ("job", "a")))
NATIVE = field(1, 5) + field(3, ("dbl", 9.0)) + field(4, 6) + field(6, 1) + field(11, field(1, 2) + field(2, 2)) + field(12, b"\x04\x00") + field(15, 7)
FLOAT = field(2, ("dbl", 2.5)) + field(8, field(2, 1)) + field(10, ("dbl", 2.5)) + field(14, 3)
CUSTOM = field(1, 3) + field(4, 105) + field(11, field(2, 2)) + field(12, b"\x02\x02") + field(16, ("dbl", 0.5))
write("fuzz_remote_write", "v1", field(1, LABELS + field(2, SAMPLE) * 3 + field(3, field(1, field(1, "trace_id") + field(2, "x")) + field(2, ("dbl", 1.0)))) + field(3, field(1, 1) + field(2, "up") + field(4, "help")))
write("fuzz_remote_write", "v1-histograms", field(1, LABELS + field(4, NATIVE) + field(4, FLOAT) + field(4, CUSTOM)))
write("fuzz_remote_write", "v1-nameless", field(1, field(1, field(1, "job") + field(2, "a")) + field(2, SAMPLE)))
SYMBOLS = b"".join(field(4, s) for s in (b"", "__name__", "up", "help"))
write("fuzz_remote_write", "v2", SYMBOLS + field(5, field(1, b"\x01\x02") + field(2, SAMPLE) + field(4, field(1, b"\x03\x02")) + field(5, field(1, 1) + field(3, 3))))
write("fuzz_remote_write", "v2-histograms", SYMBOLS + field(5, field(1, b"\x01\x02") + field(3, NATIVE) + field(3, CUSTOM)))
write("fuzz_remote_write", "v2-bad-refs", SYMBOLS + field(5, field(1, b"\x01\x09") + field(2, SAMPLE)))
