/* histogram.js - how latencies are spread, with the percentiles marked. */
import { s, h } from "../lib/dom.js";
import { drawable, logBounds, shares } from "../lib/distribution.js";
import { count, ms, percent } from "../lib/format.js";

const WIDTH = 352,
  HEIGHT = 92,
  FLOOR = 74,
  BINS = 32;

function marks(q, values, x) {
  return [
    [0.5, "p50"],
    [0.95, "p95"],
    [0.99, "p99"],
  ].map(([at, name]) => {
    const value = values[q.indexOf(at)];
    if (value === undefined) return null;
    return s(
      "g",
      { class: `mark ${name}` },
      s("line", { x1: x(value), x2: x(value), y1: 10, y2: FLOOR }),
      s(
        "text",
        {
          x: x(value) + (x(value) > WIDTH - 28 ? -3 : 3),
          y: name === "p95" ? 17 : 8,
          "text-anchor": x(value) > WIDTH - 28 ? "end" : "start",
        },
        name,
      ),
    );
  });
}

function ticks(low, high, x) {
  const list = [];
  for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power++)
    list.push(10 ** power);
  const shown = list.length > 1 ? list : [low, high];
  return shown.map((value) =>
    s(
      "text",
      {
        class: "tick",
        x: Math.min(Math.max(x(value), 0), WIDTH),
        y: HEIGHT - 4,
        "text-anchor": x(value) < 20 ? "start" : x(value) > WIDTH - 20 ? "end" : "middle",
      },
      ms(value),
    ),
  );
}

/** `series`: one of /percentiles with `values` for the quantiles `q`. */
export function histogram(q, series) {
  const values = drawable(series.values),
    low = values[1] ?? values[0],
    high = Math.max(values[q.indexOf(0.999)] ?? values.at(-1), low * 1.2);
  const bounds = logBounds(low * 0.95, high * 1.05, BINS),
    parts = shares(q, values, bounds),
    top = Math.max(...parts) || 1;
  const span = Math.log(bounds.at(-1) / bounds[0]),
    x = (value) => (Math.log(value / bounds[0]) / span) * WIDTH,
    step = WIDTH / BINS;
  const bars = parts.map((part, i) => {
    const height = (part / top) * (FLOOR - 20);
    return s(
      "rect",
      { x: i * step + 0.75, y: FLOOR - height, width: step - 1.5, height, rx: 1.5 },
      s(
        "title",
        {},
        `${ms(bounds[i])} to ${ms(bounds[i + 1])}: ${percent(part)}, about ${count(part * series.count)}`,
      ),
    );
  });
  const told = (at) => ms(series.values[q.indexOf(at)]);
  const words = `Latency histogram: half below ${told(0.5)}, 95 % below ${told(0.95)}, 99 % below ${told(0.99)}`;
  return h(
    "figure",
    { class: "histogram" },
    s(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
      s("line", { class: "floor", x1: 0, x2: WIDTH, y1: FLOOR, y2: FLOOR }),
      bars,
      marks(q, values, x),
      ticks(bounds[0], bounds.at(-1), x),
    ),
  );
}
