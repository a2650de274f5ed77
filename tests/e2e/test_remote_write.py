"""test_remote_write.py - what a sender of metrics is told, that what it was told is true after kill -9, and Debian's Prometheus as sender."""
import http.client, json, pathlib, shutil, signal, socket, struct, subprocess, tempfile, threading, time

import prometheus
from remote_write import HEADERS, Times, field, label_bytes, snappy, varint, write_request
from weft import Suite, Weft, wait_until

CONFIG = "admin: true\nretention: { series: 0 }\n"
PATH, PROTO = "/api/v1/write", "application/x-protobuf"
V2 = {**HEADERS, "Content-Type": PROTO + ";proto=io.prometheus.write.v2.Request", "X-Prometheus-Remote-Write-Version": "2.0.0"}
WRITTEN = ["X-Prometheus-Remote-Write-%s-Written" % what for what in ("Samples", "Histograms", "Exemplars")]


def write(w, body, headers=HEADERS):
    status, got, text = w.request(PATH, "POST", body, headers)
    return status, got, text.decode()


def series(name, *samples, **labels):
    return {"__name__": name, **labels}, list(samples)


def v2_request(symbols, *all_series):
    return snappy(b"".join(field(4, s.encode()) for s in ["", *symbols]) + b"".join(field(5, s) for s in all_series))


def v2_series(refs, samples=b"", histograms=b"", exemplars=b""):
    return field(1, bytes(refs)) + samples + histograms + exemplars


def value_of(w, query, at):
    answer = w.json("/api/v1/query", query=query, time=at)["data"]["result"]
    return float(answer[0]["value"][1]) if answer else None


def rows(w):
    status = w.json("/api/mesh/status")
    for name, row in status["account"].items():
        assert row["difference"] == 0 and row["pending"] == 0, (name, row)
    return status["account"], status["requests"]


# ---- answers ----

def plain_answers(w):
    body = write_request([series("up", (1000, 1.0))])
    for kind, coding, want in ((PROTO, "snappy", 204), (PROTO + ";proto=prometheus.WriteRequest", "snappy", 204), ("application/json", "snappy", 415),
                               ("image/png", "snappy", 415), (PROTO + ";proto=other.Request", "snappy", 415), (PROTO, "gzip", 415), (PROTO, "deflate", 415)):
        status, _, text = write(w, body, {"Content-Type": kind, "Content-Encoding": coding})
        assert status == want and bool(text) == (want != 204), (kind, coding, status, text)
    connection = http.client.HTTPConnection(w.http, timeout=20)
    connection.putrequest("POST", PATH)
    for name, value in (("Content-Type", PROTO), ("Content-Length", str(len(body))), ("Content-Encoding", "snappy"), ("Content-Encoding", "snappy")):
        connection.putheader(name, value)
    connection.endheaders(body)
    assert connection.getresponse().status == 415, "two codings, one over the other"
    connection.close()
    assert write(w, b"garbage")[0] == 400
    assert write(w, snappy(b"\x0a\x05\x00"))[0] == 400
    status, headers, _ = w.request(PATH)
    assert (status, headers["Allow"]) == (405, "POST"), status


def partial_writes(w):
    good, bad = series("good", (1000, 1.0), (2000, 2.0)), ({"job": "x"}, [(1000, 1.0)])
    status, headers, text = write(w, write_request([good, bad]))
    assert status == 400 and "no metric name" in text and WRITTEN[0] not in headers, (status, text)
    assert value_of(w, "good", 2) == 2
    assert write(w, write_request([good]))[0] == 204, "the same again is fine"
    status, _, text = write(w, write_request([series("good", (2000, 3.0))]))
    assert status == 400 and "duplicate sample for timestamp" in text, (status, text)
    assert write(w, write_request([series("good", (500, 0.5))]))[0] == 204, "out of order is fine"
    status, _, text = write(w, write_request([series("good", (int(time.time() + 3600) * 1000, 1.0))]))
    assert status == 400, (status, text)


