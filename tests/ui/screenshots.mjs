/* screenshots.mjs - the pictures of docs/: `node tests/ui/screenshots.mjs [URL]`.
 *
 * graph.png: a weft fed with what real Envoys pushed (WEFT_CORPUS). edge-panel.png and query.png: the weft at URL, which
 * `weft demo` has been feeding for some minutes; left alone without URL. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { launch, openPage, until } from "./browser.mjs";
import { feed } from "./corpus_test.mjs";
import { picture } from "./page.mjs";
import { queryAt } from "./query_test.mjs";
import { findWeft, startWeft } from "./weft.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../.."),
  folder = join(process.env.WEFT_CORPUS ?? join(root, "../shared/corpus"), "envoy-istio");
const EDGE = "e:shop/web>shop/reviews>http";
const BY_VERSION = ["0.95", "0.5"].map(
  (q) =>
    `histogram_quantile(${q}, sum by (server_version) (rate(weft_request_duration_seconds{server="pay/payment"}[1m])))`,
);

async function save(page, name) {
  await new Promise((resolve) => setTimeout(resolve, 900));
  await page.screenshot({ path: join(root, "docs", name) });
  await page.close();
}

async function shootQuery(browser, url) {
  const { page } = await openPage(browser, `${url}/${queryAt(BY_VERSION, "&last=5m")}`, {
    width: 1360,
    height: 850,
  });
  await until(page, "lines", () => document.querySelector(".plot .uplot canvas"));
  await new Promise((resolve) => setTimeout(resolve, 6000));
  await save(page, "query.png");
}

async function shoot(browser, url, name, dark) {
  const { page } = await openPage(browser, url, { dark, width: 1360, height: 850 });
  await picture(page, 10);
  if (url.includes("sel="))
    await until(
      page,
      "the panel's charts",
      () =>
        document.querySelectorAll(".panel .uplot").length >= 2 &&
        document.querySelector(".histogram"),
    );
  await save(page, name);
}

const chromium = await launch(),
  weft = await startWeft(findWeft(root)),
  demo = process.argv[2];
try {
  const { start, end } = await feed(weft, folder);
  await shoot(
    chromium.browser,
    `${weft.url}/#/graph?start=${start + 60}&end=${end - 60}`,
    "graph.png",
    false,
  );
  if (demo) {
    await shoot(
      chromium.browser,
      `${demo}/#/graph?last=5m&sel=${encodeURIComponent(EDGE)}`,
      "edge-panel.png",
      true,
    );
    await shootQuery(chromium.browser, demo);
  }
} finally {
  await chromium.close();
  await weft.stop();
}
