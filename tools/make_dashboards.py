#!/usr/bin/env python3
"""make_dashboards.py [--check] - writes dashboards/*.json (Grafana's classic model, schemaVersion 39) from the panels below.
With --check nothing is written: it fails when a file is not what it would write."""
import json
import sys

import tree

DASHBOARDS = tree.ROOT / "dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
GRAPH = "traces_service_graph_request"
EDGE = 'client=~"$client", server=~"$server"'
SERVICE = 'server=~"$service"'
# Quantiles come from native histograms, which are far finer than classic buckets. Their labels are ids: NAMESPACE/NAME.
SERVED, CALLED = "weft_request_duration_seconds", "weft_request_client_duration_seconds"
EDGE_ID = 'client=~"(.*/)?($client)", server=~"(.*/)?($server)"'
SERVICE_ID = 'server=~"(.*/)?($service)"'
RATE = "[$__rate_interval]"


def target(expr, legend="", kind="range", ref="A", exemplar=False):
    """One query of a panel. kind: range, instant (a number), table, heatmap."""
    made = {"refId": ref, "datasource": SOURCE, "expr": expr, "legendFormat": legend,
            "range": kind in ("range", "heatmap"), "instant": kind in ("instant", "table")}
    if kind in ("table", "heatmap"):
        made["format"] = kind
    if exemplar:
        made["exemplar"] = True
    return made


def quantile(q, metric, matchers="", by=""):
    """One quantile of a native histogram, summed over what `by` does not tell apart."""
    return "histogram_quantile(%s, sum%s(rate(%s%s%s)))" % (q, " by (%s) " % by if by else "", metric, "{%s}" % matchers if matchers else "", RATE)


def quantiles(metric, matchers):
    """p50, p95 and p99; traces behind the first, so that they are drawn once."""
    return [target(quantile(q, metric, matchers), "p%d" % round(q * 100), ref=chr(65 + i), exemplar=i == 0)
            for i, q in enumerate((0.5, 0.95, 0.99))]


class Board:
    """Panels laid out from left to right, 24 columns wide."""

    def __init__(self, uid, title, variables=()):
        self.uid, self.title, self.variables, self.panels = uid, title, list(variables), []
        self.x = self.y = self.height = 0

    def add(self, kind, title, targets, unit="short", width=8, height=8, options=None, defaults=None, description=""):
        if self.x + width > 24:
            self.x, self.y = 0, self.y + self.height
            self.height = 0
        self.height = max(self.height, height)
        self.panels.append({
            "id": len(self.panels) + 1, "type": kind, "title": title, "description": description, "datasource": SOURCE,
            "gridPos": {"h": height, "w": width, "x": self.x, "y": self.y},
            "fieldConfig": {"defaults": {"unit": unit, **(defaults or {})}, "overrides": []},
            "options": options or {}, "targets": targets})
        self.x += width

    def lines(self, title, targets, unit="short", **more):
        self.add("timeseries", title, targets, unit, defaults={"min": 0, "custom": {"fillOpacity": 5, "showPoints": "never"}},
                 options={"tooltip": {"mode": "multi", "sort": "desc"}, "legend": {"displayMode": "list", "placement": "bottom"}}, **more)

    def number(self, title, expr, unit, warn=None, fail=None):
        steps = [{"color": "green", "value": None}]
        if warn is not None:
            steps += [{"color": "orange", "value": warn}, {"color": "red", "value": fail}]
        self.add("stat", title, [target(expr, kind="instant")], unit, width=6, height=4,
                 defaults={"thresholds": {"mode": "absolute", "steps": steps}, "noValue": "0"},
                 options={"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value"})

    def table(self, title, targets, **more):
        self.add("table", title, targets, options={"showHeader": True}, **more)

    def heatmap(self, title, expr, unit="s", **more):
        self.add("heatmap", title, [target(expr, "{{le}}", "heatmap", exemplar=True)], unit,
                 options={"calculate": False, "yAxis": {"unit": unit}, "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
                          "tooltip": {"mode": "single", "yHistogram": True}, "exemplars": {"color": "rgba(40,90,255,0.8)"}}, **more)

    def json(self):
        source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}, "hide": 0}
        return {
            "id": None, "uid": self.uid, "title": self.title, "tags": ["weft", "mesh"], "timezone": "browser", "schemaVersion": 39,
            "version": 1, "refresh": "15s", "time": {"from": "now-15m", "to": "now"}, "graphTooltip": 1, "editable": True,
            "annotations": {"list": []}, "panels": self.panels, "templating": {"list": [source] + self.variables},
            "links": [{"title": "weft", "type": "dashboards", "tags": ["weft"], "asDropdown": True, "keepTime": True, "includeVars": True}]}


