#!/usr/bin/env python3
"""check_commit.py [RANGE] - commit messages: `folder: what changes, in the present` (up to 60 characters behind the prefix),
an empty line, then why and how it was checked in 72 columns. The prefix names a folder that the commit touches, or its
part of tests/ or docs/; `house` stands for files of the top level. RANGE defaults to what origin/main does not have: what is
published is past mending."""
import re, subprocess, sys

import tree

SUBJECT = re.compile(r"([a-z][a-z0-9_-]*): (\S.*[^.\s])")
# Folders whose commits may use a shorter or plainer word.
ALIASES = {"ui": "ui-static", "ci": ".ci"}


def git(*args):
    return subprocess.run(["git", "-C", str(tree.ROOT), *args], check=True, capture_output=True, text=True).stdout


def prefix_fits(prefix, paths):
    """True when the prefix names a folder among the paths, or they have files of the top level and it is `house`."""
    folders = {p.split("/")[0] for p in paths if "/" in p}
    deeper = {part for p in paths for part in p.split("/")[:-1]}
    if prefix == "house":
        return len(folders) != 1 or any("/" not in p for p in paths)
    return ALIASES.get(prefix, prefix) in folders or prefix in deeper


def check(message, paths):
    """Complaints about one commit, given its message and the paths it touches."""
    lines, out = message.rstrip("\n").split("\n"), []
    found = SUBJECT.fullmatch(lines[0])
    if not found:
        return ["the subject is not `folder: what changes` (without a full stop)"]
    if len(found.group(2)) > 60:
        out.append("the subject has %d characters behind its prefix, at most 60" % len(found.group(2)))
    if not prefix_fits(found.group(1), paths):
        out.append("the prefix `%s` names no folder that the commit touches" % found.group(1))
    if len(lines) > 1 and lines[1]:
        out.append("the second line is not empty")
    out += ["line %d has %d columns, at most 72" % (n, len(line)) for n, line in enumerate(lines, 1)
            if n > 2 and len(line) > 72 and " " in line.strip()]
    return out


def main():
    known = subprocess.run(["git", "-C", str(tree.ROOT), "rev-parse", "-q", "--verify", "origin/main"], capture_output=True)
    span = sys.argv[1] if len(sys.argv) > 1 else "origin/main..HEAD" if known.returncode == 0 else "HEAD..HEAD"
    commits = git("rev-list", "--no-merges", span).split()
    complaints = []
    for commit in commits:
        message = git("log", "-1", "--format=%B", commit)
        paths = git("show", "--format=", "--name-only", commit).split("\n")
        complaints += ["%s: %s" % (commit[:8], c) for c in check(message, [p for p in paths if p])]
    tree.finish("check_commit", complaints, len(commits))


if __name__ == "__main__":
    main()
