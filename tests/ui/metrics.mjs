/* metrics.mjs - a few time series as OTLP/JSON: counters of hostile labels, and a native histogram. */
import { NASTY } from "./spans.mjs";

const MINUTES = 12,
  STEP_S = 15;
export const COUNTER = "ui_orders_total",
  HISTOGRAM = "ui_work_seconds";
export const SHOPS = ["north", "south", NASTY];

const attribute = (key, value) => ({ key, value: { stringValue: value } });
const nanoseconds = (seconds) => String(BigInt(Math.round(seconds * 1000)) * 1_000_000n);

function moments() {
  const end = Math.floor(Date.now() / 1000),
    count = (MINUTES * 60) / STEP_S;
  return Array.from({ length: count }, (_, i) => end - (count - 1 - i) * STEP_S);
}

function counterPoints(times) {
  return SHOPS.flatMap((shop, s) =>
    times.map((t, i) => ({
      attributes: [attribute("shop", shop)],
      startTimeUnixNano: nanoseconds(times[0] - STEP_S),
      timeUnixNano: nanoseconds(t),
      asInt: String((i + 1) * (s + 1) * 30),
    })),
  );
}

function histogramPoints(times) {
  return times.map((t, i) => ({
    attributes: [attribute("shop", "north")],
    startTimeUnixNano: nanoseconds(times[0] - STEP_S),
    timeUnixNano: nanoseconds(t),
    count: String((i + 1) * 15),
    sum: (i + 1) * 0.9,
    scale: 1,
    zeroCount: "0",
    positive: { offset: -12, bucketCounts: [1, 2, 4, 5, 2, 1].map((n) => String(n * (i + 1))) },
    negative: {},
  }));
}

export function metricsBatch() {
  const times = moments();
  const metrics = [
    {
      name: "ui.orders",
      description: `Orders of a shop ${NASTY}`,
      sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: counterPoints(times) },
    },
    {
      name: "ui.work",
      unit: "s",
      description: "Time an order took.",
      exponentialHistogram: { aggregationTemporality: 2, dataPoints: histogramPoints(times) },
    },
  ];
  return JSON.stringify({
    resourceMetrics: [
      {
        resource: { attributes: [attribute("service.name", "shop")] },
        scopeMetrics: [{ scope: {}, metrics }],
      },
    ],
  });
}
