"""promql_expressions.py - PromQL out of a seed: functions x ranges x aggregations x operators x matchers, over mesh_series.trial_series.

Only what Prometheus 2.42 knows, and no expression whose result depends on an order that nothing defines, or turns a last digit into a
first one: % takes samples as they are, never a rate."""
import random

JOBS = ("", '{job="web"}', '{job!="web"}', '{job=~"web|cart"}', '{job!~"b.*"}', '{instance=~".:[12]"}', '{nothing=""}', '{job=~".+",instance!=""}')
RANGES = ("1m", "90s", "2m", "5m", "17m")
OVER_TIME = ("avg", "sum", "min", "max", "count", "stddev", "stdvar", "last", "present")
COUNTER = ("rate", "increase", "irate", "resets", "changes")
GAUGE = ("delta", "idelta", "deriv", "changes", "resets")
MATH = ("abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "sin", "cos", "tan", "atan", "tanh", "deg", "rad")
AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
GROUPS = ("", " by (job)", " by (job, code)", " without (instance)", " by (nothing)", " without (job, code)", " by (instance)")
ARITHMETIC = ("+", "-", "*", "/", "^", "atan2")
COMPARISON = ("==", "!=", ">", "<", ">=", "<=")
SETS = ("and", "or", "unless")
NUMBERS = ("2", "0.5", "-3", "1e3", "0", "0x1F", "NaN", "Inf", "100")
MODIFIERS = ("", "", "", " offset 1m", " offset 45s", " offset -2m", " @ start()", " @ end()", " @ 1700002234.5")
METRICS = ("t_requests_total", "t_load", "t_odd", "t_limit", "t_info", "t_seconds_bucket")


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.in_subquery = False

    def one_of(self, things):
        return self.rng.choice(things)

    def instant(self):
        return self.one_of(METRICS) + self.one_of(JOBS) + self.one_of(MODIFIERS)

    def counter_range(self):
        metric = self.one_of(("t_requests_total", "t_requests_total", "t_seconds_bucket"))
        return "%s%s[%s]%s" % (metric, self.one_of(JOBS), self.one_of(RANGES), self.one_of(MODIFIERS))

    def gauge_range(self):
        return "%s%s[%s]%s" % (self.one_of(("t_load", "t_limit")), self.one_of(JOBS), self.one_of(RANGES), self.one_of(MODIFIERS))

    def any_range(self):
        return "%s%s[%s]%s" % (self.one_of(METRICS), self.one_of(JOBS), self.one_of(RANGES), self.one_of(MODIFIERS))

    def subquery(self):
        """Never in another one: its range would end on the other's grid, where Prometheus 2 and 3 differ."""
        self.in_subquery = True
        inner = self.vector(1)
        self.in_subquery = False
        return "(%s)[%s:%s]%s" % (inner, self.one_of(("2m", "5m", "7m")), self.one_of(("", "15s", "30s", "1m")), self.one_of(MODIFIERS[:6]))

    # --- each returns an instant vector ---

    def over_range(self):
        kind = self.rng.randrange(7)
        if kind < 2:
            return "%s(%s)" % (self.one_of(COUNTER), self.counter_range())
        if kind == 2:
            return "%s(%s)" % (self.one_of(GAUGE), self.gauge_range())
        if kind == 3:
            return "%s_over_time(%s)" % (self.one_of(OVER_TIME), self.any_range())
        if kind == 4:
            return "quantile_over_time(%s, %s)" % (self.one_of(("0.5", "0.9", "0", "1")), self.gauge_range())
        if kind == 5:
            return "predict_linear(%s, %s)" % (self.gauge_range(), self.one_of(("600", "-60", "3600")))
        return "absent_over_time(%s)" % self.any_range()

    def over_subquery(self):
        return "%s_over_time(%s)" % (self.one_of(OVER_TIME), self.subquery())

    def function(self, depth):
        kind = self.rng.randrange(6)
        inner = self.vector(depth - 1)
        if kind == 0:
            return "clamp_max(%s, %s)" % (inner, self.one_of(NUMBERS))
        if kind == 1:
            return "round(%s, %s)" % (inner, self.one_of(("1", "0.5", "10")))
        if kind == 2:
            return 'label_replace(%s, "to", "$1-x", "job", "(.).*")' % inner
        if kind == 3:
            return 'label_join(%s, "both", "/", "job", "instance")' % inner
        if kind == 4:
            return "absent(%s)" % inner
        return "%s(%s)" % (self.one_of(MATH), inner)

    def aggregation(self, depth):
        kind = self.rng.randrange(12)
        inner, group = self.vector(depth - 1), self.one_of(GROUPS)
        if kind == 0:
            return "quantile%s (%s, %s)" % (group, self.one_of(("0.25", "0.99", "-1", "2")), inner)
        if kind == 1:
            return 'count_values%s ("v", round(%s, 50))' % (group, inner)
        if kind == 2:
            return "%s%s (1, rate(t_requests_total%s[%s]))" % (self.one_of(("topk", "bottomk")), group, self.one_of(JOBS), self.one_of(RANGES))
        return "%s%s (%s)" % (self.one_of(AGGREGATIONS), group, inner)

    def quantile_of_buckets(self):
        q, r = self.one_of(("0", "0.5", "0.9", "0.99", "1", "-1", "2")), self.one_of(RANGES)
        by = self.one_of(("le", "le, job", "le, job, instance"))
        return "histogram_quantile(%s, sum by (%s) (rate(t_seconds_bucket%s[%s])))" % (q, by, self.one_of(JOBS), r)

    def with_scalar(self, depth):
        if self.rng.random() < 0.1:
            return "%s %% %s" % (self.instant(), self.one_of(NUMBERS))
        inner, n = self.vector(depth - 1), self.one_of(NUMBERS + ("time()", "scalar(t_limit{job=\"web\"})"))
        op = self.one_of(ARITHMETIC + COMPARISON)
        if op in COMPARISON and self.rng.random() < 0.5:
            op += " bool"
        return "%s %s %s" % ((inner, op, n) if self.rng.random() < 0.7 else (n, op, inner))

    def join(self):
        left = "sum by (job, instance) (%s)" % self.over_range()
        kind = self.rng.randrange(5)
        if kind == 0:
            return "%s %s on (job, instance) group_left (version) t_info" % (left, self.one_of(ARITHMETIC))
        if kind == 1:
            return "%s %s on (job) group_left t_limit" % (left, self.one_of(ARITHMETIC + COMPARISON))
        if kind == 2:
            return "%s %s ignoring (code, version) %s" % (left, self.one_of(COMPARISON), "sum by (job, instance) (%s)" % self.over_range())
        if kind == 3:
            return "%s %s on (job) %s" % (left, self.one_of(SETS), "t_load" + self.one_of(JOBS))
        return "t_limit * on (job) group_right () %s" % left

    def vector(self, depth):
        if depth <= 0:
            return self.one_of((self.instant, self.over_range, self.over_range))()
        kind = self.rng.randrange(14)
        if kind < 4:
            return self.aggregation(depth)
        if kind < 6:
            return "(%s)" % self.with_scalar(depth)
        if kind < 8:
            return self.function(depth)
        if kind == 8:
            return self.quantile_of_buckets()
        if kind == 9:
            return "(%s)" % self.join()
        if kind == 10 and not self.in_subquery:
            return self.over_subquery()
        if kind == 11:
            return "-(%s)" % self.vector(depth - 1)
        return self.over_range()


def expressions(count, seed=13):
    maker, out = Maker(seed), []
    while len(out) < count:
        expr = maker.vector(maker.rng.choice((1, 1, 2, 2, 3)))
        if expr not in out:
            out.append(expr)
    return out
