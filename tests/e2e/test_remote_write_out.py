"""test_remote_write_out.py - what a real Prometheus has after weft wrote to it: through its absence and a kill -9 of weft no gap,
nothing out of order, no counter that falls, and weft's own sums. `--full`: 10 minutes, of which Prometheus is away for 2."""
import collections, contextlib, subprocess, sys, threading, time

import prometheus
from remote_write import HEADERS, write_request
from weft import BINARY, Suite, Weft, wait_until

CONFIG = """
admin: true
retention: { edges: 0, series: 0 }
graph: { wait: 2s }
remote_write:
  - url: http://user:secret@%s/api/v1/write
    native_histograms: true
    external_labels: { cluster: test }
"""
STEP = 15
LAST_ROUND = 2 * STEP + 2 + 5  # the lag of a sample of edges, and the round that brings it


class Pusher(threading.Thread):
    """One counter a second into weft's own receiver; what could not be written is written later."""

    def __init__(self):
        super().__init__(daemon=True)
        self.weft, self.stopped, self.written, self.waiting = None, threading.Event(), {}, []

    def run(self):
        value = 0
        while not self.stopped.wait(1.0):
            value += 1
            self.waiting.append((int(time.time() * 1000), float(value)))
            self.flush()

    def flush(self):
        body = write_request([({"__name__": "pushed_total", "job": "test"}, self.waiting)])
        with contextlib.suppress(OSError):
            if self.weft and self.weft.request("/api/v1/write", "POST", body, HEADERS)[0] == 204:
                self.written.update(self.waiting)
                self.waiting = []


