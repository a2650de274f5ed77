"""test_dashboards.py - every expression of dashboards/*.json as Grafana asks it, against a weft that the demo fed.

The demo's traffic lies in one minute, with a 0 before it and flat totals behind it. Where a window of a minute covers all of that
rate() is exact: request and error panels equal the truth there, and p99 panels lie within PromQL's bound for native histograms."""
import json, math, pathlib, re, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from test_demo import expected_edges, node_of, run_demo
from weft import ROOT, Suite, Weft, wait_until

CONFIG = "admin: true\nretention: { edges: 0 }\n"
STEP_S, WINDOW_S = 15, 60
QUANTILE_BOUND = 2 ** (1 / 64) - 1  # one bucket of schema 6
GRID_COLUMNS = 24
SELF = "weft-itself"


def boards():
    return [json.loads(path.read_text()) for path in sorted((ROOT / "dashboards").glob("*.json"))]


# --- what Grafana takes ---

def check_grid(board):
    taken = {}
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert at["w"] > 0 and at["h"] > 0 and at["x"] >= 0 and at["x"] + at["w"] <= GRID_COLUMNS, (board["uid"], panel["title"], at)
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                other = taken.setdefault((x, y), panel["id"])
                assert other == panel["id"], "%s: panels %d and %d overlap" % (board["uid"], other, panel["id"])


