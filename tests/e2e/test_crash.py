#!/usr/bin/env python3
"""test_crash.py [--full] [--seed N] - kill -9 in ingest, replay, checkpoint and merge, and a disk that fails at each write and sync.

Four connections push known spans; each has an edge of its own and at most one request in flight. After every restart an edge
must count what was acknowledged, or that and the whole request that was in flight: nothing lost, nothing twice, no half request.
The short run takes about two minutes; --full makes 100 kills and fails every write and sync of a run."""
import argparse, http.client, random, re, resource, signal, struct, subprocess, threading, time

from weft import Suite, Weft, wait_until

SENDERS = 4
PAIRS = 60  # requests of the mesh in one push: a client and a server span each
SPANS_PER_S = 25000
CONFIG = """
admin: true
retention: { series: 0, edges: 0, spans: 0, logs: 0 }
journal: { checkpoint: %s }
graph: { wait: 2s, remember: 300s }
"""
OFTEN, SELDOM = CONFIG % "1s", CONFIG % "1h"


# --- spans as protobuf ---

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def text_attr(key, value):
    return field(1, key.encode()) + field(2, field(1, value.encode()))


def int_attr(key, value):
    return field(1, key.encode()) + field(2, b"\x18" + varint(value))


class Pusher:
    """Bodies of one sender: every pair is a request web-N > cart-N of the mesh, with a trace of its own."""

    def __init__(self, number):
        self.number, self.next_trace = number, 1
        attrs = field(9, text_attr("http.request.method", "GET")) + field(9, int_attr("http.response.status_code", 200))
        self.resources = [field(1, field(1, text_attr("service.name", "%s-%d" % (name, number)))) for name in ("web", "cart")]
        self.tails = [field(5, b"GET /") + b"\x30" + varint(kind) + attrs for kind in (3, 2)]

    def body(self, pairs):
        now = time.time_ns()
        clients, servers = [], []
        for _ in range(pairs):
            trace = field(1, struct.pack(">QQ", self.number + 1, self.next_trace))
            self.next_trace += 1
            times = b"\x39" + struct.pack("<Q", now - 2000000) + b"\x41" + struct.pack("<Q", now)
            client = trace + field(2, struct.pack(">Q", 1)) + self.tails[0] + times
            server = trace + field(2, struct.pack(">Q", 2)) + field(4, struct.pack(">Q", 1)) + self.tails[1] + times
            clients.append(field(2, client))
            servers.append(field(2, server))
        return b"".join(field(1, resource + field(2, b"".join(spans))) for resource, spans in zip(self.resources, (clients, servers)))


# --- senders ---

