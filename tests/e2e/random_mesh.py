"""random_mesh.py - meshes out of a seed, with the spans that their proxies and libraries send and the graph that is true of them.

A workload is behind a sidecar of Istio, Consul or Linkerd (which may spawn upstream spans, and beside which the application may be
instrumented or not), behind a waypoint, or instrumented alone. Clocks of pods differ by seconds, names are odd and stand in several
namespaces, versions are two, proxies try again, requests end before they reach anybody, are mirrored, come through gateways, leave
through one, go to hosts, databases and queues. Attributes have their old or their new names, codes are numbers or text."""
import collections, dataclasses, random

from random_spans import CLIENT, CONSUMER, INTERNAL, MS, PRODUCER, SERVER, Answer, Spans, pod_name

NAMES = ("cart", "web-1", "order_api", "Ünïcode", "a b", "x.y", "svc", "v2", "istio", "api-v2", "pay'ment", 'q"uote', "r-1-2", "host", "default",
         "user", "other", "unknown", "lb-7d9f4c5b6", "ns", "shop", "a-very-long-name-of-a-service-that-goes-on-until-it-has-sixty-three-ch", "0")
SPACES = ("shop", "pay", "svc", "cart", "team-a")
DEPTH = 4
CONSUL = "%s.default.dc1.internal.11111111-2222-3333-4444-555555555555.consul"
THRESHOLDS = {1: "", 2: "ot=th:8", 4: "a=b,ot=rv:123456789abcde;th:c"}


class Workload:
    """One deployment: a service in one version, with one pod."""

    def __init__(self, rng, number, name, style, version, like):
        self.number, self.style, self.version = number, style, version
        self.name = name if style == "alone" else name.encode("ascii", "ignore").decode().translate({ord(c): "-" for c in "_. "} | {ord(c): "" for c in "'\""}).lower()
        coin = lambda p: rng.random() < p
        self.space = like.space if like else rng.choice(SPACES if style != "alone" else ("", "shop"))
        self.instrumented = like.instrumented if like else style == "alone" or coin(0.5)
        self.own_name = like.own_name if like else self.name if style == "alone" or coin(0.5) else "the-" + self.name
        self.tells_space = like.tells_space if like else style == "alone" or coin(0.5)
        if style == "ambient" and self.tells_space:
            self.own_name = self.name  # nobody else says that the two are one
        self.tells_nothing = style in ("istio", "consul", "linkerd") and coin(0.15)
        self.spawns = style in ("istio", "consul") and (like.spawns if like else coin(0.4))
        self.loses_context = style not in ("alone", "ambient") and not self.instrumented and coin(0.2)
        self.new_names, self.numbers = coin(0.5), coin(0.5)
        # The name of Consul's pod is all that its proxy tells; two versions would be two services.
        self.pod = pod_name(rng, self.name, "" if style == "consul" else version)
        self.clock_ns = rng.choice((0, 0, 2000, -3000)) * MS

    @property
    def id(self):
        space = "default" if self.style == "consul" else self.space
        return space + "/" + self.name if space else ("/" if self.name in ("user", "other", "unknown") else "") + self.name

    @property
    def host(self):
        return {"consul": "%s.virtual.consul" % self.name, "alone": self.name}.get(self.style, "%s.%s.svc.cluster.local" % (self.name, self.space))

    @property
    def cluster(self):
        """How a proxy that sends to it names it."""
        return CONSUL % self.name if self.style == "consul" else "outbound|8080||" + self.host


class Gateway:
    """A proxy that is a workload of its own."""
    instrumented = tells_nothing = loses_context = False

    def __init__(self, rng, style):
        self.style, self.number, self.version = style, 90, "latest"
        self.name = {"router": "gw", "front": "front-proxy"}.get(style, style)
        self.space = "edge" if style == "router" else ""
        self.spawns = style == "front" or style == "router" and rng.random() < 0.7
        self.new_names, self.numbers, self.clock_ns = rng.random() < 0.5, rng.random() < 0.5, 0
        self.pod = pod_name(rng, self.name, "")
        self.id = self.space + "/" + self.name if self.space else self.name


