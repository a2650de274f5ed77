"""series.py [--check] [--quick] [--only WORD] - time series beside the peers: weft, VictoriaMetrics and Prometheus take the same
bodies of remote write over HTTP and answer the same queries, one after the other. JSON lines on stdout, a table at the end.

The mesh workload: 200 edges, each 18 classic series, 4 h at 15 s; the same latencies as native histograms of 50 edges; and a million
series of one sample and 8 labels. CPU time is that of the server's process; the generator runs on another core when there are two.
Bodies hold snappy's literals alone, for all three. weft acknowledges what is on disk, the others what is in memory. --check fails when a
figure of weft is worse than twice its aim; --quick takes a tenth of everything, which no aim is made for."""
import argparse, contextlib, json, math, os, pathlib, random, shutil, signal, statistics, struct, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
from prometheus import Api, free_port
from remote_write import Times, field, label_bytes, snappy, varint
from run import pinned, report, results, rss_mib, table
from weft import Weft, wait_until

STEP_MS = 15000
STEPS = 960  # 4 h
PER_BODY = 40  # samples of each series
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, math.inf)  # 15, sum, count, errors: 18 series
ROUNDS = 7
P99 = "histogram_quantile(0.99, sum by (le, destination) (rate(mesh_request_duration_seconds_bucket[1m])))"
P99_NATIVE = "histogram_quantile(0.99, sum by (destination) (rate(mesh_request_duration_seconds[1m])))"


# --- what is written ---

def draw_minutes(rng):
    """Latencies of 15 s of traffic, drawn once: ascending seconds. Edges take them in an order of their own."""
    return [sorted(rng.lognormvariate(-3.5, 0.8) for _ in range(rng.randint(60, 180))) for _ in range(256)]