def variable(name, metric, label, many=True):
    query = "label_values(%s, %s)" % (metric, label)
    return {"name": name, "type": "query", "datasource": SOURCE, "query": {"query": query, "refId": name}, "definition": query,
            "refresh": 2, "sort": 1, "includeAll": many, "multi": many, "allValue": ".*", "current": {}, "hide": 0}


def mesh():
    b = Board("weft-mesh", "weft / Mesh overview")
    total, failed = "sum(rate(%s_total%s))" % (GRAPH, RATE), "sum(rate(%s_failed_total%s))" % (GRAPH, RATE)
    b.number("Requests", total, "reqps")
    b.number("Errors", "(%s or vector(0)) / %s" % (failed, total), "percentunit", 0.01, 0.1)
    b.number("p99 over all edges", quantile(0.99, SERVED), "s")
    b.number("Edges", "count(group by (client, server) (traces_service_graph_connection_info))", "short")
    b.lines("Requests by service", [target("sum by (server) (rate(%s_total%s))" % (GRAPH, RATE), "{{server}}")], "reqps")
    b.lines("Error share by service",
            [target("sum by (server) (rate(%s_failed_total%s)) / sum by (server) (rate(%s_total%s))" % (GRAPH, RATE, GRAPH, RATE),
                    "{{server}}")], "percentunit")
    b.lines("p99 by service",
            [target(quantile(0.99, SERVED, by="server"), "{{server}}", exemplar=True)], "s")
    b.table("All edges", [
        target("sum by (client, server) (rate(weft_edge_requests_total%s))" % RATE, kind="table", ref="A"),
        target("sum by (client, server) (rate(weft_edge_errors_total%s))" % RATE, kind="table", ref="B"),
        target(quantile(0.95, SERVED, by="client, server"), kind="table", ref="C")], width=24, height=10)
    b.panels[-1]["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True},
                                       "renameByName": {"Value #A": "requests/s", "Value #B": "errors/s", "Value #C": "p95 (s)"}}}]
    return b


def service():
    b = Board("weft-service", "weft / Service", [variable("service", "traces_service_graph_request_total", "server")])
    total, failed = ("sum(rate(%s_%stotal{%s}%s))" % (GRAPH, kind, SERVICE, RATE) for kind in ("", "failed_"))
    b.number("Requests served", total, "reqps")
    b.number("Errors", "(%s or vector(0)) / %s" % (failed, total), "percentunit", 0.01, 0.1)
    b.number("p99", quantile(0.99, SERVED, SERVICE_ID), "s")
    b.number("Callers", "count(group by (client) (%s_total{%s}))" % (GRAPH, SERVICE), "short")
    b.lines("Requests by caller", [target("sum by (client) (rate(%s_total{%s}%s))" % (GRAPH, SERVICE, RATE), "{{client}}")], "reqps")
    b.lines("Errors by caller", [target("sum by (client) (rate(%s_failed_total{%s}%s))" % (GRAPH, SERVICE, RATE), "{{client}}")], "reqps")
    b.lines("Latency", quantiles(SERVED, SERVICE_ID), "s")
    b.lines("Requests by operation",
            [target('topk(10, sum by (span_name) (rate(traces_spanmetrics_calls_total{service=~"$service", '
                    'span_kind="SPAN_KIND_SERVER"}%s)))' % RATE, "{{span_name}}")], "reqps")
    b.lines("p95 by operation",
            [target('topk(10, histogram_quantile(0.95, sum by (le, span_name) (rate(traces_spanmetrics_latency_bucket{'
                    'service=~"$service", span_kind="SPAN_KIND_SERVER"}%s))))' % RATE, "{{span_name}}")], "s")
    b.lines("Calls it makes", [target('sum by (server) (rate(%s_total{client=~"$service"}%s))' % (GRAPH, RATE), "{{server}}")], "reqps")
    return b


