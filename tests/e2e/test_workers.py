"""test_workers.py - one journal, replayed with 1, 2 and 4 workers, gives identical parts and answers."""
import hashlib, pathlib, random, shutil, sys, tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from test_run import span
from weft import Suite, Weft, wait_until

CONFIG = "admin: true\nretention: { edges: 0 }\nworkers: %d\njournal: { checkpoint: 1h }\n"
START = 1700000000 * 10**9


def push_pairs(weft, count, seed):
    """Client and server halves in any order, some twice, some alone."""
    rng = random.Random(seed)
    documents = []
    for i in range(1, count + 1):
        trace, at, ms = "%032x" % i, START + rng.randrange(3600) * 10**9, rng.randrange(1, 900)
        code = rng.choice(["200", "200", "200", "503"])
        target = rng.choice(["cart", "payment", "search"])
        common = {"http.request.method": "GET", "url.path": "/items/%d" % rng.randrange(100), "http.response.status_code": code}
        documents.append(span(trace, "%016x" % (2 * i), kind=3, service="web", start=at, ms=ms, **{"server.address": target}, **common))
        documents.append(span(trace, "%016x" % (2 * i + 1), parent="%016x" % (2 * i), service=target, start=at, ms=ms, **common))
    documents += rng.sample(documents, count // 10)
    rng.shuffle(documents)
    for document in documents:
        assert weft.push_json(document) == 200


def answers(weft):
    span_args = {"start": START / 1e9 - 60, "end": START / 1e9 + 4000}
    return [weft.json("/api/mesh/graph", **span_args), weft.json("/api/mesh/percentiles", step=60, by="client,server,operation,code", **span_args),
            weft.json("/api/mesh/services", **span_args)]


def parts(data):
    return sorted(hashlib.sha256(f.read_bytes()).hexdigest() for f in pathlib.Path(data, "edges").iterdir())


def replayed(source, workers):
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "data"
        shutil.copytree(source, data)
        with Weft(data=str(data), config=CONFIG % workers) as weft:
            weft.flush()
            got = answers(weft)
            assert weft.spans()["difference"] == 0
            assert weft.stop() == 0
        return got, parts(data)


def identical():
    with Weft(config=CONFIG % 2) as weft:
        push_pairs(weft, 300, 11)
        wait_until("absorbed", lambda: weft.spans()["received"] == 630)
        weft.kill()
        first = replayed(weft.data, 1)
        assert sum(e["requests"] for e in first[0][0]["edges"]) >= 300 and first[1], first[0][0]["edges"]
        for workers in (2, 4):
            other = replayed(weft.data, workers)
            assert other[0] == first[0], "answers differ with %d workers" % workers
            assert other[1] == first[1], "parts differ with %d workers" % workers


def main():
    suite = Suite("workers")
    suite.run("identical parts and answers", identical)
    suite.close()


if __name__ == "__main__":
    main()
