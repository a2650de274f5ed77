"""promql_wide.py - PromQL out of a seed, the whole grammar of Prometheus 2.42: what is refused, what is empty and what is odd included.

Where promql_expressions.py asks what people ask, this asks what nobody does: ties, broken buckets, sparse and stale series, joins that do
not fit, NaN as a parameter, labels written over. Subqueries keep to whole multiples of 15 s, so that no point lies on an edge."""
import random

MATCHERS = ("", '{job="web"}', '{job!="web"}', '{job=~"web|cart"}', '{job!~"b.*"}', '{instance=~".:[12]"}', '{nothing=""}', '{job=~".+",instance!=""}',
            '{job=~"w.b|c[a-z]+t"}', '{job=~"(?i)WEB"}', '{job!~""}', '{job=~"|web"}', '{instance=~"[^b]:\\\\d"}', "{job='web',job!='cart'}", "{job=~`w\\w+`}")
METRICS = ("t_requests_total", "t_load", "t_odd", "t_limit", "t_info", "t_seconds_bucket", "w_tie", "w_sparse", "w_stale", "w_a", "w_time", "w_one", "w_resets",
           "w_broken_bucket", "w_missing", '{__name__=~"w_[ab]"}', '{__name__=~"w_one|t_limit"}', '{__name__="w_one"}')
RANGES = ("1m", "90s", "2m", "5m", "17m", "1h", "20s", "3m7s")
SUBQUERY_MODIFIERS = ("", "", "", " offset 1m", " offset 45s", " offset -2m", " @ 1700002234.5", " offset -1m @ 1700002234.5")
MODIFIERS = SUBQUERY_MODIFIERS + (" @ start()", " @ end()", " @ start() offset 1m", " offset -1d", " @ 0", " @ -5", " @ 1.7e9")
NUMBERS = ("2", "0.5", "-3", "1e3", "0", "0x1F", "NaN", "Inf", "100", "-Inf", ".5", "1e-9", "-0", "3.", "07")
ARITHMETIC, COMPARISON = ("+", "-", "*", "/", "^", "atan2"), ("==", "!=", ">", "<", ">=", "<=")
OVER_TIME = ("avg", "sum", "min", "max", "count", "stddev", "stdvar", "last", "present")
OF_RANGE = ("rate", "increase", "irate", "resets", "changes", "delta", "idelta", "deriv")
OF_VECTOR = ("abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "sin", "cos", "tan", "atan", "tanh", "deg", "rad", "asin", "acos", "sinh", "cosh",
             "asinh", "acosh", "atanh", "round", "timestamp", "sort", "sort_desc", "absent")
DATES = ("year", "month", "hour", "minute", "day_of_week", "day_of_month", "day_of_year", "days_in_month")
GROUPS = ("", " by (job)", " by (job, code)", " without (instance)", " by (nothing)", " without (job, code)", " by ()", " without ()", " by (i, g, x, h, le)",
          " without (le)", " by (job,)")
MATCHING = ("", " on (job)", " on (job, instance)", " ignoring (code, version)", " on ()", " ignoring ()", " on (i)", " on (x)", " ignoring (instance)")
GROUPING = (" group_left", " group_right", " group_left ()", " group_left (version)", " group_right (version, code)", " group_left (job)")
BROKEN = {"falling": ("1", "2", "5", "+Inf"), "endless": ("1", "2", "5"), "words": ("1", "x", "5", "+Inf"), "twice": ("1", "1.0", "5", "+Inf"),
          "negative": ("-5", "-1", "0", "1", "+Inf"), "single": ("+Inf",), "spelled": ("1e-3", "1e3", "Inf", "+Inf")}


