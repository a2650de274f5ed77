/* chart.js - lines and bars over time (uPlot) in the page's colours, with the values under the pointer read out. */
import uPlot from "uplot";
import { h, fill, cssVar } from "./dom.js";
import { clock } from "./format.js";
import { LEFT_PX, RIGHT_PX, timeLabels, timeStep } from "./time_axis.js";
import { onTheme } from "../frame/theme.js";

export const FONT = "11px Inter, system-ui, sans-serif";

/**
 * Points of the API on an unbroken grid of the answer's step, which may be coarser than the asked one: steps that were left out
 * become gaps; a step that is not over is not shown.
 */
export function align(points, { start, end }, step, pick) {
  const known = new Map(points.map((point) => [point.time, point])),
    times = [],
    columns = pick.map(() => []);
  const over = Math.min(end, Date.now() / 1000 + 1);
  for (
    let t = Math.floor(start / step) * step;
    t + step <= over || (known.size === 1 && t < over);
    t += step
  ) {
    times.push(t);
    pick.forEach((value, i) => columns[i].push(known.has(t) ? value(known.get(t)) : null));
  }
  return [times, ...columns];
}

/** A value between two gaps would be a line of no length: it gets a dot. */
export function lonely(u, i) {
  const values = u.data[i],
    known = (at) => values[at] !== null && values[at] !== undefined;
  return values.map((_, at) => at).filter((at) => known(at) && !known(at - 1) && !known(at + 1));
}

function seriesOf({ name, color, bars, dash, width, soft }) {
  const stroke = () => cssVar(color);
  if (bars)
    return {
      label: name,
      fill: stroke,
      stroke,
      width: 0,
      paths: uPlot.paths.bars({ size: [0.72, 14], align: 1 }),
      points: { show: false },
    };
  return {
    label: name,
    stroke,
    width: width ?? 1.6,
    dash,
    points: { show: true, size: 4, width: 0, fill: stroke, filter: lonely },
    fill: soft ? () => `${cssVar(color)}22` : undefined,
  };
}

/** The time axis and an axis whose values `format` writes, in the page's colours. */
export function axes(format) {
  const stroke = () => cssVar("--text-3"),
    grid = { stroke: () => cssVar("--line"), width: 1 };
  return [
    {
      stroke,
      font: FONT,
      grid: { show: false },
      ticks: { show: false },
      size: 26,
      gap: 8, // the first time may stand under the zero
      incrs: (u, axis, start, end, width) => [timeStep(end - start, width)],
      values: (u, times, axis, space, step) => timeLabels(times, step),
      space: 1, // timeStep() has seen to it
    },
    {
      stroke,
      font: FONT,
      grid,
      ticks: { show: false },
      size: LEFT_PX,
      gap: 6,
      values: (u, values) => values.map((v) => (v === null ? "" : format(v))),
      space: 24,
    },
  ];
}

function scaleY(logarithmic) {
  if (!logarithmic) return { range: (u, low, high) => [0, high > 0 ? high * 1.08 : 1] };
  return { distr: 3, range: (u, low, high) => (low > 0 ? [low / 1.15, high * 1.15] : [0.1, 10]) };
}

/**
 * `series`: {name, color (CSS variable), bars, dash, width, soft}; `format` writes a value; charts of one `sync` share the pointer.
 * `update(data, [start, end])` takes uPlot's columns, and which time to show when it is more than theirs; the readout shows
 * the values under the pointer.
 */
export function createChart({
  series,
  format,
  height = 92,
  sync = null,
  label,
  logarithmic = false,
  readout = true,
}) {
  const box = h("div", { class: "chart-box" }),
    values = h("div", { class: "chart-readout", "aria-hidden": "true" });
  const element = h(
    "figure",
    { class: "chart", role: "img", "aria-label": label },
    box,
    readout ? values : null,
  );
  let plot = null,
    data = null,
    whole = null;

  function read(u) {
    const i = u.cursor.idx;
    if (i === null || i === undefined || !readout) return fill(values);
    fill(
      values,
      h("span", {}, clock(u.data[0][i])),
      series.map((one, n) =>
        h(
          "span",
          {},
          h("i", { vars: { "--c": `var(${one.color})` } }),
          `${one.name} `,
          u.data[n + 1][i] === null ? "–" : format(u.data[n + 1][i]),
        ),
      ),
    );
  }

  function options() {
    return {
      width: Math.max(box.clientWidth, 40),
      height,
      legend: { show: false },
      padding: [8, RIGHT_PX, 0, 0],
      axes: axes(format),
      scales: {
        x: { time: true, range: (u, first, last) => whole ?? [first, last] },
        y: scaleY(logarithmic),
      },
      series: [{}, ...series.map(seriesOf)],
      cursor: {
        y: false,
        drag: { x: false, y: false },
        points: { size: 6 },
        sync: sync ? { key: sync } : undefined,
      },
      hooks: { setCursor: [read] },
    };
  }

  function draw() {
    if (!data || !box.clientWidth) return;
    if (!plot) plot = new uPlot(options(), data, box);
    else plot.setData(data);
  }

  const watcher = new ResizeObserver(() => {
    if (plot && box.clientWidth) plot.setSize({ width: box.clientWidth, height });
    else draw();
  });
  watcher.observe(box);
  const stopTheme = onTheme(() => plot?.redraw(false));
  return {
    element,
    update(next, span = null) {
      data = next;
      whole = span;
      draw();
    },
    destroy() {
      watcher.disconnect();
      stopTheme();
      plot?.destroy();
    },
  };
}

/** Names of lines with their colours. */
export function legend(entries) {
  return h(
    "div",
    { class: "legend" },
    entries.map(({ name, color, value, dash }) =>
      h(
        "span",
        {},
        h("i", { class: dash ? "dashed" : "", vars: { "--c": `var(${color})` } }),
        name,
        value ? h("b", { class: "num" }, value) : null,
      ),
    ),
  );
}
