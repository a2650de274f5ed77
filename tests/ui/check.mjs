/* check.mjs - runs tests one after another and counts; a test throws to fail. */
import { deepStrictEqual } from "node:assert/strict";

const counts = { passed: 0, failed: 0, skipped: 0 };

/** Runs one test; the next runs whatever happened to this one. */
export async function test(name, run) {
  const started = performance.now();
  try {
    const remark = await run();
    counts.passed++;
    console.log(
      `ok    ${name}${remark ? ` (${remark})` : ""} ${Math.round(performance.now() - started)} ms`,
    );
  } catch (error) {
    counts.failed++;
    console.log(`FAIL  ${name}: ${error.message ?? error}`);
  }
}

export function skip(name, reason) {
  counts.skipped++;
  console.log(`skipped: ${name}: ${reason}`);
}

export function ok(condition, message) {
  if (!condition) throw new Error(message);
}

export function equal(found, wanted, what) {
  try {
    deepStrictEqual(found, wanted);
  } catch {
    throw new Error(`${what}: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
  }
}

/** The last line of the run; answers the exit code. */
export function summary() {
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed ? 1 : 0;
}
