/* names_test.mjs - names that are very long, run from right to left, or hold what XML cannot. */
import { openPage, until } from "./browser.mjs";
import { equal, ok, test } from "./check.mjs";
import { axe, clean, go, picture, screenshot } from "./page.mjs";
import { BROKEN, HEBREW, LONG, oddNames } from "./spans.mjs";
import { startWeft } from "./weft.mjs";

const LONG_ID = `${LONG.space}/${LONG.name}`;
const selected = (id) => `#/graph?sel=${encodeURIComponent(id)}`;

/** What of `selector` ends beyond the window. */
const beyond = (page, selector) =>
  page.$$eval(selector, (all) =>
    all
      .filter((one) => one.clientWidth > 0 && one.getBoundingClientRect().right > innerWidth + 1)
      .map((one) => one.className || one.tagName),
  );

async function longNames(page, where) {
  await go(page, selected(`n:${LONG_ID}`));
  await until(page, "the panel", () => document.querySelector(".panel .figures"));
  await screenshot(page, `long-panel-${where}`);
  equal(await beyond(page, ".panel header *, .panel-body > *, .panel .chip"), [], `beyond the panel, ${where}`);
  await go(page, `#/services?service=${encodeURIComponent(LONG_ID)}`);
  await until(page, "the page", () => document.querySelector(".page-grid .figures"));
  await screenshot(page, `long-page-${where}`);
  equal(await beyond(page, ".page-head *, .card-box"), [], `beyond the page, ${where}`);
}

async function longInTables(page) {
  await go(page, "#/graph?table=1");
  await until(page, "rows", () => document.querySelectorAll(".twin tbody tr").length >= 3);
  await screenshot(page, "long-table");
  equal(await beyond(page, ".twin thead th"), [], "columns out of sight");
  const title = await page.$$eval(".twin tbody td", (cells) => cells.map((cell) => cell.title));
  ok(title.includes(LONG_ID), "the whole name is nowhere to be read");
  await go(page, "#/graph");
}

/** Names of namespaces stay above their box, near and from afar. */
async function longNamespace(page) {
  const [width, room] = await page.evaluate(() => {
    const { cy } = document.querySelector(".ground")._cyreg,
      proto = CanvasRenderingContext2D.prototype,
      real = proto.fillText,
      widths = [];
    proto.fillText = function (text, ...rest) {
      if (text.startsWith("sss")) widths.push(this.measureText(text).width);
      real.call(this, text, ...rest);
    };
    cy.emit("render");
    proto.fillText = real;
    return [Math.max(...widths), cy.nodes(".space").max((space) => space.outerWidth()).value];
  });
  ok(width > 50 && width <= room, `${width} px of name, ${room} px of box`);
}

async function savedDrawing(page) {
  await page.evaluate(() => {
    const original = URL.createObjectURL;
    URL.createObjectURL = (blob) => {
      window.drawing = blob.text();
      return original.call(URL, blob);
    };
    HTMLAnchorElement.prototype.click = function () {};
  });
  await page.click(".save-box > .button");
  await (await page.$$("#save-menu .menu-item"))[1].click();
  await until(page, "the drawing", () => window.drawing);
  const [complaint, texts] = await page.evaluate(async () => {
    const xml = new DOMParser().parseFromString(await window.drawing, "image/svg+xml");
    return [
      xml.querySelector("parsererror")?.textContent ?? "",
      [...xml.querySelectorAll("text")].map((one) => one.textContent),
    ];
  });
  equal(complaint, "", "what an XML parser says");
  ok(texts.includes("esc\ufffd\ufffd"), `names: ${texts}`);
}

/** Two names from right to left with an arrow between would change places. */
async function hoverOrder(page) {
  await go(page, "#/graph");
  const at = await page.evaluate((id) => {
    const { cy } = document.querySelector(".ground")._cyreg,
      box = document.querySelector(".ground").getBoundingClientRect(),
      { x, y } = cy.getElementById(id).renderedMidpoint();
    return [box.left + x, box.top + y];
  }, `e:${HEBREW.join(">")}>http`);
  await page.mouse.move(at[0] + 1, at[1]);
  await page.mouse.move(...at);
  await until(page, "a card", () => document.querySelector(".hover-card:not([hidden]) strong"));
  const [caller, called] = await page.evaluate((names) => {
    const walker = document.createTreeWalker(
        document.querySelector(".hover-card strong"),
        NodeFilter.SHOW_TEXT,
      ),
      left = {};
    for (let node = walker.nextNode(); node; node = walker.nextNode())
      for (const name of names.filter((one) => node.data.includes(one))) {
        const range = document.createRange();
        range.setStart(node, node.data.indexOf(name));
        range.setEnd(node, node.data.indexOf(name) + name.length);
        left[name] = range.getBoundingClientRect().left;
      }
    return names.map((name) => left[name]);
  }, HEBREW);
  ok(caller < called, `the caller begins at ${caller}, whom it calls at ${called}`);
}

export async function nameTests(browser, binary) {
  const weft = await startWeft(binary),
    { page, seen } = await openPage(browser, `${weft.url}/`);
  try {
    await weft.push(oddNames());
    await picture(page, 4);
    await test("names of 250 letters stay in panels, pages and the picture", async () => {
      await longNamespace(page);
      await longNames(page, "1280");
      await page.setViewport({ width: 390, height: 844, deviceScaleFactor: 2 });
      await longNames(page, "390");
      await page.setViewport({ width: 1280, height: 800, deviceScaleFactor: 1.5 });
    });
    await test("names of 250 letters leave tables their columns", () => longInTables(page));
    await test("a saved drawing is XML whatever the names hold", () => savedDrawing(page));
    await test("a caller from right to left stands before whom it calls", () => hoverOrder(page));
    await test("a name with control characters has a panel", async () => {
      await go(page, selected(`n:odd/${BROKEN}`));
      await until(page, "its operations", () => document.querySelector(".panel .operations"));
      await axe(page, "control characters");
    });
    await test("no console error with odd names", () => clean(seen, "odd names"));
  } finally {
    await page.close();
    await weft.stop();
  }
}
