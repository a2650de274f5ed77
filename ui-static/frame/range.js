/* range.js - which time is shown: the last n minutes, or two moments; live or standing still. */
import { h, fill } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { stamp } from "../lib/format.js";
import * as state from "../state.js";

const NAMES = { "5m": "5 m", "15m": "15 m", "1h": "1 h", "6h": "6 h", "24h": "24 h" };

const localValue = (seconds) => stamp(seconds).replace(" ", "T");

function choose(last) {
  state.set({ last, start: "", end: "" });
}

function toggleLive() {
  const now = state.get();
  if (state.isLive(now)) state.set({ at: String(Math.floor(Date.now() / 1000)) });
  else state.set({ at: "", start: "", end: "" });
}

function customDialog() {
  const from = h("input", { type: "datetime-local", step: "1", name: "from", required: true });
  const to = h("input", { type: "datetime-local", step: "1", name: "to", required: true });
  const complaint = h("p", { class: "complaint", role: "alert" });
  const form = h(
    "form",
    { method: "dialog", class: "custom-range" },
    h("h2", {}, "Custom range"),
    h("label", {}, "From", from),
    h("label", {}, "To", to),
    complaint,
    h(
      "div",
      { class: "row end" },
      h(
        "button",
        { type: "button", class: "button", on: { click: () => dialog.close() } },
        "Cancel",
      ),
      h("button", { type: "submit", class: "button primary" }, "Show"),
    ),
  );
  const dialog = h("dialog", { "aria-label": "Custom range" }, form);
  form.addEventListener("submit", (event) => {
    const start = Date.parse(from.value) / 1000,
      end = Date.parse(to.value) / 1000;
    if (end > start) return state.set({ start: String(start), end: String(end), at: "" });
    event.preventDefault();
    complaint.textContent = "The end must come after the start.";
  });
  return {
    dialog,
    open() {
      const { start, end } = state.bounds(state.get());
      from.value = localValue(start);
      to.value = localValue(end);
      complaint.textContent = "";
      dialog.showModal();
    },
  };
}

/** The range buttons and the live switch; `render(state)` shows what is chosen. */
export function createRange() {
  const custom = customDialog();
  const buttons = Object.keys(NAMES).map((last) =>
    h("button", { type: "button", data: { last }, on: { click: () => choose(last) } }, NAMES[last]),
  );
  const other = h("button", { type: "button", on: { click: custom.open } }, "Custom");
  const live = h("button", { type: "button", class: "button live", on: { click: toggleLive } });
  const element = h(
    "div",
    { class: "range" },
    h("div", { class: "segmented", role: "group", "aria-label": "Time range" }, buttons, other),
    live,
    custom.dialog,
  );

  function render(now) {
    const fixed = state.isFixed(now),
      isLive = state.isLive(now);
    for (const button of buttons)
      button.setAttribute("aria-pressed", String(!fixed && button.dataset.last === now.last));
    other.setAttribute("aria-pressed", String(fixed));
    other.title = fixed
      ? `${stamp(Number(now.start))} to ${stamp(Number(now.end))}`
      : "Choose start and end";
    fill(
      live,
      isLive ? h("span", { class: "pulse", "aria-hidden": "true" }) : icon("pause"),
      isLive ? "Live" : "Paused",
    );
    live.setAttribute("aria-pressed", String(isLive));
    live.title = isLive ? "Stand still at this moment (space)" : "Follow the present again (space)";
  }
  return { element, render, toggleLive };
}
