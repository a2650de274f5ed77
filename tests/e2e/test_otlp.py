"""test_otlp.py - the answers the OTLP specification prescribes, on both transports, with own bytes."""
import base64, gzip, http.client, json, pathlib, resource, sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import corpus, packing
from test_run import span
from weft import Suite, Weft, wait_until

CONFIG = "admin: true\nlimits: { body: 64KiB, unpacked: 256KiB, spans: 100 }\nretention: { edges: 0 }\n"
JSON, PROTO = {"Content-Type": "application/json"}, {"Content-Type": "application/x-protobuf"}


def field(number, payload):
    out, n = bytearray([number << 3 | 2]), len(payload)
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return bytes(out + bytes([n])) + payload


def fixed64(number, value):
    return bytes([number << 3 | 1]) + value.to_bytes(8, "little")


def proto_spans(*ids, trace=b"\x07" * 16, start=1700000000 * 10**9):
    """ExportTraceServiceRequest with one SERVER span per id."""
    spans = b"".join(field(2, field(1, trace) + field(2, i) + field(5, b"GET /") + b"\x30\x02" + fixed64(7, start) + fixed64(8, start + 10**6)) for i in ids)
    name = field(1, field(1, b"service.name") + field(2, field(1, b"proto-shop")))
    return field(1, field(1, name) + field(2, spans))


def post(weft, body, headers, path="/v1/traces", method="POST"):
    return weft.request(path, method, body, headers, otlp=True)


def http_success(w):
    status, headers, body = post(w, json.dumps(span("01" * 16, "01" * 8)).encode(), JSON)
    assert (status, headers["Content-Type"], json.loads(body)) == (200, "application/json", {}), (status, body)
    status, headers, body = post(w, proto_spans(b"\x02" * 8), PROTO)
    assert (status, headers["Content-Type"], body) == (200, "application/x-protobuf", b""), (status, body)
    for body, kind in ((b"", PROTO), (b"{}", JSON), (b'{"resourceSpans":[]}', {"Content-Type": "application/json; charset=utf-8"})):
        assert post(w, body, kind)[0] == 200, body


def http_encodings(w):
    for number, (name, pack) in enumerate(packing.HTTP.items()):
        received = w.spans()["received"]
        body = proto_spans(*[bytes([number + 1]) * 7 + bytes([i]) for i in range(50)], trace=b"\x03" * 16)
        packed = pack(body)
        assert len(packed) < len(body) or name == "identity", name
        status, _, answer = post(w, packed, {**PROTO, "Content-Encoding": name})
        assert status == 200, (name, status, answer)
        wait_until(name, lambda: w.spans()["received"] == received + 50)
        status, headers, _ = post(w, pack(bytes(1 << 20)) if name != "identity" else bytes(100 * 1024), {**PROTO, "Content-Encoding": name})
        assert status == 413, (name, "bomb", status)
        status, _, answer = post(w, packed[:-9], {**PROTO, "Content-Encoding": name})
        assert status == 400, (name, "cut off", status, answer)


def http_encodings_not_spoken(w):
    body = proto_spans(b"\x03" * 8)
    for lines in (("br",), ("gzip, gzip",), ("gzip", "gzip"), ("identity", "gzip"), ("gzip", "br")):
        c = http.client.HTTPConnection(w.otlp, timeout=20)
        c.putrequest("POST", "/v1/traces")
        for name, value in [("Content-Type", PROTO["Content-Type"]), ("Content-Length", str(len(body)))] + [("Content-Encoding", line) for line in lines]:
            c.putheader(name, value)
        c.endheaders(body)
        response = c.getresponse()
        answer = response.read()
        assert response.status == 415 and b"x-snappy-framed, lz4" in answer and "zstd" in response.headers["Accept-Encoding"], (lines, response.status, answer)
        c.close()


def http_partial_success(w):
    status, _, body = post(w, json.dumps(span("00" * 16, "01" * 8)).encode(), JSON)
    partial = json.loads(body)["partialSuccess"]
    assert status == 200 and int(partial["rejectedSpans"]) == 1 and partial["errorMessage"], body
    assert w.spans()["rejected"].get("invalid_id", 0) >= 1


def http_wrong(w):
    rows = (
        ("undecodable proto", b"\xff\xff\xff", PROTO, {}, 400, "application/x-protobuf"),
        ("undecodable json", b'{"resourceSpans":', JSON, {}, 400, "application/json"),
        ("enum as a word", b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}]}', JSON, {}, 400, "application/json"),
        ("wrong type", b"x", {"Content-Type": "text/plain"}, {}, 415, "application/json"),
        ("damaged gzip", b"\x1f\x8b\x08nope", {**PROTO, "Content-Encoding": "gzip"}, {}, 400, "application/x-protobuf"),
        ("too many spans", proto_spans(*[i.to_bytes(8, "big") for i in range(1, 102)]), PROTO, {}, 413, "application/x-protobuf"),
        ("bomb", gzip.compress(bytes(1 << 20)), {**PROTO, "Content-Encoding": "gzip"}, {}, 413, "application/x-protobuf"),
    )
    for name, body, headers, _, want, kind in rows:
        status, got, answer = post(w, body, headers)
        assert status == want and got["Content-Type"] == kind and answer, (name, status, got["Content-Type"], answer)
    status, headers, _ = post(w, None, {}, method="GET")
    assert status == 405 and headers["Allow"] == "POST", (status, headers)
    assert post(w, b"{}", JSON, path="/v1/unknown")[0] == 404


