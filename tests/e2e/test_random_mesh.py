"""test_random_mesh.py [FIRST [LAST]] - the graph of meshes out of seeds, whose spans come in any order, some twice, with a kill -9 in the
middle, is the one that they were made of."""
import pathlib, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from random_mesh import Mesh
from weft import Suite, Weft

CONFIG = "admin: true\nretention: { edges: 0 }\ngraph: { wait: 60s, remember: 600s }\n"
# (styles of workloads, styles of gateways, whether senders sample)
KINDS = ((("istio",), ("router",), False), (("consul",), (), False), (("linkerd",), (), False), (("alone",), ("nginx", "traefik", "caddy"), False),
         (("istio", "alone"), ("router", "front"), True), (("linkerd", "alone"), ("front",), True), (("ambient", "istio", "alone"), ("router",), False))


def one(seed):
    styles, gateways, sampled = KINDS[seed % len(KINDS)]
    now = int(time.time()) - 60
    mesh = Mesh(seed, styles, now * 10**9, gateways=gateways, sampled=sampled)
    documents = mesh.requests((1, 5, 40, 10**6)[seed % 4])
    cut = len(documents) * (seed % 7) // 7
    with Weft(config=CONFIG) as first:
        for document in documents[:cut]:
            assert first.push_json(document) == 200
        first.kill()
        with Weft(data=first.data, config=CONFIG) as again:
            for document in documents[cut:]:
                assert again.push_json(document) == 200
            again.flush()
            graph = again.json("/api/mesh/graph", start=now - 600, end=now + 600)
            spans = again.spans()
    complaints = mesh.complaints(graph)
    assert not complaints, "%s, %d spans:\n%s" % ("+".join(styles), len(mesh.spans), "\n".join(complaints[:40]))
    assert spans["stored"] == len(mesh.spans) and spans["difference"] == 0, (len(mesh.spans), spans)
    for e in graph["edges"]:
        low, high = e["interval"] or (e["requests"], e["requests"])
        assert low <= e["requests"] <= high and (sampled or not e["interval"]), (e["id"], e["interval"])
    assert not sampled or any(e["interval"] for e in graph["edges"]), "no interval"


def main():
    suite = Suite("random mesh")
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    last = int(sys.argv[2]) if len(sys.argv) > 2 else first + 2 * len(KINDS) - 1
    for seed in range(first, last + 1):
        suite.run("seed %d" % seed, one, seed)
    suite.close()


if __name__ == "__main__":
    main()
