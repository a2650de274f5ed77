"""test_corpus.py [FOLDER] - every capture with spans, over the network: in order, shuffled, with duplicates, cut by kill -9.

Mesh scenarios must give the true graph; the others must be accepted whole. FOLDER defaults to WEFT_CORPUS or ../shared/corpus."""
import json, pathlib, random, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import corpus
from weft import Suite, Weft, shared

CONFIG = """
admin: true
retention: { series: 0, edges: 0, spans: 0, logs: 0 }
graph: { wait: 30s, remember: 120s }
"""


def in_order(requests, rng):
    return requests


def shuffled(requests, rng):
    return rng.sample(requests, len(requests))


def duplicated(requests, rng):
    twice = list(requests)
    for request in rng.sample(requests, max(1, len(requests) // 20)):
        twice.insert(rng.randrange(len(twice)), request)
    return twice


def check_graph(weft, folder):
    tools = shared("tools") or folder.resolve().parents[1] / "tools"
    args = [sys.executable, str(tools / "graph_check.py"), str(folder), "--url", "http://" + weft.http, "--evidence", "spans"]
    got = subprocess.run(args, capture_output=True, text=True)
    if got.returncode:
        raise AssertionError("\n" + got.stdout[-3000:] + got.stderr[-1000:])


def replay(folder, order, seed):
    requests = corpus.span_requests(folder)
    with Weft(config=CONFIG) as weft:
        replayer = corpus.Replayer(weft)
        replayer.send_all(order(requests, random.Random(seed)))
        replayer.close()
        weft.flush()
        check_graph(weft, folder)
        assert weft.spans()["difference"] == 0
        assert not any(weft.spans()["rejected"].values()), weft.spans()


def replay_killed(folder, seed):
    """kill -9 in the middle: what was acknowledged counts once, and half-seen edges still pair."""
    requests = corpus.span_requests(folder)
    cut = random.Random(seed).randrange(len(requests) // 4, 3 * len(requests) // 4)
    with Weft(config=CONFIG) as weft:
        replayer = corpus.Replayer(weft)
        replayer.send_all(requests[:cut])
        replayer.close()
        weft.kill()
        with Weft(data=weft.data, config=CONFIG) as again:
            replayer = corpus.Replayer(again)
            replayer.send_all(requests[cut:])
            replayer.close()
            again.flush()
            check_graph(again, folder)


def accept_whole(folder):
    requests = corpus.span_requests(folder)
    total = json.loads((folder / "summary.json").read_text())["span_total"]
    with Weft(config=CONFIG) as weft:
        replayer = corpus.Replayer(weft)
        replayer.send_all(requests)
        replayer.close()
        weft.flush()
        spans = weft.spans()
        assert spans["received"] == total, "received %d, summary says %d" % (spans["received"], total)
        assert not any(spans["rejected"].values()), spans
        assert spans["difference"] == 0 and spans["pending"] == 0, spans
        assert sum(spans["dropped"].values()) == spans["dropped"].get("duplicate", 0), spans
        assert spans["stored"] + spans["dropped"].get("duplicate", 0) == total, spans


def has_spans(folder):
    return json.loads((folder / "summary.json").read_text()).get("span_total", 0) > 0 and corpus.span_requests(folder)


def is_mesh(folder):
    """All requests traced, spans over OTLP: sampled ones cannot show every request."""
    return (folder / "graph.json").exists() and "sampled" not in folder.name


def main():
    suite = Suite("corpus")
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else shared("corpus")
    if not folder:
        suite.skip("all", "no corpus: set WEFT_CORPUS to the folder of captures")
        suite.close()
    scenarios = [f for f in sorted(folder.iterdir()) if (f / "summary.json").exists() and has_spans(f)]
    if not scenarios:
        suite.run("found", lambda: (_ for _ in ()).throw(AssertionError("no scenario with spans in %s" % folder)))
    for f in scenarios:
        if is_mesh(f):
            suite.run(f.name + " in order", replay, f, in_order, 1)
            suite.run(f.name + " shuffled", replay, f, shuffled, 2)
            suite.run(f.name + " 5% twice", replay, f, duplicated, 3)
            suite.run(f.name + " kill -9", replay_killed, f, 4)
        else:
            suite.run(f.name + " whole", accept_whole, f)
    suite.close()


if __name__ == "__main__":
    main()