def version_2(w):
    times = Times()
    sample, tail = times.sample(4.0, 1000), b"\x78" + varint(1000)
    wrong = field(3, b"\x08\x05" + tail)
    exemplar = field(4, field(1, bytes([4, 5])) + b"\x11" + struct.pack("<d", 1.0) + b"\x18" + varint(1000))
    symbols = ["__name__", "v2", "v2_native", "trace_id", "abc"]
    cases = (
        ("all", [v2_series([1, 2], sample, b"", exemplar), v2_series([1, 3], b"", field(3, b"\x08\x00" + tail))], 204, (1, 1, 1)),
        ("nothing", [], 204, (0, 0, 0)),
        ("one of two", [v2_series([4, 5], sample), v2_series([1, 2], sample)], 400, (1, 0, 0)),
        ("bad histogram", [v2_series([1, 3], b"", wrong)], 400, (0, 0, 0)),
        ("bad refs", [v2_series([1, 9], sample)], 400, (0, 0, 0)),
        ("exemplar alone", [v2_series([1, 2], b"", b"", exemplar)], 204, (0, 0, 1)),
    )
    for name, items, want, counts in cases:
        status, headers, text = write(w, v2_request(symbols, *items), V2)
        got = tuple(int(headers[h]) for h in WRITTEN)
        assert status == want and got == counts, (name, status, text, got)
    status, headers, _ = write(w, snappy(b"\xff"), V2)
    assert status == 400 and [headers[h] for h in WRITTEN] == ["0"] * 3, status


def otlp_on_9600(w):
    request = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "made", "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [{"timeUnixNano": "5000000000", "asInt": "3"}, {"asInt": "4"}]}}]}]}]}
    status, _, body = w.request("/api/v1/otlp/v1/metrics", "POST", json.dumps(request).encode(), {"Content-Type": "application/json"})
    assert status == 200, (status, body)
    told = json.loads(body)["partialSuccess"]
    assert told["rejectedDataPoints"] == "1" and "no time" in told["errorMessage"], told
    assert value_of(w, "made_total", 6) == 3
    status, _, body = w.request("/v1/metrics", "GET", otlp=True)
    assert status == 405, status


def what_is_told_is_seen(w):
    """The query right behind the answer sees the sample."""
    for i in range(200):
        assert write(w, write_request([series("seen", (i * 1000, float(i)))]))[0] == 204
        assert value_of(w, "seen", i) == i, i


def account_of_all(w):
    before, _ = rows(w)
    write(w, write_request([series("acc", (1000, 1.0), (2000, 2.0)), ({"job": "x"}, [(1000, 1.0)]), series("acc", (1000, 9.0))]))
    after, _ = rows(w)
    diff = {k: after["samples"][k] - before["samples"][k] for k in ("received", "stored")}
    assert diff == {"received": 4, "stored": 2}, diff
    senders = w.json("/api/mesh/status")["senders"]
    assert any("samples" in s["signals"] for s in senders), senders
    kept = w.json("/api/mesh/status")["storage"]["series"]
    assert kept["series"] > 0 and kept["samples"] > 0, kept
    assert "\nweft_series %d\n" % kept["series"] in w.request("/metrics")[2].decode()


def series_limit():
    with Weft(config=CONFIG + "series: { max_active: 3 }\n") as w:
        now = int(time.time()) * 1000
        known = [series("known", (now, 1.0), n=str(i)) for i in range(3)]
        assert write(w, write_request(known))[0] == 204
        status, _, text = write(w, write_request([series("known", (now + 1, 2.0), n="0"), series("fresh", (now, 1.0))]))
        assert status == 400 and text, (status, text)
        assert value_of(w, 'known{n="0"}', now / 1000 + 1) == 2
        account, _ = rows(w)
        assert account["samples"]["rejected"] == {"series_limit": 1}, account["samples"]