def check_sources(board):
    """Panels, targets and variables ask the source that the variable `datasource` chooses."""
    variables = board["templating"]["list"]
    assert variables[0]["name"] == "datasource" and variables[0]["type"] == "datasource" and variables[0]["query"] == "prometheus"
    askers = board["panels"] + [t for p in board["panels"] for t in p["targets"]] + variables[1:]
    for asker in askers:
        assert asker["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, (board["uid"], asker)


def check_board(board):
    assert board["schemaVersion"] == 39 and board["id"] is None and board["uid"] and board["title"], board["uid"]
    ids = [p["id"] for p in board["panels"]]
    assert len(set(ids)) == len(ids) and all(isinstance(i, int) and i > 0 for i in ids), (board["uid"], ids)
    known = {v["name"] for v in board["templating"]["list"]} | {"__rate_interval"}
    for panel in board["panels"]:
        refs = [t["refId"] for t in panel["targets"]]
        assert refs and len(set(refs)) == len(refs), (board["uid"], panel["title"], refs)
        for target in panel["targets"]:
            assert target["range"] != target["instant"], (board["uid"], panel["title"])
            unknown = set(re.findall(r"\$\{?(\w+)", target["expr"])) - known
            assert not unknown, (board["uid"], panel["title"], unknown)
    check_grid(board)
    check_sources(board)


def structure():
    all_boards = boards()
    assert len({b["uid"] for b in all_boards}) == len(all_boards) >= 5
    for board in all_boards:
        check_board(board)


# --- asking ---

class Mesh:
    """A weft that the demo fed, and what the demo knows."""

    def __init__(self, weft, truth):
        self.weft, self.truth = weft, truth
        self.edges = expected_edges(truth)
        # One sample behind the last one that counted: from here the window reaches before the first.
        self.time = (math.ceil(truth["ended_ns"] / 1e9 / STEP_S) + 1) * STEP_S
        assert self.time - WINDOW_S < truth["began_ns"] / 1e9 - STEP_S, "the demo took longer than one window holds"

    def instant(self, expr):
        return self.weft.json("/api/v1/query", query=expr, time=self.time)["data"]["result"]

    def range(self, expr):
        """As a panel of 15 minutes asks: {labels: {time: value or histogram}}."""
        got = self.weft.json("/api/v1/query_range", query=expr, start=self.time - 900, end=self.time, step=STEP_S)["data"]
        assert got["resultType"] == "matrix"
        return got["result"]

    def ask(self, target, values):
        """What a panel draws at self.time: [(labels, number)]."""
        expr = fill(target["expr"], values)
        if target["instant"]:
            return [(r["metric"], float(r["value"][1])) for r in self.instant(expr)]
        return [(r["metric"], float(r["values"][-1][1])) for r in self.range(expr) if r["values"][-1][0] == self.time]


def fill(expr, values):
    """What Grafana does to an expression before it asks."""
    for name, value in {**values, "__rate_interval": "1m"}.items():
        expr = re.sub(r"\$\{%s\}|\$%s\b" % (name, name), lambda _: value, expr)
    assert "$" not in expr, expr
    return expr


ANY = {"service": ".*", "client": ".*", "server": ".*"}


def check_variable(mesh, variable):
    """label_values(SELECTOR, LABEL) has each service that the demo had, or some."""
    selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
    got = mesh.weft.json("/api/v1/label/%s/values" % label, **{"match[]": fill(selector, ANY), "start": mesh.time - 900, "end": mesh.time})
    side = 0 if label == "client" else 1
    want = {bare(edge[side]) for edge in mesh.edges}
    assert want <= set(got["data"]), "%s: %s lack" % (variable["name"], want - set(got["data"]))


def check_heatmap(mesh, target):
    """Every bound has a row, counts do not fall with the bound, and the last is the number of observations."""
    rows = sorted((float(labels["le"]), count) for labels, count in mesh.ask(target, ANY))
    assert len(rows) == 12 and rows[-1][0] == math.inf, rows
    assert all(a[1] <= b[1] + 1e-9 for a, b in zip(rows, rows[1:])), rows
    metric = re.search(r"(\w+)_bucket", target["expr"]).group(1)
    observed = float(mesh.instant("sum(%s_count)" % metric)[0]["value"][1])
    equal({"all": rows[-1][1]}, {"all": observed}, metric)


def check_exemplars(mesh, expr):
    got = mesh.weft.json("/api/v1/query_exemplars", query=fill(expr, ANY), start=mesh.time - 900, end=mesh.time)["data"]
    assert got and all(re.fullmatch("[0-9a-f]{32}", x["labels"]["trace_id"]) for g in got for x in g["exemplars"]), (expr, got[:1])


def check_panels(mesh, board):
    for variable in board["templating"]["list"][1:]:
        check_variable(mesh, variable)
    for panel in board["panels"]:
        for target in panel["targets"]:
            where = "%s: %s: %s" % (board["uid"], panel["title"], target["expr"])
            got = mesh.instant(fill(target["expr"], ANY)) if target["instant"] else mesh.range(fill(target["expr"], ANY))
            assert got, where + " has no data"
            if target.get("exemplar"):
                check_exemplars(mesh, target["expr"])
            if target.get("format") == "heatmap":
                check_heatmap(mesh, target)


# --- the truth ---

def bare(node):
    """The name that the peers' metrics call a service: without its namespace."""
    return node.rsplit("/", 1)[-1]


def panel_of(uid, title):
    return next(p for b in boards() if b["uid"] == uid for p in b["panels"] if p["title"] == title)


def equal(got, want, what):
    assert set(got) == set(want), "%s: missing %s, extra %s" % (what, set(want) - set(got), set(got) - set(want))
    for key, value in want.items():
        assert abs(got[key] - value) <= 1e-9 * max(1.0, value), "%s: %s is %r, want %r" % (what, key, got[key], value)


def summed(mesh, field, key):
    """{key of an edge: count}, rows with a 0 included."""
    sums = {}
    for edge, counts in mesh.edges.items():
        sums[key(edge)] = sums.get(key(edge), 0) + counts[field]
    return sums


def totals_equal(mesh):
    """The counters themselves: they began at 0, so the last sample is what was asked in all."""
    for metric, field in (("traces_service_graph_request_total", "requests"), ("traces_service_graph_request_failed_total", "errors")):
        got = {(r["metric"]["client"], r["metric"]["server"]): float(r["value"][1]) for r in mesh.instant(metric)}
        want = summed(mesh, field, lambda e: (bare(e[0]), bare(e[1])))
        equal({**dict.fromkeys(want, 0.0), **got}, want, metric)


def rates_equal(mesh, uid, title, field, labels, key):
    """A panel of rates: the whole traffic at the time whose window covers it, never more than rate() extrapolates before."""
    want = summed(mesh, field, key)
    target = panel_of(uid, title)["targets"][0 if field == "requests" or title != "All edges" else 1]
    got = {tuple(m.get(n, "") for n in labels): v * WINDOW_S for m, v in mesh.ask(target, ANY)}
    equal({**dict.fromkeys(want, 0.0), **got}, want, "%s: %s" % (uid, title))
    if not target["instant"]:
        for series in mesh.range(fill(target["expr"], ANY)):
            most = want[tuple(series["metric"].get(n, "") for n in labels)] * WINDOW_S / STEP_S
            assert all(0 <= float(v) * WINDOW_S <= most + 1e-9 for _, v in series["values"]), (uid, title, series)


def request_and_error_panels(mesh):
    ids, names = (lambda e: e), (lambda e: (bare(e[0]), bare(e[1])))
    both = ("client", "server")
    rates_equal(mesh, "weft-edge", "Requests", "requests", both, names)
    rates_equal(mesh, "weft-edge", "Errors", "errors", both, names)
    rates_equal(mesh, "weft-mesh", "All edges", "requests", both, ids)
    rates_equal(mesh, "weft-mesh", "All edges", "errors", both, ids)
    rates_equal(mesh, "weft-mesh", "Requests by service", "requests", ("server",), lambda e: (bare(e[1]),))
    rates_equal(mesh, "weft-service", "Requests by caller", "requests", ("client",), lambda e: (bare(e[0]),))
    rates_equal(mesh, "weft-service", "Errors by caller", "errors", ("client",), lambda e: (bare(e[0]),))
    rates_equal(mesh, "weft-service", "Calls it makes", "requests", ("server",), lambda e: (bare(e[1]),))


def number(mesh, uid, title, values=ANY):
    rows = mesh.ask(panel_of(uid, title)["targets"][0], values)
    assert len(rows) == 1, (uid, title, values, rows)
    return rows[0][1]


def stats_equal(mesh):
    """The single numbers on top, of the mesh and of each service."""
    requests, errors = (sum(e[f] for e in mesh.edges.values()) for f in ("requests", "errors"))
    equal({"requests": number(mesh, "weft-mesh", "Requests") * WINDOW_S, "errors": number(mesh, "weft-mesh", "Errors"),
           "edges": number(mesh, "weft-mesh", "Edges")},
          {"requests": requests, "errors": errors / requests, "edges": len(mesh.edges)}, "weft-mesh")
    served, failed = (summed(mesh, f, lambda e: bare(e[1])) for f in ("requests", "errors"))
    for service, count in served.items():
        values = {**ANY, "service": re.escape(service).replace("\\", "\\\\")}
        got = {"requests": number(mesh, "weft-service", "Requests served", values) * WINDOW_S,
               "errors": number(mesh, "weft-service", "Errors", values), "callers": number(mesh, "weft-service", "Callers", values)}
        callers = len({e[0] for e in mesh.edges if bare(e[1]) == service})
        equal(got, {"requests": count, "errors": failed[service] / count, "callers": callers}, "weft-service of " + service)


def p99_within_bound(mesh):
    """Edges whose client and service have one row in the truth are comparable number by number."""
    rows = {}
    for e in mesh.truth["edges"]:
        client = "user" if e["client"] == "driver" else next(
            w["ns"] + "/" + w["service"] for w in mesh.truth["notes"]["workloads"] if w["name"] == e["client"])
        rows.setdefault((client, node_of(mesh.truth, e["service"])), []).append(e)
    target = next(t for t in panel_of("weft-edge", "Latency, client side")["targets"] if t["legendFormat"] == "p99")
    checked = 0
    for (client, server), found in rows.items():
        if len(found) != 1:
            continue
        values = {"client": re.escape(bare(client)).replace("\\", "\\\\"), "server": re.escape(bare(server)).replace("\\", "\\\\")}
        got = mesh.ask(target, values)
        want = found[0]["client_p99_ms"] / 1e3
        assert len(got) == 1 and abs(got[0][1] - want) <= QUANTILE_BOUND * want, "%s > %s: p99 %s, want %g" % (client, server, got, want)
        checked += 1
    assert checked >= 6, "only %d edges could be compared" % checked


# --- weft itself ---

def itself_has_data(mesh):
    """weft writes its own numbers every 15 s: after the second time rates have data, too."""
    board = next(b for b in boards() if b["uid"] == SELF)
    targets = [t["expr"] for p in board["panels"] for t in p["targets"]]
    lacking = []

    def all_have_data():
        mesh.time = time.time()
        lacking[:] = [t for t in targets if not mesh.instant(fill(t, ANY))]
        return not lacking
    try:
        wait_until("", all_have_data, 35)
    except AssertionError:
        raise AssertionError("no data: %s" % "; ".join(lacking))
    difference = panel_of(SELF, "Account's difference")["targets"][0]
    assert mesh.ask(difference, ANY) == [({}, 0.0)], mesh.ask(difference, ANY)


def main():
    suite = Suite("dashboards")
    suite.run("structure", structure)
    with Weft(config=CONFIG, own_series=True) as weft, tempfile.TemporaryDirectory() as folder:
        mesh = Mesh(weft, run_demo(weft, folder, "--seed", "11", "--rate", "250", "--duration", "10s"))
        for board in boards():
            if board["uid"] != SELF:
                suite.run("%s has data" % board["uid"], check_panels, mesh, board)
        suite.run("totals equal the truth", totals_equal, mesh)
        suite.run("request and error panels equal the truth", request_and_error_panels, mesh)
        suite.run("single numbers equal the truth", stats_equal, mesh)
        suite.run("p99 is within %.2f %%" % (100 * QUANTILE_BOUND), p99_within_bound, mesh)
        suite.run("%s has data" % SELF, itself_has_data, mesh)
    suite.close()


if __name__ == "__main__":
    main()
