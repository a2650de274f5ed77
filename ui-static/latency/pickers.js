/* pickers.js - which server, caller, version, operation and side; and what to lay beside it. */
import * as api from "../api.js";
import * as state from "../state.js";
import { fill, h } from "../lib/dom.js";

const ANY = { client: "any caller", version: "all versions", operation: "all operations" };
const SIDES = { server: "server side", client: "client side", transit: "transit" };
const COMPARE = { "": "nothing", before: "the range before", version: "another version" };

function options(select, entries, value) {
  const isListed = value === "" || entries.some(([key]) => key === value),
    all = isListed ? entries : [...entries, [value, value]],
    list = JSON.stringify(all);
  if (select.dataset.list !== list)
    fill(
      select,
      all.map(([key, words]) => h("option", { value: key }, words)),
    );
  select.dataset.list = list;
  select.value = value;
}

function picker(name, key, patch = () => ({})) {
  const select = h("select", {
    "aria-label": name,
    on: { change: () => state.set({ [key]: select.value, ...patch() }) },
  });
  return { select, element: h("label", { class: "picker" }, h("span", {}, name), select) };
}

const list = (key, names) => [
  ["", ANY[key]],
  ...[...new Set(names)]
    .filter(Boolean)
    .sort()
    .map((name) => [name, name]),
];

export function createPickers() {
  const parts = {
    server: picker("Server", "server", () => ({
      client: "",
      version: "",
      operation: "",
      compare: "",
      with: "",
    })),
    client: picker("Caller", "client"),
    version: picker("Version", "version"),
    operation: picker("Operation", "operation"),
    side: picker("Seen from", "side"),
    compare: picker("Beside", "compare", () => ({ with: "" })),
    with: picker("Version beside", "with"),
  };
  const element = h(
    "div",
    { class: "pickers" },
    Object.values(parts).map((part) => part.element),
  );
  let known = { services: null, detail: null };

  function render(now) {
    const { detail } = known,
      services = known.services ?? [],
      versions = detail?.versions ?? [];
    options(
      parts.server.select,
      [["", "choose a server"], ...services.map((id) => [id, id])],
      now.server,
    );
    options(
      parts.client.select,
      list(
        "client",
        (detail?.inbound ?? []).map((edge) => edge.client),
      ),
      now.client,
    );
    options(parts.version.select, list("version", versions), now.version);
    options(
      parts.operation.select,
      list(
        "operation",
        (detail?.operations ?? []).map((operation) => operation.name),
      ),
      now.operation,
    );
    options(parts.side.select, Object.entries(SIDES), now.side);
    options(parts.compare.select, Object.entries(COMPARE), now.compare);
    options(
      parts.with.select,
      [["", "choose"], ...versions.filter(Boolean).map((v) => [v, v])],
      now.with,
    );
    parts.with.element.hidden = now.compare !== "version";
    for (const key of ["client", "version", "operation", "side", "compare"])
      parts[key].select.disabled = now.server === "";
  }

  /** Learns what can be chosen; opens with the busiest server when none is. */
  async function refresh(now, signal) {
    const { services } = await api.services(state.rangeParams(now), signal);
    const served = services.filter((one) => one.p95 !== null && one.p95 !== undefined);
    known = { ...known, services: served.map((one) => one.id).sort() };
    if (!now.server && served.length)
      state.quietly({ server: served.reduce((a, b) => (b.requests > a.requests ? b : a)).id });
    const { server } = state.get();
    if (server)
      known.detail = await api.service(server, state.rangeParams(now), signal).catch((error) => {
        if (error.status === 404) return null;
        throw error;
      });
  }
  return { element, render, refresh, isEmpty: () => known.services?.length === 0 };
}