# ---- restarts ----

class Writer(threading.Thread):
    """Counts up in a series of its own; remembers the last value that was acknowledged."""

    def __init__(self, w, number):
        super().__init__(daemon=True)
        self.w, self.number, self.told, self.stop = w, number, -1, False

    def run(self):
        i = self.told
        while not self.stop:
            i += 1
            try:
                if write(self.w, write_request([series("counted", (i * 1000, float(i)), writer=str(self.number))]))[0] != 204:
                    return
            except OSError:
                return
            self.told = i


def killed(data, writers, seconds):
    """Writes for a while, then kill -9; what was told must be there afterwards."""
    with Weft(data=data, config=CONFIG + "journal: { checkpoint: 1s }\n") as w:
        for n, told in enumerate(writers):
            for i in range(max(0, told - 5), told + 1):
                assert value_of(w, 'counted{writer="%d"}' % n, i) == i, (n, i)
            count = value_of(w, 'count_over_time(counted{writer="%d"}[10000h])' % n, told + 10)
            # At most the one in flight is there beyond what was told.
            assert told < 0 or count in (told + 1, told + 2), (n, told, count)
        rows(w)
        threads = [Writer(w, n) for n in range(len(writers))]
        for t, told in zip(threads, writers):
            t.told = told
            t.start()
        deadline = time.monotonic() + seconds
        wait_until("the writers", lambda: time.monotonic() > deadline and all(t.told >= 3 for t in threads))
        w.kill()
        for t in threads:
            t.stop = True
            t.join()
        return [t.told for t in threads]


def kill_9_loses_nothing():
    data = tempfile.mkdtemp(prefix="weft-test-")
    try:
        told = [-1, -1, -1]
        for seconds in (0.5, 1.6, 0.3, 2.2, 0):
            told = killed(data, told, seconds)
        killed(data, told, 0)
    finally:
        shutil.rmtree(data, ignore_errors=True)


def clean_stop_leaves_nothing_to_replay():
    data = tempfile.mkdtemp(prefix="weft-test-")
    try:
        with Weft(data=data, config=CONFIG) as w:
            assert write(w, write_request([series("kept", (1000, 7.0))]))[0] == 204
            before = rows(w)
            assert w.stop() == 0
        with Weft(data=data, config=CONFIG) as w:
            assert value_of(w, "kept", 1) == 7
            assert rows(w) == before, (rows(w), before)
            assert "journal replayed" not in w.stderr(), w.stderr()
    finally:
        shutil.rmtree(data, ignore_errors=True)


# ---- a real Prometheus ----

SCRAPES = """
global: { scrape_interval: 1s, external_labels: { cluster: lab } }
scrape_configs: [ { job_name: self, static_configs: [ { targets: ["%s"] } ] } ]
remote_write: [ { url: "http://%s/api/v1/write", queue_config: { batch_send_deadline: 200ms }, send_exemplars: true, metadata_config: { send_interval: 1s } } ]
"""


