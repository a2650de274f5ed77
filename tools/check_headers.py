#!/usr/bin/env python3
"""check_headers.py [TREE] - every prototype in a header has a comment above it in its paragraph or beside it, and every header says
its job in its first line. Inline functions are exempt: their body is there to read. Whether a comment is a good one, only a
reader can tell."""
import re

import tree

# "type name(" in column 0: clang-format leaves no other shape.
PROTOTYPE = re.compile(r"^(?!typedef|static inline|#)[A-Za-z_][\w\s\*]*?\**\b(\w+)\(")


def check_file(path, lines):
    """Complaints about one header."""
    out = []
    if not lines or not re.match(r"/\* %s - \w" % re.escape(path.name), lines[0]):
        out.append('%s:1: the first line must be "/* %s - its one job"' % (path, path.name))
    commented = in_body = False
    for number, line in enumerate(lines, 1):
        if in_body or line == "{":
            in_body = line != "}"
        elif not line.strip():
            commented = False
        elif line.lstrip().startswith("/*"):
            commented = True
        else:
            found = PROTOTYPE.match(line)
            if found and not commented and "/*" not in line:
                out.append("%s:%d: %s() has no comment before it" % (path, number, found.group(1)))
    return out


def main():
    root = tree.root_from_args()
    headers = [p for p in tree.files(root, ".h") if p.parts[0] not in ("tests", "bench", "fuzz")]
    complaints = [c for p in headers for c in check_file(p, (root / p).read_text().splitlines())]
    tree.finish("check_headers", complaints, len(headers))


main()
