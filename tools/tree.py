"""tree.py - what every check needs: the files of the tree, and a way to tell what is wrong."""
import pathlib, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def root_from_args():
    """The tree to look at: the first argument, else the one this script lives in."""
    return pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT


def files(root, *suffixes):
    """Relative paths of all files that git knows or would add, sorted; with one of the suffixes."""
    out = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"],
                         check=True, capture_output=True, text=True).stdout
    names = sorted(set(out.splitlines()))
    return [pathlib.PurePosixPath(n) for n in names if n.endswith(suffixes) and (root / n).is_file()]


def finish(check, complaints, looked_at):
    """Prints `path:line: what` lines and a summary; exits 1 when there are any."""
    for complaint in complaints:
        print(complaint)
    print("%s: %d files, %d complaints" % (check, looked_at, len(complaints)))
    sys.exit(1 if complaints else 0)
