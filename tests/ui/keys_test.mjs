/* keys_test.mjs - everything by keyboard. */
import { until } from "./browser.mjs";
import { equal, ok, test } from "./check.mjs";
import { go, picture } from "./page.mjs";

const hash = (page) => page.evaluate(() => decodeURIComponent(location.hash));
const focused = (page) =>
  page.evaluate(() => document.activeElement.className || document.activeElement.tagName);

/** Presses Tab until `test` holds for the focused element. */
async function tabTo(page, what, test) {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(test)) return;
  }
  throw new Error(`Tab never reached ${what}`);
}

async function graphKeys(page) {
  await go(page, "#/graph");
  await picture(page, 6);
  await page.evaluate(() => document.activeElement.blur());
  await tabTo(page, "the graph", () => document.activeElement.classList.contains("picture"));
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await until(page, "a panel after Enter", () => document.querySelector(".panel-head h2"));
  ok(/sel=n:/.test(await hash(page)), `the address is ${await hash(page)}`);
  await page.keyboard.press("Escape");
  await until(page, "no panel after Escape", () => !document.querySelector(".panel"));
  ok((await focused(page)).includes("picture"), `focus went to ${await focused(page)}`);
}

async function tableKeys(page) {
  await page.keyboard.press("t");
  await until(page, "the table", () => document.querySelector(".twin:not([hidden]) tbody tr"));
  await tabTo(
    page,
    "the heading Requests",
    () =>
      document.activeElement.closest(".twin thead") &&
      /^Rate/.test(document.activeElement.textContent),
  );
  await page.keyboard.press("Enter");
  const sort = await page.evaluate(() =>
    document.activeElement.closest("th").getAttribute("aria-sort"),
  );
  equal(sort, "descending", "order after Enter");
  await tabTo(page, "a row", () => document.activeElement.classList.contains("row-button"));
  await page.keyboard.press("Enter");
  await until(page, "the panel of the row", () => document.querySelector(".panel .edge-title"));
  await page.keyboard.press("Escape");
  await page.keyboard.press("t");
  await until(page, "no table", () => document.querySelector(".twin").hidden);
}

async function pageKeys(page) {
  await page.keyboard.press("?");
  await until(page, "the list of keys", () => document.querySelector("dialog.keys[open]"));
  await page.keyboard.press("Escape");
  await until(page, "no list of keys", () => !document.querySelector("dialog[open]"));
  await page.keyboard.press("/");
  ok((await focused(page)).includes("find"), "/ does not reach the find box");
  await page.keyboard.press("Escape");
  for (const [key, view] of [
    ["2", "services"],
    ["3", "latency"],
    ["4", "senders"],
    ["1", "graph"],
  ]) {
    await page.keyboard.press(key);
    await until(
      page,
      `the view ${view}`,
      (name) => document.querySelector("main").dataset.view === name,
      view,
    );
  }
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press(" ");
  await until(page, "paused", () => /Paused/.test(document.querySelector(".live").textContent));
  ok(/at=\d+/.test(await hash(page)), "the moment is not in the address");
  await page.keyboard.press(" ");
  await until(page, "live", () => /Live/.test(document.querySelector(".live").textContent));
}

async function addressTest(page) {
  await go(page, "#/graph?last=1h&label=p95&table=1&find=cart&sel=n:shop/cart");
  await picture(page, 6);
  await page.reload({ waitUntil: "load" });
  await until(
    page,
    "the same state after a reload",
    () =>
      document.querySelector(".panel-head h2")?.textContent === "cart" &&
      !document.querySelector(".twin").hidden &&
      document.querySelector(".find").value === "cart" &&
      document.querySelector('[data-last="1h"]').getAttribute("aria-pressed") === "true",
  );
  await orderTest(page);
  await go(page, "#/graph");
  await until(page, "the plain graph", () => !document.querySelector(".panel"));
}

/** Which table is beside the graph and how it is sorted, and how the list of services is. */
async function orderTest(page) {
  const order = (selector) =>
    page.evaluate((within) => {
      const head = document.querySelector(`${within} [aria-sort]:not([aria-sort="none"])`);
      return `${head.textContent.replace(/[↑↓]/, "")} ${head.getAttribute("aria-sort")}`;
    }, selector);
  const nodes = '.twin [aria-label="Nodes of the graph"]';
  await go(page, "#/graph?table=1");
  await until(page, "rows", () => document.querySelector(".twin tbody tr"));
  await page.click('.twin-head [data-name="nodes"]');
  await page.click(`${nodes} th:nth-child(8) button`);
  ok(/rows=nodes/.test(await hash(page)) && /sort=-p95/.test(await hash(page)), await hash(page));
  await page.reload({ waitUntil: "load" });
  await until(page, "the nodes", (one) => document.querySelector(`${one} tbody tr`), nodes);
  ok(await page.$eval(nodes, (box) => !box.hidden), "the edges are shown again");
  equal(await order(nodes), "p95 descending", "order of nodes");
  await go(page, "#/services?sort=Health");
  await until(page, "services", () => document.querySelector(".page .table tbody tr"));
  equal(await order(".page"), "Health ascending", "order of services");
}

export async function keyTests(page) {
  await test("the graph by keyboard: arrows, Enter, Escape", () => graphKeys(page));
  await test("the table by keyboard: sort, open a row", () => tableKeys(page));
  await test("the page by keyboard: ?, /, 1 to 4, space", () => pageKeys(page));
  await test("a copied address shows the same picture", () => addressTest(page));
}
