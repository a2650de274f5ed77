/* browser.mjs - Debian's chromium, driven by puppeteer, with everything it complains about kept. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

const CANDIDATES = [
  process.env.WEFT_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--force-color-profile=srgb",
  "--hide-scrollbars",
];

const runs = (path) => spawnSync(path, ["--version"], { stdio: "ignore" }).status === 0;

/** The first that runs: Ubuntu's chromium-browser is a script that asks for a snap where there are none. */
export const findChromium = () => CANDIDATES.find((path) => path && runs(path)) ?? null;

/** A browser with a profile of its own; `close()` takes both away. */
export async function launch() {
  const profile = mkdtempSync(join(tmpdir(), "weft-ui-"));
  const browser = await puppeteer.launch({
    executablePath: findChromium(),
    headless: true,
    args: FLAGS,
    userDataDir: profile,
  });
  return {
    browser,
    async close() {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** A page at `url` that remembers errors, failed answers and requests to other origins. */
export async function openPage(browser, url, { width = 1280, height = 800, dark = false } = {}) {
  const page = await browser.newPage(),
    seen = { errors: [], foreign: [], dialogs: [] },
    origin = new URL(url).origin;
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error.stack ?? error)));
  page.on("dialog", (dialog) => {
    seen.dialogs.push(dialog.message());
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const to = request.url();
    if (!to.startsWith(origin) && !/^(data|blob|about):/.test(to)) seen.foreign.push(to);
  });
  await page.setViewport({ width, height, deviceScaleFactor: width < 500 ? 2 : 1.5 });
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: dark ? "dark" : "light" },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
  await page.goto(url, { waitUntil: "load" });
  return { page, seen };
}

/** Waits until `test` in the page is true; the message says what was awaited. */
export async function until(page, what, test, argument, timeout = 60_000) {
  try {
    return await page.waitForFunction(test, { timeout, polling: 50 }, argument);
  } catch {
    throw new Error(`waited ${timeout} ms in vain: ${what}`);
  }
}