class Sender(threading.Thread):
    """One connection that pushes while it has an address; what it knows is exact."""

    def __init__(self, number, rate):
        super().__init__(daemon=True)
        self.pusher, self.pause_s, self.random = Pusher(number), 2 * PAIRS / rate, random.Random(number)
        self.lock, self.wake = threading.Lock(), threading.Event()
        self.address = None
        self.pushes = 0  # that were acknowledged since it was resumed
        self.idle = threading.Event()
        self.idle.set()
        self.acknowledged = self.refused = 0  # pairs
        self.in_flight = None                 # (body, pairs) whose answer never came
        self.error = None

    def push(self, connection, body):
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        response = connection.getresponse()
        response.read()
        return response.status

    def run(self):
        while True:
            self.wake.wait()
            self.idle.clear()
            try:
                self.push_until_it_breaks()
            except Exception as e:
                self.error = e
            self.wake.clear()
            self.idle.set()

    def push_until_it_breaks(self):
        connection, due = http.client.HTTPConnection(self.address, timeout=30), time.monotonic()
        while self.wake.is_set():
            pairs = self.random.randrange(PAIRS // 2, PAIRS * 3 // 2)
            body = self.pusher.body(pairs)
            try:
                status = self.push(connection, body)
            except (OSError, http.client.HTTPException):
                self.in_flight = (body, pairs)
                break
            if status == 200:
                self.acknowledged += pairs
                self.pushes += 1
            elif status in (429, 503):
                self.refused += pairs
            else:
                raise AssertionError("push answered %d" % status)
            due = max(due + self.pause_s, time.monotonic() - 0.1)
            time.sleep(max(0.0, due - time.monotonic()))
        connection.close()

    def resume(self, address):
        self.address, self.pushes = address, 0
        self.wake.set()

    def pause(self):
        self.wake.clear()
        if not self.idle.wait(120):
            raise AssertionError("a sender hangs")
        if self.error:
            raise self.error


# --- what must be true ---

def counted(weft):
    """{sender number: edge} of the whole time of this test."""
    graph = weft.json("/api/mesh/graph", start="-2h", end=str(time.time() + 60))
    edges = {}
    for edge in graph["edges"]:
        if edge["client"].startswith("web-") and edge["server"] == "cart-" + edge["client"][4:]:
            edges[int(edge["client"][4:])] = edge
    return edges


def check_edge(number, edge, allowed):
    got = edge["requests"] if edge else 0
    if got not in allowed:
        raise AssertionError("edge web-%d>cart-%d counts %s, acknowledged %s" % (number, number, got, " or ".join(map(str, allowed))))
    if not edge:
        return
    for side in ("client_latency", "server_latency"):
        if edge[side]["count"] != got:
            raise AssertionError("edge %d: %s observed %d of %d" % (number, side, edge[side]["count"], got))
    if edge["attempts"] != got or edge["codes"] != {"200": got}:
        raise AssertionError("edge %d: attempts %s codes %s of %d" % (number, edge["attempts"], edge["codes"], got))


def verify(weft, senders):
    """Compares every edge; then sends again what was in flight, which must then count exactly once."""
    edges = counted(weft)
    for s in senders:
        unsure = [s.acknowledged + s.in_flight[1]] if s.in_flight else []
        check_edge(s.pusher.number, edges.get(s.pusher.number), [s.acknowledged] + unsure)
    for s in senders:
        if s.in_flight:
            body, pairs = s.in_flight
            status = s.push(http.client.HTTPConnection(weft.otlp, timeout=30), body)
            if status != 200:
                raise AssertionError("sending again answered %d" % status)
            s.acknowledged += pairs
            s.in_flight = None
    spans = weft.spans()
    if spans["difference"] != 0:
        raise AssertionError("the account differs: %s" % spans)
    settle({s.pusher.number: s.acknowledged for s in senders}, weft)


def settle(want, weft):
    """Waits until every edge counts just that."""
    got = {}

    def is_exact():
        edges = counted(weft)
        got.update({n: edges[n]["requests"] if n in edges else 0 for n in want})
        return got == want
    try:
        wait_until("", is_exact)
    except AssertionError:
        raise AssertionError("edges count %s, acknowledged %s" % (got, want))


# --- kills ---

INGEST = ("journal_write", "journal_sync", "journal_ack", "journal_segment_created", "journal_segment_head", "journal_segment_named")
CHECKPOINT = ("checkpoint_begin", "checkpoint_image_write", "checkpoint_image", "checkpoint_part", "checkpoint_synced",
              "checkpoint_committed", "checkpoint_cleaned", "journal_trim")
MERGE = ("merge_begin", "merge_part", "merge_synced", "merge_committed", "merge_remove")


class Crasher:
    """One data directory that is killed again and again."""

    checkpoint_points, merge_points = CHECKPOINT, MERGE

    def __init__(self, seed, senders, verify):
        self.random = random.Random(seed)
        self.data = None
        self.senders, self.verify = senders, verify
        for s in self.senders:
            s.start()
        self.first = Weft(config=SELDOM)  # owns the directory
        self.data = self.first.data
        self.first.kill()
        self.kills, self.pushing_s = {}, 0.0

    def note(self, kind):
        self.kills[kind] = self.kills.get(kind, 0) + 1

    def start(self, fault="", config=OFTEN):
        """A weft on the directory that has been verified; None when the fault came first."""
        weft = None
        try:
            weft = Weft(data=self.data, config=config, env={"WEFT_FAULT": fault})
            self.verify(weft, self.senders)
            return weft
        except Exception:
            if not fault or (weft and not self.is_dead(weft)):
                if weft:
                    weft.kill()
                raise
            if weft:
                weft.clean()
            return None

    def is_dead(self, weft):
        """Its connections break a moment before it has ended."""
        try:
            return weft.process.wait(timeout=20) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            return False

    def push(self, weft, seconds, until=lambda: False):
        began = time.monotonic()
        for s in self.senders:
            s.resume(weft.otlp)
        while weft.alive() and time.monotonic() < began + seconds and not until():
            time.sleep(0.005)
        self.pushing_s += time.monotonic() - began
        return weft.alive()

    def stop(self, weft):
        weft.kill()
        for s in self.senders:
            s.pause()
        weft.clean()

    def kill_any_time(self):
        weft = self.start()
        self.push(weft, self.random.uniform(0.1, 0.8))
        self.stop(weft)
        self.note("any time")

    def kill_at(self, kind, point, count, seconds=60.0, meanwhile=None):
        weft = self.start("kill:%s:%d" % (point, count))
        if weft:
            helper = threading.Thread(target=meanwhile, args=(weft,), daemon=True) if meanwhile else None
            if helper:
                helper.start()
            if self.push(weft, seconds):
                self.stop(weft)
                raise AssertionError("%s:%d was not reached in %g s" % (point, count, seconds))
            self.stop(weft)
        self.note(kind)

    def kill_in_ingest(self):
        point = self.random.choice(INGEST)
        self.kill_at("ingest", point, 1 if "segment" in point else self.random.randrange(1, 150))

    def kill_in_checkpoint(self):
        point = self.random.choice(self.checkpoint_points)
        self.kill_at("checkpoint", point, 1 if point == "journal_trim" else self.random.randrange(1, 3))

    def kill_in_merge(self):
        def compact(weft):
            while weft.alive():
                self.post(weft, "/-/compact")
                time.sleep(0.2)
        self.kill_at("merge", self.random.choice(self.merge_points), 1, 60.0, compact)

    def post(self, weft, path):
        try:
            weft.request(path, "POST", b"")
        except (OSError, http.client.HTTPException):
            pass  # killed meanwhile, as meant

    def kill_in_replay(self):
        """Leaves records that no checkpoint holds, then kills the replay of them, and the replay after that."""
        weft = self.start(config=SELDOM)
        self.push(weft, 60, lambda: all(s.pushes >= 10 for s in self.senders))
        self.stop(weft)
        self.note("any time")
        for _ in range(2):
            fault = "kill:journal_replay:%d" % self.random.randrange(1, 30)
            try:
                Weft(data=self.data, config=SELDOM, env={"WEFT_FAULT": fault}).kill()
            except AssertionError:
                self.note("replay")  # it died before it said that it listens
                continue
            raise AssertionError("%s was not reached" % fault)

    def finish(self):
        """A last look, then a clean stop, after which nothing is to be replayed."""
        weft = self.start()
        spans = sum(2 * s.acknowledged for s in self.senders)
        if weft.stop() != 0:
            raise AssertionError("SIGTERM: exit code %s" % weft.process.returncode)
        weft.clean()
        weft = self.start()
        if "journal replayed" in weft.stderr():
            raise AssertionError("a clean stop left something to replay")
        weft.stop()
        weft.clean()
        self.first.clean()
        print("     %d kills (%s), %d spans acknowledged, %.0f a second" % (
            sum(self.kills.values()), ", ".join("%s %d" % k for k in sorted(self.kills.items())), spans, spans / self.pushing_s), flush=True)
        return spans / self.pushing_s


# --- a disk that fails at the n-th call ---

def failing_run(fault):
    """Some requests, one after the other, while one write or sync fails; True when the fault was reached.

    What was answered 200 counts, what was refused does not: at once, and after kill -9 and a restart."""
    sender = Sender(9, 1e9)
    acknowledged = 0
    try:
        first = Weft(config=SELDOM, env={"WEFT_FAULT": fault})
    except AssertionError as e:
        if "weft: " not in str(e) or "file_fault: fired" not in str(e):
            raise
        return True  # it said why it does not start
    with first as weft:
        def push_some(count):
            nonlocal acknowledged
            for _ in range(count):
                pairs = 3
                status = sender.push(http.client.HTTPConnection(weft.otlp, timeout=30), sender.pusher.body(pairs))
                if status == 200:
                    acknowledged += pairs
                elif status not in (429, 503):
                    raise AssertionError("%s: push answered %d" % (fault, status))

        def settled():
            check = counted(weft).get(9)
            return (check["requests"] if check else 0) == acknowledged

        push_some(12)
        weft.request("/-/compact", "POST", b"")  # a checkpoint; it may fail, and must then change nothing
        push_some(6)
        weft.request("/-/compact", "POST", b"")
        push_some(2)
        wait_until("%s: %d requests to count" % (fault, acknowledged), settled)
        reached = "file_fault: fired" in weft.stderr()
        weft.kill()
        with Weft(data=weft.data, config=SELDOM) as again:
            check_edge(9, counted(again).get(9), [acknowledged])
            status = sender.push(http.client.HTTPConnection(again.otlp, timeout=30), sender.pusher.body(1))
            if status != 200:
                raise AssertionError("%s: after the restart a push answered %d" % (fault, status))
    return reached


def fail_each(error, call, step):
    """Fails call number 1, 1 + step, ... until a run does not get that far."""
    number = 1
    while failing_run("%s:%s:%d" % (error, call, number)):
        number += step
        if number > 300:
            raise AssertionError("a run makes more than 300 %ss" % call)
    print("     %s at %s 1 to %d, every %d" % (error, call, number - 1, step), flush=True)


# --- a full disk ---

def full_disk():
    """No file may grow: pushes are refused with advice to come back, queries are answered, and it ends by itself."""
    sender = Sender(9, 1e9)
    with Weft(config=SELDOM) as weft:
        def push():
            connection = http.client.HTTPConnection(weft.otlp, timeout=30)
            connection.request("POST", "/v1/traces", sender.pusher.body(5), {"Content-Type": "application/x-protobuf"})
            response = connection.getresponse()
            response.read()
            return response.status, response.getheader("Retry-After")

        def used():
            text = weft.request("/metrics")[2].decode()
            return int(re.search(r"^weft_memory_budget_used_bytes (\d+)", text, re.M).group(1))

        before = used()
        forever = resource.RLIM_INFINITY
        resource.prlimit(weft.process.pid, resource.RLIMIT_FSIZE, (64 << 10, forever))
        for _ in range(5):
            status, after = push()
            if status != 503 or not after:
                raise AssertionError("on a full disk a push answered %d, Retry-After %s" % (status, after))
        wait_until("what was refused to leave the budget: %d bytes before" % before, lambda: used() <= before)
        settle({9: 0}, weft)
        refused = weft.spans()["refused"]
        if sum(refused.values()) != 50 or weft.spans()["difference"] != 0:
            raise AssertionError("50 spans were refused, the account says %s" % weft.spans())
        resource.prlimit(weft.process.pid, resource.RLIMIT_FSIZE, (forever, forever))
        wait_until("the journal to take writes again", lambda: push()[0] == 200)
        settle({9: 5}, weft)
        weft.kill()
        with Weft(data=weft.data, config=SELDOM) as again:
            settle({9: 5}, again)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=SPANS_PER_S)
    args = parser.parse_args()
    suite = Suite("crash")
    rounds = {"kill_any_time": 3, "kill_in_ingest": 4, "kill_in_checkpoint": 6, "kill_in_merge": 3, "kill_in_replay": 3}
    if args.full:
        rounds = {"kill_any_time": 19, "kill_in_ingest": 25, "kill_in_checkpoint": 20, "kill_in_merge": 9, "kill_in_replay": 9}
    plan = [name for name, count in rounds.items() for _ in range(count)]
    crasher = Crasher(args.seed, [Sender(i, args.rate / SENDERS) for i in range(SENDERS)], verify)
    crasher.random.shuffle(plan)
    plan.insert(0, "kill_any_time")  # so that there is a segment to trim
    for i, name in enumerate(plan):
        suite.run("%02d %s" % (i + 1, name), getattr(crasher, name))
        if suite.failed:
            break
    if not suite.failed:
        suite.run("all of it counts once, and a clean stop leaves nothing to replay", crasher.finish)
    suite.run("full disk", full_disk)
    for error in ("EIO", "ENOSPC"):
        for call in ("write", "sync"):
            suite.run("%s at each %s" % (error, call), fail_each, error, call, 1 if args.full else 7)
    suite.close()


if __name__ == "__main__":
    main()
