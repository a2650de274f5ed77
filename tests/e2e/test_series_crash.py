#!/usr/bin/env python3
"""test_series_crash.py [--full] [--seed N] - time series and kill -9, a disk that fails at each write and sync, and flipped bits.

Connections write known samples, by remote write and as OTLP metrics, one request in flight each. After every restart a series has
what was acknowledged, each sample once and with its value, or that and the whole request in flight. The value of a sample follows
from its time, so that a wrong one is seen whatever is missing. --full makes 70 kills, fails every write and sync, flips more bits."""
import argparse, http.client, json, pathlib, random, shutil, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from remote_write import HEADERS, write_request
from test_crash import CHECKPOINT, SELDOM, Crasher, Sender
from weft import Suite, Weft

WRITERS, SERIES, STEP_MS = 4, 6, 10
SAMPLES_PER_S = 4000  # of one series of every connection
BASE_MS = (int(time.time()) - 6 * 3600) * 1000
SAVE = ("series_begin", "series_part", "series_index", "series_state", "series_committed")
MERGES = ("series_merged", "series_exchanged")


# --- what is written ---

def value_of(number, series, i):
    """Rises with i; two series never have the same at one time."""
    return float(i * 100 + series * 10 + number)


class RemoteWriter:
    """Bodies of remote write with the next samples of SERIES series."""
    path, headers, metric = "/api/v1/write", HEADERS, "crash_sample"

    def __init__(self, number):
        self.number, self.next = number, 0

    def body(self, count):
        first, self.next = self.next, self.next + count
        return write_request([({"__name__": self.metric, "writer": str(self.number), "series": str(s)},
                               [(BASE_MS + i * STEP_MS, value_of(self.number, s, i)) for i in range(first, self.next)])
                              for s in range(SERIES)])


class OtlpWriter(RemoteWriter):
    """The same as a gauge, and one increase of 1 with each sample: its total counts them."""
    path, headers, metric = "/v1/metrics", {"Content-Type": "application/json"}, "crash_gauge"

    def point(self, series, i, value):
        end = (BASE_MS + i * STEP_MS) * 1000000
        return {"timeUnixNano": str(end), "startTimeUnixNano": str(end - STEP_MS * 1000000), "asDouble": value,
                "attributes": [{"key": k, "value": {"stringValue": str(v)}} for k, v in (("writer", self.number), ("series", series))]}

    def body(self, count):
        first, self.next = self.next, self.next + count
        indexes = range(first, self.next)
        gauges = [self.point(s, i, value_of(self.number, s, i)) for s in range(SERIES) for i in indexes]
        counts = [self.point(0, i, 1.0) for i in indexes]
        metrics = [{"name": self.metric, "gauge": {"dataPoints": gauges}},
                   {"name": "crash_delta", "sum": {"dataPoints": counts, "aggregationTemporality": 1, "isMonotonic": True}}]
        return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()


class SampleSender(Sender):
    """A connection whose every request must be taken: what is acknowledged are the first samples of its series."""

    def __init__(self, writer, rate):
        super().__init__(writer.number, rate)
        self.pusher = writer

    def push(self, connection, body):
        connection.request("POST", self.pusher.path, body, self.pusher.headers)
        response = connection.getresponse()
        told = response.read()
        if response.status in (429, 503):
            raise AssertionError("a write was refused: %d %s" % (response.status, told[:200]))
        return 200 if response.status in (200, 204) else response.status


def address_of(weft, sender):
    return weft.otlp if isinstance(sender.pusher, OtlpWriter) else weft.http


# --- what must be true ---

def instant(weft, query, at_ms):
    got = weft.json("/api/v1/query", query=query, time=at_ms / 1000)
    assert not got.get("warnings"), got["warnings"]
    return {r["metric"].get("series"): r for r in got["data"]["result"]}


