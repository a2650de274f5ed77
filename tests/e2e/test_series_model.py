"""test_series_model.py [--seed N] [--seconds N] - random writes, deletes, compactions, restarts and kills against a model of a dict.

The model: a sample that was taken is there with its value until it is deleted. The same sample again changes nothing. Another value
at a time that exists is turned down with 400 or, where the store no longer knows what a part holds, wins; which of both it did is
read off its answer. Both kinds of series, floats and staleness markers, meet times from 1970 to ten minutes ahead."""
import argparse, pathlib, random, sys, time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from remote_write import HEADERS, Stale, write_request
from weft import Suite, Weft

CONFIG = """
admin: true
retention: { series: 0, edges: 0, spans: 0, logs: 0 }
"""
SERIES = 12
NOW_MS = int(time.time()) * 1000
# Where samples fall: densely around some moments, so that writes meet in one place.
MOMENTS = [0, 1000, 86400000, 1000000000000, NOW_MS - 7 * 86400000, NOW_MS - 7200000, NOW_MS - 60000, NOW_MS]


def labels_of(series):
    return {"__name__": "model_%d" % (series % 3), "series": str(series), "text": "x" * (series * 300 % 1500 + 1)}


class Model:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.samples = [{} for _ in range(SERIES)]
        self.done = {}
        self.weft = Weft(config=CONFIG)
        self.first = self.weft  # owns the directory

    # --- operations ---

    def pick_time(self):
        return self.random.choice(MOMENTS) + self.random.randrange(0, 40) * 250

    def pick_value(self):
        return self.random.choice([0.0, 1.0, -1.5, 1e300, self.random.random(), float(self.random.randrange(1000)), Stale])

    def write(self):
        """Fresh, late and repeated samples, all taken: a time that is known comes with its value."""
        body = []
        for series in self.random.sample(range(SERIES), self.random.randrange(1, 5)):
            have, fresh = self.samples[series], {}
            for _ in range(self.random.randrange(1, 30)):
                t = self.pick_time()
                fresh[t] = have[t] if t in have else fresh.get(t, self.pick_value())
            body.append((labels_of(series), sorted(fresh.items())))
            have.update(fresh)
        self.post(body, 204)

    def contradict(self):
        """Another value at one known time: turned down, or newer and so shown from now on."""
        series = self.random.randrange(SERIES)
        if not self.samples[series]:
            return
        t = self.random.choice(sorted(self.samples[series]))
        value = -12345.0 - self.random.randrange(1000)
        status = self.weft.request("/api/v1/write", "POST", write_request([(labels_of(series), [(t, value)])]), HEADERS)[0]
        assert status in (204, 400), "another value answered %d" % status
        if status == 204:
            self.samples[series][t] = value

    def post(self, body, want):
        status, _, told = self.weft.request("/api/v1/write", "POST", write_request(body), HEADERS)
        assert status == want, "a write answered %d %s" % (status, told[:300])

    def not_taken(self):
        """An hour ahead, and so long ago that differences of times would overflow."""
        for t in (int(time.time() * 1000) + 3600000, -2 ** 63):
            self.post([(labels_of(0), [(t, 1.0)])], 400)

    def delete(self):
        series = self.random.randrange(SERIES)
        start = self.pick_time()
        end = start + self.random.choice([0, 3000, 86400000, 10 ** 12])
        path = '/api/v1/admin/tsdb/delete_series?match[]={series="%d"}&start=%.3f&end=%.3f' % (series, start / 1000, end / 1000)
        status, _, told = self.weft.request(path.replace('"', "%22").replace("{", "%7B").replace("}", "%7D"), "POST", b"")
        assert status == 204, "delete answered %d %s" % (status, told[:300])
        self.samples[series] = {t: v for t, v in self.samples[series].items() if not start <= t <= end}

    def compact(self):
        status, _, told = self.weft.request("/-/compact", "POST", b"")
        assert status == 200, "compact answered %d %s" % (status, told[:300])

    def stop(self):
        self.weft.stop()
        self.again()

    def kill(self):
        self.weft.kill()
        self.again()

    def again(self):
        if self.weft is not self.first:
            self.weft.clean()
        self.weft = Weft(data=self.first.data, config=CONFIG)

    # --- what must be true ---

    def check(self):
        """All samples by a selector with a range over all times; markers show in neither."""
        found = {}
        end = NOW_MS / 1000 + 3600
        got = self.weft.json("/api/v1/query", query='{series=~".+"}[%ds]' % (end + 10), time=end)
        assert not got.get("warnings"), got["warnings"]
        for r in got["data"]["result"]:
            series = int(r["metric"]["series"])
            assert r["metric"] == labels_of(series), r["metric"]
            found[series] = [(round(t * 1000), float(v)) for t, v in r["values"]]
        for series, have in enumerate(self.samples):
            want = sorted((t, v) for t, v in have.items() if v is not Stale)
            lacking, extra = sorted(set(want) - set(found.get(series, []))), sorted(set(found.get(series, [])) - set(want))
            assert not lacking and not extra and found.get(series, []) == want, "series %d: lacks %s, extra %s after %s" % (
                series, lacking[:5], extra[:5], self.done)

    def check_instant(self):
        """At a moment a series is what its newest sample of 5 minutes says; nothing when that is a marker."""
        at = self.pick_time()
        got = self.weft.json("/api/v1/query", query='{series=~".+"}', time="%.3f" % (at / 1000))["data"]["result"]
        found = {int(r["metric"]["series"]): float(r["value"][1]) for r in got}
        want = {}
        for series, have in enumerate(self.samples):
            near = [t for t in have if at - 300000 < t <= at]
            if near and have[max(near)] is not Stale:
                want[series] = have[max(near)]
        assert found == want, "at %d: %s, want %s" % (at, found, want)

    def step(self):
        name = self.random.choices(("write", "contradict", "not_taken", "delete", "compact", "stop", "kill", "check_instant"),
                                   (30, 6, 1, 4, 5, 2, 2, 20))[0]
        self.done[name] = self.done.get(name, 0) + 1
        getattr(self, name)()
        if name != "check_instant":
            self.check()

    def close(self):
        self.weft.stop()
        if self.weft is not self.first:
            self.weft.clean()
        self.first.clean()


def run(seed, seconds):
    model = Model(seed)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            model.step()
    except Exception as e:
        raise AssertionError("seed %d after %s: %s" % (seed, model.done, e))
    finally:
        model.close()
    print("     seed %d: %s" % (seed, ", ".join("%s %d" % x for x in sorted(model.done.items()))), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=6)
    args = parser.parse_args()
    suite = Suite("series_model")
    for seed in range(args.seed, args.seed + 3):
        suite.run("seed %d" % seed, run, seed, args.seconds)
    suite.close()


if __name__ == "__main__":
    main()
