/* time_axis_test.mjs - the times below a chart stand apart and are more than one, on a phone as on a wide screen. */
import { timeLabels, timeStep, timesBetween } from "../../ui-static/lib/time_axis.js";
import { equal, ok, test } from "./check.mjs";

const MINUTE = 60,
  HOUR = 3600,
  DAY = 86_400;
const CHARACTER_PX = 6.4; // 11 px Inter, digits

const STEPS = [
  [5 * MINUTE, 230, 2 * MINUTE], // was 5 min: one label
  [5 * MINUTE, 310, MINUTE],
  [5 * MINUTE, 1130, 30], // was 15 s: labels touched
  [15 * MINUTE, 230, 5 * MINUTE],
  [HOUR, 310, 10 * MINUTE],
];

const labelsOf = (span, width) => {
  const step = timeStep(span, width),
    times = Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step);
  return { pitch: (step / span) * width, labels: timeLabels(times, step) };
};

function labelsStandApart() {
  for (const span of [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 400 * DAY])
    for (const width of [230, 310, 700, 1130, 1600]) {
      const { pitch, labels } = labelsOf(span, width),
        widest = Math.max(...labels.map((label) => label.length)) * CHARACTER_PX;
      ok(pitch >= widest + 8, `${span} s on ${width} px: ${widest} px wide, ${pitch} px apart`);
      ok(labels.length >= 3, `${span} s on ${width} px: only ${labels.join(" ")}`);
      equal(new Set(labels).size, labels.length, `${span} s on ${width} px: ${labels.join(" ")}`);
    }
}

/* Zone, from, hours, step, labels. */
const ZONES = [
  ["UTC", "2026-11-22T10:10:00Z", 24, 6 * HOUR, "12:00 18:00 00:00 06:00"],
  ["Europe/Berlin", "2026-11-22T10:10:00Z", 24, 6 * HOUR, "12:00 18:00 00:00 06:00"],
  ["Asia/Kolkata", "2026-11-22T10:10:00Z", 3, HOUR, "16:00 17:00 18:00"],
  ["America/New_York", "2026-11-20T10:10:00Z", 72, 24 * HOUR, "11-21 11-22 11-23"],
  /* Clocks go back at 06:00 UTC. */
  ["America/New_York", "2026-11-01T00:10:00Z", 26, 6 * HOUR, "00:00 06:00 12:00 18:00"],
];

/** As uPlot's: at whole hours and midnights of the place, not of Greenwich. */
function timesAreLocal() {
  const zone = process.env.TZ;
  for (const [name, from, hours, step, labels] of ZONES) {
    process.env.TZ = name;
    const start = Date.parse(from) / 1000,
      times = timesBetween(start, start + hours * HOUR, step);
    const inside = times.every((t) => t >= start && t <= start + hours * HOUR);
    ok(inside, `${name}: ${times} outside of ${start}`);
    equal(timeLabels(times, step).join(" "), labels, `${name} from ${from}`);
  }
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
}

export async function timeAxisTests() {
  await test("time axis: steps by span and width", () => {
    for (const [span, width, step] of STEPS)
      equal(timeStep(span, width), step, `${span} s on ${width} px`);
  });
  await test("time axis: labels are several and stand apart", labelsStandApart);
  await test("time axis: labels are at local times", timesAreLocal);
}
