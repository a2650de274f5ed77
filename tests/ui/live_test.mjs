/* live_test.mjs - the page against a running weft: waiting, first picture, figures that equal the API's, hostile names. */
import * as format from "../../ui-static/lib/format.js";
import { openPage, until } from "./browser.mjs";
import { equal, ok, test } from "./check.mjs";
import { axe, clean, drawn, go, picture, positions, screenshot, text, texts } from "./page.mjs";
import { batch, expected, NASTY, newcomer } from "./spans.mjs";
import { startWeft } from "./weft.mjs";
import { keyTests } from "./keys_test.mjs";
import { edgeAsPromqlTest, queryLiveTests } from "./query_live_test.mjs";
import { withoutRefusals } from "./query_test.mjs";
import { looksTests } from "./looks_test.mjs";

const REQUESTS = 400;
const SENDERS = [
  "Istio",
  "Consul",
  "Linkerd",
  "Envoy",
  "nginx",
  "Caddy",
  "Traefik",
  "OpenTelemetry SDK",
  "Collector",
];

async function waitingTest(page, weft) {
  await until(page, "the waiting view", () =>
    /Waiting for the first span/.test(document.body.textContent),
  );
  const tabs = await texts(page, ".tabs button");
  for (const sender of SENDERS) ok(tabs.includes(sender), `no settings for ${sender}`);
  const host = new URL(weft.url).hostname,
    ports = [weft.otlp, `http://${weft.grpc}`].map((address) => new URL(address).port);
  for (const tab of await page.$$(".tabs button")) {
    await tab.click();
    const name = await tab.evaluate((button) => button.textContent),
      snippet = await text(page, ".snippet");
    ok(snippet.includes(host), `the settings of ${name} do not name ${host}`);
    ok(
      ports.some((port) => snippet.includes(port)),
      `the settings of ${name} name neither port of ${ports}`,
    );
  }
  await screenshot(page, "waiting");
  await axe(page, "waiting");
}

const withoutProtocol = (id) => id.slice(0, id.lastIndexOf(">"));

/** Ids, requests and errors as the generator counted them. */
function checkGraph(graph) {
  const found = Object.fromEntries(
    graph.edges.map((edge) => [withoutProtocol(edge.id), [edge.requests, edge.errors]]),
  );
  const sorted = (object) => Object.fromEntries(Object.entries(object).sort());
  equal(sorted(found), sorted(expected(REQUESTS)), "edges of the API");
}

