#!/usr/bin/env python3
"""fuzz_coverage.py BUILD [TARGET] - lines of each fuzz target's own files that its committed seeds reach, in a build of
the preset fuzz-coverage. A file under 90 % fails. With a TARGET, the lines that are not reached are listed, too."""
import json, os, pathlib, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WANTED_PERCENT = 90
# What a target is there for; what its files call is not its own.
FILES = {
    "fuzz_edge_part": """storage/edge_part.c storage/edge_part_tables.c storage/edge_part_scan.c storage/edge_block_read.c
        storage/edge_plan.c storage/edge_query.c storage/edge_merge_source.c storage/edge_tables.c storage/edge_part_encode.c
        storage/edge_part_write.c storage/edge_block_write.c model/histogram_run.c model/histogram_decode.c model/histogram_dense.c
        model/histogram_planes.c model/histogram_encode.c""",
    "fuzz_http2": "net/http2_session.c net/http2_guard.c net/grpc_call.c net/grpc_text.c net/body.c",
    "fuzz_image": "storage/store_image.c collector/image.c model/registry_image.c",
    "fuzz_journal": "storage/journal_read.c storage/journal_format.c",
    "fuzz_json": "base/json_read.c",
    "fuzz_native_histogram": """model/native_histogram.c model/native_histogram_wire.c model/native_histogram_sum.c
        model/native_histogram_reset.c model/native_histogram_text.c query/histogram_json.c query/promql_histogram.c
        query/promql_histogram_growth.c query/promql_histogram_total.c query/promql_histogram_trim.c""",
    "fuzz_otlp_json": "codec/otlp_json.c codec/span_judge.c",
    "fuzz_otlp_metric": """codec/otlp_metric.c codec/otlp_metric_json.c codec/otlp_json_read.c codec/otlp_point.c codec/otlp_labels.c
        codec/attr_text.c codec/metric_name.c codec/base64.c""",
    "fuzz_otlp_trace": "codec/otlp_trace.c codec/otlp_attr.c codec/otlp_check.c codec/pb_walk.c codec/utf8.c codec/span_judge.c",
    "fuzz_params": "query/params.c",
    "fuzz_promql": """query/promql_lex.c query/promql_number.c query/promql_parse.c query/promql_parse_duration.c
        query/promql_parse_expr.c query/promql_parse_postfix.c query/promql_parse_selector.c query/promql_quote.c
        query/promql_words.c query/promql_print.c query/promql_print_pretty.c query/promql_print_tree.c""",
    "fuzz_remote_write": "codec/remote_write.c codec/remote_write_v2.c codec/remote_histogram.c codec/metric_build.c",
    "fuzz_series_index": """storage/series_index.c storage/series_states.c storage/series_metadata.c
        storage/series_exemplars.c storage/series_histogram_image.c""",
    "fuzz_series_part": """storage/series_part.c storage/series_part_read.c storage/series_part_write.c storage/series_part_merge.c
        storage/series_block_read.c storage/series_block_write.c storage/sample_ints_get.c storage/sample_ints_put.c
        storage/sample_values_get.c storage/sample_values_put.c storage/sample_histograms_get.c
        storage/sample_histograms_put.c storage/sample_streams.c storage/sample_guess.c""",
    "fuzz_unpack": """codec/unpack.c codec/unpack_deflate.c codec/unpack_lz4.c codec/unpack_snappy.c codec/unpack_zstd.c
        codec/crc32c.c""",
}


def llvm(tool, *args):
    return subprocess.run(["llvm-" + tool, *map(str, args)], check=True, capture_output=True, text=True).stdout


def run_seeds(program, profile):
    """The merged profile of one run over the seeds."""
    env = dict(os.environ, LLVM_PROFILE_FILE=f"{profile}.raw")
    done = subprocess.run([program, "-runs=0", ROOT / "fuzz/corpus" / program.name], env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{program.name} fails on its own seeds:\n{done.stderr[-4000:]}")
    llvm("profdata", "merge", "-sparse", f"{profile}.raw", "-o", profile)


def print_not_reached(program, profile, path):
    for line in llvm("cov", "show", program, "-instr-profile", profile, path).splitlines():
        number, _, rest = line.partition("|")
        count, _, text = rest.partition("|")
        if count.strip() == "0":
            print(f"{path.relative_to(ROOT)}:{number.strip()}:{text}")


def check(program, list_lines):
    """Lines and lines reached of all files of a target; how many files fall short."""
    paths = [ROOT / name for name in FILES[program.name].split()]
    short = 0
    with tempfile.TemporaryDirectory() as folder:
        profile = pathlib.Path(folder) / program.name
        run_seeds(program, profile)
        found = json.loads(llvm("cov", "export", "-summary-only", program, "-instr-profile", profile, *paths))
        lines = {file["filename"]: file["summary"]["lines"] for file in found["data"][0]["files"]}
        reached, count = (sum(lines[str(path)][key] for path in paths) for key in ("covered", "count"))
        print(f"{program.name}: {reached} of {count} lines, {100 * reached / count:.1f} %")
        for path in paths:
            of = lines[str(path)]
            is_short = of["percent"] < WANTED_PERCENT
            short += is_short
            print(f"  {of['percent']:5.1f} %  {of['covered']:3} of {of['count']:3}  {path.relative_to(ROOT)}"
                  f"{'  FAILED: under %d %%' % WANTED_PERCENT if is_short else ''}")
            if list_lines:
                print_not_reached(program, profile, path)
    return len(paths), short


def main():
    build = pathlib.Path(sys.argv[1])
    only = sys.argv[2] if len(sys.argv) > 2 else None
    targets = sorted(path.stem for path in (ROOT / "fuzz").glob("fuzz_*.c"))
    if targets != sorted(FILES):
        sys.exit(f"FILES must name the files of each target: {sorted(set(targets) ^ set(FILES))}")
    files = failed = 0
    for target in [only] if only else targets:
        checked, short = check(build / "fuzz" / target, only is not None)
        files, failed = files + checked, failed + short
    print(f"{files - failed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


main()
