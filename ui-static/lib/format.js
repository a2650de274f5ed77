/* format.js - numbers, latencies, shares and times as a person reads them. */

const GROUPED = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const NONE = "–";

/** 1204 -> "1,204". */
export function count(n) {
  return n === null || n === undefined ? NONE : GROUPED.format(n);
}

/** 1234567 -> "1.23 M". */
export function short(n) {
  if (n === null || n === undefined) return NONE;
  for (const [size, unit] of [
    [1e9, " G"],
    [1e6, " M"],
    [1e4, " k"],
  ])
    if (Math.abs(n) >= size) return digits(n / (unit === " k" ? 1e3 : size)) + unit;
  return count(Math.round(n));
}

/** Three significant digits without an exponent. */
export function digits(n) {
  if (n === 0) return "0";
  const size = Math.floor(Math.log10(Math.abs(n)));
  return n
    .toFixed(Math.min(Math.max(2 - size, 0), 6))
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "");
}

/** Any number in little room: "12.3 k", "0.00123", "1.2e-7", "+Inf". */
export function compact(n) {
  if (n === null || n === undefined) return NONE;
  if (!Number.isFinite(n)) return Number.isNaN(n) ? "NaN" : n > 0 ? "+Inf" : "-Inf";
  const size = Math.abs(n);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return n.toExponential(2).replace("e+", "e");
  for (const [from, unit] of [
    [1e12, " T"],
    [1e9, " G"],
    [1e6, " M"],
    [1e4, " k"],
  ])
    if (size >= from) return digits(n / (unit === " k" ? 1e3 : from)) + unit;
  return size >= 1000 ? count(n) : digits(n);
}

/** Requests in a second; rare ones in a minute or an hour. */
export function rate(n) {
  if (n === null || n === undefined) return NONE;
  if (n > 0 && n < 0.1) return n * 60 < 0.1 ? `${digits(n * 3600)}/h` : `${digits(n * 60)}/min`;
  return `${n >= 1000 ? short(n) : digits(n)}/s`;
}

/** 0.0123 -> "1.2 %"; a share that is not nothing never reads as 0. */
export function percent(share) {
  if (share === null || share === undefined) return NONE;
  const p = share * 100;
  if (p === 0) return "0 %";
  if (p < 0.01) return "<0.01 %";
  return `${p.toFixed(p < 0.1 ? 2 : p < 10 ? 1 : 0)} %`;
}

/** Milliseconds to the unit that reads best: "40 µs", "7.2 ms", "1.3 s". */
export function ms(n) {
  if (n === null || n === undefined) return NONE;
  if (n === 0) return "0";
  if (n < 1) return `${digits(n * 1000)} µs`;
  if (n < 1000) return `${digits(n)} ms`;
  return n < 120_000 ? `${digits(n / 1000)} s` : `${digits(n / 60_000)} min`;
}

/** The latency object's bound: 0.0055 -> "±0.55 %". */
export function bound(error) {
  return error === null || error === undefined ? "" : `±${digits(error * 100)} %`;
}

export function bytes(n) {
  if (n === null || n === undefined) return NONE;
  for (const [size, unit] of [
    [2 ** 30, "GiB"],
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
  ])
    if (n >= size) return `${digits(n / size)} ${unit}`;
  return `${digits(n)} B`;
}

const two = (n) => String(n).padStart(2, "0");

/** Unix seconds -> local "12:03:40". */
export function clock(seconds) {
  const d = new Date(seconds * 1000);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** Unix seconds -> local "2026-11-23 12:03:40". */
export function stamp(seconds) {
  const d = new Date(seconds * 1000);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock(seconds)}`;
}

/** How long ago, for "last seen". */
export function ago(seconds, now = Date.now() / 1000) {
  if (seconds === null || seconds === undefined) return NONE;
  const age = Math.max(0, now - seconds);
  if (age < 2) return "now";
  if (age < 90) return `${Math.round(age)} s ago`;
  if (age < 5400) return `${Math.round(age / 60)} min ago`;
  return age < 129_600 ? `${Math.round(age / 3600)} h ago` : stamp(seconds);
}

/** Seconds as a length of time: "12 s", "5 min", "3 h", "2.5 d". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  for (const [from, size, unit] of [
    [172_800, 86_400, "d"],
    [5400, 3600, "h"],
    [90, 60, "min"],
  ])
    if (seconds >= from) return `${digits(seconds / size)} ${unit}`;
  return `${digits(seconds)} s`;
}

export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}
