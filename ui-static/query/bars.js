/* bars.js - a native histogram as small bars; their areas are the counts. */
import { s } from "../lib/dom.js";
import { compact } from "../lib/format.js";
import { numberOf } from "./answer.js";

const WIDTH = 220,
  HEIGHT = 34,
  FLOOR = 33,
  BINS = 40;

/* Infinite bounds end as far out as their neighbour is wide. */
function bucketsOf(histogram) {
  return (histogram.buckets ?? []).map(([, left, right, count]) => ({
    left: numberOf(left),
    right: numberOf(right),
    count: numberOf(count),
  }));
}

function finiteBuckets(buckets) {
  return buckets.map(({ left, right, count }) => ({
    left: Number.isFinite(left) ? left : right - Math.abs(right || 1),
    right: Number.isFinite(right) ? right : left + Math.abs(left || 1),
    count,
  }));
}

/* By the logarithm where all is positive, as the buckets are made; a zero bucket is as wide as the next. */
function scaleOf(buckets) {
  const positive = buckets.filter(({ left }) => left > 0).map(({ left }) => left),
    low = buckets[0].left,
    high = buckets.at(-1).right;
  if (high <= 0 || !positive.length || low < -positive[0])
    return (v) => ((v - low) / (high - low || 1)) * WIDTH;
  const first = low > 0 ? low : positive[0] / 2,
    span = Math.log(high / first) || 1;
  return (v) => (Math.log(Math.max(v, first) / first) / span) * WIDTH;
}

/* Fine buckets of few observations are a comb: they are laid together on as many even bins as can be seen. */
function binned(shapes) {
  const width = WIDTH / BINS;
  const bins = Array.from({ length: BINS }, (_, i) => ({ x: i * width, width, count: 0 }));
  for (const { x, width: wide, count, from, to } of shapes) {
    const first = Math.max(0, Math.floor(x / width)),
      last = Math.min(BINS - 1, Math.ceil((x + wide) / width) - 1);
    for (const bin of bins.slice(first, last + 1)) {
      const common = Math.min(bin.x + width, x + wide) - Math.max(bin.x, x);
      bin.count += (count * Math.max(common, 0)) / wide;
      bin.from ??= from;
      bin.to = to;
    }
  }
  return bins.filter(({ count }) => count > 0);
}

function shapesOf(told) {
  const buckets = finiteBuckets(told),
    x = scaleOf(buckets);
  const shapes = buckets.map(({ left, right, count }, i) => {
    const width = Math.max(x(right) - x(left), 0.01);
    return { x: x(left), width, count, from: told[i].left, to: told[i].right };
  });
  return shapes.length > BINS ? binned(shapes) : shapes;
}

function rectangle({ x, width, count, from, to }, top) {
  const height = Math.max((count / width / top) * (FLOOR - 2), 0.75);
  return s(
    "rect",
    {
      x: x.toFixed(2),
      y: (FLOOR - height).toFixed(2),
      width: Math.max(width - 0.6, 0.6).toFixed(2),
      height: height.toFixed(2),
    },
    s("title", {}, `${compact(from)} to ${compact(to)}: ${compact(count)}`),
  );
}

/** `histogram`: as the API writes one: {count, sum, buckets}. */
export function bars(histogram) {
  const told = bucketsOf(histogram).filter(({ count }) => count > 0);
  if (!told.length) return null;
  const shapes = shapesOf(told),
    top = Math.max(...shapes.map(({ count, width }) => count / width));
  const words = `${compact(numberOf(histogram.count))} observations from ${compact(told[0].left)} to ${compact(told.at(-1).right)}`;
  return s(
    "svg",
    {
      class: "bars",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      width: WIDTH,
      height: HEIGHT,
      role: "img",
      "aria-label": words,
    },
    shapes.map((shape) => rectangle(shape, top)),
    s("path", { class: "floor", d: `M0 ${FLOOR}H${WIDTH}` }),
  );
}