async function settled(weft) {
  for (let i = 0; i < 600; i++) {
    const graph = await weft.get("/api/mesh/graph?last=15m");
    const all = graph.edges.find((edge) => edge.client === "user");
    if (all?.requests === REQUESTS) return graph;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the API never counted every request");
}

function rangeAt(at) {
  return `start=${at - 900}&end=${at}`;
}

async function checkPanel(page, weft, edge, at) {
  const query = `${rangeAt(at)}&client=${encodeURIComponent(edge.client)}&server=${encodeURIComponent(edge.server)}&protocol=${edge.protocol}`;
  const wanted = await weft.get(`/api/mesh/edge?${query}&step=15`);
  await go(page, `#/graph?at=${at}&sel=${encodeURIComponent(`e:${edge.id}`)}`);
  await until(
    page,
    `the panel of ${edge.id}`,
    (names) => document.querySelector(".edge-title")?.textContent === names.join(""),
    [edge.client, edge.server],
  );
  const figures = [wanted.requests, wanted.errors, wanted.attempts].map(format.count);
  await until(
    page,
    `figures ${figures} in the panel of ${edge.id}`,
    (list) =>
      [...document.querySelectorAll(".slot-figures .value")].map((v) => v.textContent).join() ===
      list.join(),
    figures,
  );
  const sides = ["client", "server", "transit"].filter((side) => wanted[`${side}_latency`]);
  const latencies = sides.flatMap((side) =>
    ["p50", "p95", "p99"].map((q) => format.ms(wanted[`${side}_latency`][q])),
  );
  equal(await texts(page, ".slot-sides .legend b"), latencies, `latencies of ${edge.id}`);
  const codes = Object.entries({ ...wanted.codes })
    .concat(Object.entries(wanted.grpc_codes))
    .filter(([, n]) => n > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([, n]) => format.count(n));
  equal(
    await page.$$eval(".codes tr", (rows) =>
      rows.map((row) => row.querySelector("td.num").textContent),
    ),
    codes,
    `codes of ${edge.id}`,
  );
  equal(
    await texts(page, ".flags .flag"),
    Object.entries(wanted.flags)
      .sort((a, b) => b[1] - a[1])
      .map(([flag]) => flag),
    `flags of ${edge.id}`,
  );
}

async function figuresTest(page, weft) {
  const at = Math.ceil(Date.now() / 1000) + 1,
    graph = await weft.get(`/api/mesh/graph?${rangeAt(at)}`);
  for (const edge of graph.edges) await checkPanel(page, weft, edge, at);
  const payment = graph.edges.find((edge) => edge.server === "pay/payment");
  await checkPanel(page, weft, payment, at);
  await until(
    page,
    "charts and histogram",
    () =>
      document.querySelectorAll(".panel .uplot canvas").length >= 2 &&
      document.querySelector(".histogram"),
  );
  ok(
    (await texts(page, ".flags li")).some((line) => /UO.*circuit breaker open/.test(line)),
    "UO is not told in words",
  );
  ok((await texts(page, ".versions tbody tr")).length >= 2, "versions are not side by side");
  await screenshot(page, "edge-panel");
  return `${graph.edges.length} edges`;
}

async function nodePanelTest(page, weft) {
  const at = Math.ceil(Date.now() / 1000) + 1,
    graph = await weft.get(`/api/mesh/graph?${rangeAt(at)}`);
  for (const node of graph.nodes) {
    await go(page, `#/graph?at=${at}&sel=${encodeURIComponent(`n:${node.id}`)}`);
    await until(
      page,
      `the panel of ${node.id}`,
      ([name, list]) =>
        document.querySelector(".panel-head h2")?.textContent === name &&
        [...document.querySelectorAll(".slot-figures .value")]
          .slice(0, 2)
          .map((v) => v.textContent)
          .join() === list.join(),
      [node.name, [node.requests, node.errors].map(format.count)],
    );
  }
  return `${graph.nodes.length} nodes`;
}

async function hostileTest(page) {
  await go(page, `#/graph?sel=${encodeURIComponent(`n:evil/${NASTY}`)}&table=1`);
  await until(
    page,
    "the name as text",
    (name) => document.querySelector(".panel-head h2")?.textContent === name,
    NASTY,
  );
  await go(page, "#/services");
  await until(
    page,
    "the name in the list",
    (name) =>
      [...document.querySelectorAll(".row-button")].some((b) => b.textContent.includes(name)),
    NASTY,
  );
  await go(page, `#/services?service=${encodeURIComponent(`evil/${NASTY}`)}`);
  await until(
    page,
    "the name as title",
    (name) =>
      document.querySelector("h1:not([hidden])") &&
      [...document.querySelectorAll("h1")].some((t) => t.textContent === `evil/${name}`),
    NASTY,
  );
  equal(await page.$$eval("img", (list) => list.length), 0, "images in the page");
}

async function focusTest(page, weft) {
  await go(page, "#/graph?focus=shop%2Fcheckout&depth=1");
  const wanted = await weft.get("/api/mesh/graph?last=15m&focus=shop%2Fcheckout&depth=1");
  await until(
    page,
    "the neighbours only",
    (n) => document.querySelector(".ground")._cyreg.cy.nodes(".card").length === n,
    wanted.nodes.length,
  );
  equal((await drawn(page)).nodes, wanted.nodes.map((node) => node.id).sort(), "nodes in focus");
  await go(page, "#/graph");
  await picture(page, 6);
}

/** Versions are told apart by their names, and a namespace's own edges stand clear of its card. */
async function groupsTest(page) {
  await go(page, `#/graph?group=version&table=1&sel=${encodeURIComponent("n:pay/payment@v2")}`);
  await until(
    page,
    "the version's panel",
    () => document.querySelector(".panel-head h2")?.textContent === "payment v2",
  );
  const names = await texts(page, '.twin [aria-label="Nodes of the graph"] tbody th');
  ok(names.includes("payment v1") && names.includes("payment v2"), `names: ${names}`);
  equal(new Set(names).size, names.length, `names of versions: ${names}`);
  equal(
    await page.$$eval(".slot-actions a", (all) => all.map((a) => a.getAttribute("href"))),
    ["#/services?service=pay%2Fpayment", "#/latency?server=pay%2Fpayment&version=v2"],
    "where its panel leads",
  );
  equal(await page.$eval(".truth", (line) => line.dataset.level), "calm", "level");
  await go(page, "#/graph?group=namespace");
  await until(page, "a loop", () =>
    document.querySelector(".ground")._cyreg.cy.edges(".loop").nonempty(),
  );
  const clear = await page.evaluate(() => {
    const loop = document.querySelector(".ground")._cyreg.cy.edges(".loop")[0],
      node = loop.source();
    return node.position("y") - node.height() / 2 - loop.midpoint().y;
  });
  ok(clear > 12, `the label of a loop is ${clear} above its card`);
  await go(page, "#/graph");
}

async function findTest(page, weft) {
  const graph = await weft.get("/api/mesh/graph?last=15m"),
    both = [...graph.nodes, ...graph.edges];
  const rows = {
    "error > 1%": both.filter((one) => one.error_ratio > 0.01),
    "flag:UO": graph.edges.filter((edge) => edge.flags.UO),
    cart: graph.nodes.filter((node) => node.id.includes("cart")),
  };
  for (const [query, hits] of Object.entries(rows)) {
    await go(page, `#/graph?find=${encodeURIComponent(query)}`);
    await until(
      page,
      `${hits.length} hits for ${query}`,
      (n) =>
        document.querySelector(".find-count").textContent ===
        (n === 1 ? "1 match" : `${n} matches`),
      hits.length,
    );
  }
  await go(page, "#/graph");
}

async function viewsTest(page, weft) {
  const at = Math.ceil(Date.now() / 1000) + 1,
    range = rangeAt(at);
  await go(page, `#/services?at=${at}`);
  const { services } = await weft.get(`/api/mesh/services?${range}`);
  await until(
    page,
    "every service",
    (n) => document.querySelectorAll(".table tbody tr").length === n,
    services.length,
  );
  await go(page, `#/latency?at=${at}&server=pay%2Fpayment&compare=version&with=v2`);
  const answer = await weft.get(
    `/api/mesh/percentiles?${range}&server=pay%2Fpayment&q=0.5,0.95,0.99&by=`,
  );
  const values = answer.series[0].values.map(format.ms);
  await until(
    page,
    `percentiles ${values}`,
    (list) =>
      [...document.querySelectorAll(".latency-summary .legend b")]
        .slice(0, 3)
        .map((b) => b.textContent)
        .join() === list.join(),
    values,
  );
  ok(
    (await text(page, ".latency-summary")).includes(format.bound(answer.error)),
    "the error bound is not shown",
  );
  await until(
    page,
    "a second version beside",
    () => document.querySelectorAll(".latency-summary .legend b").length === 6,
  );
  await screenshot(page, "latency");
  await go(page, `#/services?service=${encodeURIComponent("shop/web")}`);
  await until(page, "health on a service's page", () =>
    document.querySelector(".page-head .health"),
  );
  await go(page, "#/senders");
  const status = await weft.get("/api/mesh/status");
  await until(
    page,
    "every sender",
    (n) => document.querySelectorAll(".table tbody tr").length === n,
    status.senders.length,
  );
}

async function saveTest(page) {
  await go(page, "#/graph");
  await picture(page, 6);
  await page.evaluate(() => {
    window.saved = [];
    const original = URL.createObjectURL;
    URL.createObjectURL = (blob) => {
      window.saved.push(blob);
      return original.call(URL, blob);
    };
    HTMLAnchorElement.prototype.click = function () {};
  });
  const items = await page.$$("#save-menu .menu-item");
  for (const item of items) {
    await page.click(".save-box > .button");
    const before = await page.evaluate(() => window.saved.length);
    await item.click();
    await until(page, "a file", (n) => window.saved.length > n, before);
  }
  const [png, svg, json] = await page.evaluate(async () =>
    Promise.all(
      window.saved.map(async (blob) => ({
        type: blob.type,
        size: blob.size,
        text: blob.type === "image/png" ? "" : await blob.text(),
      })),
    ),
  );
  ok(png.type === "image/png" && png.size > 5000, `the picture has ${png.size} bytes`);
  ok(
    svg.text.startsWith("<svg") && !/<img|<script/.test(svg.text) && svg.text.includes("checkout"),
    "the drawing is not whole or not escaped",
  );
  ok(/textLength="[\d.]+"/.test(svg.text), "texts of the drawing may leave their cards");
  ok(JSON.parse(json.text).edges.length >= 5, "the data is not whole");
}

async function newcomerTest(page, weft) {
  await go(page, "#/graph");
  await picture(page, 6);
  const before = await positions(page);
  await weft.push(newcomer());
  await until(
    page,
    "the new node",
    () => document.querySelector(".ground")._cyreg.cy.getElementById("n:shop/stock").nonempty(),
  );
  const after = await positions(page);
  for (const id of Object.keys(before)) equal(after[id], before[id], `position of ${id}`);
}

export async function liveTests(browser, binary) {
  const weft = await startWeft(binary),
    { page, seen } = await openPage(browser, `${weft.url}/`);
  try {
    await test("before the first span: settings to copy with this host's addresses", () =>
      waitingTest(page, weft));
    await test("the picture appears by itself within 5 s of the first batch", async () => {
      const began = Date.now();
      await weft.push(batch(REQUESTS));
      await picture(page, 6, 5000);
      return `${Date.now() - began} ms`;
    });
    await test("the graph has the right nodes and edges", async () => {
      const graph = await settled(weft);
      checkGraph(graph);
      await until(
        page,
        "all edges",
        (n) => document.querySelector(".ground")._cyreg.cy.edges(".link").length === n,
        graph.edges.length,
      );
      equal(
        await drawn(page),
        { nodes: graph.nodes.map((n) => n.id).sort(), edges: graph.edges.map((e) => e.id).sort() },
        "what is drawn",
      );
      await screenshot(page, "graph");
    });
    await test("the edge panel's figures equal the API's", () => figuresTest(page, weft));
    await test("the node panel's figures equal the API's", () => nodePanelTest(page, weft));
    await test("a hostile service name shows as text", () => hostileTest(page));
    await test("focus shows a node's neighbours", () => focusTest(page, weft));
    await test("graphs of versions and of namespaces can be read", () => groupsTest(page));
    await test("the find box finds what the API has", () => findTest(page, weft));
    await test("services, latency and senders show what the API has", () => viewsTest(page, weft));
    await test("saving as PNG, SVG and JSON", () => saveTest(page));
    await queryLiveTests(page, weft);
    await keyTests(page);
    await test("a new node moves none of the others, live", () => newcomerTest(page, weft));
    await looksTests(browser, weft.url);
    await edgeAsPromqlTest(page);
    await test("no console error, no dialog, no request elsewhere", () =>
      clean(withoutRefusals(seen), "the whole session"));
  } finally {
    await page.close();
    await weft.stop();
  }
}
