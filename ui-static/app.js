/* app.js - puts frame and view together and keeps both fresh. */
import * as api from "./api.js";
import * as state from "./state.js";
import { h, fill } from "./lib/dom.js";
import { createPoll } from "./lib/poll.js";
import { createTopbar } from "./frame/topbar.js";
import { createTruth } from "./frame/truth.js";
import { createHelp, listenKeys } from "./frame/keys.js";
import { hasReceived } from "./lib/account.js";
import { createGraphView } from "./views/graph.js";
import { createServicesView } from "./views/services.js";
import { createLatencyView } from "./views/latency.js";
import { createSendersView } from "./views/senders.js";

const CREATE = {
  graph: createGraphView,
  services: createServicesView,
  latency: createLatencyView,
  senders: createSendersView,
};
const TITLES = { graph: "Graph", services: "Services", latency: "Latency", senders: "Senders" };
const REFRESH_MS = 5000,
  WAITING_MS = 1000,
  SILENT_S = 5;

const truth = createTruth();
const help = createHelp();
const topbar = createTopbar({ help: help.open });
const main = h("main", { id: "main", tabindex: "-1" });
const context = { status: null, truth, completeUntil: null, again: () => {} };
let view = null,
  shown = "";

function showView(now) {
  if (shown !== now.view) {
    view?.destroy();
    view = CREATE[now.view](context);
    shown = now.view;
    main.dataset.view = now.view;
    document.title = `${TITLES[now.view]} · weft`;
    const hadFocus = main.contains(document.activeElement);
    main.replaceChildren(view.element);
    if (hadFocus) main.focus();
  }
  topbar.render(now);
  view.render?.(now);
}

async function askStatus(signal) {
  try {
    context.status = await api.status(signal);
    truth.update({ status: context.status, lost: null });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    truth.update({ lost: error.message });
  }
}

/* The graph view learns this with its own answer; the others ask for the smallest graph there is. */
async function askCompleteness(signal) {
  const { complete_until: completeUntil } = await api.graph(
    { last: "5m", group: "namespace" },
    signal,
  );
  context.completeUntil = completeUntil;
  truth.update({ completeUntil, warnings: [] });
}

async function askView(signal) {
  try {
    await view.refresh(state.get(), signal);
    if (shown !== "graph") await askCompleteness(signal);
    truth.update({ failed: null });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (!(error instanceof api.ApiError)) throw error;
    truth.update({ failed: error.message });
  }
}

/* Counts the seconds of an answer that does not come, so that old figures do not pass for new ones. */
async function countSilence(ask) {
  const began = performance.now();
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - began) / 1000);
    if (seconds >= SILENT_S) truth.update({ silent: seconds });
  }, 1000);
  try {
    await ask();
  } finally {
    clearInterval(timer);
    truth.update({ silent: 0 });
  }
}

function pause() {
  if (!context.status?.ready || !hasReceived(context.status)) return WAITING_MS;
  return state.isLive(state.get()) ? REFRESH_MS : 30_000;
}

function keyAction(key) {
  const index = Number(key) - 1;
  if (key >= "1" && key <= "4")
    return () => {
      location.hash = state.viewHref(state.VIEWS[index]);
    };
  return { "?": help.open, " ": topbar.toggleLive }[key] ?? view.keys?.[key];
}

function start() {
  fill(
    document.getElementById("app"),
    h(
      "a",
      {
        class: "skip",
        href: "#main",
        on: {
          click: (event) => {
            event.preventDefault();
            main.focus();
          },
        },
      },
      "Skip to the view",
    ),
    topbar.element,
    truth.element,
    main,
    help.element,
  );
  showView(state.get());
  const poll = createPoll(
    (signal) =>
      countSilence(async () => {
        await askStatus(signal);
        await askView(signal);
      }),
    () => (view.hurried?.() ? WAITING_MS : pause()),
  );
  context.again = poll.now;
  state.subscribe((now) => {
    showView(now);
    truth.update({});
    poll.now();
  });
  document.addEventListener("visibilitychange", () => document.hidden || poll.now());
  listenKeys(keyAction);
  poll.now();
}

start();
