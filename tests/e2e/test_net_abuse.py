#!/usr/bin/env python3
"""test_net_abuse.py - hostile and clumsy peers against a running weft: floods, slow ones, smugglers, wrong protocols.

Rows G, H and N of the abuse table. While a flood runs, another client's calls are timed."""
import os, pathlib, re, resource, shutil, socket, struct, subprocess, sys, tempfile, threading, time

import hpack  # from the venv that ./dev deps makes

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from raw_peer import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEAD, HEADERS, PADDED, PING, PREFACE, PRIORITY, RST,
                      SETTINGS, WINDOW, Frames, GrpcClient, call, dial, frame, read_all)
from weft import Suite, Weft, in_time, shared, wait_until

ENHANCE_YOUR_CALM = 11
CONFIG = "limits: { head: 2s, body_time: 3s, idle: 20s, per_peer: 3000 }\n"


def p99_ms(client, seconds):
    """Of calls that are due every 5 ms and counted from then on: whoever waits for one is late with those behind it."""
    took, due = [], time.monotonic()
    end = due + seconds
    while due < end:
        time.sleep(max(0.0, due - time.monotonic()))
        client.call()
        took.append((time.monotonic() - due) * 1e3)
        due += 0.005
    return sorted(took)[int(len(took) * 0.99)]


# --- floods: name -> bytes of round n ---

def rapid_reset(n):
    return frame(HEADERS, END_HEADERS, 2 * n + 1, HEAD) + frame(RST, 0, 2 * n + 1, b"\0\0\0\x08")


def once(n, first, again):
    return (first if n == 0 else b"") + again


FLOODS = {
    "rapid reset": rapid_reset,
    "server resets": lambda n: frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, b"\x83\x86"),
    "PING": lambda n: frame(PING, 0, 0, b"12345678"),
    "SETTINGS": lambda n: frame(SETTINGS, 0, 0),
    "PRIORITY": lambda n: frame(PRIORITY, 0, 2 * n + 1, b"\0\0\0\0\x10"),
    "unknown frames": lambda n: frame(0x77, 0, 0, b"what"),
    "WINDOW_UPDATE": lambda n: frame(WINDOW, 0, 0, b"\0\0\0\1"),
    "empty DATA": lambda n: once(n, frame(HEADERS, END_HEADERS, 1, HEAD), frame(DATA, 0, 1)),
    "padding": lambda n: once(n, frame(HEADERS, END_HEADERS, 1, HEAD), frame(DATA, PADDED, 1, b"\x3c" + b"\0" * 63)),
    "CONTINUATION": lambda n: once(n, frame(HEADERS, 0, 1, HEAD), frame(CONTINUATION, 0, 1)),
    "unfinished CONTINUATION": lambda n: once(n, frame(HEADERS, 0, 1, HEAD[:-4]), frame(CONTINUATION, 0, 1, b"\x20")),
    # One field of 3,000 bytes goes into the table, and is named again by one byte each.
    "HPACK bomb": lambda n: frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, (b"\x40\x01x\x7f\xb9\x16" + b"y" * 3000 if n == 0 else b"") + b"\xbe" * 400),
    "resets of nothing": lambda n: frame(RST, 0, 1, b"\0\0\0\x08") if n else frame(HEADERS, END_HEADERS | END_STREAM, 1, HEAD),
    "large head": lambda n: once(n, frame(HEADERS, 0, 1, HEAD), frame(CONTINUATION, 0, 1, b"\x83" * 16000)),
}


def flood(addr, make, rounds=20000):
    """Sends until the server has closed; (seconds from the first byte, error code of its GOAWAY)."""
    sock = dial(addr)
    frames, goaway = Frames(sock), []

    def listen():
        try:
            read_goaway()
        except (TimeoutError, socket.timeout):
            pass  # `closed` tells

    def read_goaway():
        while (got := frames.next()) is not None:
            if got[0] == GOAWAY:
                goaway.append(struct.unpack(">I", got[3][4:8])[0])

    listener = threading.Thread(target=listen)
    listener.start()
    began = time.monotonic()
    try:
        sock.sendall(PREFACE + frame(SETTINGS, 0, 0))
        for n in range(0, rounds, 100):
            sock.sendall(b"".join(make(i) for i in range(n, n + 100)))
            if frames.closed:
                break
    except OSError:
        pass
    listener.join(30)
    took = time.monotonic() - began
    assert frames.closed, "still open after %.1f s" % took
    sock.close()
    return took, goaway[-1] if goaway else None


