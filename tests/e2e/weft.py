"""weft.py - starts, stops and asks a real weft; what every end-to-end test shares. Standard library only."""
import json, os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("WEFT_BIN", str(ROOT / "build/release/weft"))


def shared(name):
    """A folder of outside data by WEFT_<NAME>, else ../shared/<name>, else None."""
    given = os.environ.get("WEFT_" + name.upper())
    path = pathlib.Path(given) if given else ROOT.parent / "shared" / name
    return path if path.is_dir() else None


def wait_until(what, probe, seconds=60.0):
    """Polls until probe() is true; the only way tests here wait. `seconds` is no promise of weft's, only the end of our patience."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        got = probe()
        if got:
            return got
        time.sleep(0.01)
    raise AssertionError("timed out after %gs waiting for %s" % (seconds, what))


def in_time(what, limit_s, attempt, tries=5):
    """A promise of time: whatever else the machine does, one of the attempts takes no longer. Each answers how many seconds it took."""
    took = []
    while not took or min(took) > limit_s:
        assert len(took) < tries, "%s takes %s s, at most %g are promised" % (what, ", ".join("%.2f" % t for t in took), limit_s)
        took.append(attempt())


class Weft:
    """One weft on free ports over a data directory of its own (or a given one, to start it again). Without `own_series` it holds
    what the test sends and nothing else."""

    def __init__(self, data=None, config="", env=None, wait_ready=True, own_series=False):
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="weft-test-")
        self.log = tempfile.NamedTemporaryFile("w+", prefix="weft-log-", suffix=".txt", delete=False)
        self.config = tempfile.NamedTemporaryFile("w", suffix=".yml", delete=False)
        self.config.write(config + ("" if own_series else "\nself: { series: false }\n"))
        self.config.close()
        args = [BINARY, "run", "--config", self.config.name, "--data", self.data]
        args += ["--http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"]
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=self.log, text=True, env={**os.environ, **(env or {})})
        line = self.process.stdout.readline()
        found = dict(re.findall(r"(\w+)=(\S+)", line))
        if "http" not in found:
            raise AssertionError("weft did not start: %r\n%s" % (line, self.give_up()))
        self.http, self.grpc, self.otlp = found["http"], found["otlp_grpc"], found["otlp_http"]
        try:
            if wait_ready:
                wait_until("ready", lambda: self.status_of("/-/ready") == 200)
        except AssertionError as e:
            raise AssertionError("%s\n%s" % (e, self.give_up()))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        try:
            self.stop()
        finally:
            self.clean()

    def give_up(self):
        """Leaves nothing behind; what it had to say."""
        self.kill()
        told = self.stderr()
        self.clean()
        return told

    def stderr(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text(errors="replace")  # a damaged file may be quoted

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        """SIGTERM; returns the exit code (None when it was dead already)."""
        if not self.alive():
            return self.process.returncode
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("weft did not stop within 60 s of SIGTERM\n" + self.stderr())

    def kill(self):
        self.process.kill()
        self.process.wait()

    def clean(self):
        self.process.stdout.close()
        self.log.close()
        for name in (self.log.name, self.config.name):
            pathlib.Path(name).unlink(missing_ok=True)
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)

    def request(self, path, method="GET", body=None, headers=None, otlp=False):
        """(status, headers, body) whatever the status is."""
        url = "http://%s%s" % (self.otlp if otlp else self.http, path)
        req = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(req, timeout=90) as r:
                return r.status, r.headers, r.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def status_of(self, path):
        try:
            return self.request(path)[0]
        except (urllib.error.URLError, ConnectionError, OSError):
            return 0

    def json(self, path, **params):
        if params:
            path += "?" + urllib.parse.urlencode(params, doseq=True)
        status, _, body = self.request(path)
        if status != 200:
            raise AssertionError("GET %s: %d %s" % (path, status, body[:300]))
        return json.loads(body)

    def push_json(self, document):
        """One ExportTraceServiceRequest as JSON; the HTTP status."""
        return self.request("/v1/traces", "POST", json.dumps(document).encode(), {"Content-Type": "application/json"}, otlp=True)[0]

    def spans(self):
        return self.json("/api/mesh/status")["account"]["spans"]

    def flush(self):
        """Closes everything open (needs admin: true) and waits until nothing is pending."""
        status, _, body = self.request("/-/flush", "POST", b"")
        if status != 200:
            raise AssertionError("flush: %d %s" % (status, body[:300]))


class Suite:
    """Counts checks and prints the closing line that ./dev test adds up."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, 0, 0

    def run(self, name, fn, *args):
        began = time.monotonic()
        try:
            fn(*args)
            self.passed += 1
            print("ok   %s/%s (%.1f s)" % (self.name, name, time.monotonic() - began), flush=True)
        except Exception as e:  # a test that breaks is a test that fails
            self.failed += 1
            print("FAIL %s/%s: %s: %s" % (self.name, name, type(e).__name__, e), flush=True)

    def skip(self, name, reason):
        self.skipped += 1
        print("skip %s/%s: %s" % (self.name, name, reason), flush=True)

    def close(self):
        print("%d passed, %d failed, %d skipped" % (self.passed, self.failed, self.skipped))
        sys.exit(1 if self.failed else 0)