def http_too_big(w):
    c = http.client.HTTPConnection(w.otlp, timeout=20)
    c.request("POST", "/v1/traces", body=bytes(100 * 1024), headers=PROTO)
    assert c.getresponse().status == 413
    c.close()


def grpc(w, body, **headers):
    client = corpus.GrpcClient(w.grpc)
    try:
        path = headers.pop("path", corpus.SPANS_GRPC)
        return client.call(path, {"content-type": "application/grpc", "te": "trailers", **{k.replace("_", "-"): v for k, v in headers.items()}}, body)
    finally:
        client.close()


def grpc_sentence(w, body, **headers):
    client = corpus.GrpcClient(w.grpc)
    try:
        client.call(corpus.SPANS_GRPC, {"content-type": "application/grpc", "te": "trailers", **headers}, body)
        return client.trailers["grpc-message"]
    finally:
        client.close()


def framed(message, flag=0):
    return bytes([flag]) + len(message).to_bytes(4, "big") + message


def grpc_answers(w):
    message = proto_spans(b"\x04" * 8)
    rows = (
        ("plain", framed(message), {}, 0),
        *((name, framed(pack(message), 1), {"grpc_encoding": name}, 0) for name, pack in packing.GRPC.items()),
        ("plain though gzip is named", framed(message), {"grpc_encoding": "gzip"}, 0),
        ("empty", framed(b""), {}, 0),
        ("undecodable", framed(b"\xff\xff"), {}, 3),
        ("flag without encoding", framed(message, 1), {}, 13),
        ("unknown encoding", framed(message, 1), {"grpc_encoding": "br"}, 12),
        ("unknown method", framed(message), {"path": "/nobody.Knows/This"}, 12),
        ("too big", framed(bytes(100 * 1024)), {}, 8),
        *((name + " bomb", framed(pack(bytes(1 << 20)), 1), {"grpc_encoding": name}, 8) for name, pack in packing.GRPC.items()),
        *((name + " cut off", framed(pack(message)[:-3], 1), {"grpc_encoding": name}, 3) for name, pack in packing.GRPC.items()),
    )
    for name, body, headers, want in rows:
        status, _ = grpc(w, body, **headers)
        assert status == want, "%s: grpc-status %s, want %d" % (name, status, want)
    told = grpc_sentence(w, framed(message, 1), **{"grpc-encoding": "br"})
    assert "br" in told and all(name in told for name in packing.GRPC), told


def grpc_partial_success(w):
    status, data = grpc(w, framed(proto_spans(b"\x00" * 8, b"\x05" * 8)))
    assert status == 0 and len(data) > 5 and data[5] == 0x0a, data


def retry_after_a_full_disk(w):
    """What was read and could not be kept is to come again, in 1 to 3 s; then it is taken."""
    client = corpus.GrpcClient(w.grpc)

    def call():
        return client.call(corpus.SPANS_GRPC, {"content-type": "application/grpc", "te": "trailers"}, framed(proto_spans(b"\x06" * 8)))[0]
    resource.prlimit(w.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    assert call() == 14
    details = client.trailers["grpc-status-details-bin"]
    told = base64.b64decode(details + "=" * (-len(details) % 4))
    delay = told.split(b"type.googleapis.com/google.rpc.RetryInfo", 1)[1]  # then any.value = {retry_delay {seconds}}
    assert delay[0] == 0x12 and delay[2] == 0x0a and delay[4] == 0x08 and 1 <= delay[5] <= 3, told
    status, headers, _ = post(w, proto_spans(b"\x06" * 8), PROTO)
    assert status == 503 and 1 <= int(headers["Retry-After"]) <= 3, (status, headers)
    resource.prlimit(w.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_until("taken again", lambda: call() == 0)
    client.close()


def account_balances(w):
    w.flush()
    status = w.json("/api/mesh/status")
    spans = status["account"]["spans"]
    assert spans["difference"] == 0 and spans["pending"] == 0, spans
    ends = spans["stored"] + spans["sampled_out"] + sum(sum(spans[k].values()) for k in ("rejected", "dropped", "refused"))
    assert spans["received"] == ends > 0, spans
    assert status["requests"]["rejected"] >= 8, status["requests"]


def main():
    suite = Suite("otlp")
    with Weft(config=CONFIG) as w:
        for test in (http_success, http_encodings, http_encodings_not_spoken, http_partial_success, http_wrong, http_too_big, grpc_answers, grpc_partial_success, retry_after_a_full_disk,
                     account_balances):
            suite.run(test.__name__.replace("_", " "), test, w)
    suite.close()


if __name__ == "__main__":
    main()