def flood_is_ended(weft, name):
    def attempt():
        took, code = flood(weft.grpc, FLOODS[name])
        assert code == ENHANCE_YOUR_CALM, "GOAWAY %s" % code
        return took
    in_time("closing", 1, attempt)


def others_keep_their_pace():
    """As when another weft is attacked, which costs the machine and this very interpreter, the attacker, as much. In the best of some
    rounds: what else the machine does comes and goes."""
    config, seen = CONFIG + "workers: 1\n", []
    with Weft(config=config) as weft, Weft(config=config) as other:
        client = GrpcClient(weft.grpc)
        client.call()
        while len(seen) < 6:
            quiet, loud = p99_amid_floods(other.grpc, client), p99_amid_floods(weft.grpc, client)
            if loud < max(2 * quiet, 25):
                return
            seen.append("%.2f ms, quiet %.2f ms" % (loud, quiet))
    raise AssertionError("p99 " + "; ".join(seen))


def p99_amid_floods(attacked, client):
    stop, survived = threading.Event(), []

    def attack():
        while not stop.is_set():
            for name, make in FLOODS.items():
                try:
                    flood(attacked, make, 4000)
                except AssertionError as e:
                    survived.append("%s: %s" % (name, e))

    attacker = threading.Thread(target=attack)
    attacker.start()
    try:
        return p99_ms(client, 2.0)
    finally:
        stop.set()
        attacker.join()
        assert not survived, survived


# --- HTTP/1.1 ---

