"""promql_written.py - PromQL out of a seed, as hands write it: chains without parentheses, keywords in any case and as names, comments, odd
numbers and texts, `__name__` as a label, ranges and subqueries as the answer itself; each asked at times and steps of its own.

promql_expressions.py and promql_wide.py put parentheses around everything and ask on one grid: what binds to what, where a text ends and
how a point falls between two samples is asked here."""
import random

METRICS = ("t_requests_total", "t_load", "t_limit", "t_info", "w_tie", "w_sparse", "w_stale", "w_one", "w_time", "w_resets", "sum", "by", "offset", "start", "avg", "o:r")
MATCHERS = ("", "", "{}", '{job="web"}', "{ job = 'web' , }", '{job=~"\\x77eb"}', '{job!~"\\u0077.*"}', '{job=~`w.b`,instance!="a:1"}', '{i=~"0|1"}', '{bool=""}', '{by!="1"}', '{on=~".*"}')
NUMBERS = ("2", "0.5", "1e3", "0x1F", "NaN", "nan", "iNf", "+Inf", ".5", "1.", "1.e2", "1E-3", "0xaB", "010", "0", "-3", "--2", "+-+1", "1e+2")
OPERATORS = ("+", "-", "*", "/", "^", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless")
RANGES = ("1m", "90s", "1m30s", "5m", "1h1m", "17m3s", "61s", "1d", "2w", "500ms", "1s", "1y")
OFFSETS = ("", "", "", "", " offset 1m", " offset 1m30s", " offset -90s", " offset 1d", " offset 1y", " @ 1700001000", " @ start()", " @ end() offset 2m", " @ 1e9", " offset 1w @ end()")
OF_RANGE = ("rate", "increase", "irate", "delta", "idelta", "resets", "changes", "sum_over_time", "avg_over_time", "max_over_time", "last_over_time", "count_over_time", "present_over_time")
GROUPS = ("by (job)", "Without (job,)", "by (by, bool)", "by ()", "by (sum, on)", "without (i, instance)")
NAMED_GROUPS = ("BY (__name__)", "by (job, __name__)", "without (__name__)", "without (__name__, job)")
JOINS = ("ON (job)", "ignoring (instance, code, version)", "on (job, instance) group_left", "on () Group_Right ()", "on (i)", "on (job) GROUP_LEFT (version)")
TEXTS = ('"web"', "'it''s'", r'"a\tb\n\\\"\x41\u00e9\U0001F600\101"', "`raw \\n`", '""', r"'\''", r'"\q"', r'"\xff"', '"open', r'"\ud800"')
SPACES = (" ", " ", " ", "  ", "\n", "\t", " # as of now\n", "\r\n")


def series(timed):
    """[(labels, samples)] of metrics and labels that are called as keywords; `timed` gives values their times."""
    count, out = 165, []
    for k, (name, labels) in enumerate((("sum", {"by": "1"}), ("sum", {"bool": "x"}), ("by", {"job": "web"}), ("offset", {"on": "2"}), ("start", {"job": "cart"}), ("avg", {}), ("o:r", {"sum": "1"}))):
        out.append(({"__name__": name, **labels}, timed([float((7 * i + k) % 31) for i in range(count)])))
    return out


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.one = self.rng.choice

    def any_case(self, word):
        return self.one((word, word, word.upper(), word.capitalize()))

    def selector(self):
        return self.one(METRICS) + self.one(MATCHERS)

    def range(self, depth):
        """The steps of a subquery share no factor with those of another and none with a range: no point lies on an edge."""
        if depth > 0 and self.rng.random() < 0.35:
            return "(%s)[%s:%s]%s" % (self.chain(depth - 1), self.one(("2m", "5m1s", "61s")), self.one(("7s1ms", "13s7ms", "1m1ms", "29s3ms")), self.one(OFFSETS))
        return "%s[%s]%s" % (self.selector(), self.one(RANGES), self.one(OFFSETS))

    def aggregation(self, depth):
        op, group = self.any_case(self.one(("sum", "max", "min", "count", "avg", "group"))), self.one(GROUPS)
        body = "(%s)" % self.chain(depth - 1)
        return "%s %s %s" % ((op, group, body) if self.rng.random() < 0.5 else (op, body, group))

    def operand(self, depth):
        kind = self.rng.randrange(10)
        if kind < 2:
            return self.one(NUMBERS)
        if kind == 2:
            return self.one(("-", "+", "- -", "-+")) + self.operand(depth)
        if depth > 0 and kind < 5:
            return self.aggregation(depth)
        if depth > 0 and kind < 7:
            return "%s(%s)" % (self.one(OF_RANGE), self.range(depth))
        if depth > 0 and kind == 7:
            return "(%s)" % self.chain(depth - 1)
        if depth > 0 and kind == 8:
            return self.one(("sort", "sort_desc", "abs", "timestamp", "absent", "scalar", "vector", "round")) + "(%s)" % self.chain(depth - 1)
        return self.selector() + self.one(OFFSETS)

    def operator(self):
        op = self.one(OPERATORS)
        if op in ("==", "!=", ">", "<", ">=", "<=") and self.rng.random() < 0.5:
            op += self.one((" bool", " BOOL", "bool"))
        return self.any_case(op) + (" " + self.one(JOINS) if self.rng.random() < 0.25 else "")

    def chain(self, depth):
        parts = [self.operand(depth)]
        for _ in range(self.one((0, 1, 1, 2, 3))):
            parts += [self.operator(), self.operand(depth)]
        return "".join(part + self.one(SPACES) for part in parts)

    def named(self):
        """__name__ as a label, of selectors alone: what is computed keeps its name to the end in weft, and loses it at once in 2.42."""
        if self.rng.random() < 0.5:
            return "%s %s (%s or %s)" % (self.one(("count", "max")), self.one(NAMED_GROUPS), self.selector(), self.selector())
        return "%s %s %s (__name__) %s" % (self.selector(), self.one(("and", "unless", "or")), self.one(("on", "ignoring")), self.selector())

    def answer(self):
        kind = self.rng.randrange(15)
        if kind == 4:
            return self.named()
        if kind == 0:
            return self.range(self.one((0, 1, 2)))
        if kind == 1:
            return self.one(TEXTS)
        if kind == 2:
            return "%s%s%s" % (self.one(NUMBERS), self.one(OPERATORS + ("%", "atan2", "== bool", "> bool")), self.one(NUMBERS))
        if kind == 3:
            return 'label_replace(%s, "%s", "%s", "__name__", "(.)_?(.*)")' % (self.selector(), self.one(("to", "__name__", "by")), self.one(("$1", "$2:$1", "", "x")))
        return self.chain(self.one((1, 1, 2)))


def times(rng, first_s, last_s):
    """{start, end, step} of whole seconds, before, on and behind what is there; now and then one point alone or a step that passes the end."""
    start = rng.randrange(first_s - 900, last_s + 400)
    step = rng.choice((1, 7, 15, 59, 60, 61, 300, 3600, "90s", "1m1s", "1e1", 2.5))
    end = start + rng.choice((0, 1, 59, 600, 3001, 3001))
    return {"start": start, "end": end, "step": step}


def questions(count, seed, first_s, last_s):
    """(expression, times) of each."""
    maker, out = Maker(seed), []
    while len(out) < count:
        expr = maker.answer()
        if len(expr) < 600:
            out.append((expr, times(maker.rng, first_s, last_s)))
    return out