def check_samples(weft, writer, allowed):
    """Every series has samples 0 to n - 1, each with its value, and n is allowed. Returns n."""
    span = writer.next * STEP_MS + 1000
    at = BASE_MS + span - 500
    select = '%s{writer="%d"}[%dms]' % (writer.metric, writer.number, span + 1000)
    found = instant(weft, select, at)
    counts = {len(r["values"]) for r in found.values()} or {0}
    if len(counts) != 1 or (found and len(found) != SERIES) or not counts <= set(allowed):
        raise AssertionError("writer %d has %s samples in %d series, acknowledged %s" % (writer.number, counts, len(found), allowed))
    for series, r in found.items():
        for i, (t, v) in enumerate(r["values"]):
            want = (BASE_MS + i * STEP_MS, value_of(writer.number, int(series), i))
            if (round(t * 1000), float(v)) != want:
                raise AssertionError("writer %d series %s: sample %d is %s %s, want %s" % (writer.number, series, i, t, v, want))
    n = counts.pop()
    if isinstance(writer, OtlpWriter) and n:
        total = instant(weft, "last_over_time(crash_delta_total[%dms])" % (span + 1000), at)["0"]["value"][1]
        assert float(total) == n, "the total of increases is %s of %d" % (total, n)
    return n


def check_account(weft):
    account = weft.json("/api/mesh/status")["account"]
    wrong = {signal: row for signal, row in account.items() if row.get("difference")}
    assert not wrong, "the account differs: %s" % wrong


def verify(weft, senders):
    """Compares every series; then sends again what was in flight, which must then be there once."""
    for s in senders:
        unsure = [s.acknowledged + s.in_flight[1]] if s.in_flight else []
        check_samples(weft, s.pusher, [s.acknowledged] + unsure)
    for s in senders:
        if s.in_flight:
            body, count = s.in_flight
            status = s.push(http.client.HTTPConnection(address_of(weft, s), timeout=30), body)
            assert status == 200, "sending again answered %d" % status
            s.acknowledged += count
            s.in_flight = None
            check_samples(weft, s.pusher, [s.acknowledged])
    check_account(weft)


class SeriesCrasher(Crasher):
    """Kills where series are written; senders go where their protocol is spoken."""
    checkpoint_points, merge_points = SAVE + CHECKPOINT[:2] + ("checkpoint_committed", "journal_trim"), MERGES

    def push(self, weft, seconds, until=lambda: False):
        for s in self.senders:
            s.resume = lambda _, s=s: Sender.resume(s, address_of(weft, s))
        return super().push(weft, seconds, until)

    def finish(self):
        weft = self.start()
        assert weft.stop() == 0, "SIGTERM: exit code %s" % weft.process.returncode
        weft.clean()
        weft = self.start()
        assert "journal replayed" not in weft.stderr(), "a clean stop left something to replay"
        weft.stop()
        weft.clean()
        self.first.clean()
        samples = sum(s.acknowledged * SERIES for s in self.senders)
        print("     %d kills (%s), %d samples acknowledged" % (
            sum(self.kills.values()), ", ".join("%s %d" % k for k in sorted(self.kills.items())), samples), flush=True)


# --- a disk that fails at the n-th call ---

class Loose:
    """Requests one after the other; remembers which samples were acknowledged."""

    def __init__(self):
        self.writer, self.acknowledged = RemoteWriter(9), []

    def write(self, weft, count):
        for _ in range(count):
            first, body = self.writer.next, self.writer.body(3)
            status = weft.request("/api/v1/write", "POST", body, HEADERS)[0]
            if status == 204:
                self.acknowledged += range(first, self.writer.next)
            elif status not in (429, 503):
                raise AssertionError("a write answered %d" % status)

    def found(self, weft):
        """{series: [index]} of what is there; every value is right."""
        span = self.writer.next * STEP_MS + 2000
        indexes = {}
        got = weft.json("/api/v1/query", query="%s[%dms]" % (self.writer.metric, span), time=(BASE_MS + span - 1000) / 1000)["data"]["result"]
        for r in got:
            series, seen = int(r["metric"]["series"]), []
            for t, v in r["values"]:
                i = (round(t * 1000) - BASE_MS) // STEP_MS
                assert float(v) == value_of(9, series, i), "series %d: sample %d is %s" % (series, i, v)
                seen.append(i)
            indexes[series] = seen
        return indexes

    def check(self, weft, what):
        found = self.found(weft)
        for series in range(SERIES):
            assert found.get(series, []) == self.acknowledged, "%s: series %d has %d samples, acknowledged %d" % (
                what, series, len(found.get(series, [])), len(self.acknowledged))