HTTP_ROWS = [
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxGET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
    (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\0y\r\n\r\n", 400),
    (b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"x-y: " + b"z" * 65536 + b"\r\n\r\n", 431),
    (b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\nExpect: 100-continue\r\n\r\n", 413),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    (b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505),
    (b"GET /\r\n\r\n", 400),
    (b"GET / HTTP/1.10\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nwithout a colon\r\n\r\n", 400),
    (PREFACE, 505),
]
REASONS = {400: b"Bad Request", 501: b"Not Implemented", 505: b"HTTP Version Not Supported", 431: b"Request Header Fields Too Large"}


def http_rows(addr):
    for request, want in HTTP_ROWS:
        in_time("%r" % request[:60], 1, lambda: http_row(addr, request, want))


def http_row(addr, request, want):
    """Seconds until it was closed."""
    with dial(addr) as sock:
        began = time.monotonic()
        sock.sendall(request)
        said = read_all(sock)
        took = time.monotonic() - began
    first = said.split(b"\r\n", 1)[0]
    assert said.startswith(b"HTTP/1.1 %d " % want), "%r: %r" % (request[:60], first)
    assert first.endswith(REASONS.get(want, b"")), first
    assert said.count(b"HTTP/1.1 ") == 1, "%r: a second answer: %r" % (request[:60], said)
    assert b"nosniff" in said, "%r: no nosniff" % request[:60]
    assert b"<html" not in said, "%r: HTML" % request[:60]
    return took


HTTP_CHUNKED = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = [b"1;" + b"x" * 100000, b"1;" + b"x" * 30000, b"0" * 100000, b"1\r\n{\r\n1;" + b"x" * 100000, b"1;x=\"" + b"y" * 25000]


def library_is_1_0():
    """libmicrohttpd of Debian 13 and Ubuntu 24.04: it has other codes for some faults, and may close without an answer."""
    version = subprocess.run(["pkg-config", "--modversion", "libmicrohttpd"], capture_output=True, text=True, check=True).stdout
    return int(version.split(".")[0]) >= 1


def words_are_ours():
    """Ubuntu links its libraries with -Bsymbolic-functions: what libmicrohttpd says by itself cannot be replaced there."""
    release = pathlib.Path("/etc/os-release")
    return not (release.exists() and re.search("^ID=ubuntu$", release.read_text(), re.M))


def endless_chunk_lines(weft):
    """libmicrohttpd 0.9.75 never gets past such a line, nor gives up; a worker must not wait for it."""
    may_be_silent = library_is_1_0()

    def attempt(line):
        began = time.monotonic()
        socks = [dial(addr) for addr in (weft.otlp, weft.http) for _ in range(4)]
        for sock in socks:
            sock.sendall(HTTP_CHUNKED + line)
        for _ in range(4):
            assert weft.request("/-/healthy")[0] == 200, "others are served meanwhile"
        for sock in socks:
            said = read_all(sock)
            assert said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")) and said.count(b"HTTP/1.1 ") == 1 or may_be_silent and not said, \
                "%r: %r" % (line[:20], said)
            sock.close()
        return time.monotonic() - began
    for line in ENDLESS:
        in_time("%r" % line[:20], 1.5, lambda: attempt(line))


CHUNK_ROWS = [
    (HTTP_CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400),
    (HTTP_CHUNKED + b"2\r\n{}xx0\r\n\r\n", 400),
    (HTTP_CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n", 400),
    (HTTP_CHUNKED + b"f" * 18 + b"\r\n{}\r\n", 413),
    (HTTP_CHUNKED + b"2\r\n{}\r\n0\r\nno colon\r\n\r\n", 400),
    (HTTP_CHUNKED + b"2\r\n{}\r\n0\r\n" + b"x: yyyyyyyyyyyyyyyy\r\n" * 2000 + b"\r\n", 431),
]
TAKEN_LATER = (b"GET / HTTP/1.1\nHost", b"GET / HTTP/1.1\r\nHost: x\r\n y", b"GET / HTTP/1.1\r\nHost: x\0")  # libmicrohttpd mends them
WRONG_LENGTH = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5"


def counters(weft, family):
    """{labels: value} of one family of weft's own metrics."""
    lines = (l.rsplit(" ", 1) for l in weft.request("/metrics")[2].decode().splitlines() if l.startswith(family + "{"))
    return {name[len(family):]: float(value) for name, value in lines}


def protocol_errors(weft):
    return counters(weft, "weft_transport_failures_total")['{reason="protocol_error"}']


def what_libmicrohttpd_cannot_read(weft):
    """Chunks, later heads and heads in two pieces get past the door; the words are ours all the same, and there is one answer."""
    are_ours, has_other_codes = words_are_ours(), library_is_1_0()
    good = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    def attempt(request, want, pieces):
        with dial(weft.otlp) as sock:
            sock.sendall(pieces[0])
            time.sleep(0.02)
            is_kept = pieces[0] == good and sock.recv(65536).startswith(b"HTTP/1.1 200 ")
            began = time.monotonic()
            sock.sendall(pieces[1])
            if request.startswith(TAKEN_LATER):
                sock.settimeout(0.1)
            said = read_all(sock)
            took = time.monotonic() - began
        what = "%r, kept %d: %r" % (request[:60], is_kept, said)
        assert len(re.findall(rb"HTTP/1\.1 \d\d\d ", said)) <= 1, what
        if are_ours:
            assert b"<html" not in said and (b"nosniff" in said or not said), what
        if not request.startswith(TAKEN_LATER + (WRONG_LENGTH,)) and not has_other_codes:
            assert said.startswith(b"HTTP/1.1 %d " % want) and b"nosniff" in said, what
        return took
    for request, want in HTTP_ROWS + CHUNK_ROWS:
        for pieces in ((good, request), (request[:5], request[5:])):
            in_time("%r" % request[:60], 1, lambda: attempt(request, want, pieces))
    assert weft.request("/-/healthy")[0] == 200


def unreadable_pushes_count(weft):
    """A push whose chunks are malformed is refused, and its client told so; the account has it."""
    def rejected():
        return counters(weft, "weft_requests_total")['{outcome="rejected"}']
    before, errors = rejected(), protocol_errors(weft)
    with dial(weft.otlp) as sock:
        sock.sendall(CHUNK_ROWS[0][0])
        assert read_all(sock).startswith(b"HTTP/1.1 400 ")
    wait_until("counted", lambda: rejected() > before and protocol_errors(weft) > errors)


def absolute_targets(weft):
    """RFC 9112, 3.2.2: a server takes them, whatever their authority says."""
    rows = ((b"http://elsewhere/-/healthy", b"200"), (b"HTTPS://x:1/-/healthy?a=b", b"200"), (b"http://x?a=/b", b"200"), (b"http://x", b"200"),
            (b"http://x/nowhere", b"404"), (b"http://x/a/../b", b"400"), (b"http://../-/healthy", b"200"), (b"ftp://x/-/healthy", b"404"))
    for target, want in rows:
        with dial(weft.http) as sock:
            sock.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert read_all(sock).startswith(b"HTTP/1.1 " + want), target


def wrong_protocols(weft):
    with dial(weft.grpc) as sock:
        sock.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n")
        said = read_all(sock)
    assert said.startswith(b"HTTP/1.1 400 ") and weft.otlp.encode() in said, said
    for addr in (weft.grpc, weft.http, weft.otlp):
        with dial(addr) as sock:
            sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            assert read_all(sock) == b"", "TLS on a plain port is answered"
        with dial(addr) as sock:
            sock.sendall(os.urandom(4096))
            read_all(sock)
    assert weft.request("/-/healthy")[0] == 200


# --- slow peers ---

SLOW = {
    "silent": ("http", b""),
    "half a head": ("http", b"GET / HTTP/1.1\r\nHos"),
    "half a body": ("otlp", b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"),
    "silent on gRPC": ("grpc", b""),
    "half a preface": ("grpc", PREFACE[:10]),
    "half a header block": ("grpc", PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, 0, 1, HEAD)),
}


def slow_peers_are_closed(weft):
    """100 sockets stall in each place."""
    socks = [(name, dial(getattr(weft, port))) for name, (port, _) in SLOW.items() for _ in range(100)]
    for name, sock in socks:
        sock.sendall(SLOW[name][1])
    assert weft.request("/-/healthy")[0] == 200, "others are served meanwhile"
    end = time.monotonic() + float(os.environ.get("WEFT_SLOW_S", "15"))
    for name, sock in socks:
        sock.settimeout(max(0.05, end - time.monotonic()))
        try:
            while sock.recv(4096):
                pass
        except ConnectionError:
            pass
        except (TimeoutError, socket.timeout):
            raise AssertionError("%s is still open" % name)
        finally:
            sock.close()


def slow_grpc_body_fails_alone(weft):
    client = GrpcClient(weft.grpc)
    client.stream += 2
    client.sock.sendall(frame(HEADERS, END_HEADERS, client.stream, HEAD) + frame(DATA, 0, client.stream, b"\0\0\0\0\5h"))
    while True:
        kind, flags, stream, payload = client.frames.next()
        if kind == HEADERS and stream == client.stream:
            break
    told = dict(hpack.Decoder().decode(payload))
    assert flags & END_STREAM and told["grpc-status"] == "4" and "slowly" in told["grpc-message"], told
    client.call()


def many_settings_at_once(weft):
    for entries, is_taken in ((32, True), (33, False)):
        with dial(weft.grpc) as sock:
            sock.sendall(PREFACE + frame(SETTINGS, 0, 0, b"\0\3\0\0\0\1" * entries) + call(1))
            frames = Frames(sock)
            kinds = []
            while (not kinds or kinds[-1] not in (HEADERS, GOAWAY)) and (got := frames.next()):
                kinds.append(got[0])
            assert kinds[-1] == (HEADERS if is_taken else GOAWAY), (entries, kinds)


def resident_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def idle_connections_are_cheap(weft):
    before = resident_kb(weft.process.pid)
    clients = [GrpcClient(weft.grpc) for _ in range(500)]
    for c in clients:
        c.call()
    each = (resident_kb(weft.process.pid) - before) / len(clients)
    for c in clients:
        c.sock.close()
    # One call each, so that every table of the session is in use; idle ones are well below.
    assert each < 60, "%.1f KB a connection" % each


def no_more_than_per_peer():
    with Weft(config="limits: { per_peer: 20 }\n") as weft:
        held = []

        def one_is_held():  # those that asked whether weft is ready may count for a moment longer
            s = dial(weft.http)
            s.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            held.append(s) if s.recv(100).startswith(b"HTTP/1.1 200") else s.close()
            return held and held[-1] is s

        for _ in range(20):
            wait_until("one more connection", one_is_held)
        with dial(weft.http) as one_more:
            one_more.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            said = read_all(one_more)
            assert said == b"" or said.startswith(b"HTTP/1.1 503"), said
        for s in held:
            s.close()
        wait_until("room for others", lambda: weft.status_of("/-/healthy") == 200)


def goaway_at_the_end():
    with Weft() as weft:
        client = GrpcClient(weft.grpc)
        client.call()
        began = time.monotonic()
        stopper = threading.Thread(target=weft.stop)
        stopper.start()
        seen = []
        while (got := client.frames.next()) is not None:
            seen.append(got)
        stopper.join()
        took = time.monotonic() - began
        codes = [struct.unpack(">I", p[4:8])[0] for k, _, _, p in seen if k == GOAWAY]
        assert codes and set(codes) == {0}, "GOAWAY %s" % codes
        assert took < 5, "stopped after %.1f s" % took
        assert weft.process.returncode == 0, "exit code %s" % weft.process.returncode


# --- what real clients send is not abuse ---

def connections(folder):
    """The recorded client bytes of a scenario's gRPC connections."""
    with tempfile.TemporaryDirectory() as where:
        unpack = "zstd -dc '%s' | tar -xf - -C '%s'" % (folder / "connections.tar.zst", where)
        subprocess.run(unpack, shell=True, check=True)
        for path in sorted(pathlib.Path(where).rglob("conn-*.h2")):
            data = path.read_bytes()
            if data.startswith(b"PRI "):
                yield path.name, data


def playable(data):
    """Without ACKs of the recorded server's SETTINGS, which came at other times than ours, and without the GOAWAY of
    grpc-go at the end: it names a stream of its own, for which nghttp2 scolds the leaving client."""
    out, at = data[:len(PREFACE)], len(PREFACE)
    while at + 9 <= len(data):
        end = at + 9 + int.from_bytes(data[at:at + 3], "big")
        if data[at + 3] != GOAWAY and not (data[at + 3] == SETTINGS and data[at + 4] & ACK):
            out += data[at:end]
        at = end
    return out


def play(weft, data):
    """Sends a recorded connection; the error codes of GOAWAYs that came back."""
    codes = []
    with dial(weft.grpc) as sock:
        frames = Frames(sock)

        def listen():
            while (got := frames.next()) is not None:
                if got[0] == GOAWAY:
                    codes.append(struct.unpack(">I", got[3][4:8])[0])

        listener = threading.Thread(target=listen)
        listener.start()
        sock.sendall(playable(data))
        sock.shutdown(socket.SHUT_WR)
        listener.join(30)
        assert not listener.is_alive(), "the server does not close after the client has"
    return codes


def real_clients_are_welcome(weft, corpus):
    played = 0
    for folder in sorted(corpus.iterdir()):
        if not (folder / "connections.tar.zst").exists():
            continue
        for name, data in connections(folder):
            codes = play(weft, data)
            assert not any(codes), "%s %s: GOAWAY %s" % (folder.name, name, codes)
            played += 1
    assert played > 0, "no recorded connections in %s" % corpus


def connections_leave_the_files_theirs():
    """The soft limit of descriptors that shells give is no limit of connections, and none of checkpoints while they are open."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, usual[1]))
    try:
        weft = Weft(config="admin: true\n")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
    with weft:
        peers = [dial(weft.otlp) for _ in range(500)]
        for peer in peers:
            peer.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        served = [peer.recv(4096)[:15] for peer in peers]
        assert served == [b"HTTP/1.1 200 OK"] * len(peers), [s for s in served if b"200" not in s][:3]
        assert weft.request("/-/compact", "POST")[0] == 200, weft.stderr()
        for peer in peers:
            peer.close()


def main():
    suite = Suite("net_abuse")
    with Weft(config=CONFIG) as weft:
        for name in FLOODS:
            suite.run("flood of " + name, flood_is_ended, weft, name)
        suite.run("http rows on the API port", http_rows, weft.http)
        suite.run("http rows on the OTLP port", http_rows, weft.otlp)
        suite.run("endless chunk lines", endless_chunk_lines, weft)
        suite.run("what libmicrohttpd cannot read", what_libmicrohttpd_cannot_read, weft)
        suite.run("unreadable pushes count", unreadable_pushes_count, weft)
        suite.run("absolute targets", absolute_targets, weft)
        suite.run("wrong protocols", wrong_protocols, weft)
        suite.run("slow peers", slow_peers_are_closed, weft)
        suite.run("slow gRPC body", slow_grpc_body_fails_alone, weft)
        suite.run("many settings at once", many_settings_at_once, weft)
        suite.run("idle connections", idle_connections_are_cheap, weft)
        corpus = shared("corpus")
        if corpus and shutil.which("zstd"):
            suite.run("real clients", real_clients_are_welcome, weft, corpus)
        else:
            suite.skip("real clients", "no corpus (WEFT_CORPUS), or no zstd")
        suite.run("still healthy", lambda: wait_until("healthy", lambda: weft.status_of("/-/healthy") == 200))
    suite.run("others keep their pace", others_keep_their_pace)
    suite.run("descriptors", connections_leave_the_files_theirs)
    suite.run("per peer", no_more_than_per_peer)
    suite.run("GOAWAY at the end", goaway_at_the_end)
    suite.close()


if __name__ == "__main__":
    main()