def edge_labels(edge, **more):
    return {"source_workload": "service-%d" % (edge // 5), "destination": "service-%d" % (edge % 40), "protocol": "http",
            "namespace": "shop", "job": "mesh", "instance": "10.0.%d.%d:15020" % (edge // 250, edge % 250), **more}


def classic_increases(latencies):
    counts = [sum(x <= bound for x in latencies) for bound in BOUNDS]
    return counts + [round(sum(latencies), 6), len(latencies), len(latencies) // 50]


def series_names(edge):
    name = "mesh_request_duration_seconds"
    for bound in BOUNDS:
        yield edge_labels(edge, __name__=name + "_bucket", le="+Inf" if bound == math.inf else "%g" % bound)
    for suffix in ("_sum", "_count"):
        yield edge_labels(edge, __name__=name + suffix)
    yield edge_labels(edge, __name__="mesh_request_errors_total")


def classic_bodies(edges, end_ms):
    """[(body, samples)], in order of time."""
    rng = random.Random(1)
    increases = [classic_increases(x) for x in draw_minutes(rng)]
    labels = [[label_bytes(one) for one in series_names(edge)] for edge in range(edges)]
    totals = [[0] * len(increases[0]) for _ in range(edges)]
    times, bodies = Times(), []
    for first in range(0, STEPS, PER_BODY):
        body, samples = bytearray(), 0
        for edge in range(edges):
            columns = [bytearray(x) for x in labels[edge]]
            for step in range(first, first + PER_BODY):
                at = end_ms - (STEPS - 1 - step) * STEP_MS
                totals[edge] = [a + b for a, b in zip(totals[edge], rng.choice(increases))]
                for column, value in zip(columns, totals[edge]):
                    column += times.sample(round(value, 6), at)
                    samples += 1
            for column in columns:
                body += field(1, bytes(column))
        bodies.append((snappy(bytes(body)), samples))
    return bodies


def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


def native_bytes(schema, counts, total, time_ms):
    """A prometheus.Histogram of {index: count}."""
    spans, deltas, last, before = [], bytearray(), None, 0
    for index in sorted(counts):
        if last is not None and index == last + 1:
            spans[-1][1] += 1
        else:
            spans.append([index if last is None else index - last - 1, 1])
        deltas += zigzag(counts[index] - before)
        last, before = index, counts[index]
    out = b"\x08" + varint(sum(counts.values())) + b"\x19" + struct.pack("<d", total) + b"\x20" + zigzag(schema)
    out += b"\x29" + struct.pack("<d", 2.938735877055719e-39)
    out += b"".join(field(11, b"\x08" + zigzag(offset) + b"\x10" + varint(length)) for offset, length in spans)
    return field(4, out + field(12, bytes(deltas)) + b"\x78" + varint(time_ms))


def native_bodies(edges, schema, end_ms):
    rng = random.Random(2)
    drawn = draw_minutes(rng)
    buckets = [[math.ceil(math.log2(x) * 2 ** schema) for x in latencies] for latencies in drawn]
    totals, sums, bodies = [{} for _ in range(edges)], [0.0] * edges, []
    for first in range(0, STEPS, PER_BODY):
        body = bytearray()
        for edge in range(edges):
            one = bytearray(label_bytes(edge_labels(edge, __name__="mesh_request_duration_seconds")))
            for step in range(first, first + PER_BODY):
                pick = rng.randrange(len(drawn))
                sums[edge] = round(sums[edge] + sum(drawn[pick]), 6)
                for index in buckets[pick]:
                    totals[edge][index] = totals[edge].get(index, 0) + 1
                one += native_bytes(schema, totals[edge], sums[edge], end_ms - (STEPS - 1 - step) * STEP_MS)
            body += field(1, bytes(one))
        bodies.append((snappy(bytes(body)), edges * PER_BODY))
    return bodies


def many_bodies(series, time_ms):
    """Series of one sample and 8 labels; made as they are sent."""
    sample = Times().sample(1.0, time_ms)
    for first in range(0, series, 10000):
        count = min(10000, series - first)
        body = b"".join(
            field(1, label_bytes({"__name__": "mesh_active", "cluster": "east", "namespace": "shop-%d" % (i % 50), "pod": "pod-%d" % (i // 100),
                                  "source": "service-%d" % (i % 997), "destination": "service-%d" % (i % 1009), "code": str(200 + i % 7),
                                  "number": str(i)}) + sample) for i in range(first, first + count))
        yield snappy(body), count


# --- who takes it ---

def folder_bytes(path):
    """Apparent size of everything in it."""
    return sum(f.stat().st_size for f in pathlib.Path(path).rglob("*") if f.is_file())


class WeftServer:
    name, has_native = "weft", True

    def __init__(self, **settings):
        self.weft = pinned(Weft(config="\n".join("%s: %s" % x for x in {"admin": "true", **settings}.items())))
        self.process, self.api = self.weft.process, Api(self.weft.http)

    def settle(self):
        pass  # what is acknowledged is on disk and in every answer

    def stop_and_measure(self):
        """Bytes on disk once all is merged and the process is gone."""
        status, _, body = self.api.request("POST", "/-/compact", b"")
        assert status == 200, body
        self.api.close()
        self.weft.stop()
        return folder_bytes(self.weft.data)

    def close(self):
        self.api.close()
        self.weft.stop()
        self.weft.clean()


class Peer:
    """One Debian package on a free port over a folder of its own."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-bench-"))
        self.address = "127.0.0.1:%d" % free_port()
        self.api = Api(self.address)
        self.log = (self.folder / "log").open("w")
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log)
        wait_until(self.name, self.is_ready)
        if (os.cpu_count() or 1) > 1:
            subprocess.run(["taskset", "-apc", "0", str(self.process.pid)], check=True, stdout=subprocess.DEVNULL)

    def is_ready(self):
        try:
            return self.api.request("GET", self.health)[0] == 200
        except OSError:
            return False

    def end_process(self):
        self.api.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)

    def close(self):
        if self.process.poll() is None:
            self.end_process()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class VictoriaMetrics(Peer):
    name, program, has_native, health = "VictoriaMetrics", "victoria-metrics", False, "/health"

    def command(self):
        return [self.program, "-storageDataPath=%s" % (self.folder / "data"), "-httpListenAddr=" + self.address, "-retentionPeriod=100y",
                "-search.latencyOffset=0s", "-search.disableCache"]

    def settle(self):
        self.api.request("GET", "/internal/force_flush")

    def stop_and_measure(self):
        """What a start reads, without the caches of its memory that lie beside it. It is not stopped in the middle of a merge: the
        merge is not waited for, and the end of this version then loses what it held."""
        data, seen = self.folder / "data", []
        self.api.request("GET", "/internal/force_flush")
        self.api.request("GET", "/internal/force_merge")

        def is_calm():
            seen.append((time.monotonic(), folder_bytes(data)))
            calm = [at for at, size in seen if size == seen[-1][1]]
            return len(calm) > 1 and calm[-1] - calm[0] > 2

        wait_until("the merge", is_calm, 60)
        self.end_process()
        return folder_bytes(data / "data") + folder_bytes(data / "indexdb")


class PrometheusServer(Peer):
    name, program, has_native, health = "Prometheus", "prometheus", True, "/-/ready"

    def command(self):
        config = self.folder / "prometheus.yml"
        config.write_text("global: { scrape_interval: 1m }\n")
        return [self.program, "--config.file=%s" % config, "--storage.tsdb.path=%s" % (self.folder / "data"),
                "--web.listen-address=" + self.address, "--web.enable-remote-write-receiver", "--web.enable-admin-api",
                "--enable-feature=native-histograms", "--log.level=warn"]

    def settle(self):
        pass

    def stop_and_measure(self):
        """A snapshot: blocks of everything, the head too, without the log that a directory has beside them."""
        name = self.api.call("/api/v1/admin/tsdb/snapshot")["data"]["name"]
        self.end_process()
        return folder_bytes(self.folder / "data/snapshots" / name)


def servers():
    yield WeftServer
    for peer in (VictoriaMetrics, PrometheusServer):
        if shutil.which(peer.program):
            yield peer


# --- what is measured ---

def cpu_s(pid):
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def send(server, bodies):
    """(CPU seconds, samples)."""
    began, samples = cpu_s(server.process.pid), 0
    for body, count in bodies:
        server.api.write(body)
        samples += count
    server.settle()
    return cpu_s(server.process.pid) - began, samples


def found_by(server, path, params):
    answer = server.api.call(path, **params)
    if answer["status"] != "success":
        raise AssertionError("%s: %s" % (server.name, answer.get("error")))
    return answer["data"]["result"]


def ask(server, path, rounds=ROUNDS, **params):
    """(milliseconds of CPU, median of those on the clock, series of the answer)."""
    found = wait_until("an answer of " + server.name, lambda: found_by(server, path, params), 30)
    began, walls = cpu_s(server.process.pid), []
    for _ in range(rounds):
        start = time.monotonic()
        server.api.call(path, **params)
        walls.append(time.monotonic() - start)
    return (cpu_s(server.process.pid) - began) / rounds * 1000, statistics.median(walls) * 1000, len(found)


class Bench:
    def __init__(self, quick):
        self.quick = quick
        self.end_ms = (int(time.time()) - 60) // 15 * 15000

    def some(self, n):
        return n // 10 if self.quick else n

    def row(self, server, figure, value, unit, aim=None, **more):
        report("%s: %s" % (figure, server.name), value, unit, aim if server.name == "weft" and not self.quick else None, **more)

    def ask_p99(self, server, figure, expression, aim):
        span = dict(start=self.end_ms / 1000 - 239 * 60, end=self.end_ms / 1000, step=60)
        cpu, wall, series = ask(server, "/api/v1/query_range", query=expression, **span)
        self.row(server, figure, cpu, "ms of CPU", aim, wall_ms=round(wall, 2), series=series)

    def classic(self):
        bodies = classic_bodies(self.some(200), self.end_ms)
        for make in servers():
            with contextlib.closing(make()) as s:
                cpu, samples = send(s, bodies)
                self.row(s, "remote write, 40 samples a series", cpu / samples * 1e6, "us of CPU a sample", 0.333, samples=samples)
                self.row(s, "memory after it", rss_mib(s.process.pid), "MiB")
                self.ask_p99(s, "p99 of 40 destinations, 240 steps", P99, 30)
                self.row(s, "classic histograms on disk", s.stop_and_measure() / samples, "bytes a sample", 0.40)

    def native(self):
        for schema, aim in ((3, 28), (6, 85)):
            bodies = native_bodies(self.some(50), schema, self.end_ms)
            for make in servers():
                if not make.has_native:
                    print("skip native histograms, schema %d: %s has none" % (schema, make.name), file=sys.stderr)
                    continue
                # 4 h of schema 6 are over what a query may hold by default: a quarter of 512 MiB.
                with contextlib.closing(make(memory="2GiB") if make is WeftServer else make()) as s:
                    cpu, samples = send(s, bodies)
                    self.row(s, "native schema %d, remote write" % schema, cpu / samples * 1e6, "us of CPU a sample", samples=samples)
                    self.ask_p99(s, "native schema %d, p99, 240 steps" % schema, P99_NATIVE, None)
                    self.row(s, "native schema %d on disk" % schema, s.stop_and_measure() / samples, "bytes a sample", aim)

    def many(self):
        count = self.some(1000000)
        for make in servers():
            with contextlib.closing(make()) as s:
                cpu, samples = send(s, many_bodies(count, self.end_ms - STEP_MS))
                self.row(s, "remote write, first sample of a series", cpu / samples * 1e6, "us of CPU a sample", samples=samples)
                self.row(s, "memory with a million series", rss_mib(s.process.pid), "MiB", round(400e6 / 2**20, 1), series=count)
                cpu, samples = send(s, many_bodies(count, self.end_ms))
                self.row(s, "remote write, next sample of each", cpu / samples * 1e6, "us of CPU a sample", 1.0, samples=samples)
                cpu, wall, _ = ask(s, "/api/v1/query", 100, query='mesh_active{number="%d"}' % (count // 2), time=self.end_ms / 1000)
                self.row(s, "one series of a million", cpu, "ms of CPU", 1, wall_ms=round(wall, 2))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--check", action="store_true")
    p.add_argument("--quick", action="store_true")
    p.add_argument("--only", default="")
    a = p.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})
    for peer in (VictoriaMetrics, PrometheusServer):
        if not shutil.which(peer.program):
            print("skip %s: not installed (apt-get install --no-install-recommends %s)" % (peer.name, peer.program), file=sys.stderr)
    bench = Bench(a.quick)
    for step in (bench.classic, bench.native, bench.many):
        if a.only in step.__name__:
            step()
    table()
    bad = [r for r in results if r["aim"] is not None and r["value"] > 2 * r["aim"]]
    for r in bad:
        print("more than twice the aim: %s %s %s, aim %s" % (r["bench"], r["value"], r["unit"], r["aim"]))
    sys.exit(1 if a.check and bad else 0)


if __name__ == "__main__":
    main()
