"""test_run.py - the process: how it starts, what it refuses, how it stops, what a restart keeps."""
import itertools, json, pathlib, random, re, shutil, signal, subprocess, sys, tempfile, threading, time, urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from weft import BINARY, Suite, Weft, in_time, wait_until

ADMIN = "admin: true\nretention: { edges: 0 }\n"


def weft(*args):
    return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=120)


def span(trace, ident, parent="", kind=2, service="shop", start=1700000000000000000, ms=5, **attrs):
    """One OTLP/JSON request with one span."""
    pairs = [{"key": k, "value": {"stringValue": str(v)}} for k, v in attrs.items()]
    one = {"traceId": trace, "spanId": ident, "parentSpanId": parent, "name": "GET /", "kind": kind,
           "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + ms * 1000000), "attributes": pairs}
    return {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                               "scopeSpans": [{"spans": [one]}]}]}


def one_kind_of_data_trims_the_journal():
    """Spans alone: the position of time series follows, or the journal would fill up and refuse."""
    with Weft(config="journal: { max: 768MiB }\ngraph: { wait: 1s, remember: 1s }\n") as w:
        generator = str(pathlib.Path(BINARY).parent / "bench/load_grpc")
        status = w.json("/api/mesh/status")
        while status["account"]["spans"]["received"] <= 1000000:  # eight rounds, more on a busy machine
            got = subprocess.run([generator, "--to", w.grpc, "--pid", str(w.process.pid), "--conns", "4", "--inflight", "4", "--spans-per-request",
                                  "512", "--rate", "500", "--seconds", "1"], capture_output=True, text=True, check=True)
            told = json.loads(got.stdout.splitlines()[-1])
            assert told["refused"] == told["failed"] == 0, told
            status = w.json("/api/mesh/status")
        assert not any(status["account"]["spans"]["refused"].values()), status["account"]["spans"]


