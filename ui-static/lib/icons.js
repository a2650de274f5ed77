/* icons.js - the few line drawings of the UI, 16 x 16, as SVG paths shared by page, canvas and export. */
import { s } from "./dom.js";

export const PATHS = {
  service: "M8 2 13.2 5v6L8 14 2.8 11V5Z M2.8 5 8 8l5.2-3 M8 8v6",
  gateway: "M2 8h9 M8 4.5 11.5 8 8 11.5 M14 3v10",
  external: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Z M2 8h12 M8 2c4 4 4 8 0 12 M8 2c-4 4-4 8 0 12",
  database:
    "M3 4.2C3 1.6 13 1.6 13 4.2v7.6c0 2.6-10 2.6-10 0Z M3 4.2c0 2.6 10 2.6 10 0 M3 8c0 2.6 10 2.6 10 0",
  messaging: "M2 4h12v8H2Z M5.3 4v8 M8.7 4v8 M12 4v8",
  user: "M8 2.4a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2Z M2.8 13.6c.6-5 9.8-5 10.4 0",
  unknown: "M5.6 6c0-3.4 5-3 4.8-.2C10.3 7.6 8 7.6 8 9.8 M8 12.4v.4",
  blocked: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Z M3.8 3.8l8.4 8.4",
  healthy: "M3 8.4 6.4 12 13 4.6",
  degraded: "M8 2.6 14 13H2Z M8 6.4v3 M8 11.2v.3",
  failing: "M5.4 2h5.2L14 5.4v5.2L10.6 14H5.4L2 10.6V5.4Z M8 4.8v3.8 M8 10.8v.4",
  idle: "M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3Z",
  locked: "M3.5 7.4h9V14h-9Z M5.4 7.4V5a2.6 2.6 0 0 1 5.2 0v2.4",
  unlocked: "M3.5 7.4h9V14h-9Z M5.4 7.4V4.6a2.6 2.6 0 0 1 5.2-.6",
  close: "M3.8 3.8l8.4 8.4 M12.2 3.8l-8.4 8.4",
  pause: "M5.4 3.4v9.2 M10.6 3.4v9.2",
  play: "M5 3.2 12.6 8 5 12.8Z",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6Z M8 1.4v1.4 M8 13.2v1.4 M1.4 8h1.4 M13.2 8h1.4 M3.3 3.3l1 1 M11.7 11.7l1 1 M3.3 12.7l1-1 M11.7 4.3l1-1",
  moon: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8Z",
  system: "M2 3h12v8H2Z M6 14h4 M8 11v3",
  search: "M7 2.6a4.4 4.4 0 1 0 0 8.8 4.4 4.4 0 0 0 0-8.8Z M10.2 10.2 14 14",
  table: "M2 3h12v10H2Z M2 6.4h12 M2 9.8h12 M6.4 6.4V13",
  save: "M8 2v8 M4.8 7 8 10.2 11.2 7 M2.6 13.4h10.8",
  fit: "M2.4 5.6V2.4h3.2 M10.4 2.4h3.2v3.2 M13.6 10.4v3.2h-3.2 M5.6 13.6H2.4v-3.2",
  tidy: "M2 3.4h4v3H2Z M10 2h4v3h-4Z M10 11h4v3h-4Z M6 5h2v7.5h2 M8 5V3.5h2",
  filter: "M2 3.4h12 M4.4 8h7.2 M6.8 12.6h2.4",
  focus: "M8 5.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8Z M8 1.6v2 M8 12.4v2 M1.6 8h2 M12.4 8h2",
  plus: "M8 3.4v9.2 M3.4 8h9.2",
  minus: "M3.4 8h9.2",
  copy: "M5.4 5.4H13V13H5.4Z M10.6 5.4V3H3v7.6h2.4",
  arrow: "M2.4 8h10.6 M9.4 4.4 13 8l-3.6 3.6",
  back: "M13.6 8H3 M6.6 4.4 3 8l3.6 3.6",
};

/** An icon for the page; hidden from screen readers unless it has a title. */
export function icon(name, title) {
  const label = title ? { role: "img", "aria-label": title } : { "aria-hidden": "true" };
  return s(
    "svg",
    { class: `icon icon-${name}`, viewBox: "0 0 16 16", ...label },
    s("path", { d: PATHS[name] }),
  );
}
