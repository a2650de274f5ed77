#!/usr/bin/env python3
"""test_prom_api.py - Prometheus' HTTP API of a running weft as its clients use it: Grafana's traps, forms, gzip, other origins, names,
limits, federation, deleting. What it answers to expressions is test_prometheus.py's and ./dev test promql's business."""
import gzip, json, shutil, subprocess, threading, time, urllib.parse

import prometheus
from remote_write import Stale, write_request
from weft import Suite, Weft

CONFIG = "admin: true\nretention: { series: 0 }\n"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class World:
    """What was written: three metrics of two jobs, one sample each 15 s, the newest a few seconds old."""

    def __init__(self):
        self.end_ms = int(time.time()) * 1000 - 5000
        self.times = [self.end_ms - 15000 * i for i in range(40)][::-1]
        self.series = []
        for job in ("cart", "web"):
            for code in ("200", "503"):
                self.add("api_requests_total", [i * 3.0 for i in range(40)], job=job, code=code)
            self.add("api_load", [0.5] * 40, job=job, instance="a:1")
        self.add("api_gone", [1.0] * 39 + [Stale], job="web")
        self.add("http.ünïcode", [7.0] * 40, **{"label.name": "x y"})

    def add(self, name, values, **labels):
        self.series.append(({"__name__": name, **labels}, list(zip(self.times, values))))

    def body(self):
        exemplar = ({"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}, 0.25, self.end_ms - 1000)
        metadata = [("api_requests_total", "counter", "Requests\nserved."), ("api_load", "gauge", "Load.", "ratio"),
                    ("traces_spanmetrics_latency", "histogram", "Of another weft.")]
        return write_request(self.series, metadata, {0: [exemplar]})


def data(envelope):
    assert envelope["status"] == "success", envelope
    return envelope["data"]


def check_grafana_probes(api, world):
    assert data(api.call("/api/v1/query", query="1+1", time="4")) == {"resultType": "scalar", "result": [4, "2"]}
    build = data(api.get("/api/v1/status/buildinfo"))
    assert build["version"].startswith("3.") and "features" not in build, build
    # Milliseconds where seconds are expected: far in the future, and no error.
    now = int(time.time() * 1000)
    assert data(api.get("/api/v1/query_exemplars", query="test", start=now - 1000, end=now)) == []
    assert data(api.call("/api/v1/rules")) == {"groups": []}
    assert data(api.call("/api/v1/series", **{"match[]": "traces_service_graph_request_server_seconds", "limit": "1"})) == []


def check_query(api, world):
    end = world.end_ms / 1000
    got = data(api.call("/api/v1/query", query='api_requests_total{job="web",code="200"}', time=end))
    assert got == {"resultType": "vector", "result": [{"metric": {"__name__": "api_requests_total", "code": "200", "job": "web"}, "value": [end, "117"]}]}, got
    got = data(api.call("/api/v1/query_range", query="sum(rate(api_requests_total[1m]))", start=end - 300, end=end, step="60"))
    assert [t for t, _ in got["result"][0]["values"]] == [end - 300 + 60 * i for i in range(6)], got
    assert all(abs(float(v) - 0.8) < 1e-9 for _, v in got["result"][0]["values"]), got
    got = data(api.call("/api/v1/query", query="api_gone", time=end))
    assert got["result"] == [], "a stale series has no value"
    got = data(api.call("/api/v1/query", query='{"http.ünïcode"}', time=end))
    assert got["result"][0]["metric"] == {"__name__": "http.ünïcode", "label.name": "x y"}, got
    got = data(api.call("/api/v1/query", query="api_load", time=end, stats="all"))
    counted = got["stats"]["samples"]
    assert counted["totalQueryableSamplesPerStep"] == [[end, counted["totalQueryableSamples"]]] and counted["samplesRead"] >= counted["totalQueryableSamples"] >= 2, got
    assert got["stats"]["timings"]["execTotalTime"] > 0, got
    got = data(api.call("/api/v1/query", query="api_load", time=end, stats="true"))
    assert "totalQueryableSamplesPerStep" not in got["stats"]["samples"], got


def check_a_sample_is_there_at_once(api, world):
    for i in range(20):
        at = world.end_ms - 1000 + i
        api.write(write_request([({"__name__": "api_fresh", "n": str(i)}, [(at, float(i))])]))
        got = data(api.call("/api/v1/query", query='api_fresh{n="%d"}' % i, time=at / 1000 + 1))
        assert [x["value"][1] for x in got["result"]] == [str(i)], got


def check_errors(api, world):
    rows = [("/api/v1/query", {"query": "sum("}, 400, "bad_data", 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis'),
            ("/api/v1/query", {"query": "api_load + on (job) group_left api_requests_total"}, 422, "execution", None),
            ("/api/v1/query", {"query": 'label_replace(api_load, "a", "b", "job", "(")'}, 422, "execution", "invalid regular expression in label_replace(): ("),
            ("/api/v1/query_range", {"query": "1", "start": 0, "end": 2, "step": "0.0001"}, 400, "bad_data",
             "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"),
            ("/api/v1/query", {"query": "1", "timeout": "soon"}, 400, "bad_data", 'invalid parameter "timeout": cannot parse "soon" to a valid duration'),
            ("/api/v1/series", {}, 400, "bad_data", "no match[] parameter provided")]
    for path, params, code, kind, sentence in rows:
        status, headers, body = api.request("POST", path, urllib.parse.urlencode(params), FORM)
        got = json.loads(body)
        assert status == code and headers["Content-Type"] == "application/json", (path, status)
        assert got["status"] == "error" and got["errorType"] == kind and sentence in (None, got["error"]), got
    status, headers, body = api.request("GET", "/api/v1/nothing")
    assert status == 404 and body == b"404 page not found\n" and headers["Content-Type"].startswith("text/plain"), (status, body)


def check_forms(api, world):
    form = [("match[]", "api_load"), ("match[]", 'api_requests_total{code="503"}')]
    both = data(json.loads(api.request("POST", "/api/v1/series", urllib.parse.urlencode(form), FORM)[2]))
    split = data(json.loads(api.request("POST", "/api/v1/series?" + urllib.parse.urlencode(form[:1]), urllib.parse.urlencode(form[1:]), FORM)[2]))
    assert both == split and len(both) == 4, (both, split)
    charset = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    got = data(json.loads(api.request("POST", "/api/v1/query?query=2&time=1", "query=1", charset)[2]))
    assert got["result"] == [1, "1"], "what the form says comes first"
    status, _, body = api.request("POST", "/api/v1/query", "query=1", {"Content-Type": "application/json"})
    assert status == 400, "a body of another kind is no form: %s" % body
    long = urllib.parse.urlencode({"query": '{__name__=~"api_load|%s"}' % "|".join("x%d" % i for i in range(10000))})
    got = data(json.loads(api.request("POST", "/api/v1/query", long, FORM)[2]))
    assert len(got["result"]) == 2, "60 KB of a query"
    status, _, _ = api.request("POST", "/api/v1/query", "query=1&x=" + "x" * (11 << 20), FORM)
    assert status == 413, status


def check_names(api, world):
    assert data(api.call("/api/v1/labels", **{"match[]": "api_requests_total"})) == ["__name__", "code", "job"]
    assert {"instance", "job", "label.name"} <= set(data(api.get("/api/v1/labels")))
    assert data(api.get("/api/v1/label/job/values", **{"match[]": "api_load"})) == ["cart", "web"]
    assert "api_load" in data(api.get("/api/v1/label/__name__/values"))
    assert data(api.get("/api/v1/label/U__label_2e_name/values")) == ["x y"]
    assert data(api.get("/api/v1/label/label.name/values")) == ["x y"]
    got = api.get("/api/v1/label/code/values", limit="1", **{"match[]": "api_requests_total"})
    assert got["data"] == ["200"] and got["warnings"] == ["results truncated due to limit"], got
    got = api.get("/api/v1/query", query="api_requests_total", limit="3", time=world.end_ms / 1000)
    assert len(got["data"]["result"]) == 3 and got["warnings"] == ["results truncated due to limit"], got
    assert data(api.get("/api/v1/series", start=0, end=1000, **{"match[]": "api_load"})) == [], "long before the first sample"


def check_metadata_and_exemplars(api, world):
    got = data(api.get("/api/v1/metadata", limit="0"))
    assert got["api_requests_total"] == [{"type": "counter", "help": "Requests\nserved.", "unit": ""}], got
    assert got["api_load"] == [{"type": "gauge", "help": "Load.", "unit": "ratio"}], got
    assert list(data(api.get("/api/v1/metadata", metric="api_load"))) == ["api_load"]
    assert len(data(api.get("/api/v1/metadata", limit="1"))) == 1
    got = data(api.get("/api/v1/query_exemplars", query="sum(rate(api_requests_total[1m]))", start=world.end_ms / 1000 - 60, end=world.end_ms / 1000))
    exemplar = {"labels": {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}, "value": "0.25", "timestamp": (world.end_ms - 1000) / 1000}
    assert [x["exemplars"] for x in got] == [[exemplar]] and got[0]["seriesLabels"]["code"] == "200", got


def check_metadata_names_a_metric_once(api, world):
    """Also one that is written here and made of edges."""
    status, _, body = api.request("GET", "/api/v1/metadata")
    assert status == 200 and body.count(b'"traces_spanmetrics_latency":') == 1, body
    assert data(json.loads(body))["traces_spanmetrics_latency"] == [{"type": "histogram", "help": "Of another weft.", "unit": ""}], body
    assert data(json.loads(body))["traces_spanmetrics_calls_total"][0]["type"] == "counter", body


def check_transport(api, world):
    status, headers, body = api.request("GET", "/api/v1/query_range?query=api_requests_total&start=%d&end=%d&step=1" % (world.end_ms / 1000 - 500, world.end_ms / 1000),
                                        headers={"Accept-Encoding": "gzip", "Origin": "http://grafana.example"})
    assert status == 200 and headers["Content-Encoding"] == "gzip" and len(json.loads(gzip.decompress(body))["data"]["result"]) == 4
    assert headers["Access-Control-Allow-Origin"] == "*"
    status, headers, body = api.request("OPTIONS", "/api/v1/query", headers={"Origin": "http://grafana.example", "Access-Control-Request-Method": "POST"})
    assert status == 204 and body == b"" and "POST" in headers["Access-Control-Allow-Methods"], dict(headers)
    assert "Access-Control-Allow-Origin" not in api.request("GET", "/api/v1/query?query=1")[1]
    assert api.request("HEAD", "/api/v1/query?query=1")[0] == 200


def check_others_do_not_wait(api, world):
    """While slow queries wait for each other, the page's calls and the probes of Grafana are answered."""
    form = urllib.parse.urlencode({"query": "mad_over_time(vector(time())[3h:1s])", "start": 0, "end": 10000, "step": 1, "timeout": "2s"})
    clients = [prometheus.Api(api.address) for _ in range(4)]
    slow = [threading.Thread(target=c.request, args=("POST", "/api/v1/query_range", form, FORM)) for c in clients]
    began = time.monotonic()
    for thread in slow:
        thread.start()
    took = []
    while any(thread.is_alive() for thread in slow):
        for path in ("/api/mesh/status", "/api/mesh/graph", "/api/v1/status/buildinfo", "/metrics"):
            at = time.monotonic()
            assert api.request("GET", path)[0] == 200, path
            took.append(time.monotonic() - at)
    assert time.monotonic() - began > 3, "the queries were not slow"
    # All but those that a busy machine delays: who waits for a slow query waits for seconds.
    assert len(took) > 20 and sorted(took)[len(took) * 9 // 10] < 0.5, took
    for client in clients:
        client.close()


def check_promtool(api, world):
    """Prometheus' own client."""
    url, end = "http://" + api.address, str(world.end_ms // 1000)

    def tool(*args):
        done = subprocess.run(["promtool", "query", *args], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert tool("instant", "--time=" + end, url, "sum(api_requests_total)") == ["{}", "=>", "468", "@[%s]" % end]
    assert "@[%s]" % end in tool("range", "--start=" + str(int(end) - 60), "--end=" + end, "--step=15s", url, "api_requests_total")
    assert tool("labels", url, "job") == ["cart", "web"]
    assert "code=" in "".join(tool("series", "--match=api_requests_total", url))


def check_slow_queries_end(api, world):
    """In time, also in the middle of one series: ten thousand windows of ten thousand values, sorted one by one."""
    expr = "quantile_over_time(0.5, vector(time())[3h:1s])"
    began = time.monotonic()
    status, _, body = api.request("POST", "/api/v1/query_range", urllib.parse.urlencode(
        {"query": expr, "start": world.end_ms / 1000 - 10000, "end": world.end_ms / 1000, "step": 1, "timeout": "200ms"}), FORM)
    got = json.loads(body)
    assert (status, got.get("errorType"), got.get("error")) == (503, "timeout", "query timed out in expression evaluation"), got
    assert time.monotonic() - began < 15, "it went on for %.1f s" % (time.monotonic() - began)


def check_federate(api, world):
    # Of all parameters only match[] is known there.
    query = urllib.parse.urlencode([("match[]", '{__name__=~"api_.*",job="web"}'), ("limit", "x"), ("start", "soon"), ("end", "0")])
    status, headers, body = api.request("GET", "/federate?" + query)
    lines = body.decode().splitlines()
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", (status, dict(headers))
    assert lines == ["# TYPE api_load untyped", 'api_load{instance="a:1",job="web"} 0.5 %d' % world.end_ms, "# TYPE api_requests_total untyped",
                     'api_requests_total{code="200",job="web",instance=""} 117 %d' % world.end_ms,
                     'api_requests_total{code="503",job="web",instance=""} 117 %d' % world.end_ms], lines


def check_federate_takes_wide_selectors(api, world):
    """What /series refuses: a matcher that what has no such label passes too."""
    wide = "match[]=" + urllib.parse.quote('{job!="cart",instance=~".*"}')
    status, _, body = api.request("GET", "/federate?" + wide)
    names = {line.split("{")[0] for line in body.decode().splitlines() if not line.startswith("#")}
    assert status == 200 and {"api_load", "api_requests_total"} <= names, (status, names)
    assert 'job="cart"' not in body.decode() and 'job="web"' in body.decode()
    for path in ("series", "labels"):
        status, _, body = api.request("GET", "/api/v1/%s?%s" % (path, wide))
        assert (status, json.loads(body)["error"]) == (400, 'invalid parameter "match[]": match[] must contain at least one non-empty matcher'), body


def check_federate_refuses_in_plain_text(api, world):
    status, headers, body = api.request("GET", "/federate?match[]=%7B")
    assert status == 400 and headers["Content-Type"].startswith("text/plain"), (status, dict(headers))
    assert body == b"1:2: parse error: unexpected end of input inside braces\n", body


def check_status(api, world):
    tsdb = data(api.get("/api/v1/status/tsdb"))
    assert tsdb["headStats"]["numSeries"] >= 8, tsdb
    assert {"name": "api_requests_total", "value": 4} in tsdb["seriesCountByMetricName"], tsdb
    assert len(data(api.get("/api/v1/status/tsdb", limit="1"))["seriesCountByMetricName"]) == 1
    assert "scrape_interval" in data(api.get("/api/v1/status/config"))["yaml"]
    assert data(api.get("/api/v1/status/flags"))["query.timeout"] == "2m"
    assert data(api.get("/api/v1/status/runtimeinfo"))["storageRetention"] == "0s"


def check_admin(api, world):
    def left(metric):
        return len(data(api.call("/api/v1/query", query="count_over_time(%s[1h])" % metric, time=world.end_ms / 1000))["result"])

    status, _, body = api.request("POST", "/api/v1/admin/tsdb/snapshot")
    assert status == 200 and data(json.loads(body))["name"], body
    assert left("api_load") == 2
    assert api.request("POST", "/api/v1/admin/tsdb/delete_series?" + urllib.parse.urlencode({"match[]": 'api_load{job="web"}'}))[0] == 204
    assert left("api_load") == 1
    assert api.request("PUT", "/api/v1/admin/tsdb/clean_tombstones")[0] == 204
    assert left("api_load") == 1
    assert api.request("POST", "/api/v1/admin/tsdb/delete_series")[0] == 400
    assert api.request("GET", "/api/v1/admin/tsdb/delete_series")[0] == 405


def check_admin_is_off():
    with Weft() as weft:
        status, _, body = weft.request("/api/v1/admin/tsdb/snapshot", "POST", b"")
        assert status == 500 and json.loads(body) == {"status": "error", "errorType": "unavailable", "error": "admin APIs disabled"}, body


def main():
    suite = Suite("prom_api")
    world = World()
    with Weft(config=CONFIG) as weft:
        api = prometheus.Api(weft.http)
        api.write(world.body())
        for check in (check_grafana_probes, check_query, check_a_sample_is_there_at_once, check_errors, check_forms, check_names,
                      check_metadata_and_exemplars, check_metadata_names_a_metric_once, check_transport, check_slow_queries_end, check_others_do_not_wait, check_federate, check_federate_takes_wide_selectors, check_federate_refuses_in_plain_text, check_status, check_admin):
            suite.run(check.__name__[6:], check, api, world)
        if shutil.which("promtool"):
            suite.run("promtool", check_promtool, api, world)
        else:
            suite.skip("promtool", "there is no promtool here: ./dev deps installs it")
        api.close()
    suite.run("admin_is_off", check_admin_is_off)
    suite.close()


if __name__ == "__main__":
    main()
