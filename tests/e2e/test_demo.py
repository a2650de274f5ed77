"""test_demo.py - the demo's mesh against its own truth: requests, errors, attempts equal, every percentile inside the bound."""
import collections, json, os, pathlib, signal, subprocess, sys, tempfile, time, urllib.error, urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from weft import BINARY, ROOT, Suite, Weft

CONFIG = "admin: true\nretention: { edges: 0 }\n"
GRPC_ERRORS = {2, 4, 8, 12, 13, 14, 15}


def run_demo(weft, folder, *args):
    truth = pathlib.Path(folder) / "truth.json"
    got = subprocess.run([BINARY, "demo", "--to", weft.grpc, "--truth", str(truth), *args], capture_output=True, text=True, timeout=120)
    assert got.returncode == 0, got.stderr[-1000:]
    weft.flush()
    return json.loads(truth.read_text())


def node_of(truth, name):
    """Service id of what the truth calls a workload, an authority or the driver."""
    if name == "driver":
        return "user"
    for w in truth["notes"]["workloads"]:
        if name in (w["name"], w["service"] + "." + w["ns"] + ".svc.cluster.local:" + name.rsplit(":", 1)[-1]) or (w["gateway"] and name == w["service"]):
            return w["ns"] + "/" + w["service"]
    return name


def is_error(code):
    if code == "ok":
        return False
    return int(code[5:]) in GRPC_ERRORS if code.startswith("grpc:") else code == "0" or int(code) >= 500


def expected_edges(truth):
    edges = collections.defaultdict(lambda: {"requests": 0, "errors": 0, "attempts": 0, "codes": collections.Counter()})
    for e in truth["edges"]:
        x = edges[node_of(truth, e["client"]), node_of(truth, e["service"])]
        x["requests"] += e["asked"]
        x["attempts"] += e["asked"]
        for code, n in e["codes"].items():
            x["errors"] += n if is_error(code) else 0
            if code != "ok":
                x["codes"][code.removeprefix("grpc:")] += n
    for r in truth["received"]:
        edges[node_of(truth, r["client"]), node_of(truth, r["workload"])]["attempts"] += r["repeated"]
    return edges


def check_counts(weft, truth, span):
    want = expected_edges(truth)
    got = {(e["client"], e["server"]): e for e in weft.json("/api/mesh/graph", **span)["edges"]}
    assert set(got) == set(want), "missing %s, extra %s" % (set(want) - set(got), set(got) - set(want))
    for key, x in want.items():
        e = got[key]
        for field in ("requests", "errors", "attempts"):
            assert e[field] == x[field], "%s > %s: %s %s, want %d" % (*key, field, e[field], x[field])
        codes = {k: v for k, v in {**e["codes"], **e["grpc_codes"]}.items() if v}
        if e["grpc_codes"]:
            codes = {k: v for k, v in e["grpc_codes"].items() if v}
        assert codes == dict(x["codes"]), "%s > %s: codes %s, want %s" % (*key, codes, dict(x["codes"]))
    return len(want)


def check_percentiles(weft, truth, span):
    """Truth rows whose (client, service) pair has one path are comparable number by number."""
    rows = collections.Counter((e["client"], e["service"]) for e in truth["edges"])
    checked = 0
    edges = {(e["client"], e["server"]): e for e in weft.json("/api/mesh/graph", group="workload", **span)["edges"]}
    workloads = {w["name"]: w["ns"] + "/" + w["name"] for w in truth["notes"]["workloads"]}
    for e in truth["edges"]:
        client = "user" if e["client"] == "driver" else workloads[e["client"]]
        found = [x for (c, s), x in edges.items() if c == client and s.rsplit("-v", 1)[0] == node_of(truth, e["service"])]
        if rows[e["client"], e["service"]] != 1 or len(found) != 1 or not found[0]["client_latency"]:
            continue
        latency = found[0]["client_latency"]
        for q in ("p50", "p90", "p99", "max"):
            want = e["client_%s_ms" % q]
            bound = 1e-9 if q == "max" else latency["error"]
            assert abs(latency[q] - want) <= bound * want + 1e-9, "%s > %s %s: %g, want %g" % (e["client"], e["service"], q, latency[q], want)
        assert latency["count"] == e["asked"]
        assert abs(latency["mean"] * latency["count"] - e["client_sum_ms"]) <= 1e-6 * e["client_sum_ms"]
        checked += 1
    assert checked >= 8, "only %d edges could be compared" % checked


def truth_equals_graph():
    with Weft(config=CONFIG) as weft, tempfile.TemporaryDirectory() as folder:
        truth = run_demo(weft, folder, "--seed", "7", "--rate", "150", "--duration", "12s")
        span = {"start": truth["began_ns"] / 1e9 - 60, "end": truth["ended_ns"] / 1e9 + 60}
        assert check_counts(weft, truth, span) >= 18
        check_percentiles(weft, truth, span)
        spans = weft.spans()
        assert spans["difference"] == 0 and spans["pending"] == 0 and not any(spans["dropped"].values()), spans


def usage_errors():
    for args in (["--rate", "many"], ["--nonsense"], ["--to"]):
        got = subprocess.run([BINARY, "demo", *args], capture_output=True, text=True, timeout=20)
        assert got.returncode == 2 and got.stderr.startswith("weft demo: "), (args, got)


def truth_that_cannot_be_written():
    """is told before the traffic, not behind it."""
    got = subprocess.run([BINARY, "demo", "--to", "127.0.0.1:1", "--truth", "/does/not/exist/truth.json"], capture_output=True, text=True, timeout=20)
    assert got.returncode == 1 and "cannot write /does/not/exist/truth.json" in got.stderr, got


def is_answering(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as got:
            return got.status == 200
    except urllib.error.URLError:
        return False


def dev_demo():
    """prints the address; Ctrl-C, which reaches the whole group, and SIGTERM, which does not, end all of it in time, with nothing lost."""
    for tell, number in ((os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM)):
        dev = subprocess.Popen([ROOT / "dev", "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            words = dev.stdout.readline().split()
            assert words[:1] == ["open"], words
            deadline = time.monotonic() + 20
            while not json.load(urllib.request.urlopen(words[1] + "api/mesh/graph", timeout=5))["edges"]:
                assert time.monotonic() < deadline, "no edges came"
                time.sleep(0.05)
            began = time.monotonic()
            tell(dev.pid, number)
            said = dev.communicate(timeout=10)[1]
            took = time.monotonic() - began
            assert dev.returncode == 0 and took <= 5, (dev.returncode, took, said)
            assert " 0 not taken" in said and not is_answering(words[1]), said
        finally:
            if dev.poll() is None:
                dev.terminate()


def main():
    suite = Suite("demo")
    suite.run("./dev demo", dev_demo)
    suite.run("truth equals graph", truth_equals_graph)
    suite.run("usage errors", usage_errors)
    suite.run("truth that cannot be written", truth_that_cannot_be_written)
    suite.close()


if __name__ == "__main__":
    main()