def one_kind_of_data_is_saved_once():
    """After a checkpoint of the spans time series follow, and that is not a reason for the next one of the spans."""
    def counted(w, name):
        return next(int(float(l.split()[1])) for l in w.request("/metrics")[2].decode().splitlines() if l.startswith(name + " "))
    with Weft(config="journal: { checkpoint: 1h }\n") as w:
        letters = [chr(c) for c in range(35, 127) if c != 92]  # of noise: the journal would pack anything else
        many = span("11" * 16, "22" * 8, **{"big.%d" % i: "".join(random.choices(letters, k=65536)) for i in range(128)})
        for i in range(72):  # of 8 MiB: twice what a checkpoint waits for, and some more
            many["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["spanId"] = "%016x" % (i + 1)
            assert w.push_json(many) == 200
        wait_until("time series follow", lambda: counted(w, "weft_series_checkpoints_total") >= 2)
        wait_until("nothing is pending", lambda: w.spans()["pending"] == 0)
        assert counted(w, "weft_checkpoints_total") == 2, counted(w, "weft_checkpoints_total")
        assert counted(w, "weft_journal_replay_bytes") < 256 << 20


def refuses_a_second_weft():
    with Weft() as first:
        got = weft("run", "--data", first.data, "--http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0")
        assert got.returncode == 2, got
        assert str(first.process.pid) in got.stderr and got.stderr.count("\n") == 1, got.stderr


def refuses_open_listeners():
    with tempfile.TemporaryDirectory() as data:
        got = weft("run", "--data", data, "--http", "0.0.0.0:0")
        assert got.returncode == 2 and "insecure" in got.stderr, got


def refuses_wrong_usage():
    for args, word in ((["run", "--nonsense"], "--nonsense"), (["run", "--data"], "--data"), (["jump"], "jump"), (["version", "extra"], "extra"), (["run", "--http", "nowhere"], "nowhere"),
                       (["demo", "--to", "nowhere"], "nowhere"), (["health", "--http", "nowhere"], "nowhere"), (["run", "--config", "/does/not/exist"], "/does/not/exist"), (["check-config", "/does/not/exist"], "/does/not/exist")):
        got = weft(*args)
        assert got.returncode == 2 and word in got.stderr, (args, got)


def tells_its_version_and_health():
    assert weft("version").stdout.startswith("weft ")
    assert weft("--version").stdout == weft("version").stdout
    with Weft() as w:
        assert weft("health", "--http", w.http).returncode == 0
    assert weft("health", "--http", w.http).returncode == 1


def every_command_tells_its_own_arguments():
    own = {"run": ("--config", "--data", "--http", "--otlp-grpc", "--otlp-http", "--insecure"), "health": ("--http",), "version": (),
           "demo": ("--to", "--rate", "--seed", "--duration", "--truth"), "check-config": ("FILE", "--reference")}
    for args in (["help"], ["--help"], ["-h"]):
        got = weft(*args)
        assert got.returncode == 0 and not got.stderr and all("\n  weft %s " % name in got.stdout for name in own), (args, got)
    for name, arguments in own.items():
        for args in ([name, "--help"], [name, "-h"], ["help", name], [name, "--data", "x", "--help"]):
            got = weft(*args)
            assert got.returncode == 0 and not got.stderr and got.stdout.startswith("usage: weft %s " % name), (args, got)
            told = set(re.findall(r"(?m)^  (\S+)", got.stdout.split("\n\n", 1)[-1])) if arguments else set()
            assert told == set(arguments), (args, told)
    assert weft("help", "jump").returncode == 2
    settings = dict(re.findall(r"(?m)^\| `([a-z_.]+)` \|[^|]*\| `([^`]*)`", weft("check-config", "--reference").stdout))
    for setting in ("data", "listen.http", "listen.otlp_grpc", "listen.otlp_http"):
        assert "(%s)" % settings[setting] in weft("run", "--help").stdout, setting


def stops_within_five_seconds():
    for number in (signal.SIGTERM, signal.SIGINT):
        with Weft() as w:
            w.push_json(span("11" * 16, "22" * 8))
            began = time.monotonic()
            w.process.send_signal(number)
            assert w.process.wait(timeout=60) == 0
            assert time.monotonic() - began <= 5


def stops_amid_long_questions():
    """Two that are computed, which take minutes, and some that wait for them."""
    form = urllib.parse.urlencode({"query": "mad_over_time(vector(time())[3h:1s])", "start": 0, "end": 10000, "step": 1}).encode()
    with Weft() as w:
        def ask():
            try:
                w.request("/api/v1/query_range", "POST", form, {"Content-Type": "application/x-www-form-urlencoded"})
            except OSError:
                pass  # the grace of connections is shorter
        clients = [threading.Thread(target=ask) for _ in range(6)]
        cpu = lambda: sum(map(int, pathlib.Path("/proc/%d/stat" % w.process.pid).read_text().rsplit(")", 1)[1].split()[11:13]))
        before = cpu()
        for client in clients:
            client.start()
        wait_until("they are computed", lambda: cpu() > before + 20)
        began = time.monotonic()
        w.process.send_signal(signal.SIGTERM)
        code = w.process.wait(timeout=60)
        took = time.monotonic() - began
        for client in clients:
            client.join()
        assert code == 0 and took < 5, (code, took)


def flush_amid_spans():
    """Spans that come all the time are pending all the time; a flush is for those that came before it."""
    with Weft(config=ADMIN + "graph: { wait: 10m }\n") as w:
        ended = threading.Event()

        def push(number):
            for i in itertools.count():
                if ended.is_set():
                    return
                w.push_json(span("%032x" % (number << 64 | i + 1), "22" * 8))

        def spans():
            return w.json("/api/mesh/status")["account"]["spans"]
        clients = [threading.Thread(target=push, args=(number,)) for number in (1, 2, 3)]
        for client in clients:
            client.start()
        try:
            for _ in range(5):
                wait_until("spans are pending", lambda: spans()["pending"] > 50)
                before = spans()["received"]
                assert w.request("/-/flush", "POST", b"")[0] == 200
                assert spans()["stored"] >= before
        finally:
            ended.set()
            for client in clients:
                client.join()


def restored_snapshot_goes_on():
    """A snapshot holds spans up to its moment, but no journal, which knew the time of the pipeline: a new one goes on where the image stands,
    and requests close."""
    config = ADMIN + "graph: { wait: 1s }\n"
    with Weft(config=config) as w, tempfile.TemporaryDirectory() as parent:
        w.push_json(span("11" * 16, "22" * 8))
        wait_until("it has run for a while", lambda: w.json("/api/mesh/status")["uptime"] > 20)
        name = json.loads(w.request("/api/v1/admin/tsdb/snapshot", "POST", b"")[2])["data"]["name"]
        data = str(shutil.copytree(pathlib.Path(w.data) / "snapshots" / name, pathlib.Path(parent) / "data"))
        with Weft(data=data, config=config) as again:
            again.push_json(span("33" * 16, "44" * 8))
            wait_until("it is closed", lambda: again.spans()["stored"] == 2, 15)


def stops_with_idle_connections():
    import http.client
    with Weft() as w:
        c = http.client.HTTPConnection(w.http)
        c.request("GET", "/-/healthy")
        c.getresponse().read()
        assert w.stop() == 0
        c.close()


def leaves_no_preallocated_bytes():
    with Weft() as w:
        w.push_json(span("11" * 16, "22" * 8))
        assert w.stop() == 0
        size = sum(f.stat().st_size for f in pathlib.Path(w.data).rglob("*") if f.is_file())
        assert size < 1 << 20, "%d bytes after a clean stop" % size


def totals_survive(stop):
    with Weft(config=ADMIN) as w:
        for i in range(1, 6):
            assert w.push_json(span("%032x" % i, "%016x" % i)) == 200
        wait_until("received", lambda: w.spans()["received"] == 5)
        stop(w)
        with Weft(data=w.data, config=ADMIN) as again:
            spans = again.spans()
            assert spans["received"] == 5 and spans["difference"] == 0, spans
            again.flush()
            assert again.spans()["stored"] == 5, again.spans()
            nodes = again.json("/api/mesh/graph", start=1699999990, end=1700000100)["nodes"]
            assert {n["id"]: n["requests"] for n in nodes}["shop"] == 5, nodes
            assert again.json("/api/mesh/status")["requests"]["accepted"] == 5


def reload_is_atomic():
    with Weft(config=ADMIN) as w:
        assert w.request("/-/reload", "POST", b"")[0] == 200
        pathlib.Path(w.config.name).write_text("admin: perhaps\n")
        status, _, body = w.request("/-/reload", "POST", b"")
        assert status == 400 and w.config.name + ":1:8:" in json.loads(body)["error"], (status, body)
        assert w.request("/-/flush", "POST", b"")[0] == 200, "the old settings stay in force"
        w.process.send_signal(signal.SIGHUP)
        wait_until("the refusal in the log", lambda: "reload refused" in w.stderr())
        pathlib.Path(w.config.name).unlink()
        status, _, body = w.request("/-/reload", "POST", b"")
        assert status == 400 and json.loads(body)["error_type"] == "bad_data" and w.config.name in body.decode(), (status, body)
        pathlib.Path(w.config.name).touch()


def one_of_twenty_fails(w):
    """Pushes that; how to ask for the health it gives the service: degraded as long as nothing else is configured."""
    for i in range(1, 21):
        assert w.push_json(span("%032x" % i, "%016x" % i, **{"http.response.status_code": "500" if i == 1 else "200"})) == 200
    w.flush()
    health = lambda: w.json("/api/mesh/graph", start=1699999990, end=1700000100)["nodes"][0]["health"]
    assert health() == "degraded", health()
    return health


def reload_takes_what_is_live():
    with Weft(config=ADMIN) as w:
        health = one_of_twenty_fails(w)
        pathlib.Path(w.config.name).write_text(ADMIN + "graph: { failing_error_ratio: 0.04, wait: 99s }\n")
        assert w.request("/-/reload", "POST", b"")[0] == 200
        assert health() == "failing", health()
        assert "wait for a restart: graph.wait" in w.stderr(), w.stderr()


def sighup_reloads():
    with Weft(config=ADMIN) as w:
        health = one_of_twenty_fails(w)
        pathlib.Path(w.config.name).write_text(ADMIN + "graph: { failing_error_ratio: 0.04 }\n")
        w.process.send_signal(signal.SIGHUP)
        wait_until("the new threshold", lambda: health() == "failing")
        assert w.alive()


def flush_needs_admin():
    with Weft() as w:
        assert w.request("/-/flush", "POST", b"")[0] in (403, 404)


def visible_within_a_second():
    with Weft() as w:
        numbers = itertools.count(1)

        def attempt():
            number = next(numbers)
            name = "fresh-%d" % number
            assert w.push_json(span("%032x" % number, "cd" * 8, service=name, start=time.time_ns() - 10**9)) == 200
            began = time.monotonic()
            wait_until("the node", lambda: any(n["id"] == name for n in w.json("/api/mesh/graph", last="5m")["nodes"]))
            return time.monotonic() - began
        in_time("becoming visible", 1, attempt)


def main():
    suite = Suite("run")
    suite.run("refuses a second weft", refuses_a_second_weft)
    suite.run("refuses open listeners", refuses_open_listeners)
    suite.run("refuses wrong usage", refuses_wrong_usage)
    suite.run("tells its version and health", tells_its_version_and_health)
    suite.run("every command tells its own arguments", every_command_tells_its_own_arguments)
    suite.run("stops within five seconds", stops_within_five_seconds)
    suite.run("stops amid long questions", stops_amid_long_questions)
    suite.run("flush amid spans", flush_amid_spans)
    suite.run("a restored snapshot goes on", restored_snapshot_goes_on)
    suite.run("stops with idle connections", stops_with_idle_connections)
    suite.run("leaves no preallocated bytes", leaves_no_preallocated_bytes)
    suite.run("totals survive SIGTERM", totals_survive, lambda w: w.stop())
    suite.run("totals survive kill -9", totals_survive, lambda w: w.kill())
    suite.run("one kind of data trims the journal", one_kind_of_data_trims_the_journal)
    suite.run("one kind of data is saved once", one_kind_of_data_is_saved_once)
    suite.run("reload is atomic", reload_is_atomic)
    suite.run("reload takes what is live", reload_takes_what_is_live)
    suite.run("sighup reloads", sighup_reloads)
    suite.run("flush needs admin", flush_needs_admin)
    suite.run("visible within a second", visible_within_a_second)
    suite.close()


if __name__ == "__main__":
    main()