def demo(weft, seconds):
    return subprocess.Popen([BINARY, "demo", "--to", weft.grpc, "--seed", "7", "--rate", "150", "--duration", "%ds" % seconds], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def receiver(weft):
    return weft.json("/api/mesh/status")["remote_write"][0]


def query(prom, expression, **params):
    answer = prom.api.call("/api/v1/query", query=expression, **params)
    assert answer["status"] == "success", answer
    return answer["data"]["result"]


def is_silent(values, at):
    """A series without traffic for five minutes ends with a stale marker, and may begin again later."""
    before = [v for t, v in values if at - 300 < t <= at]
    return len(before) == 300 // STEP and len(set(before)) == 1


def check_no_gap(prom, span, ends):
    """Every series has a sample at each step from its first on, but for times of silence; those of live edges up to the end."""
    for name in ("traces_service_graph_request_total", "weft_edge_requests_total", "traces_spanmetrics_latency_bucket"):
        rows = query(prom, "%s[%ds]" % (name, span))
        assert rows, "there is no " + name
        for row in rows:
            times = [t for t, _ in row["values"]]
            gaps = [(a, b) for a, b in zip(times, times[1:]) if b - a != STEP and not is_silent(row["values"], a)]
            assert not gaps, (row["metric"], gaps)
        last = max(row["values"][-1][0] for row in rows)
        assert last >= ends - 2 * STEP, (name, last, ends)


def check_counters(prom, span):
    for name in ("traces_service_graph_request_total", "weft_edge_requests_total", "traces_spanmetrics_latency_bucket", "traces_spanmetrics_latency_count",
                 "weft_request_duration_seconds", "pushed_total"):
        rows = query(prom, "resets(%s[%ds])" % (name, span))
        assert rows and all(float(r["value"][1]) == 0 for r in rows), name


def check_pushed(prom, pusher, span, since):
    """Exactly the samples that weft acknowledged since the sender began: none missing, none changed."""
    rows = query(prom, "pushed_total[%ds]" % span)
    assert len(rows) == 1 and rows[0]["metric"]["cluster"] == "test", rows
    got = {round(t * 1000): float(v) for t, v in rows[0]["values"]}
    due = {t: v for t, v in pusher.written.items() if t > since * 1000}
    missing, wrong = [t for t in due if t not in got], [t for t in got if got[t] != pusher.written.get(t)]
    assert len(due) > 20 and not missing and not wrong, (len(due), len(got), missing[:5], wrong[:5])


def check_order(prom):
    """Prometheus 2.42 counts a native histogram that came a second time, the same in everything, as out of order (a float not): that
    is what a kill between a request and the cursor leaves. One that it refused would be in weft's `dropped`, which is empty."""
    text = prom.api.request("GET", "/metrics")[2].decode()
    for name in ("prometheus_tsdb_out_of_order_samples_total", "prometheus_tsdb_out_of_bound_samples_total", "prometheus_tsdb_too_old_samples_total"):
        counts = [line for line in text.splitlines() if line.startswith(name) and 'type="histogram"' not in line and float(line.split()[-1]) != 0]
        assert not counts, counts
    log = (prom.folder / "log").read_text()
    for word in ("ut of order", "duplicate sample"):
        assert word not in log, log[-1000:]


def own_sums(weft):
    sums = collections.Counter()
    for e in weft.json("/api/mesh/graph", start=time.time() - 3600, end=time.time() + 60)["edges"]:
        sums[e["client"], e["server"], e["protocol"]] += e["requests"]
    return dict(sums)


def prometheus_sums(prom):
    rows = query(prom, "sum by (client, server, protocol) (last_over_time(weft_edge_requests_total[4m]))")
    return {(r["metric"]["client"], r["metric"]["server"], r["metric"]["protocol"]): int(float(r["value"][1])) for r in rows}


def absence_and_kill(scale):
    pusher = Pusher()
    with prometheus.Prometheus() as prom:
        config = CONFIG % prom.address
        first = Weft(config=config)
        began, pusher.weft = time.time(), first
        pusher.start()
        running = demo(first, 30 * scale)
        wait_until("first samples", lambda: receiver(first)["sent"] > 0, 90)
        prom.stop()
        time.sleep(10 * scale)  # an absence is a length of time
        wait_until("failures", lambda: receiver(first)["failed"] > 0, 60)
        assert "secret" not in str(receiver(first)) and receiver(first)["last_error"], receiver(first)
        prom.start()
        wait_until("catching up", lambda: receiver(first)["lag_s"] == 0 and not receiver(first)["pending"], 60)
        running.wait(timeout=60 * scale)
        running = demo(first, 600)
        sent = receiver(first)["sent"]
        wait_until("live rounds", lambda: receiver(first)["sent"] > sent, 60)
        assert not receiver(first)["dropped"], receiver(first)
        pusher.weft = None
        first.kill()
        running.kill()
        running.wait()
        with Weft(data=first.data, config=config) as second:
            pusher.weft = second
            assert demo(second, 20 * scale).wait(timeout=600) == 0
            second.flush()
            ended = time.time()
            pusher.stopped.set()
            pusher.join()
            wait_until("weft's own sums", lambda: prometheus_sums(prom) == own_sums(second), LAST_ROUND + 30)
            wait_until("the last pushed", lambda: max(pusher.written) in {round(t * 1000) for t, _ in query(prom, "pushed_total[5m]")[0]["values"]}, 60)
            span = int(time.time() - began + 60)
            check_no_gap(prom, span, ended)
            check_counters(prom, span)
            check_pushed(prom, pusher, span, began + STEP)
            check_order(prom)
            told = receiver(second)
            assert not told["dropped"] and told["expired_s"] == 0, told
            assert "weft_remote_write_lag_seconds{" in second.request("/metrics")[2].decode()
            metadata = prom.api.get("/api/v1/status/tsdb")
            assert metadata["status"] == "success"
        first.clean()


def main():
    suite = Suite("remote_write_out")
    if not prometheus.is_installed():
        suite.skip("real_prometheus", "there is no prometheus here: ./dev deps installs it")
    else:
        suite.run("absence_and_kill", absence_and_kill, 12 if "--full" in sys.argv[1:] else 1)
    suite.close()


main()
