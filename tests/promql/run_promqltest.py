#!/usr/bin/env python3
"""run_promqltest.py [ARGUMENTS OF promqltest.py] - Prometheus' own test scripts and ours (*.test beside this file) against weft.

The scripts come from WEFT_PROMQLTEST, by default ../shared/promqltest; their runner, promqltest.py, lies in tools/ beside that folder.
Every case that the runner can run must pass, word for word; those that it cannot are named."""
import json, os, pathlib, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
OWN = ROOT / "tests/promql"
BINARY = os.environ.get("WEFT_BIN", str(ROOT / "build/release/weft"))
CONFIG = "retention: { series: 0 }\nseries: { translation: NoTranslation }\n"  # OTLP names as Prometheus' scripts write them
OTLP = "http://127.0.0.1:{port3}/v1/metrics"


def find_scripts():
    """The folder of Prometheus' scripts, or None."""
    folder = pathlib.Path(os.environ.get("WEFT_PROMQLTEST", str(ROOT.parent / "shared/promqltest")))
    return folder if folder.is_dir() else None


def command(config):
    ports = "--http 127.0.0.1:{port} --otlp-grpc 127.0.0.1:{port2} --otlp-http 127.0.0.1:{port3}"
    return "%s run --config %s --data {dir}/data %s" % (BINARY, config, ports)


def run(runner, paths, extra):
    """(passed, failed, skipped) of all scripts under `paths`."""
    with tempfile.TemporaryDirectory(prefix="weft-promqltest-") as folder:
        config, summary = pathlib.Path(folder, "weft.yml"), pathlib.Path(folder, "summary.json")
        config.write_text(CONFIG)
        args = [sys.executable, str(runner), "-v", "--json", str(summary), "--start", command(config), "--otlp", OTLP, *extra, *map(str, paths)]
        code = subprocess.run(args).returncode
        if not summary.exists():
            print("FAIL promqltest ended with %d and no summary" % code)
            return 0, 1, 0
        told = json.loads(summary.read_text())
    for case in told["not_passed"]:
        if case["result"] != "skip":  # -v has named those
            print("FAIL promql/%s:%d: %s <- %s" % (case["file"], case["line"], case["why"], case["expr"]))
    for case in told["not_passed_in_range_mode"]:
        print("FAIL promql/%s:%d as a step of a range: %s <- %s" % (case["file"], case["line"], case["why"], case["expr"]))
    everything = told["all"]
    good = everything["counted"]
    return good, everything["total"] - good, everything["skip"]


def main():
    folder = find_scripts()
    if not folder:
        print("skip promql: there are no scripts at WEFT_PROMQLTEST or ../shared/promqltest, and so no runner for our own either")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    own = sorted(OWN.glob("*.test"))
    passed, failed, skipped = run(folder.parent / "tools/promqltest.py", [folder, *own], sys.argv[1:])
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
