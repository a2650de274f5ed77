#!/usr/bin/env python3
"""make_seeds.py - writes the seeds of the codec fuzzers: requests of tests/data, and small ones for each rule of
docs/otlp-input.md. Run it again after tests/data/make.py has changed."""
import json, pathlib, struct, subprocess, sys

ROOT = pathlib.Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests/data"), str(ROOT / "tests/e2e")]
import make
from make import field
from packing import masked_crc

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
VALUES = {"s": "text", "b": True, "i": 1, "d": 0.5, "by": b"\x00\xff\x01", "none": None, "list": [True, False, -1, 0.5, b"\x00\xfb", None, "x", [1]],
          "map": {"a": {"b": [1]}, "c": False, "d": None}, "1st": "a", "_x": "b", "__y": "c", "\u00e9": "d", "\u00e9a": "e", "": "f"}
UNKNOWN = field(100, 1) + field(101, "x")
TWICE = b"".join(field(7, field(1, k) + field(2, field(1, v))) for k, v in (("z", "1"), ("a_b", "2"), ("a.b", "3"), ("a.b", "4"), ("a.b", "5"), ("job", "no"), ("le", "no")))
EXEMPLARS = b"".join(field(8, field(2, ("f64", make.T0)) + value + UNKNOWN) for value in (field(3, ("dbl", 2.0)), field(6, ("f64", 1)), field(3, ("dbl", float("nan"))), field(3, ("dbl", 0.5)), make.pb_attrs({"span_id": "x"}, 7) + field(4, b"abcdefgh"), make.pb_attrs({"long": "x" * 130}, 7) + field(4, b"abcdefgh")))
WORDS = bytes(8) + b"\x03" + bytes(7)
FLAT = METRIC_TIMES + field(4, ("f64", 3))
PEOPLE = field(1, make.pb_attrs({"service.name": "cart", "service.namespace": "shop", "service.instance.id": 7, "host.name": "n1", **VALUES}, 1) + field(2, 1) + UNKNOWN)
SCOPE = field(1, field(1, "lib") + field(2, "1.0") + make.pb_attrs({"a.b": 1, "a_b": "c"}, 3) + field(4, 1) + UNKNOWN)
MORE_POINTS = {
    "values": (5, METRIC_TIMES + field(4, ("dbl", 0.5)) + make.pb_attrs(VALUES, 7) + UNKNOWN, b""),
    "joined": (9, FLAT + field(6, WORDS) + field(7, ("dbl", 1.0)) + TWICE.replace(b"\x3a", b"\x4a") + field(10, 0) + field(11, ("dbl", 1.0)) + field(12, ("dbl", 2.0)) + UNKNOWN, field(2, 2)),
    "exemplars": (9, FLAT + b"".join(field(6, ("f64", n)) for n in (1, 1, 1)) + field(7, WORDS[:8] + b"\0\0\0\0\0\0\xf0\x3f") + EXEMPLARS, field(2, 2)),
    "bounds-fall": (9, FLAT + field(6, WORDS + bytes(8)) + field(7, ("dbl", 2.0)) + field(7, ("dbl", 1.0)), field(2, 2)),
    "bounds-few": (9, FLAT + field(6, WORDS), field(2, 2)), "packed-cut": (9, FLAT + field(6, WORDS[:-1]), field(2, 2)),
    "stale": (10, METRIC_TIMES + field(10, 1), field(2, 2)), "histogram-stale": (9, METRIC_TIMES + field(10, 1), field(2, 2)), "summary-stale": (11, METRIC_TIMES + field(8, 1), b""),
    "exponential-all": (10, FLAT + field(5, ("dbl", 9.0)) + field(6, 1) + field(7, ("f64", 1)) + field(8, field(1, 3) + field(2, 1) + field(2, 1) + UNKNOWN) + field(9, field(2, b"\x01")) +
                        EXEMPLARS.replace(b"\x42", b"\x5a") + field(12, ("dbl", 1.0)) + field(13, ("dbl", 2.0)) + field(14, ("dbl", 0.1)) + UNKNOWN, field(2, 2) + UNKNOWN),
    "exponential-wrong": (10, METRIC_TIMES + field(4, ("f64", 1)) + field(6, 40) + field(8, field(2, b"\x80")), field(2, 2)),
    "exponential-count": (10, METRIC_TIMES + field(4, ("f64", 1)) + field(6, 2) + field(8, field(2, b"\x05\x05")), field(2, 2)),
    "summary-all": (11, FLAT + field(6, field(1, ("dbl", 0.5)) + field(2, ("dbl", 4.0)) + UNKNOWN) + make.pb_attrs({"quantile": "x", "k": 1}, 7) + UNKNOWN, UNKNOWN),
    "many": (5, METRIC_TIMES + field(4, ("dbl", 1.0)) + make.pb_attrs({str(i): "v" for i in range(21)}, 7), b""),
    "deep": (5, METRIC_TIMES + field(4, ("dbl", 1.0)) + field(7, field(1, "k") + deep(6)), b""), "broken": (5, METRIC_TIMES + field(7, field(1, 1)), b""),
    "microseconds": (7, field(2, ("f64", make.T0 // 1000)) + field(3, ("f64", make.T0)) + field(6, ("f64", 7)), field(2, 2) + field(3, 1)),
    "negative": (7, METRIC_TIMES + field(6, ("f64", (1 << 64) - 1)), field(2, 2)), "ratio": (5, METRIC_TIMES + field(4, ("dbl", 0.5)), b""),
}
for name, (kind, point, tail) in MORE_POINTS.items():
    metric = field(1, "1.ratio_total") + field(3, "1" if name == "ratio" else "{x}/s") + field(kind, field(1, point) + tail) + UNKNOWN + field(4, 1)
    write("fuzz_otlp_metric", name, field(1, PEOPLE + field(2, SCOPE + field(2, metric) * 2 + field(3, "u") + UNKNOWN) + field(3, "u") + UNKNOWN) + UNKNOWN)
GAUGE = field(5, field(1, METRIC_TIMES + field(4, ("dbl", 0.5))))
write("fuzz_otlp_metric", "nameless", field(1, field(2, field(2, GAUGE) + field(2, field(1, "_") + GAUGE))))
write("fuzz_otlp_metric", "no-resource", field(1, make.pb_attrs({"k": 1}, 1) + field(2, field(2, field(1, "a") + field(3, "s/min") + GAUGE))))
write("fuzz_otlp_metric", "too-many-samples", field(1, field(2, field(2, field(1, "a") + field(5, field(1, field(6, ("f64", 1))) * 501)))))
METRIC_JSON = {
    "gauge": '"gauge":{"dataPoints":[{"timeUnixNano":"5","asDouble":"NaN","attributes":[{"key":"k","value":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":1}}]}}}]}]}',
    "sum": '"sum":{"dataPoints":[{"timeUnixNano":5,"asInt":"3","exemplars":[{"asInt":1,"traceId":"000102030405060708090a0b0c0d0e0f"}]}],"aggregationTemporality":1,"isMonotonic":true}',
    "histogram": '"histogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":5,"count":3,"bucketCounts":["1",2],"explicitBounds":[0.5]}]}',
    "exponential": '"exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":5,"count":3,"scale":-2,"negative":{"offset":-1,"bucketCounts":[3]}}]}',
    "summary": '"summary":{"dataPoints":[{"timeUnixNano":5,"count":1,"sum":2,"quantileValues":[{"quantile":0.5,"value":1}]}]}',
}
for name, data in METRIC_JSON.items():
    write("fuzz_otlp_metric", "json-" + name, ('{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","unit":"s",%s}],"scope":{"name":"s"}}],"resource":{}}]}' % data).encode())

JSON_VALUES = json.dumps(make.js_attrs({**VALUES, "": "g"}) + [{"key": "n", "value": {"arrayValue": {"values": [{"intValue": 1}, {"doubleValue": "NaN"}, {"boolValue": None}, {}, {"x": 1}]}}},
    {"key": "swapped", "value": {"kvlistValue": {"values": [{"value": {"intValue": "1"}, "x": [1], "key": "k"}, {"key": "only"}, {"key": None}, {}]}}}])
JSON_ALL = '"startTimeUnixNano":"4","timeUnixNano":"5","flags":0,"count":3,"sum":1.5,"attributes":%s,' % JSON_VALUES
JSON_EXEMPLARS = '"exemplars":[{"timeUnixNano":"5","asDouble":0.5,"traceId":"000102030405060708090a0b0c0d0e0f","spanId":"0000000000000001","filteredAttributes":[{"key":"k"}],"x":1},{"spanId":"zz","traceId":"","asInt":null}]'
METRIC_JSON_MORE = {
    "histogram": '"histogram":{"aggregationTemporality":2,"dataPoints":[{%s"bucketCounts":["1","2"],"explicitBounds":[0.5],"min":1,"max":2,%s}]}' % (JSON_ALL, JSON_EXEMPLARS),
    "exponential": '"exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{%s"scale":2,"zeroCount":"1","zeroThreshold":0.1,"positive":{"offset":-1,"bucketCounts":["2"]},"negative":{}}]}' % JSON_ALL,
    "summary": '"summary":{"dataPoints":[{%s"quantileValues":[{"quantile":0.5,"value":1,"x":[]}]}]}' % JSON_ALL,
    "null": '"sum":{"isMonotonic":null,"aggregationTemporality":null,"dataPoints":[{"timeUnixNano":null,"asInt":null,"attributes":null}]},"gauge":null',
    "bad-count": '"histogram":{"dataPoints":[{"bucketCounts":[1.5]}]}', "bad-bound": '"histogram":{"dataPoints":[{"explicitBounds":["x"]}]}', "bad-list": '"histogram":{"dataPoints":[{"explicitBounds":[true]}]}',
    "bad-array": '"histogram":{"dataPoints":[{"bucketCounts":1}]}', "bad-bool": '"sum":{"isMonotonic":1}', "cut": '"sum":{"isMonotonic":t', "cut-list": '"histogram":{"dataPoints":[{"bucketCounts":[1,x',
    "bad-kind": '"sum":{"aggregationTemporality":"x"}', "bad-attributes": '"gauge":{"dataPoints":[{"attributes":[1]}]}',
    **{f"bytes-{i}": '"gauge":{"dataPoints":[{"asInt":1,"timeUnixNano":5,"attributes":[{"key":"k","value":{"bytesValue":"%s"}}]}]}' % text for i, text in enumerate(("az09+/-_QQ==", "A", "*AAA"))},
}
for name, data in METRIC_JSON_MORE.items():
    write("fuzz_otlp_metric", "json-all-" + name, ('{"resourceMetrics":[{"schemaUrl":"u","scopeMetrics":[{"metrics":[{"description":"d","name":"a","unit":"s",%s}],"schemaUrl":"u","scope":{"name":"s","version":"1","attributes":[{"key":"k"}]}}],"resource":{"attributes":%s}}]}' % (data, JSON_VALUES)).encode())
POINT_JSON = {
    **{"attributes-" + name: members.replace(JIDS, '"asInt":1') for name, members in MEMBERS.items() if '"attributes":' in members},
    **{f"number-{i}": text for i, text in enumerate(('"asDouble":"Infinity"', '"asDouble":"-Infinity"', '"asDouble":"x"', '"asInt":1e3', '"asInt":"x"', '"asInt":1.5', '"flags":1e3', '"flags":"x"', '"flags":null,"exemplars":null'))},
    "cut-points": '"asInt":1},', "cut-exemplars": '"exemplars":[{},', "wrong-exemplars": '"exemplars":[1]', "wrong-exemplar": '"exemplars":{}',
}
for name, members in POINT_JSON.items():
    write("fuzz_otlp_metric", "json-point-" + name, ('{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"timeUnixNano":5,%s' % members + ("" if name.startswith("cut") else '}]}}]}]}]}')).encode())
write("fuzz_otlp_metric", "json-resource-deep", ('{"resourceMetrics":[{"resource":{%s},"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asInt":1}]}}]}]}]}' % MEMBERS["deep"].replace(JIDS + ",", "")).encode())
for name, text in {"cut-bytes": '{"resourceMetrics":[{"resource":{"attributes":[{"key":"k","value":{"boolValue":tr', "enum": '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"aggregationTemporality":1.5}}]}]}]}', "twice": '{"resourceMetrics":[{"resource":{},"resource":{}}]}', "metrics-twice": '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[],"metrics":[]}]}]}', "behind": "{} x", "wrong": '{"resourceMetrics":1}'}.items():
    write("fuzz_otlp_metric", "json-" + name, text.encode())

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
ODD_LABEL = field(1, field(2, "a") + field(1, "job") + UNKNOWN)
LONG_LABEL = field(1, field(1, "long") + field(2, "x" * 130))
ODD_SAMPLES = field(2, SAMPLE + field(3, 5) + UNKNOWN) + field(2, field(1, ("dbl", 1.0))) + field(2, b"") + field(2, field(2, 1 << 63))
NAME = field(1, field(1, "__name__") + field(2, "up_bucket"))
ODD_EXEMPLARS = field(3, field(1, field(1, "k") + field(2, "v")) + field(2, ("dbl", 1.0)) + field(3, 5) + UNKNOWN) + field(3, field(1, field(1, "\xff".encode("latin-1")) + field(2, "v")))
write("fuzz_remote_write", "v1-odd", field(1, LONG_LABEL + NAME + ODD_LABEL + ODD_SAMPLES + ODD_EXEMPLARS + UNKNOWN))
write("fuzz_remote_write", "v1-not-utf8", field(1, NAME + field(1, field(1, "b") + field(2, b"\xff")) + field(2, SAMPLE)))
write("fuzz_remote_write", "v1-twice", field(1, NAME + NAME + field(2, SAMPLE)))
write("fuzz_remote_write", "v1-no-samples", field(1, NAME))
METADATA = field(1, 3) + field(2, "up_bucket") + field(4, "help") + field(5, "s") + field(3, "") + UNKNOWN
write("fuzz_remote_write", "v1-metadata", field(3, METADATA) * 2 + field(3, field(1, 99) + field(2, b"\xff")) + field(3, b"") + field(9, 1))
write("fuzz_remote_write", "v1-many", field(1, LABELS + field(2, SAMPLE) * 501))
write("fuzz_remote_write", "v1-series", field(1, NAME + field(2, b"")) * 40)
ALL = field(1, 9) + field(3, ("dbl", 9.0)) + field(4, 6) + field(5, ("dbl", 0.1)) + field(6, 1) + field(8, field(1, 2) + field(2, 2)) + field(9, 4) + field(9, 1) + field(11, field(2, 2)) + field(12, b"\x06\x00") + field(15, 7) + field(17, 3) + UNKNOWN
FLOAT_ALL = field(2, ("dbl", 4.5)) + field(7, ("dbl", 0.5)) + field(8, field(2, 1)) + field(10, ("dbl", 1.5)) + field(11, field(2, 2)) + field(13, struct.pack("<dd", 1.0, 1.5)) + field(14, 2)
WRONG = (field(9, ("f64", 1)), field(9, b"\xff"), field(10, 1), field(10, b"short"), field(11, 1), field(11, field(1, "x")), field(11, b"\xff"), field(18, 1) + field(1, "x"), field(12, b"\xff" * 11))
write("fuzz_remote_write", "v1-histograms-all", field(1, NAME + field(4, ALL) + field(4, FLOAT_ALL) + field(4, field(1, 5) + field(4, 6)) * 2))
for i, wrong in enumerate(WRONG):
    write("fuzz_remote_write", f"v1-histogram-wrong-{i}", field(1, NAME + field(4, field(1, 1) + wrong)))
MORE_SYMBOLS = b"".join(field(4, s) for s in ("", "__name__", "up_count", "s", b"\xff", "job"))
META = field(1, 5) + field(3, 3) + field(4, 3) + field(2, 1) + UNKNOWN
write("fuzz_remote_write", "v2-odd", MORE_SYMBOLS + field(5, field(1, 1) + field(1, 2) + field(2, SAMPLE + field(3, 5)) + field(4, field(1, 5) + field(1, 3) + field(2, ("dbl", 1.0)) + field(3, 5) + UNKNOWN) +
      field(4, field(1, b"\x05")) + field(4, field(1, b"\x05\x04")) + field(5, META) + field(6, 1) + UNKNOWN) + field(9, 1))
write("fuzz_remote_write", "v2-not-utf8", MORE_SYMBOLS + field(5, field(1, b"\x01\x04") + field(2, SAMPLE)))
write("fuzz_remote_write", "v2-odd-refs", MORE_SYMBOLS + field(5, field(1, b"\x01\x02\x05") + field(2, SAMPLE)))
write("fuzz_remote_write", "v2-cut-refs", MORE_SYMBOLS + field(5, field(1, b"\x01\x82")))


# HTTP/2: calls of /a.B/C, behind the preface that fuzz_http2 sends for a first byte of 1.
def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def text(s):
    return bytes([len(s)]) + s.encode()


def call(stream, headers=(), data=None, end=1):
    block = b"\x83\x86\x04" + text("/a.B/C") + b"\x01" + text("h") + b"\x00" + text("te") + text("trailers") + b"\x0f\x10" + text("application/grpc")
    block += b"".join(b"\x00" + text(name) + text(value) for name, value in headers)
    return frame(1, 4, stream, block) + (frame(0, end, stream, data) if data is not None else b"")


MESSAGE = bytes(5)
TIMEOUTS = ("1H", "1M", "10S", "100m", "100u", "100n", "1x", "S", "xS", "99999999H", "123456789S")
write("fuzz_http2", "timeouts", b"\x01" + b"".join(call(2 * i + 1, [("grpc-timeout", value)], MESSAGE) for i, value in enumerate(TIMEOUTS)))
write("fuzz_http2", "budget", b"\x01" + b"".join(call(2 * i + 1, (), MESSAGE[:4] + b"\x09x", 0) for i in range(64)))
# Messages of as many bytes as small limits allow, and one more.
for size in (20, 21):
    write("fuzz_http2", f"message-{size}", b"\x21" + call(1, (), struct.pack(">BI", 0, size) + bytes(size)))

# Images: the chunks of a golden file, as they were, cut in two, and wrong ones. The fuzzer makes the checksums fit.
CHUNK_CONTINUES, IMAGE_CHUNKS, content = 0x80, [], (ROOT / "tests/golden/image_content_v1.bin").read_bytes()
while content:
    length, at = content[0] & 127, 1
    while content[at - 1] & 128:
        length, at = length | (content[at] & 127) << 7 * at, at + 1
    IMAGE_CHUNKS.append(content[at:at + length])
    content = content[at + length:]


def image(chunks):
    heads = b"".join(struct.pack("<IIQ", len(c), 0, 0) + c for c in chunks)
    return b"\x01" + bytes(24) + heads + struct.pack("<IIQ", 0xFFFFFFFF, 0, 0)


PIECES = [piece for c in IMAGE_CHUNKS for piece in (bytes([c[0] | CHUNK_CONTINUES]) + c[1:len(c) // 2], c[:1] + c[max(len(c) // 2, 1):])]
for name, chunks in {"golden": IMAGE_CHUNKS, "pieces": PIECES, "no-end": IMAGE_CHUNKS[:-1], "unknown-kind": IMAGE_CHUNKS[:1] + [b"\x1fx"], "cut-chunk": IMAGE_CHUNKS[:-2] + [IMAGE_CHUNKS[-2][:-1]]}.items():
    write("fuzz_image", name, image(chunks))


# Two native histograms: a flag byte (float, two bits of hint, custom bounds), numbers, spans, buckets, bounds.
def number(v):
    return bytes([v]) if isinstance(v, int) and 0 <= v < 250 else b"\xff" + struct.pack("<d", v)


def native(counts, bounds=None, schema=3, hint=0, sum=5, threshold=0, negative=(), offset=0):
    def side(values):
        return bytes(3) if not values else bytes([1, offset, len(values), 0, 0]) + b"".join(b"\x00" + number(v) for v in values)
    total = 0
    for v in (*counts, *negative):
        total += v
    head = bytes([1 | hint << 1 | (8 if bounds is not None else 0)]) + (b"" if bounds is not None else bytes([schema & 255]))
    tail = b"" if bounds is None else bytes([len(bounds)]) + b"".join(map(number, bounds))
    return head + number(total) + number(sum) + number(0) + number(threshold) + side(counts) + side(negative) + tail


NATIVES = {
    "bounds": native([1, 2, 3], [1, 2, 3]) + native([1, 1, 1], [1, 3, 5]), "bounds-more": native([1, 2, 3], [1, 2, 3], hint=1) + native([2, 2, 3], [1, 3], hint=2),
    "bounds-negative": native([1, 2, 3], [-1.0, 0, 3]) + native([1, 2, 4], [-1.0, 0, 3]), "bounds-inf": native([1, 1], [-2.0]) + native([1, 1], [-2.0]),
    "mixed": native([1, 2], [1]) + native([1, 2]), "gauge": native([1, 2], hint=3) + native([3, 2], hint=3), "conflict": native([1, 2], hint=1) + native([3, 2], hint=2),
    "huge": native([1e308], sum=1e308) + native([1e308], sum=1e308), "huge-negative": native([], negative=[1.5e308]) + native([], negative=[1.5e308]),
    "threshold": native([1], threshold=-1.0) + native([1]), "wide": native([1, 2, 3], threshold=200) + native([1, 2, 3], schema=0, threshold=64), "schema": native([1], schema=60) + native([1]),
    "falls": native([5, 2, 3], hint=2) + native([1, 1]), "grows": native([1, 1, 1], negative=[1]) + native([2, 2, 3], negative=[2, 2]), "index": native([1], offset=2, schema=-4) + native([1], schema=8),
    "bounds-unordered": native([1], [2, 1]) + native([1]), "empty": native([]) + native([], []),
    "means": native([1, 2], sum=-5.0) + native([2, 2], sum=1),
    "otlp": native([1]) + native([1]) + bytes([3, 3, 1, 2, 0]) + b"\x01\x01\x02\x02\x03" + number(float("inf")), "otlp-scale": native([1]) + native([1]) + bytes([2, 0x85, 0, 0, 0]) + bytes([1, 2, 1, 1]),
    "otlp-wide": native([1]) + native([1]) + bytes([2, 20, 0]) + b"\xfe\xff\xff\xff\x0f" + bytes([0, 1, 1, 0, 2]), "otlp-threshold": native([1]) + native([1]) + bytes([0, 1, 0, 0]) + number(-1.0),
}
for name, data in NATIVES.items():
    write("fuzz_native_histogram", name, data)

# PromQL that is refused behind its first words, and joins.
PROMQL = ("sum()", "quantile(1)", "topk(1, 2, 3)", "a + on(b) group_left c", "a * on(b) group_left(d) c", "a / ignoring(b) group_right(d) c", "a + on(b) group_left fill_left(1) fill_right(2) c",
          "a + fill(3) b", "a + fill_right(1) b", "a + fill_right(1) fill_left(2) b", "a offset 1m[5m]", "a @ 1[5m]", "a[5m:1m", "1 offset 1m", "a offset 1m offset 2m", "a @ Inf", "a @ -Inf", "a @ NaN", "a @ 1e300", "1 @ 1",
          "a @ 1 @ 2", "a[5m:] anchored", "a anchored", "a[5m] anchored smoothed", "sum(a) smoothed", "a[5m] smoothed", "a[5m:1m] smoothed")
for i, expression in enumerate(PROMQL):
    write("fuzz_promql", f"refused-{i}", expression.encode())
