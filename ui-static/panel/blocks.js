/* blocks.js - the parts of the panels that are lists: answers, flags, versions, evidence, single requests. */
import { copyText, h } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { bar, chip, note, section } from "../lib/parts.js";
import { clock, count, ms, percent } from "../lib/format.js";
import {
  flagIsHarmless,
  flagWords,
  grpcIsError,
  grpcWords,
  httpIsError,
  httpWords,
  mood,
} from "../lib/words.js";

function codeRows(codes, prefix, words, isError) {
  return Object.entries(codes ?? {})
    .sort((a, b) => b[1] - a[1])
    .map(([code, n]) => ({ name: `${prefix}${code}`, words: words(code), n, bad: isError(code) }));
}

/** Response codes as bars. */
export function codesBlock(edge) {
  const rows = [
    ...codeRows(edge.codes, "", httpWords, httpIsError),
    ...codeRows(edge.grpc_codes, "gRPC ", grpcWords, grpcIsError),
  ].filter((row) => row.n > 0);
  if (!rows.length) return null;
  const all = rows.reduce((sum, row) => sum + row.n, 0);
  return section(
    "Answers",
    h(
      "table",
      { class: "plain codes" },
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            h(
              "th",
              { scope: "row" },
              h("span", { class: row.bad ? "code bad" : "code" }, row.name),
              " ",
              h("span", { class: "quiet-text" }, row.words),
            ),
            h("td", { class: "wide-cell" }, bar(row.n / all, row.bad ? "bad" : "")),
            h("td", { class: "num" }, count(row.n)),
            h("td", { class: "num quiet-text" }, percent(row.n / all)),
          ),
        ),
      ),
    ),
  );
}

/** Response flags in words. */
export function flagsBlock(edge) {
  const flags = Object.entries(edge.flags ?? {}).sort((a, b) => b[1] - a[1]);
  const denied =
    edge.denied > 0
      ? h(
          "li",
          {},
          h("span", { class: "flag" }, "RBAC"),
          h("span", {}, "denied by an authorization policy"),
          h("span", { class: "num" }, count(edge.denied)),
        )
      : null;
  if (!flags.length && !denied) return null;
  return section(
    "What the proxies said",
    h(
      "ul",
      { class: "flags" },
      flags.map(([flag, n]) =>
        h(
          "li",
          {},
          h("span", { class: flagIsHarmless(flag) ? "flag harmless" : "flag" }, flag),
          h("span", {}, flagWords(flag)),
          h("span", { class: "num" }, count(n)),
        ),
      ),
      denied,
    ),
  );
}

const versionName = (version) => version || "not named";

/** Every pair of versions side by side. */
export function versionsBlock(edge) {
  const rows = [...(edge.versions ?? [])].sort((a, b) => b.requests - a.requests);
  if (!rows.length || (rows.length === 1 && !rows[0].client_version && !rows[0].server_version))
    return null;
  const all = rows.reduce((sum, row) => sum + row.requests, 0) || 1;
  const latency = (row) => row.client_latency ?? row.server_latency;
  const head = ["Caller → called", "Share", "Errors", "p50", "p95", "p99"];
  return section(
    "Versions side by side",
    h(
      "div",
      { class: "scroll-x", tabindex: "0", role: "region", "aria-label": "Versions" },
      h(
        "table",
        { class: "plain versions" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            head.map((name, i) => h("th", { scope: "col", class: i ? "num" : "" }, name)),
          ),
        ),
        h(
          "tbody",
          {},
          rows.map((row) =>
            h(
              "tr",
              {},
              h(
                "th",
                { scope: "row" },
                h("bdi", {}, versionName(row.client_version)),
                " → ",
                h("bdi", { class: "strong" }, versionName(row.server_version)),
              ),
              h("td", { class: "num", title: count(row.requests) }, percent(row.requests / all)),
              h(
                "td",
                { class: `num ${mood(row)}` },
                percent(row.requests ? row.errors / row.requests : 0),
              ),
              ["p50", "p95", "p99"].map((q) => h("td", { class: "num" }, ms(latency(row)?.[q]))),
            ),
          ),
        ),
      ),
    ),
  );
}

/** Mutual TLS and who presented which certificate; only what evidence was seen for. */
export function mtlsBlock(edge) {
  if (!edge.mtls) return null;
  const { mutual, tls, plain, unknown } = edge.mtls,
    all = mutual + tls + plain + unknown;
  if (!all) return null;
  const part = (n, words) =>
    n ? h("li", {}, `${words}: ${count(n)} (${percent(n / all)})`) : null;
  const names = Object.entries(edge.principals ?? {}).map(([side, list]) =>
    list.length
      ? h(
          "p",
          {},
          `${side}: `,
          list.map((name) => h("code", {}, name)),
        )
      : null,
  );
  return section(
    plain > 0 ? "Partly in plain text" : "Encrypted",
    h(
      "ul",
      { class: "bare" },
      part(mutual, "mutual TLS"),
      part(tls, "TLS"),
      part(plain, "plain text"),
      part(unknown, "not known"),
    ),
    names,
  );
}

function exemplarRow(one) {
  const button = h(
    "button",
    {
      type: "button",
      class: "button quiet square small",
      "aria-label": `Copy trace id ${one.trace_id}`,
      title: "Copy trace id",
      data: { key: one.trace_id },
      on: { click: () => copyText(one.trace_id, button) },
    },
    icon("copy"),
  );
  return h(
    "tr",
    {},
    h(
      "th",
      { scope: "row" },
      h("code", { title: one.trace_id }, `${one.trace_id.slice(0, 16)}…`),
      button,
    ),
    h(
      "td",
      {},
      one.error ? h("span", { class: "health health-failing" }, icon("failing"), "failed") : "",
    ),
    h("td", { class: "num" }, clock(one.time)),
    h("td", { class: "num" }, ms(one.latency)),
  );
}

/** The slowest and the failing requests by trace id. */
export function exemplarsBlock(edge) {
  const rows = [...(edge.exemplars ?? [])].sort((a, b) => b.latency - a.latency).slice(0, 8);
  if (!rows.length) return null;
  return section(
    "Slowest and failing",
    h("table", { class: "plain exemplars" }, h("tbody", {}, rows.map(exemplarRow))),
  );
}

/** Who saw it, and sizes. */
export function evidenceBlock(edge, words, size) {
  const average = (n) =>
    n === null || n === undefined || !edge.requests ? null : size(n / edge.requests);
  const request = average(edge.request_bytes),
    response = average(edge.response_bytes);
  return section(
    "Seen by",
    h(
      "p",
      { class: "row wrap" },
      (edge.evidence ?? []).map((one) => chip(words([one]))),
    ),
    request || response
      ? note(
          [
            request ? `requests average ${request}` : null,
            response ? `answers average ${response}` : null,
          ]
            .filter(Boolean)
            .join(", "),
        )
      : null,
  );
}
