"""run.py [--check] [--only WORD] [--long] - every benchmark: JSON lines on stdout, a table at the end.

CPU time is that of the weft process; the generator runs outside, on another core when there are two. --check fails when a figure is
worse than twice its aim; figures without an aim are only told. --long adds the minutes-long memory run."""
import argparse, json, os, pathlib, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/release"
sys.path.insert(0, str(ROOT / "tests/e2e"))
from weft import Weft, wait_until

results = []


def report(name, value, unit, aim=None, **more):
    row = {"bench": name, "value": round(value, 4), "unit": unit, "aim": aim, **more}
    results.append(row)
    print(json.dumps(row), flush=True)


def program(name, *args):
    """JSON lines of one benchmark program."""
    path = BUILD / "bench" / name
    out = subprocess.run([str(path), *args], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def rss_mib(pid, key="VmRSS"):
    for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024


def pinned(weft):
    """weft on core 0, so that the generator on core 1 takes nothing from it."""
    if (os.cpu_count() or 1) > 1:
        subprocess.run(["taskset", "-apc", "0", str(weft.process.pid)], check=True, stdout=subprocess.DEVNULL)
    return weft


def load(weft, *args):
    command = [str(BUILD / "bench/load_grpc"), "--to", weft.grpc, "--pid", str(weft.process.pid), *args]
    if (os.cpu_count() or 1) > 1:
        command = ["taskset", "-c", "1"] + command
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])


def bench_idle():
    with Weft() as w:
        report("idle memory", rss_mib(w.process.pid), "MiB", 20)


# Requests close soon after they came, so that a run of seconds holds every step of the path.
STEADY = "graph: { wait: 3s, remember: 3s }\n"


def bench_ingest():
    """The whole path with ack: disk, closing included. Not counted are the first seconds, until each segment that the journal takes in
    turn was written once (576 MiB, of 74 MB/s): the first write to a page of memory takes the kernel two to four times as long."""
    for name, args, aim_us in (
            ("whole path, 102,400 spans/s in 512-span batches", ("--conns", "4", "--inflight", "4", "--spans-per-request", "512", "--rate", "200"), 0.6),
            ("whole path, 5-span RPCs, 64 connections", ("--conns", "64", "--inflight", "2", "--spans-per-request", "5"), 8.0)):
        with Weft(config=STEADY) as w:
            pinned(w)
            load(w, *args, "--seconds", "12")
            got = load(w, *args, "--seconds", "8")
            spans = got["accepted"] * int(args[5])
            per = spans if args[5] == "512" else got["accepted"]
            report(name, got["server_cpu_s"] / per * 1e6, "us of CPU a span" if args[5] == "512" else "us of CPU an RPC", aim_us,
                   spans_per_s=round(got["spans_per_s"]), us_per_span=round(got["server_cpu_s"] / spans * 1e6, 3), refused=got["refused"],
                   ack_p50_ms=round(got["ack_p50_ms"], 3), ack_p99_ms=round(got["ack_p99_ms"], 3), peak_rss_mib=round(rss_mib(w.process.pid, "VmHWM"), 1))


def bench_slow_rate():
    for rate in (200, 10000):
        with Weft(config=STEADY) as w:
            pinned(w)
            load(w, "--conns", "64", "--spans-per-request", "5", "--rate", str(rate), "--seconds", "4")
            got = load(w, "--conns", "64", "--spans-per-request", "5", "--rate", str(rate), "--seconds", "8")
            report("%d RPC/s of 5 spans" % rate, got["server_cpu_s"] / got["accepted"] * 1e6, "us of CPU an RPC")


def bench_ack():
    """Half of what one core takes."""
    with Weft() as w:
        pinned(w)
        full = load(w, "--conns", "64", "--inflight", "2", "--spans-per-request", "5", "--seconds", "3")
        rate = full["accepted"] / 3 / 2
        got = load(w, "--conns", "64", "--inflight", "1", "--spans-per-request", "5", "--rate", "%d" % rate, "--seconds", "6")
        report("durable ack p50 at half load", got["ack_p50_ms"], "ms", 1, rate=round(rate))
        report("durable ack p99 at half load", got["ack_p99_ms"], "ms", 5, rate=round(rate))


def bench_memory(rate, seconds, aim):
    with Weft() as w:
        peak = 0.0
        got = load(w, "--conns", "16", "--inflight", "4", "--spans-per-request", "512", "--rate", "%.2f" % (rate / 512), "--seconds", str(seconds))
        peak = max(rss_mib(w.process.pid), rss_mib(w.process.pid, "VmHWM"))
        report("memory at %d spans/s" % rate, peak, "MiB", aim, seconds=seconds, acknowledged=got["accepted"],
               us_per_span=round(got["server_cpu_s"] / got["accepted"] / 512 * 1e6, 3), ack_p99_ms=round(got["ack_p99_ms"], 3), open=w.json("/api/mesh/status")["open"])


def bench_recovery():
    """kill -9 with 256 MiB of journal since the last checkpoint."""
    config = "journal: { checkpoint: 1h }\n"
    with Weft(config=config) as w:
        seconds = 0
        while w.json("/api/mesh/status")["journal"]["bytes"] < 250 << 20 and seconds < 60:
            load(w, "--conns", "4", "--inflight", "4", "--spans-per-request", "512", "--rate", "150", "--seconds", "1")
            seconds += 1
        size = sum(f.stat().st_size for f in pathlib.Path(w.data, "journal").iterdir())
        w.kill()
        began = time.monotonic()
        with Weft(data=w.data, config=config, wait_ready=False) as again:
            listening = time.monotonic() - began
            wait_until("ready", lambda: again.status_of("/-/ready") == 200, 60)
            again.json("/api/mesh/graph")
            report("listening after kill -9", listening, "s", 1, journal_mib=round(size / 2**20))
            report("fully queryable after kill -9", time.monotonic() - began, "s", 3, journal_mib=round(size / 2**20))


