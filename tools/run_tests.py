#!/usr/bin/env python3
"""run_tests.py [--build DIR] [SUITE or FILE ...] - runs suites of tests and adds up what they say.

Every program ends with `N passed, N failed, N skipped`; Criterion's own last line is understood too, and a race program need
only end well. One that ends without the line, or fails without saying so, counts as one failure. Whole outputs are kept in DIR/test-logs."""
import argparse, os, pathlib, re, subprocess, sys, time

import tree

ROOT = tree.ROOT
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")
CRITERION = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+)")
TIMEOUT_S = 1200
SUITES = ("unit", "tools", "e2e", "promql", "ui", "envoy")


def programs(suite, build):
    """The commands of a suite: [(name, argv)]."""
    def scripts(folder, pattern, interpreter):
        return [(p.stem, [interpreter, str(p)]) for p in sorted((ROOT / folder).glob(pattern))]

    if suite == "unit":
        found = sorted((build / "tests").glob("unit_*")) + sorted((build / "tests").glob("race_*"))
        return [(p.name, [str(p)] + (["--jobs", "2"] if p.name.startswith("unit_") else []))
                for p in found if p.is_file() and os.access(p, os.X_OK)]
    if suite == "race":
        return [p for p in programs("unit", build) if p[0].startswith("race_")]
    if suite == "tools":
        return scripts("tests/tools", "test_*.py", sys.executable)
    if suite == "e2e":
        return [p for p in scripts("tests/e2e", "test_*.py", sys.executable) if "envoy" not in p[0]]
    if suite == "promql":
        return scripts("tests/promql", "run_*.py", sys.executable)
    if suite == "envoy":
        return scripts("tests/e2e", "test_*envoy*.py", sys.executable)
    if suite == "ui":
        return [("ui", ["node", str(ROOT / "tests/ui/run.mjs")])]
    path = pathlib.Path(suite)
    if not path.is_file():
        sys.exit("run_tests: %s is neither a suite (%s) nor a file" % (suite, ", ".join(SUITES)))
    return [(path.stem, ["node" if path.suffix == ".mjs" else sys.executable, str(path)] if path.suffix else [str(path)])]


def count(lines):
    """(passed, failed, skipped) from the output of one program, or None."""
    for line in reversed(lines):
        found = SUMMARY.match(line.strip())
        if found:
            return tuple(int(n) for n in found.groups())
        found = CRITERION.search(line)
        if found:
            tested, passing = (int(n) for n in found.groups())
            return passing, tested - passing, sum("[SKIP]" in other for other in lines)
    return None


def interesting(line):
    return not SUMMARY.match(line) and re.search(r"\bFAIL|\bskip(ped)?\b|\[SKIP\]|Error|ERROR|assert|Assertion", line)


def run(name, argv, logs, env):
    """Runs one program, tells how it went, returns its counts."""
    began = time.monotonic()
    log = logs / (name + ".log")
    with log.open("w") as out:
        try:
            code = subprocess.run(argv, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, env=env, timeout=TIMEOUT_S).returncode
        except subprocess.TimeoutExpired:
            code = "none: timed out after %d s" % TIMEOUT_S
    lines = log.read_text(errors="replace").splitlines()
    counts = count(lines)
    if counts is None and code == 0 and name.startswith("race_"):
        counts = (1, 0, 0)  # a race program need only end well
    if counts is None or (code != 0 and counts[1] == 0):
        passed, failed, skipped = counts or (0, 0, 0)
        counts = (passed, failed + 1, skipped)
        lines.append("FAIL %s: exit code %s without a failed test; see %s" % (name, code, log))
    shown = [line for line in lines if interesting(line)] if counts[1] else [line for line in lines if re.search(r"\bskip(ped)?\b.*:", line)]
    print("%-6s %-24s %4d passed %3d failed %3d skipped  %6.1f s" % ("ok" if not counts[1] else "FAILED", name, *counts, time.monotonic() - began))
    for line in (shown[-60:] if counts[1] else shown[:20]):
        print("       " + line[:240])
    if counts[1]:
        print("       whole output: %s" % log)
    sys.stdout.flush()
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build/release")
    parser.add_argument("suites", nargs="*", default=SUITES)
    args = parser.parse_args()
    build = (ROOT / args.build).resolve()
    logs = build / "test-logs"
    logs.mkdir(parents=True, exist_ok=True)
    for old in logs.glob("sanitizer.*"):
        old.unlink()
    # Criterion lets a test pass although a sanitizer spoke: what one writes into a file is a failure.
    peers = ROOT / "build/peers/usr/bin"  # what ./dev deps unpacks
    env = {**os.environ, "WEFT_BIN": str(build / "weft"), "PATH": "%s:%s" % (os.environ["PATH"], peers)}
    options = "log_path=%s/sanitizer" % logs
    for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"):
        env[name] = ":".join(o for o in (os.environ.get(name), options) if o)
    # Criterion's own process leaks a little now and then.
    env["LSAN_OPTIONS"] = "suppressions=%s:print_suppressions=0" % (ROOT / "tests/support/lsan.supp")
    env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    totals = [0, 0, 0]
    for suite in args.suites:
        found = programs(suite, build)
        if not found:
            print("FAILED %s: it has no programs" % suite)
            totals[1] += 1
        for name, argv in found:
            totals = [a + b for a, b in zip(totals, run(name, argv, logs, env))]
    for report in sorted(logs.glob("sanitizer.*")):
        print("FAILED %s\n%s" % (report, report.read_text(errors="replace")[:4000]))
        totals[1] += 1
    print("%d passed, %d failed, %d skipped" % tuple(totals))
    sys.exit(1 if totals[1] or not totals[0] else 0)


main()