def failing_run(fault):
    """Some requests while one write or sync fails; True when the fault was reached."""
    loose = Loose()
    try:
        first = Weft(config=SELDOM, env={"WEFT_FAULT": fault})
    except AssertionError as e:
        if "weft: " not in str(e) or "file_fault: fired" not in str(e):
            raise
        return True  # it said why it does not start
    with first as weft:
        for count in (8, 4, 4, 2):
            loose.write(weft, count)
            weft.request("/-/compact", "POST", b"")  # it may fail, and must then change nothing
        loose.check(weft, fault)
        reached = "file_fault: fired" in weft.stderr()
        weft.kill()
        with Weft(data=weft.data, config=SELDOM) as again:
            loose.check(again, fault + " after kill -9")
            check_account(again)
            before = len(loose.acknowledged)
            loose.write(again, 1)
            assert len(loose.acknowledged) > before, fault + ": after the restart nothing is taken"
    return reached


def fail_each(error, call, step):
    number = 1
    while failing_run("%s:%s:%d" % (error, call, number)):
        number += step
        assert number < 300, "a run makes more than 300 %ss" % call
    print("     %s at %s 1 to %d, every %d" % (error, call, number - 1, step), flush=True)


def restored_snapshot():
    """Its journal is empty, and goes on with numbers that neither store has: what is acknowledged then survives kill -9 as ever."""
    loose = Loose()
    with Weft(config=SELDOM) as weft, tempfile.TemporaryDirectory() as parent:
        loose.write(weft, 20)
        status, _, body = weft.request("/api/v1/admin/tsdb/snapshot", "POST", b"")
        assert status == 200, body
        data = str(shutil.copytree(pathlib.Path(weft.data) / "snapshots" / json.loads(body)["data"]["name"], pathlib.Path(parent) / "data"))
        for count in (5, 5):
            with Weft(data=data, config=SELDOM) as again:
                loose.check(again, "restored")
                loose.write(again, count)
                again.kill()
        with Weft(data=data, config=SELDOM) as again:
            loose.check(again, "after kill -9")
            check_account(again)


def snapshot_ends_with_weft():
    """What has the name of a snapshot is one: an end amid it leaves nothing that looks like a backup."""
    loose = Loose()
    with tempfile.TemporaryDirectory() as data:
        snapshots = pathlib.Path(data) / "snapshots"
        weft = Weft(data=data, config=SELDOM, env={"WEFT_FAULT": "kill:snapshot_file:2"})
        loose.write(weft, 20)
        try:
            weft.request("/api/v1/admin/tsdb/snapshot", "POST", b"")
        except (OSError, http.client.HTTPException):
            pass
        weft.kill()
        weft.clean()
        assert [s.suffix for s in snapshots.iterdir()] == [".tmp"], "it was amid one"
        with Weft(data=data, config=SELDOM) as again:
            assert list(snapshots.iterdir()) == []
            loose.check(again, "after the end")
            assert again.request("/api/v1/admin/tsdb/snapshot", "POST", b"")[0] == 200
            assert [s.suffix for s in snapshots.iterdir()] == [""]


# --- flipped bits ---

KINDS = {"part": "series/*.part", "index log": "series/*.index", "state": "series/*.state", "journal": "journal/*", "catalogue": "catalogue*",
         "image": "*image*"}


def make_folder(loose, folder):
    """Every kind of file: parts, an index log, a state, and a journal with what no checkpoint has."""
    weft = Weft(data=str(folder), config=SELDOM)
    for count in (20, 10, 5):
        loose.write(weft, count)
        assert weft.request("/-/compact", "POST", b"")[0] == 200
    loose.write(weft, 5)
    weft.kill()
    weft.clean()