def bench_programs():
    for row in program("bench_decode"):
        aim = (180 if row["utf8"] else 150) if row["spans"] == 512 else None
        report("decode, %d spans a batch, UTF-8 %s" % (row["spans"], "checked" if row["utf8"] else "not checked"), row["ns_per_span"], "ns a span", aim)
    for name in ("bench_collector", "bench_query", "bench_journal", "bench_edges"):
        for row in program(name):
            bench, case = row.pop("bench"), str(row.pop("case", ""))
            field, unit, aim = FIELDS.get((bench, case), (None, None, None))
            if field is None:
                print(json.dumps({"bench": bench, "case": case, **row}), flush=True)
            else:
                report("%s: %s" % (bench, case), row.pop(field), unit, aim, **{k: v for k, v in row.items() if k not in ("aim", "unit")})


DERIVED_P99 = "histogram_quantile(0.99, sum by (le, server) (rate(%s_bucket[1h])))"


def cpu_ms(pid):
    """Of all threads."""
    tasks = pathlib.Path("/proc/%d/task" % pid).iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def ask_hours(weft, expression, end_s, days, rounds=5):
    """(ms of CPU, series) of a range query by the hour, the median of some."""
    spent = []
    for _ in range(rounds):
        began = cpu_ms(weft.process.pid)
        found = weft.json("/api/v1/query_range", query=expression, start=end_s - days * 86400 + 3600, end=end_s, step=3600)
        spent.append(cpu_ms(weft.process.pid) - began)
    return sorted(spent)[rounds // 2], len(found["data"]["result"])


def bench_derived():
    """30 days of 40 edges; raw series in thirds, as all of their samples are more than one query may hold."""
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as data:
        rows = program("bench_derived", data, "raw")
        print("\n".join(json.dumps(row) for row in rows), flush=True)
        end_s = rows[-1]["end_s"]
        with Weft(data=data, config="retention: { edges: 0, series: 0 }\nmemory: 8GiB\n") as w:
            pinned(w)
            for days in (7, 30):
                cpu, series = ask_hours(w, "rate(traces_service_graph_request_total[1h])", end_s, days)
                report("derived rate[1h] over %d days" % days, cpu, "ms", 60, series=series)
                cpu, series = ask_hours(w, DERIVED_P99 % "traces_service_graph_request_server_seconds", end_s, days)
                report("derived p99 over %d days" % days, cpu, "ms", 60, series=series)
            cpu, series = ask_hours(w, "rate(raw_request_seconds_count[1h])", end_s, 30)
            report("raw rate[1h] over 30 days", cpu, "ms", 600, series=series)
            thirds = [ask_hours(w, DERIVED_P99 % "raw_request_seconds", end_s - i * 10 * 86400, 10, 3) for i in range(3)]
            report("raw p99 over 30 days", sum(cpu for cpu, _ in thirds), "ms", series=thirds[0][1])


# What of the programs' rows goes into the table, with the aims of the plan.
FIELDS = {
    ("query", "graph, 24 h"): ("ms", "ms", 20),
    ("query", "percentiles of 40 servers, 24 h by 5 min"): ("ms", "ms", 20),
    ("query", "percentiles of 40 servers, 24 h by 60 s"): ("ms", "ms", 80),
    ("collector", "observe, 10000 spans/s"): ("ns_per_span", "ns a span", None),
    ("collector", "apply and close, 10000 spans/s"): ("ns_per_span", "ns a span", None),
    ("collector", "memory, 10000 spans/s"): ("bytes_per_open_span", "bytes an open span", None),
    ("journal", "disk, 5 spans, 64 connections"): ("cpu_us_per_request", "us of CPU an RPC", None),
    ("journal", "disk, 512 spans, 4 connections"): ("cpu_us_per_request", "us of CPU a request", None),
}


def table():
    width = max(len(r["bench"]) for r in results)
    print("\n%-*s %14s %-22s %8s" % (width, "figure", "measured", "", "aim"))
    for r in results:
        mark = "" if r["aim"] is None else "ok" if r["value"] <= r["aim"] else "over the aim"
        print("%-*s %14.3f %-22s %8s %s" % (width, r["bench"], r["value"], r["unit"], "" if r["aim"] is None else r["aim"], mark))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--check", action="store_true")
    p.add_argument("--long", action="store_true")
    p.add_argument("--only", default="")
    a = p.parse_args()
    steps = [bench_idle, bench_ingest, bench_slow_rate, bench_ack, bench_recovery, bench_programs, bench_derived]
    if a.long:
        steps += [lambda: bench_memory(10000, 70, 60), lambda: bench_memory(100000, 70, 300)]
        steps[-2].__name__, steps[-1].__name__ = "bench_memory", "bench_memory_full"
    chosen = [step for step in steps if a.only in step.__name__]
    if not chosen:
        p.error("--only %s: one of %s" % (a.only, ", ".join(step.__name__[len("bench_"):] for step in steps)))
    for step in chosen:
        step()
    table()
    bad = [r for r in results if r["aim"] is not None and r["value"] > 2 * r["aim"]]
    for r in bad:
        print("more than twice the aim: %s %s %s, aim %s" % (r["bench"], r["value"], r["unit"], r["aim"]))
    sys.exit(1 if a.check and bad else 0)


if __name__ == "__main__":
    main()
