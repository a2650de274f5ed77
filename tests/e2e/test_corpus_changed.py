"""test_corpus_changed.py [--full] [FOLDER] - captures of meshes under other names, ports, addresses, ids and clocks, in requests of other sizes: the
graph is that of the truth, changed alike. FOLDER defaults to WEFT_CORPUS or ../shared/corpus."""
import hashlib, pathlib, random, re, sys, tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import corpus
from otlp_rewrite import request_of, spans_of
from test_corpus import CONFIG, check_graph, is_mesh

QUICK = ("envoy-small", "envoy-consul", "envoy-istio-sdk", "envoy-istio-attempts")  # all of a folder that is named, or with --full
from weft import Suite, Weft, shared

# Whole words, wherever they stand: names like their namespaces, like versions, like words of hosts and of meshes, long ones, digits.
NAMES = (
    {"cart": "shop", "catalog": "a-name-as-long-as-kubernetes-takes-one-sixty-three-characters-x", "payment": "svc", "ledger": "v2", "inventory": "outbound",
     "report": "user", "legacy": "local", "pay": "payments-eu-1", "stock": "default", "flaky": "x", "empty": "unknown", "api": "cdn9", "billing": "default", "search": "0"},
    {"cart": "web-v1", "catalog": "cart-v2", "payment": "pay", "ledger": "istio", "inventory": "cluster", "faulty": "inbound", "burst": "a-b-c-d-e", "pay": "pay-pay",
     "shop": "svc", "stock": "shop", "fraud": "consul", "billing": "internal", "api": "other"},
)


def renamed(names):
    word = re.compile(r"(?<![A-Za-z0-9_])(%s)(?![A-Za-z0-9_])" % "|".join(names))
    return lambda text: word.sub(lambda m: names[m.group(1)], text)


def other_ports(text):
    return re.sub(r"(?<=[:|])(8080|9090|80)(?=$|[/|\"*])", lambda m: {"8080": "18443", "9090": "443", "80": "8000"}[m.group(1)], text)


def ipv6(text):
    return re.sub(r"127\.(\d+)\.(\d+)\.(\d+)(:\d+)?", lambda m: ("[fd00::%s:%s:%s]%s" if m.group(4) else "fd00::%s:%s:%s%s") % (m.group(1), m.group(2), m.group(3), m.group(4) or ""), text)


def skew_of(span):
    """A clock for each sender, seconds away from the others'."""
    return int.from_bytes(hashlib.md5(span.sender()).digest()[:4], "little") % 6000 * 10**6 - 3 * 10**9


def changed_truth(folder, into, change):
    for name in ("graph.json", "truth.json"):
        (into / name).write_text(change((folder / name).read_text()))
    return into


def plain_spans(folder):
    return [s for transport, _, _, body in corpus.span_requests(folder) for s in spans_of(body[5:] if transport == "grpc" else body)]


def is_called_side(span):
    cluster = span.text_of("upstream_cluster") or ""
    return cluster.startswith("inbound|") or cluster == "local_app" or span.kind() == 2 and span.text_of("component") != "proxy"


def called_side_missing(folder):
    """Requests, errors and codes are what the callers saw; who answered, and how often it was tried, nobody tells."""
    spans = [s for s in plain_spans(folder) if not is_called_side(s)]
    try:
        send_and_check(folder, lambda text: text, spans, 40)
    except AssertionError as e:
        left = [line for line in str(e).splitlines() if line and not re.search(r": (attempts|versions) |complaints$", line)]
        assert not left, "\n" + "\n".join(left)


def replay(folder, change, size, seed, skewed=False, short_ids=False, backwards=False):
    spans = plain_spans(folder)
    for s in spans:
        if skewed:
            s.shift(skew_of(s))
        if short_ids:
            s.map_trace_id(lambda v: bytes(8) + v[8:])
        s.map_text(lambda v: change(v.decode()).encode())
    if backwards:
        spans.reverse()
    else:
        random.Random(seed).shuffle(spans)
    send_and_check(folder, change, spans, size)


def send_and_check(folder, change, spans, size):
    headers = {"Content-Type": "application/x-protobuf"}
    with tempfile.TemporaryDirectory() as scratch, Weft(config=CONFIG) as weft:
        for i in range(0, len(spans), size):
            assert weft.request("/v1/traces", "POST", request_of(spans[i:i + size]), headers, otlp=True)[0] == 200
        weft.flush()
        check_graph(weft, changed_truth(folder, pathlib.Path(scratch), change))
        assert weft.spans()["received"] == len(spans) and not any(weft.spans()["rejected"].values()), weft.spans()


def changes(folder):
    """(what, arguments of replay); ports and addresses are none of Consul's names."""
    same = lambda text: text
    if folder.name in ("envoy-small", "envoy-consul"):
        yield "one a request", (same, 1, 5, True, True)
    yield "all in one, backwards", (same, 10**9, 6, False, False, True)
    for number, names in enumerate(NAMES):
        yield "named anew %d" % (number + 1), (renamed(names), 40, 7 + number, number == 0, number == 1)
    if "consul" not in folder.name:
        yield "other ports and addresses", (lambda text: other_ports(ipv6(text)), 200, 9)


def main():
    suite = Suite("corpus changed")
    named = [a for a in sys.argv[1:] if a != "--full"]
    folder = pathlib.Path(named[0]) if named else shared("corpus")
    if not folder:
        suite.skip("all", "no corpus: set WEFT_CORPUS to the folder of captures")
        suite.close()
    scenarios = [f for f in sorted(folder.iterdir()) if (f / "summary.json").exists() and is_mesh(f) and corpus.span_requests(f)]
    assert scenarios, "no mesh with spans in %s" % folder
    for f in scenarios:
        if len(sys.argv) == 1 and f.name not in QUICK:
            continue
        suite.run(f.name + " called side missing", called_side_missing, f)
        for what, arguments in changes(f):
            suite.run("%s %s" % (f.name, what), replay, f, *arguments)
    suite.close()


if __name__ == "__main__":
    main()
