/* truth.js - the thin line that says how far the data can be believed, and the account behind it. */
import { h, fill } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { hasReceived } from "../lib/account.js";
import { clock, count, plural, rate, stamp } from "../lib/format.js";
import * as state from "../state.js";

const SIGNALS = {
  spans: "Spans",
  log_records: "Log records",
  metric_points: "Metric points",
  samples: "Samples",
};
const GROUPS = ["rejected", "dropped", "refused"];

const sum = (reasons) => Object.values(reasons ?? {}).reduce((total, n) => total + n, 0);

function total(account, group) {
  return Object.values(account).reduce((all, signal) => all + sum(signal[group]), 0);
}

/** Spans a second between two answers of the status call. */
function createSpeed() {
  let before = null;
  return (status) => {
    const now = { time: performance.now() / 1000, received: status.account.spans?.received ?? 0 };
    const speed =
      before && now.time > before.time
        ? (now.received - before.received) / (now.time - before.time)
        : null;
    before = now;
    return speed !== null && speed >= 0 ? speed : null;
  };
}

function losses(account) {
  const words = [];
  for (const group of ["dropped", "refused"]) {
    const n = total(account, group);
    if (n > 0) words.push(`${count(n)} ${group}`);
  }
  const off = Object.values(account).reduce(
    (all, signal) => all + Math.abs(signal.difference ?? 0),
    0,
  );
  if (off > 0) words.push(`${count(off)} unaccounted for`);
  return words;
}

/** Which time is looked at, when it is not the present: "2026-11-23 12:00:00 to 12:15:00". */
function rangeWords(now) {
  if (state.isLive(now)) return null;
  const { start, end } = state.bounds(now);
  if (!Number.isFinite(start) || !Number.isFinite(end)) return null;
  const [from, to] = [stamp(start), stamp(end)];
  return `${from} to ${to.slice(0, 10) === from.slice(0, 10) ? to.slice(11) : to}`;
}

function accountTable(account) {
  const rows = Object.entries(account)
    .filter(([, signal]) => signal.received > 0)
    .flatMap(([name, signal]) => [
      h(
        "tr",
        { class: "head" },
        h("th", { scope: "row" }, SIGNALS[name] ?? name),
        h("td", {}, "received"),
        h("td", { class: "num" }, count(signal.received)),
      ),
      ["stored", "sampled_out", "pending"]
        .filter((key) => signal[key] > 0 || key === "stored")
        .map((key) =>
          h(
            "tr",
            {},
            h("td"),
            h("td", {}, key.replace("_", " ")),
            h("td", { class: "num" }, count(signal[key])),
          ),
        ),
      GROUPS.flatMap((group) =>
        Object.entries(signal[group] ?? {})
          .filter(([, n]) => n > 0)
          .map(([reason, n]) =>
            h(
              "tr",
              { class: group },
              h("td"),
              h("td", {}, `${group}: ${reason.replaceAll("_", " ")}`),
              h("td", { class: "num" }, count(n)),
            ),
          ),
      ),
      h(
        "tr",
        {},
        h("td"),
        h("td", {}, "difference"),
        h("td", { class: "num" }, count(signal.difference)),
      ),
    ]);
  return rows.length
    ? h("table", { class: "account" }, h("tbody", {}, rows))
    : h("p", { class: "quiet-text" }, "Nothing received yet.");
}

/**
 * The line; `update` takes what became known: status, completeUntil, warnings, `lost` (no status), `failed` (no view), or for how
 * many seconds weft has not answered (`silent`).
 */
export function createTruth() {
  const speedOf = createSpeed();
  const known = {
    status: null,
    speed: null,
    completeUntil: null,
    warnings: [],
    lost: null,
    failed: null,
    silent: 0,
  };
  const text = h("span", { class: "truth-text" });
  const sign = h("span", { class: "truth-sign" });
  const notes = h("span", { class: "truth-notes" });
  const button = h(
    "button",
    { type: "button", class: "truth-button", popovertarget: "account" },
    sign,
    text,
  );
  const account = h("div", {
    id: "account",
    class: "popover",
    popover: "auto",
    role: "dialog",
    "aria-label": "The account",
  });
  /* The line changes with every answer; said aloud is only a change of its mood. */
  const spoken = h("span", { class: "sr-only", role: "status" });
  account.addEventListener("toggle", (event) => {
    if (event.newState === "open")
      account.style.top = `${button.getBoundingClientRect().bottom + 6}px`;
  });
  const element = h("div", { class: "truth" }, button, notes, account, spoken);

  function parts() {
    if (known.silent) return [`no answer from weft for ${known.silent} s`];
    if (known.lost ?? known.failed) return [known.lost ?? known.failed];
    const { status } = known;
    if (!status) return ["asking weft"];
    const list = [rangeWords(state.get())].filter(Boolean);
    if (known.completeUntil && hasReceived(status))
      list.push(`complete to ${clock(known.completeUntil)}`);
    list.push(plural(status.senders.length, "sender"));
    if (known.speed !== null) list.push(rate(known.speed).replace("/s", " spans/s"));
    if (!status.ready) list.push("replaying the journal");
    const lost = losses(status.account),
      rejected = total(status.account, "rejected");
    if (rejected > 0) list.push(`${count(rejected)} rejected`);
    return list.concat(lost.length ? lost : ["nothing dropped"]);
  }

  function level() {
    if (known.lost ?? known.failed) return "bad";
    if (known.silent) return "warn";
    if (!known.status) return "calm";
    return losses(known.status.account).length || known.warnings.length || !known.status.ready
      ? "warn"
      : "calm";
  }

  function render() {
    const now = level(),
      line = parts().join(" · ");
    if (now !== (element.dataset.level ?? "calm"))
      spoken.textContent = now === "calm" ? "all well again" : line;
    element.dataset.level = now;
    fill(
      sign,
      now === "calm"
        ? h("span", { class: "dot", "aria-hidden": "true" })
        : icon(now === "bad" ? "failing" : "degraded", now === "bad" ? "Error" : "Attention"),
    );
    if (text.textContent !== line) text.textContent = line;
    fill(
      notes,
      known.warnings.map((w) => h("span", {}, w)),
    );
    if (known.status)
      fill(
        account,
        h("h2", {}, "The account"),
        h(
          "p",
          { class: "quiet-text" },
          "received = stored + sampled out + rejected + dropped + refused + pending",
        ),
        accountTable(known.status.account),
      );
  }

  function update(patch) {
    Object.assign(known, patch);
    if (patch.status) known.speed = speedOf(patch.status);
    render();
  }
  render();
  return { element, update };
}