def real_prometheus(w):
    """It scrapes itself and writes all to weft; weft answers about it as Prometheus itself."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-prometheus-"))
    address = "127.0.0.1:%d" % prometheus.free_port()
    (folder / "prometheus.yml").write_text(SCRAPES % (address, w.http))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["prometheus", "--config.file=%s" % (folder / "prometheus.yml"), "--storage.tsdb.path=%s" % (folder / "data"),
                                    "--web.listen-address=" + address, "--log.level=warn"], stdout=log, stderr=log)
        theirs = prometheus.Api(address)
        try:
            wait_until("samples of Prometheus", lambda: (value_of(w, 'count_over_time(up{job="self"}[1h])', time.time()) or 0) >= 5)
            at = time.time() - 2
            query = 'count by (__name__) (last_over_time({job="self"}[3s]))'


            def names():
                """Of both at that moment: scrapes and writes that were under way then come later."""
                answers = theirs.call("/api/v1/query", query=query, time=at), w.json("/api/v1/query", query=query, time=at)
                return [{s["metric"]["__name__"]: s["value"][1] for s in answer["data"]["result"]} for answer in answers]
            try:
                wait_until("the same of both", lambda: (lambda want, got: len(want) > 100 and got == want)(*names()))
            except AssertionError:
                want, got = names()
                raise AssertionError({k: (want.get(k), got.get(k)) for k in set(want) | set(got) if want.get(k) != got.get(k)})
            about = w.json("/api/v1/metadata", metric="prometheus_build_info")["data"]
            assert about["prometheus_build_info"][0]["type"] == "gauge", about
            samples = rows(w)[0]["samples"]
            assert samples["rejected"] == {} and samples["received"] == samples["stored"], samples
        finally:
            theirs.close()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
            shutil.rmtree(folder, ignore_errors=True)


def over_the_budget(settings="memory: 64MiB\nlimits: { body: 64MiB, unpacked: 64MiB }\n"):
    """Bodies on their way hold the memory budget: others are told to come again, nothing of them is taken, and later they are."""
    body = write_request([series("late", (1000, 1), n=str(i)) for i in range(50)])
    with Weft(config=CONFIG + settings) as w:
        before = w.json("/api/mesh/status")
        host, port = w.http.rsplit(":", 1)
        holders = []
        for _ in range(3):  # 54 MiB that never end: over the 70 % that a sender who tries again may fill
            holder = socket.create_connection((host, int(port)))
            holder.settimeout(60)
            lines = ["POST %s HTTP/1.1" % PATH, "Host: x", "Content-Length: %d" % (19 << 20)] + ["%s: %s" % x for x in HEADERS.items()]
            holder.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
            try:
                holder.sendall(b"\0" * (18 << 20))
            except OSError:
                pass  # the last of them may be refused itself
            holders.append(holder)
        refused = wait_until("a refusal", lambda: (lambda got: got if got[0] not in (200, 204) else None)(write(w, body)))
        status, headers, text = refused
        assert status == 503, "Prometheus drops what it is told 429 about"
        assert int(headers["Retry-After"]) >= 1 and text.strip(), (headers, text)
        assert not any(name in headers and headers[name] != "0" for name in WRITTEN), headers
        told = w.json("/api/mesh/status")
        row = told["account"]["samples"]
        assert row["difference"] == 0 and row["stored"] % 50 == 0, "half of a body was taken: %s" % row
        assert told["requests"]["refused"] > before["requests"]["refused"], told["requests"]
        stored = row["stored"]
        for holder in holders:
            holder.close()
        wait_until("room", lambda: write(w, body)[0] in (200, 204))
        after = w.json("/api/mesh/status")["account"]["samples"]
        assert after["difference"] == 0 and after["pending"] == 0, after
        assert after["stored"] - stored in (0, 50), "all of it, once: %s" % after
        found = w.json("/api/v1/query", query="count(late)", time="1")["data"]["result"]
        assert found[0]["value"][1] == "50", found


def main():
    suite = Suite("remote_write")
    with Weft(config=CONFIG) as w:
        for test in (plain_answers, partial_writes, version_2, otlp_on_9600, what_is_told_is_seen, account_of_all):
            suite.run(test.__name__, test, w)
    suite.run("series_limit", series_limit)
    suite.run("over_the_budget", over_the_budget)
    suite.run("kill_9_loses_nothing", kill_9_loses_nothing)
    suite.run("clean_stop", clean_stop_leaves_nothing_to_replay)
    if prometheus.is_installed():
        with Weft(config=CONFIG) as w:
            suite.run("real_prometheus", real_prometheus, w)
    else:
        suite.skip("real_prometheus", "there is no prometheus here: ./dev deps installs it")
    suite.close()


if __name__ == "__main__":
    main()
