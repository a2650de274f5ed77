"""test_checks.py - every check of tools/ must fail on a planted fault, and pass on a tree without one."""
import pathlib, shutil, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_commit

CLEAN = {
    "base/str.h": "/* str.h - slices. */\n\n/* Length of s. */\nsize_t str_len(struct str s);\n",
    "base/str.c": '/* str.c - slices. */\n#include "base/str.h"\n\n#include <string.h>\n\nint f(void)\n{\n    return 1;\n}\n',
    "model/span.h": '/* span.h - a span. */\n#include "base/str.h"\n',
    "net/loop.c": "/* loop.c - a loop. */\n#include <uv.h>\n",
}
LONG_FUNCTION = "int f(void)\n{\n" + "    g();\n" * 60 + "}\n"
# check, file, its new content, what the complaint must say
FAULTS = [
    ("layers", "base/up.c", '#include "model/span.h"\n', "base/ may not include model/"),
    ("layers", "net/sibling.c", '#include "storage/store.h"\n', "net/ may not include storage/"),
    ("layers", "model/lib.h", "#include <uv.h>\n", "model/ may not include <uv.h>"),
    ("layers", "base/odd.c", "#include <glib.h>\n", "<glib.h> is neither"),
    ("layers", "base/local.c", '#include "str.h"\n', "not written from the root"),
    ("layers", "base/str.c", '#include <string.h>\n#include "base/str.h"\n', "its own header must come first"),
    ("layers", "model/str.c", "\n", "names are unique"),
    ("layers", "extra/x.c", "\n", "has no row"),
    ("sizes", "base/long.c", "\n" * 601, "601 lines, at most 600"),
    ("sizes", "base/long.h", "\n" * 201, "201 lines, at most 200"),
    ("sizes", "base/deep.c", LONG_FUNCTION, "f has 63 lines, at most 60"),
    ("sizes", "base/wide.c", "/* %s */\n" % ("x" * 100), "106 columns"),
    ("headers", "base/bare.h", "/* bare.h - nothing. */\n\nvoid bare(void);\n", "bare() has no comment"),
    ("headers", "base/gap.h", "/* gap.h - a gap. */\n/* One. */\nvoid a(void);\n\nint *b(int c,\n       int d);\n", "b() has no comment"),
    ("headers", "base/mute.h", "#define X 1\n", "the first line must be"),
]
COMMITS = [
    ("storage: cut chunks at the hour\n\nA chunk was merged twice.\n", ["storage/a.c", "tests/b.c"], None),
    ("house: one door\n", ["dev", "README.md"], None),
    ("Storage: cut\n", ["storage/a.c"], "the subject is not"),
    ("cut chunks\n", ["storage/a.c"], "the subject is not"),
    ("storage: cut chunks.\n", ["storage/a.c"], "the subject is not"),
    ("query: cut chunks\n", ["storage/a.c"], "names no folder"),
    ("storage: " + "x" * 61 + "\n", ["storage/a.c"], "61 characters"),
    ("storage: cut\nand more\n", ["storage/a.c"], "second line"),
    ("storage: cut\n\n" + "word " * 20 + "\n", ["storage/a.c"], "columns"),
]


def run_check(check, files):
    """(exit code, output) of a check over a tree of its own."""
    top = pathlib.Path(tempfile.mkdtemp(prefix="weft-check-"))
    try:
        subprocess.run(["git", "init", "-q", str(top)], check=True)
        for name, text in files.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(text)
        done = subprocess.run([sys.executable, str(ROOT / "tools" / ("check_%s.py" % check)), str(top)], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr
    finally:
        shutil.rmtree(top)


def outcomes():
    """(name, went well, output) of each test."""
    for check in ("layers", "sizes", "headers"):
        code, out = run_check(check, CLEAN)
        yield "%s passes a clean tree" % check, code == 0, out
    for check, name, text, want in FAULTS:
        code, out = run_check(check, {**CLEAN, name: text})
        yield "%s sees %s: %s" % (check, name, want), code == 1 and want in out, out
    code, out = suite_without_programs()
    yield "run_tests counts a suite without programs as failed", code == 1 and "0 passed, 1 failed, 0 skipped" in out, out
    for message, paths, want in COMMITS:
        got = check_commit.check(message, paths)
        yield "commit %r" % message[:40], (not got) if want is None else any(want in g for g in got), got


def suite_without_programs():
    """(exit code, output) of run_tests.py where nothing was built."""
    with tempfile.TemporaryDirectory(prefix="weft-check-") as build:
        done = subprocess.run([sys.executable, str(ROOT / "tools/run_tests.py"), "--build", build, "race"], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


def main():
    results = list(outcomes())
    for name, well, out in results:
        if not well:
            print("FAILED %s\n%s" % (name, out))
    failed = sum(not well for _, well, _ in results)
    print("%d passed, %d failed, 0 skipped" % (len(results) - failed, failed))
    sys.exit(failed > 0)


main()
