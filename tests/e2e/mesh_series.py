"""mesh_series.py - series that the expressions of public dashboards select, and series to try PromQL on; all of it from a seed.

Samples come every 15 s, each series shifted by some odd milliseconds, so that none is ever on the edge of a window or a step that is a
whole second: there the rules of Prometheus 2 and 3 differ."""
import math, random, re

from remote_write import Stale

STEP_MS = 15000
BOUNDS = ("0.005", "0.1", "1", "10", "500", "+Inf")
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
MATCHER = re.compile(r'(%s)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"' % NAME)
SELECTOR = re.compile(r"(%s)\s*\{((?:[^}\"]|\"(?:[^\"\\]|\\.)*\")*)\}" % NAME)
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", re.I)
KEYWORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "bool", "or", "and", "unless", "offset", "inf", "nan"}


def selectors(expr):
    """[(metric, {label: [(operator, text)]})] of all selectors."""
    found = []
    for m in SELECTOR.finditer(expr):
        matchers = {}
        for label, op, text in MATCHER.findall(m.group(2)):
            matchers.setdefault(label, []).append((op, text.replace("\\\\", "\\")))
        found.append((m.group(1), matchers))
    bare = GROUPING.sub(" ", SELECTOR.sub(" ", re.sub(r"\[[^\]]*\]", " ", expr)))
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', " ", bare)
    for m in re.finditer(r"(?<![\w.])(%s)(?![\w:]|\s*\()" % NAME, bare):
        if m.group(1).lower() not in KEYWORDS:
            found.append((m.group(1), {}))
    return found


def grouping_labels(expr):
    return {label.strip() for m in GROUPING.finditer(expr) for label in m.group(1).split(",") if re.fullmatch(NAME, label.strip())}


def sample_of(regex):
    """Texts that the expression may match; whether they do is checked by those who ask."""
    first = [part.strip("^$") for part in re.split(r"\|(?![^(]*\))", regex)]
    out = []
    for part in first:
        part = re.sub(r"\(([^|)]*)[^)]*\)", r"\1", part)
        part = re.sub(r"\[([^\]^])[^\]]*\][?*+]?", r"\1", part)
        out.append(re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)\.[*+]?\??", "0", part)))
    return out


def holds(op, text, value):
    if op in ("=", "!="):
        return (value == text) == (op == "=")
    return bool(re.fullmatch(text, value)) == (op == "=~")


class Catalogue:
    """What all expressions together select: labels of each metric and values of each label."""

    def __init__(self, expressions):
        self.wanted, self.labels, self.values = [], {}, {}
        for expr in expressions:
            groups = grouping_labels(expr)
            for metric, matchers in selectors(expr):
                if (metric, matchers) not in self.wanted:
                    self.wanted.append((metric, matchers))
                self.labels.setdefault(metric, set()).update(groups, matchers)
                for label, conditions in matchers.items():
                    self.note(label, conditions)

    def note(self, label, conditions):
        for op, text in conditions:
            values = [text] if op in ("=", "!=") else sample_of(text)
            known = self.values.setdefault(label, [])
            known += [v for v in values if v and v not in known]

    def label_set(self, metric, matchers, rng):
        """One label set that all matchers accept, or None."""
        out = {"__name__": metric}
        for label in sorted(self.labels[metric] - {"le", "__name__"}):
            pool = self.values.get(label, []) + ["one", "two", ""]
            fits = [v for v in pool if all(holds(op, text, v) for op, text in matchers.get(label, ()))]
            if not fits:
                return None
            value = rng.choice(fits[:4])
            if value:
                out[label] = value
        return out


def with_gaps(rng, points):
    """Some samples are missing, and the series may end with a marker and come back."""
    kept = [p for p in points if rng.random() > 0.1]
    if len(kept) > 20 and rng.random() < 0.5:
        at = rng.randrange(5, len(kept) - 10)
        kept[at:at + 6] = [(kept[at][0], Stale)]
    return kept


