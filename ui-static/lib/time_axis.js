/* time_axis.js - which times stand below a chart, and how they are written. */
import { clock, stamp } from "./format.js";

const MINUTE = 60,
  HOUR = 3600,
  DAY = 86_400;
/* uPlot's own steps go from 1 to 5 minutes: on a phone five minutes had one label. */
const STEPS = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 4, 7, 14, 30, 60, 90, 180, 360].map((n) => n * DAY), // uPlot takes 30 days for a month
];

/** Room for the values' axis, and for the half of the last time. */
export const LEFT_PX = 54,
  RIGHT_PX = 24;
const CHARACTER_PX = 6.4,
  APART_PX = 16;

function charactersAt(step, span) {
  if (step >= DAY) return 5;
  if (span >= DAY) return 11;
  return step < MINUTE ? 8 : 5;
}

/** Seconds from one label to the next, so that labels over `span` seconds on `width` pixels stand apart. */
export function timeStep(span, width) {
  const fits = (step) =>
    (step / span) * width >= charactersAt(step, span) * CHARACTER_PX + APART_PX;
  return STEPS.find(fits) ?? STEPS.at(-1);
}

/* What the place is behind Greenwich, in seconds. */
const behind = (seconds) => new Date(seconds * 1000).getTimezoneOffset() * MINUTE;

/** The times from `start` to `end` that are multiples of `step` on the clocks of the place. */
export function timesBetween(start, end, step) {
  const times = [];
  for (let local = Math.ceil((start - behind(start)) / step) * step; ; local += step) {
    const time = local + behind(local + behind(local));
    if (!(time <= end)) return times;
    if (time >= start) times.push(time);
  }
}

/** "12:03:40", from a minute a step on "12:03", "11-23 12:00" over a day or more, "11-23" from a day a step on. */
export function timeLabels(times, step) {
  const long = times.length > 1 && times.at(-1) - times[0] >= DAY;
  if (step >= DAY) return times.map((t) => stamp(t).slice(5, 10));
  if (long) return times.map((t) => stamp(t).slice(5, 16));
  return times.map((t) => clock(t).slice(0, step < MINUTE ? 8 : 5));
}
