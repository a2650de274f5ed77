/* parts.js - small pieces that several views show. */
import { h, s } from "./dom.js";
import { icon } from "./icons.js";
import { healthWords } from "./words.js";

/** Health as icon and word, never colour alone. */
export function healthBadge(health) {
  return h("span", { class: `health health-${health}` }, icon(health), healthWords(health));
}

/** A word in a box that cuts it where there is no room; `kind` tells what it is. */
export function chip(text, kind) {
  return h("span", { class: "chip", title: kind ? `${kind}: ${text}` : text }, text);
}

/** One large figure with its name and a smaller remark. */
export function figure(name, value, remark, mood = "") {
  return h(
    "div",
    { class: `figure ${mood}` },
    h("dt", {}, name),
    h(
      "dd",
      {},
      h("span", { class: "value" }, value),
      remark ? h("span", { class: "remark" }, remark) : null,
    ),
  );
}

/** A small line without axes; gaps where nothing is known. */
export function sparkline(values, title, { width = 96, height = 22 } = {}) {
  const known = values.filter((v) => v !== null && v !== undefined),
    top = Math.max(...known, 0) || 1;
  const x = (i) => (values.length < 2 ? 0 : (i / (values.length - 1)) * (width - 2) + 1),
    y = (v) => height - 2 - (v / top) * (height - 4);
  let path = "",
    pen = false;
  values.forEach((v, i) => {
    if (v === null || v === undefined) pen = false;
    else {
      path += `${pen ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`;
      pen = true;
    }
  });
  return s(
    "svg",
    {
      class: "sparkline",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "aria-label": title,
    },
    path ? s("path", { d: path }) : null,
  );
}

/** A bar whose length is a share of the largest. */
export function bar(share, mood = "") {
  return h(
    "span",
    { class: `bar ${mood}`, "aria-hidden": "true" },
    h("span", { vars: { "--share": `${Math.max(share * 100, share > 0 ? 1.5 : 0)}%` } }),
  );
}

export function section(title, ...children) {
  return h("section", { class: "block" }, h("h3", {}, title), children);
}

export function note(text) {
  return h("p", { class: "quiet-text" }, text);
}
