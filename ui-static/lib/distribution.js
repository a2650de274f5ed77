/* distribution.js - the shape of latencies out of many exact quantiles: how much lies between two bounds. */

/** Closer at both ends; the API takes at most 32. */
export const QUANTILES = [
  0,
  0.005,
  0.01,
  0.025,
  0.05,
  ...Array.from({ length: 17 }, (_, i) => (i + 2) / 20),
  0.925,
  0.95,
  0.97,
  0.98,
  0.99,
  0.995,
  0.999,
  1,
];

const log = (value) => Math.log(Math.max(value, 1e-6));

/* A log scale has no zero, which spans without a length have. */
const SHORTEST_MS = 1e-4;

/** Latencies as a log scale has a place for them. */
export const drawable = (values) => values.map((value) => Math.max(value, SHORTEST_MS));

/** Share of requests at or below `value`, between two quantiles by the logarithm. */
export function shareBelow(q, values, value) {
  if (value < values[0]) return 0;
  for (let i = values.length - 1; i >= 0; i--) {
    if (values[i] > value) continue;
    if (i === values.length - 1) return 1;
    const from = log(values[i]),
      to = log(values[i + 1]);
    return q[i] + (to > from ? (q[i + 1] - q[i]) * ((log(value) - from) / (to - from)) : 0);
  }
  return 0;
}

/** `n` bounds from `low` to `high`, equally far apart on a log scale. */
export function logBounds(low, high, n) {
  const from = log(Math.max(low, SHORTEST_MS)),
    to = Math.max(log(high), from + 0.05);
  return Array.from({ length: n + 1 }, (_, i) => Math.exp(from + ((to - from) * i) / n));
}

/** Shares of drawable values between neighbouring bounds; they add up to 1 when the bounds cover everything. */
export function shares(q, values, bounds) {
  const below = bounds.map((bound, i) =>
    i === bounds.length - 1 && bound >= values.at(-1) * 0.999 ? 1 : shareBelow(q, values, bound),
  );
  below[0] = bounds[0] <= values[0] * 1.001 ? 0 : below[0];
  return below.slice(1).map((share, i) => Math.max(0, share - below[i]));
}
