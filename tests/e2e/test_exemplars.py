"""test_exemplars.py - traces behind the histograms that are made of edges, as query_exemplars tells them, and outcomes of latencies."""
import pathlib, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from test_run import span
from weft import Suite, Weft

CONFIG = "admin: true\nretention: { edges: 0 }\n"
GOOD, BAD = "a1" * 16, "b2" * 16
SERVER, CLIENT = 2, 3


class Mesh:
    """Two journeys user > shop > cart; in the second, which is slower, cart fails and shop tells nobody."""

    def __init__(self, weft):
        self.weft, self.time = weft, int(time.time()) - 30
        for trace, code, ms in ((GOOD, 200, 20), (BAD, 500, 60)):
            self.push(trace, "01", "", SERVER, "shop", 200, ms + 20)
            self.push(trace, "02", "01", CLIENT, "shop", code, ms + 10)
            self.push(trace, "03", "02", SERVER, "cart", code, ms)
        weft.flush()

    def push(self, trace, ident, parent, kind, service, code, ms):
        document = span(trace, ident * 8, parent * 8, kind, service, self.time * 10**9, ms, **{"http.request.method": "GET", "http.response.status_code": code})
        assert self.weft.push_json(document) == 200

    def ask(self, query, **range_):
        """[(labels without the name, [(trace, value)])]"""
        range_ = {"start": self.time - 60, "end": self.time + 60, **range_}
        got = self.weft.json("/api/v1/query_exemplars", query=query, **range_)["data"]
        assert all(g["seriesLabels"].pop("__name__") for g in got), got
        return [(g["seriesLabels"], [(x["labels"]["trace_id"], round(float(x["value"]), 6)) for x in g["exemplars"]]) for g in got]


def by_service_kind_and_status(mesh):
    rows = [("cart", "SERVER", "UNSET", GOOD, 0.03), ("cart", "SERVER", "ERROR", BAD, 0.07), ("shop", "CLIENT", "UNSET", GOOD, 0.03),
            ("shop", "CLIENT", "ERROR", BAD, 0.07)]
    for service, kind, status, trace, seconds in rows:
        labels = {"span_kind": "SPAN_KIND_" + kind, "status_code": "STATUS_CODE_" + status}
        for metric, name, unit in (("traces_spanmetrics_latency", "service", 1), ("traces_span_metrics_duration_milliseconds", "service_name", 1000)):
            matchers = ",".join('%s="%s"' % pair for pair in {name: service, **labels}.items())
            got = mesh.ask("histogram_quantile(0.9, sum by (le) (rate(%s_bucket{%s}[5m])))" % (metric, matchers))
            assert got == [({name: service, **labels}, [(trace, round(seconds * unit, 6))])], (metric, matchers, got)


def one_series_of_each(mesh):
    """Whoever called: a service that two call has one series of each kind and status, and who calls nobody has none of a client."""
    got = mesh.ask("traces_spanmetrics_latency_bucket")
    names = [tuple(sorted(labels.items())) for labels, _ in got]
    assert len(names) == len(set(names)) == 5, got
    assert [x for labels, x in got if labels["service"] == "shop" and labels["span_kind"] == "SPAN_KIND_SERVER"] == [[(GOOD, 0.04), (BAD, 0.08)]], got


def of_pairs(mesh):
    pair = {"client": "shop", "server": "cart"}
    want = [(pair, sorted([(GOOD, 0.03), (BAD, 0.07)]))]
    got = mesh.ask('traces_service_graph_request_server_seconds_bucket{client="shop"}')
    assert [(labels, sorted(x)) for labels, x in got] == want, got
    got = mesh.ask('weft_request_duration_seconds{client="shop"}')
    assert [(labels, sorted(x)) for labels, x in got] == [({**pair, "protocol": "http"}, want[0][1])], got


def only_in_the_range(mesh):
    assert mesh.ask("traces_spanmetrics_latency_bucket", start=mesh.time - 60, end=mesh.time - 30) == []
    assert mesh.ask('traces_spanmetrics_latency_bucket{service="nobody"}') == []
    assert mesh.ask("traces_spanmetrics_calls_total") == [], "a counter has none"


def latencies_without_codes():
    """What a tile holds is not all of one outcome: three of four requests went well, and nothing but the status says so."""
    with Weft(config=CONFIG) as weft:
        start = int(time.time()) // 3600 * 3600 - 3600
        for i in range(240):
            document = span("%032x" % (i + 1), "%016x" % (i + 1), "", SERVER, "shop", (start + i * 5) * 10**9, 5)
            if i % 4 == 3:
                document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["status"] = {"code": 2}
            assert weft.push_json(document) == 200
        weft.flush()
        for since in (start + 1200, start + 1000, start + 30):
            for metric in ("calls_total", "latency_count"):
                got = weft.json("/api/v1/query_range", query="sum by (status_code) (traces_spanmetrics_%s)" % metric, start=since, end=start + 1200,
                                step=max(start + 1200 - since, 15))["data"]["result"]
                values = {r["metric"]["status_code"]: float(r["values"][-1][1]) for r in got}
                assert values == {"STATUS_CODE_UNSET": 180, "STATUS_CODE_ERROR": 60}, (metric, since - start, values)
        line, = weft.json("/api/mesh/percentiles", by="code", server="shop", start=start, end=start + 1200)["series"]
        assert (line["code"], line["count"]) == ("", 240), line


def main():
    suite = Suite("exemplars")
    with Weft(config=CONFIG) as weft:
        mesh = Mesh(weft)
        for test in (by_service_kind_and_status, one_series_of_each, of_pairs, only_in_the_range):
            suite.run(test.__name__.replace("_", " "), test, mesh)
    suite.run("latencies without codes", latencies_without_codes)
    suite.close()


if __name__ == "__main__":
    main()
