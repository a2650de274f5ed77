/* bundle_test.mjs - what the first load weighs. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { equal, ok, test } from "./check.mjs";

const BUDGET = 300 * 1024;

export async function bundleTests(dist) {
  await test("first load is at most 300 KB gzip", () => {
    const loaded = readdirSync(dist).filter((name) => name !== "licences.txt");
    const sizes = loaded.map((name) => [
      name,
      gzipSync(readFileSync(join(dist, name)), { level: 9 }).length,
    ]);
    const total = sizes.reduce((sum, [, size]) => sum + size, 0);
    ok(total <= BUDGET, `${total} bytes: ${sizes.map((pair) => pair.join(" ")).join(", ")}`);
    return `${(total / 1024).toFixed(0)} KB`;
  });

  await test("the page holds no inline script and no style attribute", () => {
    const html = readFileSync(join(dist, "index.html"), "utf8");
    equal(html.match(/<script(?![^>]* src=)[^>]*>|<style|\sstyle=|\son\w+=/g), null, "inline code");
    ok(!/https?:\/\//.test(html), "index.html names another host");
  });
}
