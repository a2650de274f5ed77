#!/usr/bin/env python3
"""make_seeds.py - cuts the seeds of the codec fuzzers out of our own captures (tests/data); run after tests/data/make.py."""
import json, pathlib, subprocess

ROOT = pathlib.Path(__file__).parent.parent
COMPRESSIONS = ["gzip", "zlib", "zstd", "snappy", "x-snappy-framed", "lz4"]  # fuzz_unpack: first byte modulo 6


def write(target, name, data):
    folder = ROOT / "fuzz/corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


for scenario in sorted((ROOT / "tests/data").glob("*/index.jsonl")):
    bodies = subprocess.run(["zstd", "-dc", str(scenario.parent / "bodies.bin.zst")], capture_output=True, check=True).stdout
    for line in scenario.read_text().splitlines()[:12]:
        r = json.loads(line)
        body, headers = bodies[r["off"]:r["off"] + r["len"]], r["headers"]
        coding = headers.get("content-encoding", "")
        name = f"{scenario.parent.name}-{r['n']}"
        if r["transport"] == "grpc":
            coding, body = headers.get("grpc-encoding", ""), body[5:]
        if coding:
            coding = {"deflate": "zlib"}.get(coding, coding)
            write("fuzz_unpack", name, bytes([COMPRESSIONS.index(coding)]) + body)
        elif "json" in headers["content-type"]:
            write("fuzz_otlp_json", name, body)
        else:
            write("fuzz_otlp_trace", name, body)