def series(rng, timed, stale):
    """[(labels, samples)] of the metrics w_*; `timed` gives values their times, `stale` is the marker."""
    count, out = 165, []
    add = lambda labels, values: out.append((labels, timed(values)))
    for i in range(6):
        add({"__name__": "w_tie", "i": str(i), "g": "ab"[i % 2]}, [float(i // 2)] * count)
    for h, bounds in BROKEN.items():
        for le in bounds:
            add({"__name__": "w_broken_bucket", "h": h, "le": le}, [float(rng.randrange(50)) + k * 3 for k in range(count)])
    for i in range(4):
        samples = timed([float(rng.randrange(100)) for _ in range(count)])
        out.append(({"__name__": "w_sparse", "i": str(i)}, [x for x in samples if rng.random() < 0.08]))
    for i in range(3):
        add({"__name__": "w_stale", "i": str(i)}, [stale if rng.random() < 0.25 else float(rng.randrange(100)) for _ in range(count)])
    for name, labels, step in (("w_a", {"x": "1"}, 1), ("w_b", {"x": "1"}, 2), ("w_a", {"x": "2", "y": "é"}, 3)):
        add({"__name__": name, **labels}, [float(step * k) for k in range(count)])
    add({"__name__": "w_time"}, [rng.uniform(-1e9, 4e9) for _ in range(count)])
    add({"__name__": "w_time", "kind": "edge"}, [rng.choice((0.0, -1.0, 951782399.0, 4107542400.0, -86400.5, 1e11, -1e11, 1709164800.0)) for _ in range(count)])
    add({"__name__": "w_one"}, [5.0] * count)
    add({"__name__": "w_resets"}, [float(rng.randrange(5)) for _ in range(count)])
    return out


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.one = self.rng.choice
        self.in_subquery = False

    def selector(self):
        metric = self.one(METRICS)
        return metric + ("" if metric.startswith("{") else self.one(MATCHERS))

    def range(self, depth):
        """A subquery is never in another one: its range would end on the other's grid, where Prometheus 2 and 3 differ."""
        if depth > 0 and not self.in_subquery and self.rng.random() < 0.25:
            self.in_subquery = True
            inner = self.vector(depth - 1)
            self.in_subquery = False
            return "(%s)[%s:%s]%s" % (inner, self.one(("2m", "5m", "10m")), self.one(("", "15s", "30s", "1m")), self.one(SUBQUERY_MODIFIERS))
        return "%s[%s]%s" % (self.selector(), self.one(RANGES), self.one(MODIFIERS))

    def scalar(self, depth):
        kind = self.rng.randrange(8)
        if kind < 5 or depth <= 0:
            return self.one(NUMBERS)
        if kind == 5:
            return "scalar(%s)" % self.vector(depth - 1)
        if kind == 6:
            return self.one(("time()", "pi()", "-(%s)" % self.scalar(depth - 1)))
        return "(%s %s %s)" % (self.scalar(depth - 1), self.one(ARITHMETIC + ("== bool", "< bool", ">= bool")), self.scalar(depth - 1))

    def label_call(self, depth):
        vector = self.vector(depth - 1)
        if self.rng.random() < 0.3:
            return 'label_join(%s, "%s", "%s", %s)' % (vector, self.one(("both", "job", "i")), self.one(("/", "")), self.one(('"job", "instance"', '"i"', '"x", "g", "h"')))
        texts = ("$1", "$1-x", "", "a$2b", "${1}z", "$0", "$$1", "x", "$1x", "${9}", "$", "${bad")
        patterns = ("(.*)", "(.).*", "(.*):(.*)", "", "(?:a|b)(.*)", "(", ".*", "(a|b):([0-9])")
        return 'label_replace(%s, "%s", "%s", "%s", "%s")' % (vector, self.one(("to", "job", "le", "i")), self.one(texts), self.one(("job", "instance", "nothing", "i")), self.one(patterns))

    def call(self, depth):
        kind = self.rng.randrange(12)
        if kind < 2:
            return "%s(%s)" % (self.one(OF_RANGE), self.range(depth))
        if kind < 4:
            return "%s_over_time(%s)" % (self.one(OVER_TIME), self.range(depth))
        if kind == 4:
            return self.one(("quantile_over_time(%s, %s)" % (self.scalar(1), self.range(depth)), "absent_over_time(%s)" % self.range(depth)))
        if kind == 5:
            return "clamp(%s, %s, %s)" % (self.vector(depth - 1), self.scalar(1), self.scalar(1))
        if kind == 6:
            return "%s(%s, %s)" % (self.one(("clamp_min", "clamp_max", "round")), self.vector(depth - 1), self.scalar(1))
        if kind == 7:
            return self.label_call(depth)
        if kind == 8:
            of = self.one(("w_broken_bucket", "rate(w_broken_bucket[5m])", "sum by (le) (w_broken_bucket)", "t_seconds_bucket", self.vector(depth - 1)))
            return "histogram_quantile(%s, %s)" % (self.scalar(1), of)
        if kind == 9:
            return self.one(("vector(%s)" % self.scalar(depth), "%s()" % self.one(DATES[:-1]), "%s(w_time%s)" % (self.one(DATES), self.one(MODIFIERS))))
        return "%s(%s)" % (self.one(OF_VECTOR), self.vector(depth - 1))

    def aggregation(self, depth):
        kind, vector, group = self.rng.randrange(10), self.vector(depth - 1), self.one(GROUPS)
        if kind == 0:
            op, body = "quantile", "%s, %s" % (self.scalar(0), vector)
        elif kind == 1:
            # Of samples as they are, whose last digit is no matter; 2.42 writes over a list of many labels to group by.
            op, body, group = "count_values", '"%s", %s' % (self.one(("v", "job", "x")), self.selector()), self.one(GROUPS[:8])
        elif kind == 2:
            op, body = self.one(("topk", "bottomk")), "%s, %s" % (self.one(("100", "0", "-1", "1e3")), vector)
        else:
            op, body = self.one(("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")), vector
        return "%s (%s)%s" % (op, body, group) if self.rng.random() < 0.3 else "%s%s (%s)" % (op, group, body)

    def binary(self, depth):
        kind, op, matching = self.rng.randrange(10), self.one(ARITHMETIC + COMPARISON), self.one(MATCHING)
        if op in COMPARISON and self.rng.random() < 0.5:
            op += " bool"
        if kind < 4:
            sides = [self.vector(depth - 1), self.scalar(depth - 1)]
            self.rng.shuffle(sides)
            return "%s %s %s" % (sides[0], op, sides[1])
        if kind == 4:
            return "%s %s%s %s" % (self.vector(depth - 1), self.one(("and", "or", "unless")), matching, self.vector(depth - 1))
        grouping = self.one(GROUPING) if matching and self.rng.random() < 0.5 else ""
        return "%s %s%s%s %s" % (self.vector(depth - 1), op, matching, grouping, self.vector(depth - 1))

    def vector(self, depth):
        if depth <= 0:
            return self.one(("%s%s" % (self.selector(), self.one(MODIFIERS)), "rate(%s)" % self.range(0)))
        kind = self.rng.randrange(10)
        if kind < 3:
            return self.aggregation(depth)
        if kind < 5:
            return "(%s)" % self.binary(depth)
        if kind == 5:
            return "%s(%s)" % (self.one(("-", "+", "")), self.vector(depth - 1))
        return self.call(depth)


def expressions(count, seed):
    maker = Maker(seed)
    made = (maker.vector(maker.rng.choice((1, 2, 2, 3))) for _ in iter(int, 1))
    out = []
    while len(out) < count:
        expr = next(made)
        if len(expr) < 600:
            out.append(expr)
    return out
