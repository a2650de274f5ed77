"""random_mesh.py - meshes out of a seed, with the spans that their proxies and libraries send and the graph that is true of them.

A workload is of one style: behind a sidecar of Istio, of Consul or of Linkerd, instrumented beside it or not, or instrumented alone.
Clocks of pods differ by seconds, names are odd, versions are two, sidecars try again, requests end before they reach anybody."""
import collections, random

NAMES = ("cart", "web-1", "order_api", "Ünïcode", "a b", "x.y", "svc", "v2", "istio", "api-v2", "pay'ment", 'q"uote', "r-1-2", "host", "default",
         "user", "other", "lb-7d9f4c5b6", "ns")
ERRORS = {2, 4, 8, 12, 13, 14, 15}
INTERNAL, SERVER, CLIENT = 1, 2, 3
MS = 10**6
DEPTH = 4


class Workload:
    """One deployment: a service in one version, with one pod."""

    def __init__(self, rng, number, name, style, version, like):
        self.number, self.style, self.version = number, style, version
        self.name = name if style == "alone" else name.encode("ascii", "ignore").decode().translate({ord(c): "-" for c in "_. "} | {ord(c): "" for c in "'\""}).lower()
        self.space = like.space if like else rng.choice(("shop", "pay", "svc") if style != "alone" else ("", "shop"))
        self.instrumented = like.instrumented if like else style == "alone" or rng.random() < 0.5
        self.own_name = like.own_name if like else self.name if style == "alone" or rng.random() < 0.5 else "the-" + self.name
        self.tells_space = like.tells_space if like else style == "alone" or rng.random() < 0.5
        # The name of Consul's pod is all that its proxy tells; two versions would be two services.
        parts = (self.name, "%08x" % rng.getrandbits(32)) if style == "consul" else (self.name, version, "%08x" % rng.getrandbits(32))
        self.pod = "-".join(parts + ("".join(rng.choices("bcdfgh24", k=5)),))
        self.clock_ns = rng.choice((0, 0, 2000, -3000)) * MS

    @property
    def id(self):
        space = "default" if self.style == "consul" else self.space
        return space + "/" + self.name if space else ("/" if self.name in ("user", "other") else "") + self.name

    @property
    def host(self):
        return {"consul": "%s.virtual.consul" % self.name, "alone": self.name}.get(self.style, "%s.%s.svc.cluster.local" % (self.name, self.space))


class Edge:
    def __init__(self):
        self.requests = self.errors = self.attempts = 0
        self.codes, self.grpc_codes, self.flags, self.versions = (collections.Counter() for _ in range(4))


class Answer:
    """How a request ends: an HTTP code, a gRPC code or None, and the flags of the caller's proxy."""

    def __init__(self, http, grpc=None, flags=""):
        self.http, self.grpc, self.flags = http, grpc, flags

    @property
    def is_error(self):
        return self.grpc in ERRORS if self.grpc is not None else self.http == 0 or self.http >= 500


