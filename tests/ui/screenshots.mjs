/* screenshots.mjs - the two pictures of docs/: `node tests/ui/screenshots.mjs [URL]`.
 *
 * graph.png: a weft fed with what real Envoys pushed (WEFT_CORPUS). edge-panel.png: the weft at URL, which `weft demo`
 * has been feeding for some minutes; left alone without URL. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { launch, openPage, until } from "./browser.mjs";
import { feed } from "./corpus_test.mjs";
import { picture } from "./page.mjs";
import { findWeft, startWeft } from "./weft.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../.."),
  folder = join(process.env.WEFT_CORPUS ?? join(root, "../shared/corpus"), "envoy-istio");
const EDGE = "e:shop/web>shop/reviews>http";

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
  await new Promise((resolve) => setTimeout(resolve, 900));
  await page.screenshot({ path: join(root, "docs", name) });
  await page.close();
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
  if (demo)
    await shoot(
      chromium.browser,
      `${demo}/#/graph?last=5m&sel=${encodeURIComponent(EDGE)}`,
      "edge-panel.png",
      true,
    );
} finally {
  await chromium.close();
  await weft.stop();
}
