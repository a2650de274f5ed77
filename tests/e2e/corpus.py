"""corpus.py - reads captures of real clients (index.jsonl, bodies.bin.zst) and sends their span requests again."""
import json, pathlib, socket, subprocess
import http.client

import h2.config, h2.connection, h2.events  # from the venv that ./dev deps makes

SPANS_GRPC = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SPANS_HTTP = "/v1/traces"


def span_requests(folder):
    """[(transport, path, headers, body bytes)] of all requests that carry spans, in capture order, cut ones left out."""
    bodies = subprocess.run(["zstd", "-dc", "--long=27", str(folder / "bodies.bin.zst")], check=True, capture_output=True).stdout
    out = []
    for line in (folder / "index.jsonl").read_text().splitlines():
        r = json.loads(line)
        if r["path"] in (SPANS_GRPC, SPANS_HTTP) and not r.get("cut"):
            out.append((r["transport"], r["path"], r["headers"], bodies[r["off"]:r["off"] + r["len"]]))
    return out


class GrpcClient:
    """One HTTP/2 connection, one call at a time."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), timeout=60)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.sock.sendall(self.h2.data_to_send())

    def close(self):
        self.sock.close()

    def call(self, path, headers, body):
        """(grpc-status, message bytes with prefix). Body keeps gRPC's 5-byte prefix."""
        stream = self.h2.get_next_available_stream_id()
        kept = [(k, v) for k, v in headers.items() if k.startswith("grpc-") or k in ("content-type", "user-agent", "te")]
        self.h2.send_headers(stream, [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "weft")] + kept)
        status, data = None, b""
        sent = 0
        while True:
            while sent < len(body) and self.h2.local_flow_control_window(stream) > 0:
                n = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body) - sent)
                self.h2.send_data(stream, body[sent:sent + n], end_stream=sent + n == len(body))
                sent += n
            self.sock.sendall(self.h2.data_to_send())
            got = self.sock.recv(65536)
            if not got:
                raise ConnectionError("weft closed the connection")
            for event in self.h2.receive_data(got):
                if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                    self.trailers = dict(event.headers)
                    status = self.trailers.get("grpc-status", status)
                elif isinstance(event, h2.events.DataReceived):
                    data += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    self.sock.sendall(self.h2.data_to_send())
                    return int(status), data


class Replayer:
    """Sends requests to a weft over one gRPC and one HTTP connection; counts what was not acknowledged."""

    def __init__(self, weft):
        self.weft, self.grpc, self.http = weft, None, None

    def send(self, request):
        transport, path, headers, body = request
        if transport == "grpc":
            self.grpc = self.grpc or GrpcClient(self.weft.grpc)
            status, _ = self.grpc.call(path, headers, body)
            return status == 0
        if not self.http:
            self.http = http.client.HTTPConnection(self.weft.otlp, timeout=60)
        kept = {k: v for k, v in headers.items() if k in ("content-type", "content-encoding", "user-agent")}
        self.http.request("POST", path, body=body, headers=kept)
        answer = self.http.getresponse()
        answer.read()
        return answer.status == 200

    def send_all(self, requests):
        for i, request in enumerate(requests):
            if not self.send(request):
                raise AssertionError("request %d was not acknowledged" % i)

    def close(self):
        for c in (self.grpc, self.http):
            if c:
                c.close()
        self.grpc = self.http = None
