"""prometheus.py - starts a real Prometheus (Debian's) that takes remote write, and asks servers that speak its API."""
import http.client, json, pathlib, shutil, signal, socket, subprocess, tempfile, urllib.parse

from remote_write import HEADERS
from weft import wait_until

FOR_EVER = ["--storage.tsdb.retention.time=200y", "--storage.tsdb.min-block-duration=1y", "--storage.tsdb.max-block-duration=1y"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Api:
    """One kept connection to a server's API."""

    def __init__(self, address):
        self.address = address
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body) whatever the status is; a connection that was closed meanwhile is opened again."""
        for attempt in (0, 1):
            try:
                if self.connection is None:
                    self.connection = http.client.HTTPConnection(self.address, timeout=60)
                self.connection.request(method, path, body, headers or {})
                answer = self.connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except (http.client.HTTPException, ConnectionError, OSError):
                self.close()
                if attempt:
                    raise

    def call(self, path, **params):
        """The envelope of a call by POST; its parameters are a form."""
        form = urllib.parse.urlencode(params, doseq=True)
        _, _, body = self.request("POST", path, form, {"Content-Type": "application/x-www-form-urlencoded"})
        return json.loads(body)

    def get(self, path, **params):
        if params:
            path += "?" + urllib.parse.urlencode(params, doseq=True)
        return json.loads(self.request("GET", path)[2])

    def write(self, body):
        status, _, answer = self.request("POST", "/api/v1/write", body, HEADERS)
        if status not in (200, 204):
            raise AssertionError("remote write to %s: %d %s" % (self.address, status, answer[:300]))

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Prometheus:
    """One Prometheus over a folder of its own, on a free port, without anything to scrape."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-prometheus-"))
        config = self.folder / "prometheus.yml"
        config.write_text("global: { scrape_interval: 1m }\n")
        self.log = (self.folder / "log").open("w")
        self.address = "127.0.0.1:%d" % free_port()
        self.api = Api(self.address)
        self.args = ["prometheus", "--config.file=%s" % config, "--storage.tsdb.path=%s" % (self.folder / "data"), "--web.listen-address=" + self.address]
        self.args += ["--web.enable-remote-write-receiver", "--enable-feature=native-histograms,exemplar-storage,promql-per-step-stats", "--log.level=warn"] + FOR_EVER
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.args, stdout=self.log, stderr=self.log)
        wait_until("Prometheus", self.is_ready)

    def stop(self):
        self.api.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError("Prometheus ended: " + (self.folder / "log").read_text()[-2000:])
        try:
            return self.api.request("GET", "/-/ready")[0] == 200
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def is_installed():
    return shutil.which("prometheus") is not None
