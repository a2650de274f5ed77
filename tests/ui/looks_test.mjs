/* looks_test.mjs - every view in light and dark, 1280 and 390 wide: fits, accessible, as a picture to look at. */
import { openPage, until } from "./browser.mjs";
import { equal, ok, test } from "./check.mjs";
import { axe, clean, fits, go, picture, screenshot } from "./page.mjs";

const VIEWS = [
  ["graph", "#/graph"],
  ["graph-edge", "#/graph?sel=e:shop/checkout>pay/payment>http"],
  ["graph-node", "#/graph?sel=n:shop/web"],
  ["graph-table", "#/graph?table=1"],
  ["services", "#/services"],
  ["service", "#/services?service=shop/web"],
  ["latency", "#/latency?server=shop/web"],
  ["query-live", "#/latency?tab=query&expr=rate(ui_orders_total[1m])"],
  ["senders", "#/senders"],
];
const READY = {
  graph: () => document.querySelector(".ground")?._cyreg.cy.nodes(".card").length > 0,
  services: () => document.querySelector(".table tbody tr, .page h1"),
  latency: () => document.querySelector(".latency-summary b, .plot .uplot"),
  senders: () => document.querySelector(".table tbody tr"),
};

/** Health beside each name is in sight, and nobody was last seen in 1970: `user` is nobody's span. */
async function servicesRead(page, where) {
  const found = await page.evaluate(() => {
    const edge = document.querySelector(".table-box").getBoundingClientRect().right;
    const cells = (selector) => [...document.querySelectorAll(`.table tbody ${selector}`)];
    return {
      cut: cells(".health").filter((e) => e.getBoundingClientRect().right > edge).length,
      epoch: cells("td").filter((e) => e.textContent.includes("1970")).length,
      user: cells("th").some((e) => e.textContent === "user"),
    };
  });
  equal(found, { cut: 0, epoch: 0, user: true }, `services ${where}`);
}

/** Headings of numbers end where the numbers end, and a wide window shows every column. */
async function tablesRead(page, where, isWide) {
  const found = await page.evaluate(() => {
    const endOf = (node) => {
      const range = document.createRange();
      range.selectNodeContents(node);
      return range.getBoundingClientRect().right;
    };
    return [...document.querySelectorAll(".table-box")]
      .filter((box) => box.clientWidth > 0 && box.querySelector("tbody tr"))
      .map((box) => ({
        hidden: box.scrollWidth - box.clientWidth,
        apart: [...box.querySelectorAll("thead th.num")].map((th) =>
          Math.abs(
            endOf(th.querySelector("button")?.firstChild ?? th) -
              endOf(box.querySelector("tbody tr").cells[th.cellIndex]),
          ),
        ),
      }));
  });
  for (const { hidden, apart } of found) {
    ok(Math.max(0, ...apart) <= 1.5, `${where}: headings and numbers are ${apart} px apart`);
    ok(!isWide || hidden === 0, `${where}: ${hidden} px of a table are out of sight`);
  }
}

async function look(page, where) {
  for (const [name, fragment] of VIEWS) {
    await go(page, fragment);
    const view = fragment.slice(2).split("?")[0];
    await until(
      page,
      `the view ${name}`,
      (wanted) => document.querySelector("main").dataset.view === wanted,
      view,
    );
    await until(page, `content of ${name}`, READY[view]);
    await new Promise((resolve) => setTimeout(resolve, 350));
    await screenshot(page, `${name}-${where}`);
    await fits(page, `${name} ${where}`);
    if (name === "services") await servicesRead(page, where);
    await tablesRead(page, `${name} ${where}`, where.endsWith("1280"));
    await axe(page, `${name} ${where}`);
  }
}

export async function looksTests(browser, url) {
  for (const dark of [false, true])
    for (const width of [1280, 390]) {
      const where = `${dark ? "dark" : "light"}-${width}`;
      await test(`every view fits and has no serious axe finding, ${where}`, async () => {
        const { page, seen } = await openPage(browser, `${url}/#/graph`, {
          dark,
          width,
          height: width < 500 ? 844 : 800,
        });
        await picture(page, 6);
        equal(
          await page.evaluate(() => document.documentElement.dataset.theme),
          dark ? "dark" : "light",
          "theme",
        );
        await look(page, where);
        clean(seen, where);
        await page.close();
      });
    }
}
