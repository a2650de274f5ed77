/* run.mjs - the browser tests: `node tests/ui/run.mjs`; the last line counts what passed, failed and was skipped. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url)),
  root = join(here, "../..");

function must(command, args, what, cwd = root) {
  const done = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (done.status === 0) return;
  console.log(`FAIL  ${what}: ${(done.stderr || String(done.error ?? "")).trim().slice(-600)}`);
  console.log("0 passed, 1 failed, 0 skipped");
  process.exit(1);
}

if (!existsSync(join(here, "node_modules/puppeteer-core")))
  must("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm ci in tests/ui", here);
const scratch = mkdtempSync(join(tmpdir(), "weft-ui-dist-")),
  dist = join(scratch, "ui");
must(
  "python3",
  ["tools/embed_ui.py", "ui-static", dist, join(scratch, "ui_files.c")],
  "bundling the UI",
);

const { skip, summary } = await import("./check.mjs");
const { findChromium, launch } = await import("./browser.mjs");
const { findWeft } = await import("./weft.mjs");
const { bundleTests } = await import("./bundle_test.mjs");
const { promqlTextTests } = await import("./promql_text_test.mjs");
const { timeAxisTests } = await import("./time_axis_test.mjs");
const { queryTests } = await import("./query_test.mjs");
const { holdTests } = await import("./hold_test.mjs");
const { stateTests } = await import("./states_test.mjs");
const { liveTests } = await import("./live_test.mjs");
const { nameTests } = await import("./names_test.mjs");
const { corpusTests } = await import("./corpus_test.mjs");

async function inBrowser() {
  const chromium = await launch(),
    binary = findWeft(root);
  try {
    if (binary) {
      await liveTests(chromium.browser, binary);
      await nameTests(chromium.browser, binary);
      await corpusTests(chromium.browser, binary, root);
    } else skip("everything against a running weft", "no build/release/weft and no WEFT_BIN");
    await queryTests(chromium.browser, dist);
    await stateTests(chromium.browser, dist);
  } finally {
    await chromium.close();
  }
}

await bundleTests(dist);
await promqlTextTests(root);
await timeAxisTests();
if (findChromium()) await inBrowser();
else skip("everything in a browser", "no chromium that runs (apt install chromium, or set WEFT_CHROMIUM)");
rmSync(scratch, { recursive: true, force: true });
process.exit(summary());
