#!/usr/bin/env python3
"""check_layers.py [TREE] - reads every #include: a folder includes lower rows only, never a sibling (docs/architecture.md);
a third-party library is included only where it is needed; a .c starts with its own header; file names are unique."""
import re

import tree

BASE = {"base"}
MODEL = BASE | {"model"}
ROW3 = MODEL | {"proto"}
# Folder -> folders whose headers it may include, besides its own. The same rows as the link lists in CMakeLists.txt.
MAY_INCLUDE = {
    "base": set(),
    "model": BASE,
    "net": MODEL,
    "codec": ROW3,
    "storage": MODEL,
    "ingest": MODEL | {"net", "codec", "storage"},
    "collector": MODEL | {"codec", "storage"},
    "query": MODEL | {"net", "codec", "storage"},
    "export": MODEL | {"net", "codec", "storage"},
    "app": ROW3 | {"net", "codec", "storage", "ingest", "collector", "query", "export"},
}
# These may look at everything.
FREE = {"tests", "bench", "fuzz"}
# First part of a third-party header -> folders that may include it.
THIRD_PARTY = {
    "uv.h": {"net"},
    "nghttp2": {"net"},
    "gnutls": {"net"},
    "curl": {"net"},
    "microhttpd.h": {"net"},
    "protobuf-c": {"codec"},
    "snappy-c.h": {"codec"},
    "lz4.h": {"codec"},
    "lz4frame.h": {"codec"},
    "libdeflate.h": {"codec", "net"},  # net packs answers
    "zlib.h": {"codec"},
    "zstd.h": {"codec", "net", "storage"},
    "zstd_errors.h": {"codec", "storage"},
    "sqlite3.h": {"storage"},
    "xxhash.h": {"base"},
    "re2": {"base"},
    "cyaml.h": {"app", "query"},
    "yaml.h": {"app", "query"},
    "criterion": {"tests"},
}
# The C library, POSIX and Linux.
SYSTEM = re.compile(r"(arpa|linux|net|netinet|sanitizer|sys)/[a-z0-9_]+\.h|"
                    r"(assert|ctype|dirent|dlfcn|errno|fcntl|float|ftw|getopt|inttypes|limits|locale|malloc|math|netdb|poll|pthread|"
                    r"sched|semaphore|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|termios|"
                    r"threads|time|unistd|immintrin|nmmintrin|x86intrin)\.h")
# The C++ library, for the one file that needs it.
SYSTEM_CXX = re.compile(r"cstdio|memory|new|vector")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def complain_about(folder, quote, header):
    """What is wrong with an include, or None."""
    first = header.split("/")[0]
    if quote == "<":
        if SYSTEM.fullmatch(header):
            return None
        if first not in THIRD_PARTY:
            return "<%s> is neither a system header nor in the table of third-party ones" % header
        return None if folder in THIRD_PARTY[first] | FREE else "%s/ may not include <%s>" % (folder, header)
    if header.endswith(".pb-c.h"):
        first = "proto"
    elif "/" not in header:
        return '"%s" is not written from the root' % header
    if folder in FREE or first == folder or first in MAY_INCLUDE.get(folder, set()):
        return None
    return "%s/ may not include %s/" % (folder, first)


def check_file(root, path):
    """Complaints about one file."""
    folder, seen_first, out = path.parts[0], False, []
    has_own = path.suffix == ".c" and (root / path.with_suffix(".h")).exists()
    for number, line in enumerate((root / path).read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        if path.suffix == ".cc" and SYSTEM_CXX.fullmatch(found.group(2)):
            continue
        problem = complain_about(folder, *found.groups())
        # A private header that begins with the same name (ingest_private.h of ingest.c) includes it in turn.
        if not seen_first and has_own and not re.search(r"(^|/)%s(_\w+)?\.h$" % re.escape(path.stem), found.group(2)):
            problem = problem or "its own header must come first"
        seen_first = True
        if problem:
            out.append("%s:%d: %s" % (path, number, problem))
    return out


def main():
    root = tree.root_from_args()
    sources = tree.files(root, ".c", ".h", ".cc")
    complaints = []
    for path in sources:
        if path.parts[0] not in MAY_INCLUDE and path.parts[0] not in FREE:
            complaints.append("%s:1: folder %s/ has no row in check_layers.py" % (path, path.parts[0]))
        complaints += check_file(root, path)
    by_name = {}
    for path in sources:
        by_name.setdefault(path.name, []).append(path)
    for name, paths in sorted(by_name.items()):
        if len(paths) > 1:
            complaints.append("%s:1: there is also %s: names are unique" % (paths[0], paths[1]))
    tree.finish("check_layers", complaints, len(sources))


main()
