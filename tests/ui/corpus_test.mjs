/* corpus_test.mjs - the page fed with what real Envoys pushed; WEFT_CORPUS, default ../shared/corpus beside the repository. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openPage, until } from "./browser.mjs";
import { equal, ok, skip, test } from "./check.mjs";
import { axe, clean, drawn, picture, screenshot } from "./page.mjs";
import { startWeft } from "./weft.mjs";

const SCENARIO = "envoy-istio";

/** Span requests of a scenario: {body, encoding}, without gRPC's five-byte prefix. */
function spanRequests(folder) {
  const unpacked = spawnSync("zstd", ["-d", "--long=27", "-c", join(folder, "bodies.bin.zst")], {
    maxBuffer: 1 << 30,
  });
  if (unpacked.status !== 0) throw new Error(`zstd: ${unpacked.stderr}`);
  const rows = readFileSync(join(folder, "index.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return rows
    .filter((row) => row.path.endsWith("TraceService/Export"))
    .map((row) => ({
      body: unpacked.stdout.subarray(row.off + 5, row.off + row.len),
      encoding: unpacked.stdout[row.off] ? row.headers["grpc-encoding"] : "",
      time: Number(BigInt(row.t) / 1_000_000_000n),
    }));
}

export async function feed(weft, folder) {
  const requests = spanRequests(folder);
  for (const { body, encoding } of requests)
    await weft.push(body, {
      "Content-Type": "application/x-protobuf",
      ...(encoding ? { "Content-Encoding": encoding } : {}),
    });
  return {
    start: Math.min(...requests.map((r) => r.time)) - 60,
    end: Math.max(...requests.map((r) => r.time)) + 60,
    count: requests.length,
  };
}

async function drawnTest(page, weft, range) {
  const graph = await weft.get(`/api/mesh/graph?start=${range.start}&end=${range.end}`);
  ok(graph.edges.length >= 15, `only ${graph.edges.length} edges`);
  await picture(page, graph.nodes.length);
  equal(
    await drawn(page),
    { nodes: graph.nodes.map((n) => n.id).sort(), edges: graph.edges.map((e) => e.id).sort() },
    "what is drawn",
  );
  await screenshot(page, "envoy-graph");
  const flagged = [...graph.edges].sort(
    (a, b) => Object.keys(b.flags).length - Object.keys(a.flags).length,
  )[0];
  await page.evaluate((id) => {
    location.hash += `&sel=${encodeURIComponent(`e:${id}`)}`;
  }, flagged.id);
  await until(
    page,
    "an edge with flags in words",
    (n) => document.querySelectorAll(".flags li").length >= n,
    Object.keys(flagged.flags).length,
  );
  await new Promise((resolve) => setTimeout(resolve, 600));
  await screenshot(page, "envoy-edge");
  await axe(page, "envoy");
  return `${graph.nodes.length} nodes, ${graph.edges.length} edges`;
}

export async function corpusTests(browser, binary, root) {
  const corpus = process.env.WEFT_CORPUS ?? join(root, "../shared/corpus"),
    folder = join(corpus, SCENARIO);
  if (!existsSync(folder)) {
    if (process.env.WEFT_CORPUS)
      await test("the corpus has scenarios", () => {
        throw new Error(`${folder} is not there`);
      });
    else skip("the page fed with real Envoy telemetry", "no corpus (set WEFT_CORPUS)");
    return;
  }
  const weft = await startWeft(binary);
  try {
    const range = await feed(weft, folder);
    const { page, seen } = await openPage(
      browser,
      `${weft.url}/#/graph?start=${range.start}&end=${range.end}`,
    );
    await test(`real Envoy telemetry (${SCENARIO}) is drawn as the API tells it`, () =>
      drawnTest(page, weft, range));
    await test("no console error with real telemetry", () => clean(seen, SCENARIO));
    await page.close();
  } finally {
    await weft.stop();
  }
}