def timed(rng, start_ms, values):
    shift = rng.randrange(1, 14999) | 1  # never a whole second
    shift += 2 if shift % 1000 == 0 else 0
    return [(start_ms + i * STEP_MS + shift, v) for i, v in enumerate(values)]


def counter(rng, count, rate, start_ms):
    """With resets, or with gaps: never a gap before the first samples after a reset, where Prometheus 2 and 3 extrapolate to zero
    differently."""
    value, out, gaps = rng.uniform(0, 1000), [], rng.random() < 0.3
    for _ in range(count):
        value = rng.uniform(0, 10) if not gaps and rng.random() < 0.01 else value + max(0.0, rng.gauss(rate, rate / 2))
        out.append(value)
    points = timed(rng, start_ms, out)
    return with_gaps(rng, points) if gaps else points


def gauge(rng, count, start_ms, gaps):
    value, out = rng.uniform(-50, 200), []
    for _ in range(count):
        value += rng.gauss(0, 5)
        out.append(round(value, rng.choice((0, 2, 6))))
    points = timed(rng, start_ms, out)
    return with_gaps(rng, points) if gaps else points


def histogram(rng, labels, start_ms, count, bounds=BOUNDS):
    """One classic histogram: buckets that grow together and never cross."""
    rates = [rng.uniform(0.1, 3) for _ in bounds]
    totals, rows = [0.0] * len(bounds), [[] for _ in bounds]
    for _ in range(count):
        for k, rate in enumerate(rates):
            totals[k] += rng.randrange(0, 1 + int(10 * rate))
            rows[k].append(float(sum(totals[:k + 1])))
    shift_rng = rng.randrange(1 << 30)
    return [({**labels, "le": bound}, timed(random.Random(shift_rng), start_ms, row)) for bound, row in zip(bounds, rows)]


def dashboard_series(expressions, start_ms, count, seed=11):
    """[(labels, samples)] that the expressions select."""
    rng = random.Random(seed)
    catalogue, out, seen = Catalogue(expressions), [], set()
    for metric, matchers in catalogue.wanted:
        for _ in range(1 if metric.endswith("_bucket") else 2):
            labels = catalogue.label_set(metric, {k: v for k, v in matchers.items() if k != "le"}, rng)
            key = labels and tuple(sorted(labels.items()))
            if not key or key in seen:
                continue
            seen.add(key)
            if metric.endswith("_bucket"):
                out += histogram(rng, labels, start_ms, count)
            elif metric.endswith(("_total", "_sum", "_count")):
                out.append((labels, counter(rng, count, rng.uniform(0.1, 50), start_ms)))
            else:
                out.append((labels, gauge(rng, count, start_ms, False)))  # some are asked for their rate
    return out


def trial_series(start_ms, count, seed=12):
    """[(labels, samples)] of a few metrics with all the odd values: the ground of generated expressions."""
    rng = random.Random(seed)
    out = []
    for job in ("web", "cart", "bank"):
        for instance in ("a:1", "b:2", "c:3"):
            base = {"job": job, "instance": instance}
            for code in ("200", "404", "503"):
                out.append(({"__name__": "t_requests_total", "code": code, **base}, counter(rng, count, rng.uniform(1, 40), start_ms)))
            out.append(({"__name__": "t_load", **base}, gauge(rng, count, start_ms, rng.random() < 0.3)))
            out.append(({"__name__": "t_info", "version": rng.choice(("v1", "v2")), **base}, timed(rng, start_ms, [1.0] * count)))
            out += histogram(rng, {"__name__": "t_seconds_bucket", **base}, start_ms, count)
        odd = [rng.choice((0.0, -0.0, 1e-9, 1e300, -1e21, math.nan, math.inf, -math.inf, 3.0)) for _ in range(count)]
        out.append(({"__name__": "t_odd", "job": job}, timed(rng, start_ms, odd)))
        out.append(({"__name__": "t_limit", "job": job}, timed(rng, start_ms, [float(rng.randrange(50, 90)) for _ in range(count)])))
    return out
