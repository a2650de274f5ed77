/* dom.js - builds elements from text; nothing that came over the network is ever parsed as HTML. */

const SVG = "http://www.w3.org/2000/svg";

function setProperty(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "on")
    for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
  else if (name === "vars")
    for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
  else if (name === "data") Object.assign(element.dataset, value);
  else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

function addChildren(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/**
 * An HTML element. `props`: attributes, plus `on` (listeners), `vars` (CSS variables), `data`.
 * Strings among the children become text nodes.
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) setProperty(element, name, value);
  return addChildren(element, children);
}

/** An SVG element, same rules. */
export function s(tag, props, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props ?? {})) setProperty(element, name, value);
  return addChildren(element, children);
}

/* Who in `element` has the focus: by data-key where rows may change their order, else by place. Null when nobody has. */
function focusOf(element) {
  const focused = document.activeElement,
    path = [];
  if (!focused || focused === element || !element.contains(focused)) return null;
  for (let at = focused; at !== element; at = at.parentElement)
    path.unshift([[...at.parentElement.children].indexOf(at), at.tagName]);
  return { key: focused.dataset.key, path };
}

function atPath(element, path) {
  let at = element;
  for (const [index, tag] of path) {
    at = at?.children[index];
    if (at?.tagName !== tag) return null;
  }
  return at;
}

function focusAgain(element, { key, path }) {
  const next =
    key === undefined
      ? atPath(element, path)
      : [...element.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  next?.focus({ preventScroll: true });
}

/** Replaces what is inside `element`; who had the focus in it has it again, so that a refresh takes it from nobody. */
export function fill(element, ...children) {
  const focus = focusOf(element);
  element.replaceChildren();
  addChildren(element, children);
  if (focus) focusAgain(element, focus);
  return element;
}

/** A value of the stylesheet's custom property, for canvases. */
export function cssVar(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Hands a blob to the person as a file. */
export function download(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function copyBySelection(text) {
  const area = h("textarea", { class: "sr-only", value: text }),
    focused = document.activeElement;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  focused.focus({ preventScroll: true });
  return isCopied;
}

/** Copies text and lets the button say whether; plain HTTP from another host has no clipboard API. */
export async function copyText(text, button) {
  const isCopied = navigator.clipboard
    ? await navigator.clipboard.writeText(text).then(
        () => true,
        () => copyBySelection(text),
      )
    : copyBySelection(text);
  const name = isCopied ? "done" : "failed";
  button.classList.remove("done", "failed");
  button.classList.add(name);
  setTimeout(() => button.classList.remove(name), 1200);
}