class Mesh:
    def __init__(self, seed, styles, now_ns, journeys=30):
        self.rng, self.now_ns, self.spans, self.edges = random.Random(seed), now_ns, [], collections.defaultdict(Edge)
        self.services = []
        for number, name in enumerate(self.rng.sample(NAMES, self.rng.randint(4, 9))):
            style = self.rng.choice(styles)
            pods = [Workload(self.rng, number, name, style, "v1", None)]
            if style in ("istio", "alone") and self.rng.random() < 0.4:
                pods.append(Workload(self.rng, number, name, style, "v2", pods[0]))
            self.services.append(pods)
        for _ in range(journeys):
            self.call("%032x" % self.rng.getrandbits(128), None, "", 0, now_ns)

    # --- spans ---

    def span(self, resource, trace, parent, kind, attributes, start, ms, name="op", error=False):
        ident = "%016x" % self.rng.getrandbits(64)
        span = {"traceId": trace, "spanId": ident, "parentSpanId": parent, "name": name, "kind": kind, "startTimeUnixNano": str(int(start)),
                "endTimeUnixNano": str(int(start + ms * MS)), "attributes": pairs(attributes), **({"status": {"code": 2}} if error else {})}
        self.spans.append({"resource": {"attributes": pairs(resource)}, "scopeSpans": [{"spans": [span]}]})
        return ident

    def application(self, w, trace, parent, kind, attributes, start, ms, error=False):
        resource = {"service.name": w.own_name, "service.version": w.version, "telemetry.sdk.name": "opentelemetry"}
        if w.space and w.tells_space:
            resource["service.namespace"] = w.space
        if w.style != "alone":
            resource["k8s.pod.name"] = w.pod
        return self.span(resource, trace, parent, kind, attributes, start, ms, error=error)

    def envoy(self, w, trace, parent, kind, cluster, url, answer, start, ms, retries=0):
        istio = w.style == "istio"
        node = "sidecar~10.0.0.%d~%s.%s~%s.svc.cluster.local" % (w.number + 1, w.pod, w.space, w.space) if istio else w.pod + "-sidecar-proxy"
        attributes = {"component": "proxy", "node_id": node, "upstream_cluster": cluster, "http.url": url, "http.method": "GET",
                      "http.status_code": str(answer.http), "response_flags": answer.flags or "-"}
        if istio:
            attributes |= {"istio.canonical_service": w.name, "istio.canonical_revision": w.version, "istio.namespace": w.space}
        if answer.grpc is not None:
            attributes |= {"grpc.path": "/pkg.S/M", "grpc.status_code": str(answer.grpc)}
        if retries:
            attributes["retry.count"] = str(retries)
        return self.span({"service.name": w.name + "." + w.space if istio else "consul", "telemetry.sdk.name": "envoy"}, trace, parent, kind, attributes, start, ms)

    def linkerd(self, w, trace, parent, direction, host, answer, start, ms):
        """Two spans: where the proxy takes the request, and where it hands it on."""
        resource = {"host.name": w.pod, "service.name": "linkerd-proxy", "linkerd.io/proxy-deployment": w.name, "linkerd.io/workload-ns": w.space,
                    "version": w.version}
        attributes = {"direction": direction, "http.request.method": "GET", "url.path": "/a", "server.address": host, "server.port": "8080",
                      "http.response.status_code": str(answer.http)}
        taken = self.span(resource, trace, parent, SERVER, attributes, start, ms)
        return self.span(resource, trace, taken, CLIENT, attributes, start + MS / 10, ms - 0.2)

    # --- requests ---

    def call(self, trace, caller, parent, depth, start):
        """One request of `caller` (None: somebody outside) to a service that its proxy can name, and what that asks for in turn."""
        fits = [s for s in self.services if caller is None or s[0].number != caller.number and (s[0].style == caller.style or "alone" in (s[0].style, caller.style) and
                                                                                             s[0].instrumented and "consul" not in (s[0].style, caller.style))]
        if not fits:
            return
        pods = self.rng.choice(fits)
        by_envoy = caller is not None and caller.style in ("istio", "consul")
        answer, arrives = self.decide(pods[0], caller, by_envoy)
        tries = self.rng.randint(2, 3) if by_envoy and arrives and self.rng.random() < 0.2 else int(arrives)
        edge = self.edges[caller.id if caller else "user", pods[0].id]
        edge.requests += 1
        edge.errors += answer.is_error
        edge.attempts += max(tries, 1)
        if answer.grpc is not None:
            edge.grpc_codes[str(answer.grpc)] += 1
        else:
            edge.codes[str(answer.http)] += 1
        if answer.flags:
            edge.flags[answer.flags] += 1
        above = self.calling_side(trace, caller, parent, pods[0].host, answer, tries, start) if caller else parent
        for i in range(tries):
            last = i == tries - 1
            w = self.rng.choice(pods)
            told = answer if last else Answer(502, 14 if answer.grpc is not None else None)
            if last and (w.style != "consul" or w.instrumented):
                edge.versions[w.version] += 1
            self.called_side(trace, w, above, told, start + (3 + 12 * i) * MS, 40 if tries == 1 else 10, depth)

    def decide(self, callee, caller, by_envoy):
        """(answer, whether it reaches anybody). A failed try is told apart from what comes in the end: 502, or 14 for gRPC."""
        # What only Linkerd's proxies see has no gRPC status.
        grpc = self.rng.random() < 0.3 and all(w is None or w.style != "linkerd" for w in (callee, caller))
        if by_envoy and callee.style != "alone" and self.rng.random() < 0.1:
            flags = self.rng.choice(("UF", "UH", "UO", "DC"))
            if flags == "DC":
                return Answer(0, None, flags), False
            return Answer(200, 14, flags) if grpc else Answer(503, None, flags), False
        return (Answer(200, self.rng.choice((0, 0, 5, 13))) if grpc else Answer(self.rng.choice((200, 200, 404, 500, 503)))), True

    def calling_side(self, trace, w, parent, host, answer, tries, start):
        start, url = start + w.clock_ns, "http://%s:8080/a" % host
        if w.instrumented:
            attributes = {"rpc.system": "grpc", "server.address": host} if answer.grpc is not None else {"http.request.method": "GET", "url.full": url}
            parent = self.application(w, trace, parent, CLIENT, attributes | codes(answer), start, 50, answer.is_error)
        if w.style in ("istio", "consul"):
            service = host.split(".")[0]
            cluster = "outbound|8080||" + host if w.style == "istio" else service + ".default.dc1.internal.11111111-2222-3333-4444-555555555555.consul"
            return self.envoy(w, trace, parent, CLIENT, cluster, url, answer, start + MS, 48, max(tries - 1, 0))
        return self.linkerd(w, trace, parent, "outbound", host, answer, start + MS, 48) if w.style == "linkerd" else parent

    def called_side(self, trace, w, parent, answer, start, ms, depth):
        seen = start + w.clock_ns
        quiet = Answer(answer.http, answer.grpc)  # what the caller's proxy flagged is its own
        if w.style in ("istio", "consul"):
            cluster = "inbound|8080||" if w.style == "istio" else "local_app"
            parent = self.envoy(w, trace, parent, SERVER, cluster, "http://%s:8080/a" % w.host, quiet, seen, ms)
        elif w.style == "linkerd":
            parent = self.linkerd(w, trace, parent, "inbound", w.host, quiet, seen, ms)
        if w.instrumented:
            attributes = {"rpc.system": "grpc"} if answer.grpc is not None else {"http.request.method": "GET", "http.route": "/a"}
            parent = self.application(w, trace, parent, SERVER, attributes | codes(answer), seen + MS / 10, ms - 1)
            if self.rng.random() < 0.3:
                parent = self.application(w, trace, parent, INTERNAL, {}, seen + MS / 5, ms - 2)
        if depth < DEPTH:
            for _ in range(self.rng.choice((0, 0, 1, 1, 2)) if depth else self.rng.choice((1, 2))):
                self.call(trace, w, parent, depth + 1, start + 5 * MS)

    # --- sending and comparing ---

    def requests(self, size=5):
        """OTLP/JSON documents: all spans in any order, a tenth of the documents twice."""
        spans = self.rng.sample(self.spans, len(self.spans))
        documents = [{"resourceSpans": spans[i:i + size]} for i in range(0, len(spans), size)]
        return self.rng.sample(documents + documents[::10], len(documents) + len(documents[::10]))

    def complaints(self, graph):
        found = collections.defaultdict(Edge)
        for e in graph["edges"]:
            one = found[e["client"], e["server"]]
            for name in ("requests", "errors", "attempts"):
                setattr(one, name, getattr(one, name) + e[name])
            for name in ("codes", "grpc_codes", "flags"):
                getattr(one, name).update(e[name])
            for v in e["versions"]:
                one.versions.update({v["server_version"]: v["requests"]} if v["server_version"] else {})
        out = ["%s > %s: %s" % (*key, "missing" if key in self.edges else "extra") for key in self.edges.keys() ^ found.keys()]
        for key in self.edges.keys() & found.keys():
            for name, want in vars(self.edges[key]).items():
                got = getattr(found[key], name)
                if got != want and not (name == "versions" and not want):
                    out.append("%s > %s: %s %s, want %s" % (*key, name, got, want))
        return out


def codes(answer):
    if answer.grpc is not None:
        return {"rpc.grpc.status_code": answer.grpc}
    return {"http.response.status_code": answer.http} if answer.http else {}


def pairs(attributes):
    return [{"key": k, "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v}} for k, v in attributes.items()]
