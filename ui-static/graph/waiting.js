/* waiting.js - what a newcomer sees first: how to send the first span, with the addresses of this very host. */
import { copyText, fill, h } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { SNIPPETS } from "./snippets.js";

/** Ports of the listeners: the server's own word when it gives one, else the usual ones. */
export function addresses(status) {
  const port = (address, usual) => /:(\d+)$/.exec(address ?? "")?.[1] ?? usual;
  const host = location.hostname;
  return {
    host,
    grpc: `${host}:${port(status?.listen?.otlp_grpc, "4317")}`,
    http: `http://${host}:${port(status?.listen?.otlp_http, "4318")}`,
  };
}

const isLoopback = (host) => host === "localhost" || host === "[::1]" || host.startsWith("127.");

export function createWaiting() {
  let chosen = SNIPPETS[0].name,
    where = addresses(null);
  const code = h("pre", { class: "snippet", tabindex: "0", "aria-label": "Settings to copy" }),
    words = h("p", { class: "quiet-text" }),
    hint = h("p", { class: "quiet-text" });
  const copy = h(
    "button",
    { type: "button", class: "button", on: { click: () => copyText(code.textContent, copy) } },
    icon("copy"),
    h("span", { class: "before" }, "Copy"),
    h("span", { class: "after" }, "Copied"),
  );
  const tabs = SNIPPETS.map(({ name }) =>
    h("button", { type: "button", data: { name }, on: { click: () => choose(name) } }, name),
  );
  const endpoints = h("dl", { class: "endpoints" });
  const element = h(
    "section",
    { class: "waiting" },
    h(
      "div",
      { class: "waiting-head" },
      h("div", { class: "threads", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
      h("h1", {}, "Waiting for the first span"),
      h(
        "p",
        {},
        "Point a proxy here. The graph appears by itself a moment after the first request.",
      ),
      endpoints,
    ),
    h(
      "div",
      { class: "waiting-card" },
      h("div", { class: "tabs", role: "group", "aria-label": "Sender" }, tabs),
      h("div", { class: "snippet-box" }, code, copy),
      words,
      hint,
    ),
  );

  function choose(name) {
    chosen = name;
    const snippet = SNIPPETS.find((one) => one.name === name);
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.name === name));
    code.textContent = snippet.text(where).trim();
    words.textContent = snippet.words;
  }

  function render(status) {
    const now = addresses(status);
    if (endpoints.childElementCount && now.grpc === where.grpc && now.http === where.http) return;
    where = now;
    fill(
      endpoints,
      h("div", {}, h("dt", {}, "OTLP/gRPC"), h("dd", {}, h("code", {}, where.grpc))),
      h("div", {}, h("dt", {}, "OTLP/HTTP"), h("dd", {}, h("code", {}, `${where.http}/v1/traces`))),
    );
    hint.textContent = isLoopback(where.host)
      ? "This address reaches weft from this machine only. To take spans from elsewhere, listen on another address and open this page there."
      : "";
    choose(chosen);
  }
  return { element, render };
}
