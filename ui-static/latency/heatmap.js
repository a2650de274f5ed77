/* heatmap.js - requests by time and latency; darker means more. A moment stands where it does in the chart above. */
import { cssVar, h } from "../lib/dom.js";
import { drawable, logBounds, QUANTILES, shares } from "../lib/distribution.js";
import { FONT } from "../lib/chart.js";
import { clock, count, ms } from "../lib/format.js";
import { LEFT_PX, RIGHT_PX, timeLabels, timesBetween, timeStep } from "../lib/time_axis.js";
import { onTheme } from "../frame/theme.js";

export const HEAT_Q = QUANTILES.filter(
  (q) => q === 0 || q === 0.005 || (q >= 0.05 && q < 0.999) || q === 1,
);
const ROWS = 28,
  HEIGHT = 220,
  BOTTOM = 22;

/** Columns of estimated counts on common bounds. */
function grid(answer) {
  const points = (answer.series[0]?.points ?? [])
    .filter((point) => point.count > 0)
    .map((point) => ({ ...point, values: drawable(point.values) }));
  if (!points.length) return null;
  const low = Math.min(...points.map((p) => p.values[0])),
    high = Math.max(...points.map((p) => p.values.at(-1)));
  const bounds = logBounds(low * 0.98, high * 1.02, ROWS);
  const columns = points.map((point) => ({
    time: point.time,
    counts: shares(answer.q, point.values, bounds).map((share) => share * point.count),
  }));
  return {
    bounds,
    columns,
    start: answer.start,
    end: answer.end,
    step: answer.step,
    top: Math.max(...columns.flatMap((c) => c.counts)),
  };
}

function drawCells(ctx, data, place, color) {
  ctx.fillStyle = color;
  for (const column of data.columns)
    column.counts.forEach((n, row) => {
      if (n < 0.5) return;
      const { x, y, width, height } = place(column.time, row);
      ctx.globalAlpha = 0.1 + 0.9 * Math.sqrt(n / data.top);
      ctx.fillRect(x, y, Math.max(1, width - 1), Math.max(1, height - 1));
    });
  ctx.globalAlpha = 1;
}

function drawAxes(ctx, data, width, place) {
  ctx.fillStyle = cssVar("--text-3");
  ctx.font = FONT;
  ctx.textAlign = "right";
  for (let row = 0; row <= ROWS; row += 7)
    ctx.fillText(
      ms(data.bounds[row]),
      LEFT_PX - 6,
      place(data.start, Math.min(row, ROWS - 1)).y + (row === 0 ? 6 : row === ROWS ? 6 : 4),
    );
  ctx.textAlign = "center";
  const every = timeStep(data.end - data.start, width - LEFT_PX - RIGHT_PX),
    times = timesBetween(data.start, data.end, every);
  timeLabels(times, every).forEach((words, i) =>
    ctx.fillText(words, place(times[i], 0).x, HEIGHT - 6),
  );
}

export function createHeatmap() {
  const canvas = h("canvas", {
      class: "heatmap",
      role: "img",
      "aria-label": "Heatmap of requests by time and latency",
    }),
    tip = h("div", { class: "hover-card", hidden: true, "aria-hidden": "true" });
  const element = h("div", { class: "heat-box" }, canvas, tip);
  let data = null;

  function place(time, row) {
    const width = canvas.clientWidth - LEFT_PX - RIGHT_PX,
      steps = (data.end - data.start) / data.step,
      height = (HEIGHT - BOTTOM - 6) / ROWS;
    return {
      x: LEFT_PX + ((time - data.start) / data.step) * (width / steps),
      y: 6 + (ROWS - 1 - row) * height,
      width: width / steps,
      height,
    };
  }

  function draw() {
    const width = canvas.clientWidth,
      ratio = devicePixelRatio || 1,
      ctx = canvas.getContext("2d");
    if (!width) return;
    canvas.width = width * ratio;
    canvas.height = HEIGHT * ratio;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (!data) return;
    drawCells(ctx, data, place, cssVar("--p95"));
    drawAxes(ctx, data, width, place);
  }

  function point(event) {
    if (!data) return;
    const cell = place(data.start, ROWS - 1),
      column = data.columns.find((c) => {
        const { x, width } = place(c.time, 0);
        return event.offsetX >= x && event.offsetX < x + width;
      });
    const row = ROWS - 1 - Math.floor((event.offsetY - 6) / cell.height);
    tip.hidden = !column || row < 0 || row >= ROWS;
    if (tip.hidden) return;
    tip.textContent = `${clock(column.time)}: about ${count(Math.round(column.counts[row]))} between ${ms(data.bounds[row])} and ${ms(data.bounds[row + 1])}`;
    tip.style.left = `${Math.min(event.offsetX + 14, canvas.clientWidth - 240)}px`;
    tip.style.top = `${event.offsetY + 12}px`;
  }

  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerleave", () => {
    tip.hidden = true;
  });
  const watcher = new ResizeObserver(draw),
    stopTheme = onTheme(draw);
  watcher.observe(canvas);
  return {
    element,
    update(answer) {
      data = grid(answer);
      draw();
    },
    destroy() {
      watcher.disconnect();
      stopTheme();
    },
  };
}
