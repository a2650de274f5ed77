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
    "the focus goes along from the list to a service's page",
    "busy",
    "#/services",
    async (page) => {
      await shows(page, ".row-button");
      await pressKey(page, ".row-button");
      await shows(page, ".page-grid .edge-list");
      equal(await focused(page), "MAIN", "on a service's page");
    },
  );

  await held(
    "a page never shows one service under another's name",
    "busy",
    "#/services?service=shop/cart",
    async (page, mock) => {
      await shows(page, ".page-grid .edge-list");
      mock.state = "silent";
      await go(page, "#/services?service=pay/ledger");
      await until(page, "the name", () =>
        [...document.querySelectorAll("h1")].some(
          (one) => one.clientWidth && one.textContent === "pay/ledger",
        ),
      );
      equal(
        await page.$eval(".page-grid", (grid) => grid.clientWidth),
        0,
        "figures of the one before",
      );
    },
  );

  await held(
    "percentiles of another server are dimmed until its own come",
    "busy",
    "#/latency?server=shop/cart",
    async (page, mock) => {
      const busy = () => page.$eval(".tab-page > .stack", (one) => one.getAttribute("aria-busy"));
      await shows(page, ".latency-summary b");
      equal(await busy(), "false", "with an answer");
      mock.state = "silent";
      await go(page, "#/latency?server=pay/ledger");
      const becomes = (wanted, what) =>
        until(
          page,
          what,
          (state) => document.querySelector(".tab-page > .stack").getAttribute("aria-busy") === state,
          wanted,
        );
      await becomes("true", "no figures");
      mock.state = "busy";
      await refreshNow(page);
      await becomes("false", "figures");
    },
  );

  await held(
    "a name that this range does not hold is in its list once",
    "busy",
    "#/latency?server=shop/cart&client=ghost",
    async (page) => {
      const ghosts = () =>
        page.$$eval(".pickers option", (all) => all.filter((one) => one.value === "ghost").length);
      for (let i = 0; i < 3; i++) {
        const asked = await page.evaluate(() => performance.getEntriesByType("resource").length);
        await refreshNow(page);
        await until(
          page,
          "answers",
          (n) => performance.getEntriesByType("resource").length > n + 6,
          asked,
        );
      }
      equal(await ghosts(), 1, "options");
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

  await held(
    "the card goes with the pointer and with what it tells of",
    "busy",
    "#/graph",
    async (page, mock) => {
      await picture(page, 15);
      await hoverOver(page, "shop/web");
      await page.mouse.move(600, 8);
      await until(page, "no card", () => document.querySelector(".stage > .hover-card").hidden);
      mock.extra.push(["shop/web", "shop/brief", "http", 3, 0, 20, {}]);
      await refreshNow(page);
      await node(page, "shop/brief");
      await hoverOver(page, "shop/brief");
      mock.extra.pop();
      await refreshNow(page);
      await node(page, "shop/brief", false);
      ok(!(await card(page)), "its card stays");
      equal(
        await page.evaluate(
          () => document.querySelector(".ground")._cyreg.cy.elements(".dim").length,
        ),
        0,
        "dimmed",
      );
    },
  );

  await held(
    "who comes back does not stand on who came meanwhile",
    "busy",
    "#/graph",
    async (page, mock) => {
      const [first, second] = ["shop/first", "shop/second"].map((id) => [
        "shop/web",
        id,
        "http",
        3,
        0,
        20,
        {},
      ]);
      await picture(page, 15);
      mock.extra = [first];
      await refreshNow(page);
      await node(page, "shop/first");
      mock.extra = [second];
      await refreshNow(page);
      await node(page, "shop/second");
      const before = await positions(page);
      mock.extra = [first, second];
      await refreshNow(page);
      await node(page, "shop/first");
      const after = await positions(page);
      equal(after["n:shop/second"], before["n:shop/second"], "who stood");
      ok(
        after["n:shop/first"].join() !== after["n:shop/second"].join(),
        `both at ${after["n:shop/first"]}`,
      );
    },
  );

  await held(
    "a picture that is shown again has its lines again",
    "busy",
    "#/graph",
    async (page) => {
      await picture(page, 15);
      const before = await curves(page);
      await go(page, "#/graph?focus=shop/checkout");
      await until(
        page,
        "a part",
        () => document.querySelector(".ground")._cyreg.cy.nodes(".card").length < 12,
      );
      await go(page, "#/graph");
      await picture(page, 15);
      equal(await curves(page), before, "lines");
    },
  );

  await held(
    "300 services without a namespace and 1,500 edges are drawn at once, callers before whom they call",
    "waiting",
    "#/graph",
    async (page, mock) => {
      mock.state = "quiet";
      const perColumn = 50;
      for (let i = 0; i < 1500; i++) {
        const called = i < 250 ? perColumn + i : perColumn + ((i * 7919) % 250),
          caller = (Math.floor(called / perColumn) - 1) * perColumn + ((i * 104_729) % perColumn);
        mock.extra.push([`caller-${caller}`, `caller-${called}`, "http", 2, 0, 5, {}]);
      }
      await picture(page, 250, 60_000);
      const [milliseconds, back] = await page.evaluate(() => [
        Math.max(...performance.getEntriesByName("graph-update").map(({ duration }) => duration)),
        document
          .querySelector(".ground")
          ._cyreg.cy.edges()
          .filter((edge) => edge.source().position("x") >= edge.target().position("x")).length,
      ]);
      ok(milliseconds < 5000, `it took ${Math.round(milliseconds)} ms`);
      equal(back, 0, "edges that lead back");
      return `${Math.round(milliseconds)} ms`;
    },
  );

  await held(
    "the answer's own step is drawn, where it is coarser than the asked one",
    "busy",
    "#/latency?server=shop/cart&last=6h",
    async (page, mock) => {
      mock.own["/api/mesh/percentiles"] = (query, usual) => {
        const hours = (one) => ({
          ...one,
          points: one.points?.filter(({ time }) => time % 3600 === 0),
        });
        return usual.step ? { ...usual, step: 3600, series: usual.series.map(hours) } : usual;
      };
      await refreshNow(page);
      await shows(page, ".tab-page .u-over");
      const { x, y, width, height } = await (await page.$(".tab-page .u-over")).boundingBox();
      for (const share of [0.3, 0.4, 0.5, 0.6]) {
        await page.mouse.move(x + width * share, y + height / 2);
        await until(page, `figures at ${share}`, () => {
          const told = document.querySelector(".tab-page .chart-readout").textContent;
          return /p50 \d/.test(told) && !told.split("p50 beside")[0].includes("–");
        });
      }
    },
  );

  await held(
    "spans without a length are in the histogram and in the heatmap",
    "busy",
    "#/graph?sel=e:shop/web>shop/cart>http",
    async (page, mock, seen) => {
      const none = (one) => ({
        ...one,
        values: one.values.map(() => 0),
        points: one.points?.map(none),
      });
      mock.own["/api/mesh/percentiles"] = (query, usual) => ({
        ...usual,
        series: usual.series.map(none),
      });
      await refreshNow(page);
      await until(page, "zeros", () =>
        /below 0,/.test(document.querySelector(".histogram svg")?.ariaLabel),
      );
      const bars = await page.$$eval(
        ".histogram rect",
        (all) => all.filter((one) => Number(one.getAttribute("height")) > 0).length,
      );
      equal(bars, 1, "bars");
      await go(page, "#/latency?server=shop/cart");
      await until(page, "cells", () => {
        const canvas = document.querySelector(".heatmap");
        if (!canvas?.width) return false;
        const { data } = canvas
          .getContext("2d")
          .getImageData(canvas.width / 2, 0, 1, canvas.height * 0.9);
        return data.some((value) => value > 0);
      });
      clean(seen, "zeros");
    },
  );

  await held(
    "a weft that is gone takes no lines of expressions away",
    "busy",
    "#/latency?tab=query&expr=up",
    async (page, mock) => {
      await shows(page, ".plot .u-over");
      mock.close();
      await refreshNow(page);
      await until(page, "the reason", () =>
        /does not answer/.test(document.querySelector(".expr-note").textContent),
      );
      ok(await page.$eval(".plot", (plot) => plot.clientWidth > 0), "the lines went with it");
    },
  );

  await held(
    "an empty range that stands still is not asked every second",
    "quiet",
    "#/graph?start=1700000000&end=1700000900",
    async (page, mock) => {
      await shows(page, ".overlay-note");
      const asked = mock.requests.length;
      await pause(2500);
      const more = mock.requests.length - asked; /* one may have been under way */
      ok(more < 2, `${more} more requests`);
    },
  );

  await held(
    "a step that is too fine is told by weft, and hangs no page",
    "busy",
    "#/latency?tab=query&expr=up&step=1&start=0&end=1700000000",
    async (page) => {
      await until(page, "the reason", () =>
        /11,000 points/.test(document.querySelector(".expr-note")?.textContent),
      );
    },
  );

  await held(
    "an address with a range that nobody offers shows the usual one",
    "busy",
    "#/graph?last=toString",
    async (page, mock) => {
      await picture(page, 15);
      ok(
        mock.requests.some((one) => one.includes("last=15m")),
        mock.requests.join(" "),
      );
    },
  );

  await held(
    "Enter goes through the hits of what is looked for now, from the first",
    "busy",
    "#/graph?find=pay",
    async (page) => {
      await picture(page, 15);
      const first = async (words) => {
        await page.$eval(
          ".find",
          (input, value) => {
            input.value = value;
            input.dispatchEvent(new Event("input"));
          },
          words,
        );
        await pressKey(page, ".find");
        return /sel=([^&]*)/.exec(await hash(page))?.[1];
      };
      const wanted = await first("shop/c");
      await first("pay");
      equal(await first("shop/c"), wanted, "the first hit");
    },
  );

  await held(
    "a large picture is saved as a file that browsers can make",
    "large",
    "#/graph",
    async (page) => {
      await picture(page, 200, 30_000);
      const saved = await page.evaluate(
        () =>
          new Promise((resolve) => {
            URL.createObjectURL = (blob) => {
              createImageBitmap(blob).then(({ width, height }) => resolve([width, height]));
              return "#";
            };
            const { cy } = document.querySelector(".ground")._cyreg;
            cy.nodes(".card")[0].position({ x: 30_000, y: 9000 });
            addEventListener("unhandledrejection", ({ reason }) => resolve(String(reason)));
            document.querySelector(".menu-item").click();
            setTimeout(() => resolve("no file within a minute"), 60_000);
          }),
      );
      ok(saved[0] > 10_000 && saved[0] <= 16_384 && saved[0] * saved[1] <= 2 ** 25, `${saved}`);
    },
  );

  await held("who wants no motion gets none in the picture", "busy", "#/graph", async (page) => {
    await picture(page, 15);
    await page.evaluate(() => {
      const { cy } = document.querySelector(".ground")._cyreg;
      cy.animate = () => cy.data("moved", true);
      cy.pan({ x: -5000, y: -5000 });
    });
    await go(page, "#/graph?sel=n:shop/web");
    await until(page, "the node in sight", () => {
      const { cy } = document.querySelector(".ground")._cyreg;
      return cy.data("moved") || cy.getElementById("n:shop/web").renderedPosition("x") > 0;
    });
    ok(
      !(await page.evaluate(() => document.querySelector(".ground")._cyreg.cy.data("moved"))),
      "it moves",
    );
  });

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

  await held(
    "a mesh of access logs alone is a mesh: filters stay, and nobody waits for spans",
    "busy",
    "#/graph?ns=nowhere",
    async (page, mock) => {
      mock.own["/api/mesh/status"] = (query, usual) => {
        const { spans, samples } = usual.account;
        return {
          ...usual,
          account: { ...usual.account, spans: samples, log_records: spans },
        };
      };
      await refreshNow(page);
      await until(page, "the note", () => document.querySelector(".overlay-note")?.clientWidth > 0);
      ok(/complete to/.test(await text(page, ".truth-text")), await text(page, ".truth-text"));
    },
  );
}