def edge():
    b = Board("weft-edge", "weft / Edge", [variable("client", "traces_service_graph_request_total", "client"),
                                           variable("server", 'traces_service_graph_request_total{client=~"$client"}', "server")])
    b.lines("Requests", [target("sum by (client, server) (rate(%s_total{%s}%s))" % (GRAPH, EDGE, RATE), "{{client}} > {{server}}")], "reqps")
    b.lines("Errors", [target("sum by (client, server) (rate(%s_failed_total{%s}%s))" % (GRAPH, EDGE, RATE), "{{client}} > {{server}}")],
            "reqps")
    b.lines("Error share", [target("sum by (client, server) (rate(%s_failed_total{%s}%s)) / sum by (client, server) (rate(%s_total{%s}%s))"
                                   % (GRAPH, EDGE, RATE, GRAPH, EDGE, RATE), "{{client}} > {{server}}")], "percentunit")
    b.lines("Latency, server side", quantiles(SERVED, EDGE_ID), "s", width=12)
    b.lines("Latency, client side", quantiles(CALLED, EDGE_ID), "s", width=12)
    return b


def latency():
    b = Board("weft-latency", "weft / Latency heatmap", [variable("service", "traces_service_graph_request_total", "server")])
    b.heatmap("Server side", "sum by (le) (increase(%s_server_seconds_bucket{%s}%s))" % (GRAPH, SERVICE, RATE), width=24, height=10)
    b.heatmap("Client side", "sum by (le) (increase(%s_client_seconds_bucket{%s}%s))" % (GRAPH, SERVICE, RATE), width=24, height=10)
    b.lines("Quantiles with exemplars", quantiles(SERVED, SERVICE_ID), "s", width=24)
    return b


def itself():
    b = Board("weft-itself", "weft / weft itself")
    b.number("Memory", "weft_process_resident_bytes", "bytes")
    b.number("CPU", "rate(weft_process_cpu_seconds_total%s)" % RATE, "percentunit")
    b.number("Journal", "weft_journal_bytes", "bytes")
    b.number("Account's difference", "sum(weft_items_difference)", "short", 1, 1)
    b.lines("Received", [target("sum by (signal) (rate(weft_items_received_total%s))" % RATE, "{{signal}}")], "short")
    b.lines("Not kept", [
        target("sum by (signal, reason) (rate(weft_items_%s_total%s))" % (what, RATE), "%s {{signal}} {{reason}}" % what, ref=ref)
        for ref, what in (("A", "rejected"), ("B", "dropped"), ("C", "refused"))], "short")
    b.lines("Pending", [target("sum by (signal) (weft_items_pending)", "{{signal}}")], "short")
    b.lines("Journal", [target("rate(weft_journal_appended_bytes_total%s)" % RATE, "bytes/s")], "Bps")
    b.lines("Syncs", [target("rate(weft_journal_syncs_total%s)" % RATE, "syncs/s")], "ops")
    b.lines("Open", [target("weft_open_%s" % what, what, ref=ref) for ref, what in (("A", "hops"), ("B", "traces"), ("C", "spans"))], "short")
    return b


def main():
    wrong = []
    for name, board in (("mesh", mesh()), ("service", service()), ("edge", edge()), ("latency", latency()), ("weft", itself())):
        path, text = DASHBOARDS / (name + ".json"), json.dumps(board.json(), indent=1) + "\n"
        if "--check" not in sys.argv[1:]:
            path.write_text(text)
        elif not path.is_file() or path.read_text() != text:
            wrong.append("dashboards/%s.json is not what tools/make_dashboards.py writes" % name)
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