class Edge:
    """Counters of one edge, weighted; the fields of the API that are held against it."""
    FIELDS = ("requests", "errors", "attempts", "retried", "clients", "servers", "transits", "skipped", "denied", "request_bytes", "response_bytes")
    TALLIES = ("codes", "grpc_codes", "flags", "versions")

    def __init__(self):
        for name in self.FIELDS:
            setattr(self, name, 0)
        for name in self.TALLIES:
            setattr(self, name, collections.Counter())

    @classmethod
    def of_answer(cls, edges):
        out = cls()
        for e in edges:
            for name in ("requests", "errors", "attempts", "retried", "denied", "request_bytes", "response_bytes"):
                setattr(out, name, getattr(out, name) + (e[name] or 0))
            for name in ("codes", "grpc_codes", "flags"):
                getattr(out, name).update(e[name])
            for v in e["versions"]:
                out.versions.update({v["server_version"]: v["requests"]} if v["server_version"] else {})
            for name, field in (("clients", "client_latency"), ("servers", "server_latency"), ("transits", "transit_latency")):
                setattr(out, name, getattr(out, name) + (e[field]["count"] if e[field] else 0))
            out.skipped += e["transit_skipped"]
        return out


class Mesh(Spans):
    def __init__(self, seed, styles, now_ns, journeys=30, gateways=(), sampled=False):
        super().__init__(random.Random(seed))
        self.edges = collections.defaultdict(Edge)
        rng, self.services = self.rng, []
        for number, name in enumerate(rng.sample(NAMES, rng.randint(4, 9))):
            self.add_service(number, name, rng.choice(styles))
        if len(self.services) > 4:
            self.add_twin()
        self.gateways = [Gateway(rng, style) for style in gateways]
        self.egress = Gateway(rng, "router") if "istio" in styles and rng.random() < 0.5 else None
        for _ in range(journeys):
            self.weight = rng.choice((1, 2, 4)) if sampled else 1
            self.trace_state = THRESHOLDS[self.weight]
            self.enter(self.new_trace(), now_ns)

    def add_service(self, number, name, style):
        pods = [Workload(self.rng, number, name, style, "v1", None)]
        if style in ("istio", "alone", "linkerd", "ambient") and self.rng.random() < 0.4:
            pods.append(Workload(self.rng, number, name, style, "v2", pods[0]))
        self.services.append(pods)

    def add_twin(self):
        """A service of the same name in another namespace, where both tell theirs."""
        first = self.services[0][0]
        if first.style in ("istio", "linkerd", "ambient"):
            self.add_service(len(self.services), first.name, first.style)
            twin, others = self.services[-1], {s[0].space for s in self.services[:-1] if s[0].name == first.name}
            for w in self.services[0] + twin:
                w.tells_space, w.own_name = True, first.name
            for w in twin:
                w.space = "twin" if w.space in others else w.space

    # --- truth ---

    def count(self, client, server, answer, tries=1, clients=0, servers=0, version=None, flags=(), queue=False, sized=True):
        e, n = self.edges[client, server], self.weight
        e.requests += n
        e.errors += n * answer.is_error
        e.attempts += n * max(tries, 1)
        e.retried += n * (tries > 1)
        e.clients += n * clients
        e.servers += n * servers
        e.denied += n * answer.denied
        e.request_bytes += n * answer.sizes[0] * sized
        e.response_bytes += n * answer.sizes[1] * sized
        if clients and servers:
            if tries <= 1 and servers == 1:
                e.transits += n
            else:
                e.skipped += n
        if version:
            e.versions[version] += n
        if answer.grpc is not None:
            e.grpc_codes[str(answer.grpc)] += n
        elif not queue:
            e.codes[str(answer.http)] += n
        for flag in ([answer.flags] if answer.flags else []) + list(flags):
            e.flags[flag] += n

    # --- requests ---

    def enter(self, trace, start):
        """A journey: somebody outside asks a gateway, or a service."""
        if not self.gateways or self.rng.random() < 0.2:
            self.call(trace, None, "", 0, start)
            return
        gw = self.rng.choice(self.gateways)
        fits = [s for s in self.services if s[0].style == "alone" or s[0].style != "consul" and gw.style in ("router", "front")]
        if not fits or gw.style == "router" and self.rng.random() < 0.1:
            answer = Answer(404, None, "NR" if gw.style in ("router", "front") else "")
            self.gateway_spans(gw, trace, "", "", "", answer, 0, start)
            self.count("user", gw.id, answer, servers=1, version=gw.version if gw.style == "router" else None)
            return
        pods = self.rng.choice(fits)
        answer, arrives = self.decide(pods[0], None, gw.style in ("router", "front"))
        if gw.style not in ("router", "front"):
            answer.grpc = None
            answer.http = answer.http or 503
        tries = self.rng.randint(2, 3) if gw.spawns and arrives and self.rng.random() < 0.3 else int(arrives)
        self.count("user", gw.id, dataclasses.replace(answer, denied=False), servers=1, version=gw.version if gw.style == "router" else None)
        above = self.gateway_spans(gw, trace, "", pods[0].cluster if gw.style == "router" else pods[0].host, "http://www.example.com/a", answer, tries, start)
        self.arrive(trace, gw, gw.id, pods, above, answer, tries, 0, start, clients=gw.style not in ("nginx", "caddy"))

    def call(self, trace, caller, parent, depth, start):
        """One request of `caller` (None: somebody outside) to a service that its proxy can name, and what that asks for in turn."""
        fits = [s for s in self.services if caller is None or s[0].number != caller.number and self.can_call(caller, s[0])]
        if not fits:
            return
        pods = self.rng.choice(fits)
        by_envoy = caller is not None and caller.style in ("istio", "consul")
        answer, arrives = self.decide(pods[0], caller, by_envoy)
        tries = self.rng.randint(2, 3) if by_envoy and arrives and self.rng.random() < 0.2 else int(arrives)
        if caller and caller.loses_context:
            trace, parent = self.new_trace(), ""
        above = self.calling_side(trace, caller, parent, pods[0], answer, tries, start) if caller else [parent]
        self.arrive(trace, caller, caller.id if caller else "user", pods, above, answer, tries, depth, start, clients=caller is not None and self.has_client_side(caller))

    def arrive(self, trace, caller, client, pods, above, answer, tries, depth, start, clients):
        """The request reaches pods of a service `tries` times below the spans `above`, the last of which is answered as the caller is told."""
        version, servers = None, 0
        envoys = ("istio", "consul", "router", "front")
        sized = caller is not None and (caller.instrumented or caller.style in envoys or caller.style in ("caddy", "traefik"))
        traced = pods[0].style == "ambient" and self.waypoint_traces(caller, pods[0])
        clients = clients or traced
        for i in range(tries):
            last, w = i == tries - 1, self.rng.choice(pods)
            told = answer if last else answer.failed_try()
            sized |= traced or w.instrumented or w.style in envoys
            observed = w.style not in ("ambient",) or w.instrumented
            if last and observed and (w.style != "consul" or w.instrumented and not w.tells_nothing and not answer.denied):
                version = w.version
            servers += observed
            below, at = above[min(i, len(above) - 1)], start + (3 + 12 * i) * MS
            if traced:
                below = self.waypoint(trace, w, below, told, at, 41 if tries == 1 else 11)
            self.called_side(trace, w, below, told, at, 40 if tries == 1 else 10, depth)
        self.count(client, pods[0].id, answer, tries, clients, servers, version, sized=sized)
        if caller is not None and caller.style == "istio" and tries == 1 and self.rng.random() < 0.15:
            self.mirror(trace, caller, pods[0], above[0], start)

    def mirror(self, trace, caller, original, above, start):
        copies = [s for s in self.services if s[0].style == "istio" and s[0].number not in (caller.number, original.number)]
        if not copies:
            return
        w, answer = self.rng.choice(self.rng.choice(copies)), Answer(self.rng.choice((200, 500)), sizes=(3, 4))
        self.called_side(trace, w, above, answer, start + 4 * MS, 20, DEPTH, authority=original.host + "-shadow:8080")
        self.count(caller.id, w.id, answer, servers=1, version=w.version, flags=("mirror",))

    def can_call(self, caller, callee):
        if caller.style == callee.style:
            return True
        if caller.style == "ambient" and not caller.instrumented:
            return False  # what it copies headers to shows nothing that tells it from the called service itself
        pair = {caller.style, callee.style}
        if "consul" in pair:
            return False
        if callee.style == "ambient":
            return caller.instrumented or caller.style == "ambient"
        return "alone" in pair and callee.instrumented

    def has_client_side(self, w):
        return w.instrumented or w.style in ("istio", "consul", "linkerd")

    def decide(self, callee, caller, by_envoy):
        """(answer, whether it reaches anybody). A failed try is told apart from what comes in the end: 502, or 14 for gRPC."""
        # What only Linkerd's proxies see has no gRPC status.
        grpc = self.rng.random() < 0.3 and all(w is None or w.style != "linkerd" for w in (callee, caller))
        answer, arrives = Answer(200 if grpc else self.rng.choice((200, 200, 404, 500, 503)), self.rng.choice((0, 0, 5, 13)) if grpc else None), True
        if by_envoy and callee.style in ("istio", "consul") and self.rng.random() < 0.1:
            answer, arrives = Answer(200 if grpc else 503, 14 if grpc else None, self.rng.choice(("UF", "UH", "UO"))), False
        elif by_envoy and callee.style in ("istio", "consul") and self.rng.random() < 0.05:
            answer, arrives = Answer(0, None, "DC"), False
        elif callee.style in ("istio", "consul") and self.rng.random() < 0.05:
            answer = Answer(200 if grpc else 403, 7 if grpc else None, denied=True)
        return dataclasses.replace(answer, sizes=(self.rng.randint(0, 999), self.rng.choice((0, 10**6)))), arrives

    def called_side(self, trace, w, parent, answer, start, ms, depth, authority=None):
        parent = self.server_spans(trace, w, parent, answer, start, ms, authority or w.host + ":8080")
        if depth >= DEPTH or answer.denied:
            return
        for _ in range(self.rng.choice((0, 0, 1, 1, 2)) if depth else self.rng.choice((1, 2))):
            self.call(trace, w, parent, depth + 1, start + 5 * MS)
        if w.instrumented and self.rng.random() < 0.3:
            self.rng.choice((self.ask_database, self.ask_host, self.send_message))(trace, w, parent, start + 6 * MS)
        if w.style == "istio" and self.rng.random() < 0.3:
            self.rng.choice((self.pass_through, self.leave))(trace, w, parent, start + 7 * MS)

    # --- ends that send nothing ---

    def ask_database(self, trace, w, parent, start):
        system, name, host = self.rng.choice((("postgresql", "orders", "db.shop"), ("redis", "", "10.0.0.7"), ("mysql", "x", "")))
        self.database_span(trace, w, parent, system, name, host, start)
        self.count(w.id, system + (":" + name if name else "") + ("@" + host if host else ""), Answer(None), clients=1, queue=True)

    def ask_host(self, trace, w, parent, start):
        host, port = self.rng.choice((("api.example.org", 443), ("10.9.8.7", 8443), ("2001:db8::7", 8443), ("2001:db8::8", 443)))
        answer = Answer(self.rng.choice((200, 429, 502)), sizes=(1, 2**31))
        self.host_span(trace, w, parent, host, port, answer, start)
        name = host if port == 443 else "%s:%d" % ("[%s]" % host if ":" in host else host, port)
        self.count(w.id, name, answer, clients=1)

    def send_message(self, trace, w, parent, start):
        """A message, and who takes it: below the producer's span, or in a trace of its own that links to it."""
        system, topic = self.rng.choice((("kafka", "orders"), ("rabbitmq", "a.b")))
        sent = self.message_span(trace, w, parent, PRODUCER, system, topic, start)
        self.count(w.id, "%s:%s" % (system, topic), Answer(None), clients=1, queue=True)
        takers = [s for s in self.services if s[0].style == "alone" and s[0].number != w.number]
        for pods in self.rng.sample(takers, min(len(takers), 2)):
            taker = self.rng.choice(pods)
            own = self.rng.random() < 0.5
            self.message_span(self.new_trace() if own else trace, taker, "" if own else sent, CONSUMER, system, topic, start + 20 * MS, (trace, sent))
            self.count("%s:%s" % (system, topic), taker.id, Answer(None), servers=1, version=taker.version, queue=True)

    def pass_through(self, trace, w, parent, start):
        cluster, node = self.rng.choice((("PassthroughCluster", "api.example.net"), ("BlackHoleCluster", "blocked")))
        answer = Answer(200) if node != "blocked" else Answer(502)
        self.outbound(trace, w, parent, cluster, "http://api.example.net/b", answer, 1, start)
        self.count(w.id, node, answer, clients=1)

    def leave(self, trace, w, parent, start):
        """Out through an egress gateway."""
        if self.egress is None:
            return
        answer, url = Answer(self.rng.choice((200, 503))), "http://api.example.com/v1"
        above = self.outbound(trace, w, parent, "outbound|80||gw.edge.svc.cluster.local", url, answer, 1, start)
        self.gateway_spans(self.egress, trace, above[0], "outbound|443||api.example.com", url, answer, 1, start + MS, 45)
        self.count(w.id, self.egress.id, answer, clients=1, servers=1, version="latest")
        self.count(self.egress.id, "api.example.com", answer, clients=1)

    # --- sending and comparing ---

    def requests(self, size=5):
        """OTLP/JSON documents: all spans in any order, a tenth of the documents twice."""
        spans = self.rng.sample(self.spans, len(self.spans))
        documents = [{"resourceSpans": spans[i:i + size]} for i in range(0, len(spans), size)]
        return self.rng.sample(documents + documents[::10], len(documents) + len(documents[::10]))

    def complaints(self, graph):
        found = collections.defaultdict(list)
        for e in graph["edges"]:
            found[e["client"], e["server"]].append(e)
        out = ["%s > %s: %s" % (*key, "missing" if key in self.edges else "extra") for key in self.edges.keys() ^ found.keys()]
        for key in self.edges.keys() & found.keys():
            got = vars(Edge.of_answer(found[key]))
            for name, want in vars(self.edges[key]).items():
                if got[name] != want:
                    out.append("%s > %s: %s %s, want %s" % (*key, name, got[name], want))
        return sorted(out)
