#!/usr/bin/env python3
"""check_sizes.py [TREE] - a .c has at most 600 lines, a header 200, a function 60, a line of C 100 columns; scripts and
style sheets have 600 lines."""
import re

import tree

LINES = {".c": 600, ".cc": 60, ".h": 200, ".js": 600, ".mjs": 600, ".css": 600, ".py": 600, ".html": 600}
FUNCTION, COLUMNS = 60, 100
# (path, what) -> (limit, reason). `what` is "file" or the name of a function. One that is not needed is a complaint.
EXCEPTIONS = {}

NAME = re.compile(r"(?:Test\((\w+, \w+)|(\w+)\s*\()")


def functions(lines):
    """(name, first line, lines) of each function: clang-format puts its braces into column 0."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
            while start > 1 and lines[start - 2] and lines[start - 2][-1] not in ";}/":
                start -= 1
        elif line.startswith("}") and start and line.rstrip() == "}":
            found = NAME.search(" ".join(lines[start - 1:number]))
            yield (found.group(1) or found.group(2) if found else "?"), start, number - start + 1
            start = None


class Checker:
    def __init__(self):
        self.complaints, self.used = [], set()

    def limit(self, path, what, default):
        if (str(path), what) in EXCEPTIONS:
            self.used.add((str(path), what))
            return EXCEPTIONS[(str(path), what)][0]
        return default

    def check(self, path, lines):
        limit = self.limit(path, "file", LINES[path.suffix])
        if len(lines) > limit:
            self.complaints.append("%s:1: %d lines, at most %d" % (path, len(lines), limit))
        if path.suffix not in (".c", ".h", ".cc"):
            return
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                self.complaints.append("%s:%d: %d columns, at most %d" % (path, number, len(line), COLUMNS))
        for name, start, length in functions(lines):
            if length > self.limit(path, name, FUNCTION):
                self.complaints.append("%s:%d: %s has %d lines, at most %d" % (path, start, name, length, FUNCTION))


def main():
    root = tree.root_from_args()
    checker = Checker()
    paths = tree.files(root, *LINES)
    for path in paths:
        checker.check(path, (root / path).read_text(errors="replace").splitlines())
    for path, what in sorted(set(EXCEPTIONS) - checker.used):
        checker.complaints.append("%s:1: the exception for %s is not needed" % (path, what))
    tree.finish("check_sizes", checker.complaints, len(paths))


main()
