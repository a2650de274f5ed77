/* page.mjs - what tests look at in the page. */
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ok } from "./check.mjs";
import { until } from "./browser.mjs";

const here = dirname(fileURLToPath(import.meta.url)),
  artefacts = join(here, "artefacts");
const axeSource = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

/** Ids of what is drawn: {nodes, edges}. */
export const drawn = (page) =>
  page.evaluate(() => {
    const cy = document.querySelector(".ground")._cyreg.cy,
      ids = (selector, cut) =>
        cy
          .elements(selector)
          .map((element) => element.id().slice(cut))
          .sort();
    return { nodes: ids(".card", 2), edges: ids(".link", 2) };
  });

export const positions = (page) =>
  page.evaluate(() =>
    Object.fromEntries(
      document
        .querySelector(".ground")
        ._cyreg.cy.nodes(".card")
        .map((node) => [
          node.id(),
          [Math.round(node.position("x")), Math.round(node.position("y"))],
        ]),
    ),
  );

/** Waits for a picture with at least `n` nodes. */
export const picture = (page, n = 1, timeout = 60_000) =>
  until(
    page,
    `a picture of ${n} nodes`,
    (least) => {
      const ground = document.querySelector(".ground");
      return ground?._cyreg?.cy.nodes(".card").length >= least && ground.clientWidth > 0;
    },
    n,
    timeout,
  );

/** Goes to a state of the page by its address, as a colleague would. */
export async function go(page, fragment) {
  await page.evaluate((to) => {
    location.hash = to;
  }, fragment);
}

export const text = (page, selector) => page.$eval(selector, (element) => element.textContent);
export const texts = (page, selector) =>
  page.$$eval(selector, (elements) => elements.map((element) => element.textContent));

export async function screenshot(page, name) {
  mkdirSync(artefacts, { recursive: true });
  await page.screenshot({ path: join(artefacts, `${name}.png`) });
}

/** Accessibility: nothing serious or critical. */
export async function axe(page, where) {
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async () =>
    (await window.axe.run(document, { resultTypes: ["violations"] })).violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .slice(0, 3)
            .map((node) => `${node.target} ${node.failureSummary?.split("\n")[1]?.trim() ?? ""}`)
            .join(" | ")}`,
      ),
  );
  ok(violations.length === 0, `${where}: ${violations.join("; ")}`);
}

/** The page must not be wider than the window. */
export async function fits(page, where) {
  const [inside, outside] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    innerWidth,
  ]);
  ok(inside <= outside, `${where}: ${inside} px of content in ${outside} px`);
}

/** Nothing may have gone wrong while the page was used. */
export function clean(seen, where) {
  ok(seen.errors.length === 0, `${where}: console said ${seen.errors.join(" | ")}`);
  ok(seen.foreign.length === 0, `${where}: requests elsewhere: ${seen.foreign.join(" ")}`);
  ok(seen.dialogs.length === 0, `${where}: a dialog opened: ${seen.dialogs.join(" ")}`);
}
