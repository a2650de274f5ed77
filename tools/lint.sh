#!/usr/bin/env bash
# lint.sh - formatting, layers, sizes, headers, commit messages and clang-tidy; called by ./dev lint.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
passed=0 failed=0 skipped=0

# check NAME COMMAND... - runs one check and counts it.
check() {
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED %s\n%s\n' "$name" "$out"
    fi
}

# skip NAME REASON - says aloud what was not checked.
skip() {
    skipped=$((skipped + 1))
    echo "skipped: $1: $2"
}

# The C files that are ours, NUL-ended.
sources() {
    git ls-files -z -co --exclude-standard "$@"
}

tidy() {
    local out
    # Criterion's macros are functions of their own size; fuzzers are built by another compiler.
    out=$(sources '*.c' | grep -zvE '^(fuzz|tests/unit)/' | xargs -0 -P "$(nproc)" -n 8 clang-tidy -p build/release --quiet \
        --extra-arg=-Wno-ignored-optimization-argument 2>&1 |
        grep -E '(warning|error):')
    [ -z "$out" ] || { echo "$out" | sort -u; return 1; }
}

if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    check format sh -c "git ls-files -z -co --exclude-standard '*.c' '*.h' '*.cc' | xargs -0 clang-format --dry-run -Werror"
else
    skip format "clang-format 14 is not installed, and others lay code out differently"
fi
for script in layers sizes headers commit; do
    check "check_$script" "tools/check_$script.py"
done
# Criterion's gt() passes when both sides are equal.
check gt sh -c "! git grep -nE '\\bgt\(' -- tests"
check dashboards tools/make_dashboards.py --check
check bash bash -n dev .ci/run tools/lint.sh
if command -v clang-tidy >/dev/null && [ -e build/release/compile_commands.json ]; then
    check clang-tidy tidy
else
    skip clang-tidy "clang-tidy or build/release/compile_commands.json is missing"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
