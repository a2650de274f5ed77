/* plot.js - the lines of all expressions over each other (uPlot); a drag chooses a range. */
import uPlot from "uplot";
import { axes, lonely } from "../lib/chart.js";
import { cssVar, fill, h } from "../lib/dom.js";
import { compact, stamp } from "../lib/format.js";
import { onTheme } from "../frame/theme.js";
import { colorAt, COLORS, dashAt, strokeSample } from "./strokes.js";

const HEIGHT = 320,
  NEAR = 40;

/** From 0 when that costs little of the height. */
export function bounds(low, high) {
  if (low === null || high === null) return [0, 1];
  const span = high - low || Math.abs(high) || 1;
  const bottom = low >= 0 && low < 0.7 * high ? 0 : low - span * 0.08;
  if (low === 0 && high === 0) return [0, 1];
  return [bottom, high <= 0 && high > 0.7 * low ? 0 : high + span * 0.08];
}

const finite = (values) => values.map((v) => (Number.isFinite(v) ? v : null));

/** `zoom(start, end)` is told a range that was dragged over. */
export function createPlot({ zoom }) {
  const box = h("div", { class: "chart-box" }),
    card = h("div", { class: "hover-card plot-card", hidden: true, "aria-hidden": "true" });
  const element = h(
    "figure",
    { class: "chart plot", role: "img", "aria-label": "All series over time" },
    box,
    card,
  );
  let plot = null,
    lines = [],
    data = null,
    drawn = "",
    near = null,
    incomplete = null,
    write = compact,
    colors = [];

  function readColors() {
    colors = Array.from({ length: COLORS }, (_, i) => cssVar(colorAt(i)));
  }

  function read(u) {
    const i = u.cursor.idx,
      line = near === null ? null : lines[near - 1];
    card.hidden = i === null || i === undefined || !line || line.values[i] === null;
    if (card.hidden) return;
    fill(
      card,
      h("span", { class: "quiet-text num" }, stamp(u.data[0][i])),
      h(
        "span",
        { class: "row" },
        strokeSample(line.expression, colorAt(line.color)),
        h("b", { class: "num" }, write(line.values[i])),
      ),
      h("span", { class: "mono" }, line.name),
    );
    const left = u.cursor.left + u.over.offsetLeft,
      flips = left > box.clientWidth / 2;
    card.style.setProperty("--left", `${flips ? left - 14 : left + 14}px`);
    card.style.setProperty("--top", `${u.cursor.top + 12}px`);
    card.classList.toggle("flips", flips);
  }

  function select(u) {
    const { left, width } = u.select;
    if (width > 4) zoom(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  /* What lies behind that moment may still grow. */
  function shade(u) {
    if (incomplete === null || incomplete >= u.scales.x.max) return;
    const { left, top, width, height } = u.bbox,
      from = Math.max(left, u.valToPos(incomplete, "x", true));
    u.ctx.save();
    u.ctx.fillStyle = cssVar("--sunken");
    u.ctx.fillRect(from, top, left + width - from, height);
    u.ctx.restore();
  }

  const serie = ({ name, color, expression, hidden }) => ({
    label: name,
    show: !hidden,
    stroke: () => colors[color % COLORS],
    dash: dashAt(expression),
    width: 1.5,
    points: { show: true, size: 4, width: 0, fill: () => colors[color % COLORS], filter: lonely },
  });

  const options = () => ({
    width: Math.max(box.clientWidth, 40),
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 32, 0, 0],
    axes: axes((n) => write(n)),
    scales: { x: { time: true }, y: { range: (u, low, high) => bounds(low, high) } },
    series: [{}, ...lines.map(serie)],
    focus: { alpha: 0.35 },
    cursor: {
      y: false,
      focus: { prox: NEAR },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
    },
    hooks: {
      drawClear: [shade],
      setCursor: [read],
      setSelect: [select],
      setSeries: [
        (u, i) => {
          near = i;
          read(u);
        },
      ],
    },
  });

  /* The same lines with new values keep the plot, and with it the pointer. */
  function draw() {
    if (!data || !box.clientWidth) return;
    const key = JSON.stringify(lines.map(({ name, color, hidden }) => [name, color, hidden]));
    if (plot && key === drawn) return plot.setData(data);
    plot?.destroy();
    near = null;
    card.hidden = true;
    drawn = key;
    plot = new uPlot(options(), data, box);
  }

  const watcher = new ResizeObserver(() => {
    if (plot && box.clientWidth) plot.setSize({ width: box.clientWidth, height: HEIGHT });
    else draw();
  });
  readColors();
  watcher.observe(box);
  const stopTheme = onTheme(() => {
    readColors();
    plot?.redraw(false);
  });
  return {
    element,
    /**
     * `lines`: {name, values, color, expression, hidden}, one value for each of `times`; `until`: shaded behind it; `writer`
     * writes a value.
     */
    update(times, next, { until = null, writer = compact } = {}) {
      lines = next;
      write = writer;
      incomplete = until;
      data = [times, ...next.map(({ values }) => finite(values))];
      const started = performance.now();
      draw();
      performance.measure("query-draw", { start: started });
    },
    destroy() {
      watcher.disconnect();
      stopTheme();
      plot?.destroy();
    },
  };
}
