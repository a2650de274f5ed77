"""random_spans.py - the spans that each kind of proxy and library makes of one request, as OTLP/JSON."""
import dataclasses

ERRORS = {2, 4, 8, 12, 13, 14, 15}
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
MS = 10**6
ISTIO = {"istio.mesh_id": "cluster.local"}


def pod_name(rng, *parts):
    return "-".join([p for p in parts if p] + ["%08x" % rng.getrandbits(32), "".join(rng.choices("bcdfgh24", k=5))])


@dataclasses.dataclass
class Answer:
    """How a request ends: an HTTP code (None: nobody tells one), a gRPC code or None, the flags of the caller's proxy, the bytes of the
    request and the answer, and whether the callee's proxy denied it."""
    http: int | None
    grpc: int | None = None
    flags: str = ""
    sizes: tuple = (0, 0)
    denied: bool = False

    @property
    def is_error(self):
        return self.grpc in ERRORS if self.grpc is not None else self.http is not None and (self.http == 0 or self.http >= 500)

    def failed_try(self):
        return dataclasses.replace(self, http=502, grpc=14 if self.grpc is not None else None, flags="")

    def quiet(self):
        """As the called side tells it: what the caller's proxy flagged is its own."""
        return dataclasses.replace(self, flags="")


def pairs(attributes):
    return [{"key": k, "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v}} for k, v in attributes.items()]


class Spans:
    """Collects spans; what is random comes from rng."""

    def __init__(self, rng):
        self.rng, self.spans, self.weight, self.trace_state = rng, [], 1, ""

    def new_trace(self):
        """128 bits, or 64 that an old tracer padded."""
        bits = self.rng.choice((128, 128, 64))
        return "%032x" % (self.rng.getrandbits(bits) | 1)

    def span(self, resource, trace, parent, kind, attributes, start, ms, name="op", error=False, scope="", link=None):
        ident = "%016x" % (self.rng.getrandbits(64) | 1)
        span = {"traceId": trace, "spanId": ident, "parentSpanId": parent, "name": name, "kind": kind, "startTimeUnixNano": str(int(start)),
                "endTimeUnixNano": str(int(start + ms * MS)), "attributes": pairs(attributes), "traceState": self.trace_state,
                **({"status": {"code": 2}} if error else {}), **({"links": [{"traceId": link[0], "spanId": link[1]}]} if link else {})}
        self.spans.append({"resource": {"attributes": pairs(resource)}, "scopeSpans": [{"scope": {"name": scope}, "spans": [span]}]})
        return ident

    # --- applications ---

    def application(self, w, trace, parent, kind, attributes, start, ms, error=False, link=None):
        resource = {} if w.tells_nothing else {"service.name": w.own_name, "service.version": w.version, "telemetry.sdk.name": "opentelemetry"}
        if w.space and w.tells_space and not w.tells_nothing:
            resource["service.namespace" if w.new_names else "k8s.namespace.name"] = w.space
        if w.style != "alone" and not w.tells_nothing:
            resource["k8s.pod.name"] = w.pod
        return self.span(resource, trace, parent, kind, attributes, start, ms, error=error, link=link)

    def codes(self, w, answer):
        number = int if w.numbers else str
        names = ("http.request.body.size", "http.response.body.size") if w.new_names else ("http.request_content_length", "http.response_content_length")
        sizes = dict(zip(names, map(number, answer.sizes)))
        if answer.grpc is not None:
            return sizes | {"rpc.grpc.status_code": number(answer.grpc)}
        return sizes | ({"http.response.status_code" if w.new_names else "http.status_code": number(answer.http)} if answer.http else {})

    def asks(self, w, host, port, answer):
        """Attributes of a CLIENT span to host:port."""
        authority = "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)
        if answer.grpc is not None:
            return {"rpc.system": "grpc", **({"server.address": host, "server.port": port} if w.new_names else {"net.peer.name": host, "net.peer.port": port})}
        if w.new_names:
            return {"http.request.method": "GET", "url.full": "http://%s/a" % authority, "server.address": host, "server.port": port}
        return self.rng.choice(({"http.method": "GET", "http.url": "http://%s/a?x=1" % authority},
                                {"http.method": "GET", "http.target": "/a", "net.peer.name": host, "net.peer.port": str(port)},
                                {"http.method": "GET", "http.target": "/a", "http.host": authority}))

    def host_span(self, trace, w, parent, host, port, answer, start):
        return self.application(w, trace, parent, CLIENT, self.asks(w, host, port, answer) | self.codes(w, answer), start + w.clock_ns, 9, answer.is_error)

    def database_span(self, trace, w, parent, system, name, host, start):
        attributes = {"db.system.name": system, "db.namespace": name, "server.address": host} if w.new_names else \
            {"db.system": system, "db.name": name, "net.peer.name": host}
        return self.application(w, trace, parent, CLIENT, {k: v for k, v in attributes.items() if v}, start + w.clock_ns, 3)

    def message_span(self, trace, w, parent, kind, system, topic, start, link=None):
        attributes = {"messaging.system": system, "messaging.destination.name" if w.new_names else "messaging.destination": topic}
        return self.application(w, trace, parent, kind, attributes, start + w.clock_ns, 3, link=link)

    # --- Envoy ---

    def node(self, w):
        if w.style == "consul":
            return w.pod + "-sidecar-proxy"
        if w.style == "front":
            return "front"
        kind = {"router": "router", "waypoint": "waypoint"}.get(w.style, "sidecar")
        return "%s~10.0.0.%d~%s.%s~%s.svc.cluster.local" % (kind, w.number + 1, w.pod, w.space, w.space)

    def envoy_resource(self, w):
        name = w.name + "." + w.space if w.space and w.style != "consul" else "consul" if w.style == "consul" else w.name
        return {"service.name": name, "telemetry.sdk.name": "envoy"}

    def told(self, w, answer):
        """Codes, flags and tags that each of an Envoy's spans has."""
        out = {"component": "proxy", "response_flags": answer.flags or "-", "http.status_code": str(answer.http)}
        if w.style not in ("consul", "front"):
            out |= ISTIO | {"istio.canonical_service": w.name, "istio.canonical_revision": w.version, "istio.namespace": w.space}
        if answer.grpc is not None:
            out["grpc.status_code"] = str(answer.grpc)
        return out

    def envoy(self, w, trace, parent, kind, cluster, url, answer, start, ms, retries=0, more=None):
        attributes = self.told(w, answer) | {"node_id": self.node(w), "http.url": url, "http.method": "GET", "http.protocol": "HTTP/1.1",
                                                "request_size": str(answer.sizes[0]), "response_size": str(answer.sizes[1])} | (more or {})
        if answer.denied and answer.grpc is not None:
            attributes["grpc.message"] = "RBAC: access denied"  # passed on by all on the way
        elif answer.denied and cluster in ("inbound|8080||", "local_app"):
            attributes["response_code_details"] = "rbac_access_denied_matched_policy[none]"
        if cluster:
            attributes["upstream_cluster"] = cluster
        if answer.grpc is not None:
            attributes["grpc.path"] = "/pkg.S/M"
        if retries:
            attributes["retry.count"] = str(retries)
        return self.span(self.envoy_resource(w), trace, parent, kind, attributes, start, ms, name="egress x")

    def upstream(self, w, trace, parent, cluster, answer, start, ms, number):
        """What spawn_upstream_span makes of a try: it names neither node nor URL."""
        attributes = self.told(w, answer) | {"upstream_cluster": cluster, "http.protocol": "HTTP/1.1", **({"retry.count": str(number)} if number else {})}
        return self.span(self.envoy_resource(w), trace, parent, CLIENT, attributes, start, ms, name="router x egress")

    def tries_below(self, w, trace, parent, cluster, answer, tries, start):
        out = []
        for i in range(max(tries, 1)):
            last = i >= tries - 1
            told = answer if last else answer.failed_try()
            out.append(self.upstream(w, trace, parent, cluster, told, start + (2 + 12 * i) * MS, 42 if tries <= 1 else 11, i))
        return out

    def outbound(self, trace, w, parent, cluster, url, answer, tries, start):
        """Ids of the spans that the tries hang below."""
        start += w.clock_ns + MS
        if not w.spawns:
            return [self.envoy(w, trace, parent, CLIENT, cluster, url, answer, start, 48, max(tries - 1, 0))]
        span = self.envoy(w, trace, parent, SERVER, cluster, url, answer, start, 48)
        if tries == 0 and answer.flags in ("UH", "UO", "DC"):
            return [span]
        return self.tries_below(w, trace, span, cluster, answer, tries, start - MS)

    # --- sides of a request ---

    def calling_side(self, trace, w, parent, callee, answer, tries, start):
        url = "http://%s:8080/a" % callee.host
        if w.instrumented:
            parent = self.application(w, trace, parent, CLIENT, self.asks(w, callee.host, 8080, answer) | self.codes(w, answer), start + w.clock_ns, 50, answer.is_error)
        if w.style in ("istio", "consul"):
            return self.outbound(trace, w, parent, callee.cluster, url, answer, tries, start)
        return [self.linkerd(w, trace, parent, "outbound", callee.host, answer, start + w.clock_ns + MS, 48) if w.style == "linkerd" else parent]

    def server_spans(self, trace, w, parent, answer, start, ms, authority):
        """The called side's spans; the id of the innermost."""
        seen = start + w.clock_ns
        quiet = answer.quiet()
        if w.style in ("istio", "consul"):
            cluster = "inbound|8080||" if w.style == "istio" else "local_app"
            parent = self.envoy(w, trace, parent, SERVER, cluster, "http://%s/a" % authority, quiet, seen, ms)
            if answer.denied:
                return parent
            if w.spawns:
                parent = self.upstream(w, trace, parent, cluster, quiet, seen + MS / 20, ms - 0.1, 0)
        elif w.style == "linkerd":
            parent = self.linkerd(w, trace, parent, "inbound", w.host, quiet, seen, ms)
        if w.instrumented:
            attributes = {"rpc.system": "grpc"} if answer.grpc is not None else {"http.request.method" if w.new_names else "http.method": "GET", "http.route": "/a"}
            parent = self.application(w, trace, parent, SERVER, attributes | self.codes(w, answer), seen + MS / 10, ms - 1)
            if self.rng.random() < 0.3:
                parent = self.application(w, trace, parent, INTERNAL, {}, seen + MS / 5, ms - 2)
        return parent

    def linkerd(self, w, trace, parent, direction, host, answer, start, ms):
        """Two spans: where the proxy takes the request, and where it hands it on."""
        resource = {"host.name": w.pod, "service.name": "linkerd-proxy", "linkerd.io/proxy-deployment": w.name, "linkerd.io/workload-ns": w.space,
                    "version": w.version}
        attributes = {"direction": direction, "http.request.method": "GET", "url.path": "/a", "server.address": host, "server.port": "8080",
                      "http.response.status_code": str(answer.http)}
        taken = self.span(resource, trace, parent, SERVER, attributes, start, ms)
        return self.span(resource, trace, taken, CLIENT, attributes, start + MS / 10, ms - 0.2)

    def waypoint_traces(self, caller, callee):
        """Whether there is one that traces: always where nothing else would show the request."""
        return caller is None or not caller.instrumented or not callee.instrumented or self.rng.random() < 0.7

    def waypoint(self, trace, callee, parent, answer, start, ms):
        tags = {"istio.destination_canonical_service": callee.name, "istio.destination_namespace": callee.space} if self.rng.random() < 0.5 else {}
        cluster = "inbound-vip|8080|http|" + callee.host
        return self.envoy(Waypoint(callee), trace, parent, SERVER, cluster, "http://%s:8080/a" % callee.host, answer.quiet(), start, ms, more=tags)

    def gateway_spans(self, gw, trace, parent, cluster, url, answer, tries, start, ms=60):
        """The gateway's own spans; the ids that its tries hang below."""
        if gw.style in ("router", "front"):
            span = self.envoy(gw, trace, parent, SERVER, cluster, url or "http://www.example.com/x", answer, start, ms)
            if not cluster or not gw.spawns or tries == 0:
                return [span]
            return self.tries_below(gw, trace, span, cluster, answer, tries, start)
        resource = {"service.name": gw.name, **({"webengine.name": "Caddy"} if gw.style == "caddy" else {})}
        scope = {"nginx": "nginx", "traefik": "github.com/traefik/traefik"}.get(gw.style, "")
        attributes = {"http.request.method": "GET", "url.path": "/a"} if gw.new_names else {"http.method": "GET", "http.target": "/a"}
        span = self.span(resource, trace, parent, SERVER, attributes | self.codes(gw, answer), start, 60, scope=scope)
        if gw.style != "traefik" or not cluster:
            return [span]
        span = self.span(resource, trace, span, INTERNAL, {}, start + MS / 2, 58, scope=scope)
        return [self.span(resource, trace, span, CLIENT, {"http.request.method": "GET", "url.full": "http://10.0.0.4:8080/a"} | self.codes(gw, answer), start + MS, 57, scope=scope)]


class Waypoint:
    """Stands before a service of its namespace."""
    style, name, version, number, spawns = "waypoint", "waypoint", "latest", 70, False

    def __init__(self, callee):
        self.space, self.pod = callee.space, "waypoint-7d9f4c5b6-x2k44"
