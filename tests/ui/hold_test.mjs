/* hold_test.mjs - a refresh and a change of what is shown take nothing from a person: no click, no focus, no truth. */
import { openPage, until } from "./browser.mjs";
import { equal, ok, test } from "./check.mjs";
import { startMock } from "./mock_server.mjs";
import { clean, go, picture, positions, text } from "./page.mjs";

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const hash = (page) => page.evaluate(() => decodeURIComponent(location.hash));
const refreshNow = (page) =>
  page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
const shows = (page, selector) =>
  until(page, selector, (one) => document.querySelector(one)?.clientWidth > 0, selector);
/** Class or name of what has the focus. */
const focused = (page) =>
  page.evaluate(() => document.activeElement.className || document.activeElement.tagName);
const card = (page) => page.$eval(".stage > .hover-card", (one) => !one.hidden);

async function pressKey(page, selector, key = "Enter") {
  await page.focus(selector);
  await page.keyboard.press(key);
}

/** Where a node of the picture is on the screen. */
const placeOf = (page, id) =>
  page.evaluate((one) => {
    const { cy } = document.querySelector(".ground")._cyreg,
      { x, y } = cy.getElementById(`n:${one}`).renderedPosition(),
      box = cy.container().getBoundingClientRect();
    return [x + box.left, y + box.top];
  }, id);

async function hoverOver(page, id) {
  const [x, y] = await placeOf(page, id);
  await page.mouse.move(x, y);
  await page.mouse.move(x + 3, y);
  await until(page, "the card", () => !document.querySelector(".stage > .hover-card").hidden);
}

const node = (page, id, isThere = true) =>
  until(
    page,
    `${id} ${isThere ? "in" : "out of"} the picture`,
    ([one, wanted]) =>
      document.querySelector(".ground")._cyreg.cy.getElementById(`n:${one}`).nonempty() === wanted,
    [id, isThere],
  );
const curves = (page) =>
  page.evaluate(() =>
    document
      .querySelector(".ground")
      ._cyreg.cy.edges()
      .map((edge) => JSON.stringify([edge.id(), edge.data("weights"), edge.data("distances")]))
      .sort(),
  );

export async function holdTests(browser, dist) {
  async function held(name, state, fragment, run) {
    await test(name, async () => {
      const mock = await startMock(dist, state),
        { page, seen } = await openPage(browser, `${mock.url}/${fragment}`);
      try {
        await run(page, mock, seen);
      } finally {
        await page.close();
        mock.close();
      }
    });
  }

  await held("a refresh during a press takes no click", "busy", "#/graph?table=1", async (page) => {
    await shows(page, ".twin .row-button");
    await page.hover(".twin .row-button");
    await page.mouse.down();
    await refreshNow(page);
    await pause(400);
    await page.mouse.up();
    await shows(page, ".panel .edge-title");
    ok(/sel=e:/.test(await hash(page)), await hash(page));
  });

  await held(
    "Escape closes what is open above the panel first",
    "busy",
    "#/graph?sel=n:pay/payment",
    async (page) => {
      await shows(page, ".panel .figures");
      await page.click('[popovertarget="filters"]');
      await page.keyboard.press("Escape");
      await until(
        page,
        "no filters",
        () => !document.querySelector("#filters").matches(":popover-open"),
      );
      ok(/sel=n:pay/.test(await hash(page)), "the panel went too");
      await page.keyboard.press("Escape");
      await until(page, "no panel", () => !document.querySelector(".panel"));
    },
  );

  await held(
    "the focus goes along: from panel to panel, back to the picture, into the next view",
    "busy",
    "#/graph?sel=n:pay/payment",
    async (page) => {
      await shows(page, ".panel .slot-outbound button");
      await pressKey(page, ".panel .slot-outbound button");
      await shows(page, ".panel .edge-title");
      equal(await focused(page), "panel", "after the panel of an edge opened");
      await pressKey(page, ".panel .edge-title button", "Escape");
      await until(page, "no panel", () => !document.querySelector(".panel"));
      equal(await focused(page), "picture", "after Escape");
      await go(page, "#/graph?sel=n:pay/payment");
      await shows(page, ".panel .slot-actions a");
      await pressKey(page, ".panel .slot-actions a");
      await shows(page, ".edge-list");
      equal(await focused(page), "MAIN", "in the next view");
    },
  );

  await held(
    "copying without a clipboard keeps the focus and claims nothing",
    "busy",
    "#/graph?sel=e:shop/web>shop/cart>http",
    async (page) => {
      await shows(page, ".exemplars button");
      await page.evaluate(() => {
        Object.defineProperty(navigator, "clipboard", { value: undefined });
        document.execCommand = () => false;
      });
      await pressKey(page, ".exemplars button");
      const state = () =>
        page.evaluate(() => [
          document.activeElement.ariaLabel?.slice(0, 13),
          document.activeElement.className.split(" ").at(-1),
        ]);
      equal(await state(), ["Copy trace id", "failed"], "after a copy that failed");
      await page.evaluate(() => {
        document.execCommand = () => true;
      });
      await page.keyboard.press("Enter");
      equal(await state(), ["Copy trace id", "done"], "after a copy");
    },
  );

  await held("an answer that is cut off is told", "busy", "#/graph", async (page, mock, seen) => {
    await picture(page, 15);
    mock.own["/api/mesh/graph"] = () => ({ cut: true });
    await refreshNow(page);
    await until(page, "the reason", () =>
      /cut off/.test(document.querySelector(".truth-text").textContent),
    );
    delete mock.own["/api/mesh/graph"];
    await refreshNow(page);
    await until(page, "all well", () =>
      /^complete/.test(document.querySelector(".truth-text").textContent),
    );
    clean(seen, "a cut answer");
  });
}