def lost_blocks(weft):
    text = weft.request("/metrics")[2].decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("weft_series_lost_blocks_total"))


def flip_once(loose, kind, folder, path, at, bit):
    """Starts weft on a copy with one flipped bit; says what became of it."""
    with tempfile.TemporaryDirectory() as parent:
        copy = pathlib.Path(parent) / "data"
        shutil.copytree(folder, copy)
        target = copy / path.relative_to(folder)
        content = bytearray(target.read_bytes())
        content[at] ^= 1 << bit
        target.write_bytes(content)
        where = "%s byte %d bit %d" % (target.relative_to(copy), at, bit)
        try:
            weft = Weft(data=str(copy), config=SELDOM)
        except AssertionError as e:
            assert "weft: " in str(e) and "ERROR: AddressSanitizer" not in str(e), "%s: died without a sentence: %s" % (where, e)
            assert kind == "catalogue", "%s: weft does not start: %s" % (where, e)
            return "refused"
        with weft:
            found = loose.found(weft)
            whole = len(found) == SERIES and all(f == loose.acknowledged for f in found.values())
            told = weft.stderr()
            assert weft.alive(), where + ": weft ended"
            for seen in found.values():
                assert len(set(seen)) == len(seen) and set(seen) <= set(loose.acknowledged), where + ": samples that nobody wrote"
            if not whole:
                lines = [line for line in told.splitlines() if "WARN" in line.upper() or "ERROR" in line.upper()]
                assert lines, "%s: samples lack and nothing is said: %s" % (where, {k: len(v) for k, v in found.items()})
                assert kind == "journal" or lost_blocks(weft) > 0, where + ": the damage is not counted"
            return "whole" if whole else "damaged, told"


def flip_bits(kind, pattern, count, seed):
    loose, rng, seen = Loose(), random.Random("%s %d" % (kind, seed)), {}
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "data"
        make_folder(loose, folder)
        files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size and p.match(pattern)]
        assert files, "no file of this kind among %s" % sorted(p.name for p in folder.rglob("*"))
        for _ in range(count):
            path = rng.choice(files)
            size = path.stat().st_size
            if kind == "journal":
                size = len(path.read_bytes().rstrip(b"\0")) or size
            got = flip_once(loose, kind, folder, path, rng.randrange(size), rng.randrange(8))
            seen[got] = seen.get(got, 0) + 1
    print("     %s: %s" % (kind, ", ".join("%s %d" % x for x in sorted(seen.items()))), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    suite = Suite("series_crash")
    rounds = {"kill_any_time": 1, "kill_in_ingest": 2, "kill_in_checkpoint": 4, "kill_in_merge": 2, "kill_in_replay": 1}
    if args.full:
        rounds = {"kill_any_time": 10, "kill_in_ingest": 14, "kill_in_checkpoint": 24, "kill_in_merge": 10, "kill_in_replay": 6}
    plan = [name for name, count in rounds.items() for _ in range(count)]
    writers = [RemoteWriter(i) for i in range(WRITERS)] + [OtlpWriter(WRITERS)]
    senders = [SampleSender(w, SAMPLES_PER_S) for w in writers]
    crasher = SeriesCrasher(args.seed, senders, verify)
    crasher.random.shuffle(plan)
    plan.insert(0, "kill_any_time")
    for i, name in enumerate(plan):
        suite.run("%02d %s" % (i + 1, name), getattr(crasher, name))
        if suite.failed:
            break
    if not suite.failed:
        suite.run("all of it is there once, and a clean stop leaves nothing to replay", crasher.finish)
    suite.run("restored snapshot", restored_snapshot)
    suite.run("a snapshot ends with weft", snapshot_ends_with_weft)
    for kind, pattern in KINDS.items():
        suite.run("flipped bits: " + kind, flip_bits, kind, pattern, 25 if args.full else 3, args.seed)
    for error in ("EIO", "ENOSPC"):
        for call in ("write", "sync"):
            suite.run("%s at each %s" % (error, call), fail_each, error, call, 1 if args.full else 11)
    suite.close()


if __name__ == "__main__":
    main()
