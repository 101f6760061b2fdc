// Charts over one time axis with one cursor on all of them. `run` is read anew whenever something is drawn, so that
// it may go on; then `renew` draws it again. Lanes and the strip are no charts of the library, and follow the cursor.
function timeCharts(area, moment, run, height) {
  "use strict";
  const charts = [];
  const hint = moment.innerHTML;
  const rule = area.appendChild(Object.assign(document.createElement("div"), { className: "rule", hidden: true }));
  const probe = area.appendChild(Object.assign(document.createElement("i"), { hidden: true }));
  const key = uPlot.sync("run");
  let times = middles();
  let shown = null;

  function middles() {
    return Array.from({ length: run.slots }, (_, i) => {
      const begin = run.start + i * run.slot;
      return (begin + Math.min(begin + run.slot, run.end)) / 2;
    });
  }

  // Colours live in the style sheet alone; a canvas needs them resolved.
  function colour(name, alpha) {
    probe.style.color = alpha === undefined ? `var(--${name})` : `color-mix(in srgb, var(--${name}) ${alpha}%, transparent)`;
    return getComputedStyle(probe).color;
  }

  function paintBands(u) {
    const { left, top, width, height } = u.bbox;
    const place = (t) => left + ((t - run.start) / (run.end - run.start)) * width;
    const fill = (from, to, style) => {
      u.ctx.fillStyle = style;
      u.ctx.fillRect(place(from), top, place(to) - place(from), height);
    };
    run.phases.forEach(([, role, from, to], i) => { if (i % 2 === 0 && role !== "fault") fill(from, to, colour("sunk", 55)); });
    run.faults.forEach(([, asked, on, undo, off]) => {
      fill(on, undo, colour("fault", 10));
      fill(asked, on, colour("fault", 28));
      fill(undo, off, colour("fault", 28));
    });
  }

  function written(value, unit) {
    if (value === null || value === undefined) return "–";
    const text = Number.isInteger(value) ? String(value) : value.toPrecision(value < 10 ? 2 : 3).replace(/\.?0+$/, "");
    return unit === "ms" ? `${text} ms` : text;
  }

  function stackedUp(series) {
    const sums = times.map(() => 0);
    return series.map(([, , , values]) => values.map((value, i) => (sums[i] += value ?? 0)));
  }

  // Stacked areas are drawn from the highest sum down, so that each covers the lower part of the one before.
  function order(chart) {
    const places = chart.series.map((_, i) => i);
    return chart.stacked ? places.reverse() : places;
  }

  function lines(chart) {
    const values = chart.stacked ? stackedUp(chart.series) : chart.series.map((s) => s[3]);
    return [times, ...order(chart).map((i) => values[i])];
  }

  // A value between two gaps has no line to be seen in.
  function alone(u, series) {
    const values = u.data[series];
    return values.flatMap((value, i) => (value !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null ? [i] : []));
  }

  function draw(chart) {
    const figure = document.getElementById(`chart-${chart.id}`);
    const plot = figure.querySelector(".plot");
    const outputs = figure.querySelectorAll("figcaption output");
    const gutter = () => parseFloat(getComputedStyle(plot).paddingLeft);
    let now = chart;
    const u = new uPlot(
      {
        width: plot.clientWidth,
        height,
        padding: [5, 0, 5, 0],
        legend: { show: false },
        scales: { x: { time: false, range: () => [run.start, run.end] }, y: { range: () => [0, now.top] } },
        axes: [
          { size: 0, splits: () => run.ticks, values: () => [], stroke: "transparent", grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false } },
          { size: gutter, gap: 4, font: "11px system-ui, sans-serif", space: 32, values: (_, splits) => splits.map((value) => written(value, "")), stroke: () => colour("soft"), grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false } },
        ],
        series: [
          {},
          ...order(chart).map((i) => {
            const [label, name, style] = chart.series[i];
            const isArea = style === "area";
            return {
              label,
              stroke: () => colour(name),
              width: isArea ? 0 : style === "dashed" ? 1.4 : 1.8,
              dash: style === "dashed" ? [4, 3] : undefined,
              fill: isArea ? () => colour(name) : undefined,
              points: isArea ? { show: false } : { show: true, size: 3.5, width: 0, fill: () => colour(name), filter: alone },
            };
          }),
        ],
        cursor: { sync: { key: key.key, setSeries: false }, drag: { setScale: false, x: false, y: false }, y: false, points: { size: 6 } },
        hooks: {
          drawClear: [paintBands],
          setCursor: [(self) => point(self.cursor.idx)],
        },
      },
      lines(chart),
      plot,
    );
    u.over.setAttribute("aria-hidden", "true");
    u.show = (i) => outputs.forEach((output, s) => { output.textContent = i === null ? "" : written(now.series[s][3][i], now.unit); });
    u.renew = (next) => { now = next; u.setData(lines(next)); };
    u.id = chart.id;
    const resized = new ResizeObserver(() => u.setSize({ width: plot.clientWidth, height }));
    resized.observe(plot);
    u.end = () => { resized.disconnect(); key.unsub(u); u.destroy(); };
    charts.push(u);
  }

  function point(index) {
    const i = index ?? null;
    if (i === shown) return;
    shown = i;
    follow();
  }

  function follow() {
    const i = shown;
    rule.hidden = i === null;
    area.classList.toggle("pointing", i !== null);
    charts.forEach((u) => u.show(i));
    const at = i === null ? null : times[i];
    area.querySelectorAll(".lane output").forEach((output, lane) => {
      const state = at !== null && run.lanes[lane][1].find(([from, to]) => at >= from && at < to);
      output.textContent = at === null ? "" : state ? state[2] : "no data";
    });
    if (at === null) {
      moment.innerHTML = hint;
      return;
    }
    const plot = charts[0].over.getBoundingClientRect();
    rule.style.left = `${plot.left - area.getBoundingClientRect().left + ((at - run.start) / (run.end - run.start)) * plot.width}px`;
    const begin = run.start + i * run.slot;
    const phase = run.phases.find(([, , from, to]) => at >= from && at < to);
    const on = run.faults.filter(([, , from, to]) => at >= from && at < to).map(([id]) => `${id} is on`);
    const span = `${begin.toFixed(0)} s to ${Math.min(begin + run.slot, run.end).toFixed(0)} s`;
    moment.textContent = "";
    moment.append(Object.assign(document.createElement("b"), { textContent: span }), `  ${[phase ? phase[0] : "between phases", ...on].join(", ")}`);
  }

  function moveTo(i) {
    const u = charts[0];
    u.setCursor({ left: u.valToPos(times[i], "x"), top: 10 }, true, true);
  }

  const clear = () => charts.length && charts[0].setCursor({ left: -10, top: -10 }, true, true);

  area.addEventListener("pointermove", (event) => {
    if (charts.length === 0) return;
    const plot = charts[0].over.getBoundingClientRect();
    const share = (event.clientX - plot.left) / plot.width;
    if (share < 0 || share > 1) return;
    moveTo(Math.min(Math.floor((share * (run.end - run.start)) / run.slot), times.length - 1));
  });
  area.addEventListener("pointerleave", clear);

  area.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
    if (charts.length === 0) return undefined;
    if (event.key === "Escape") return clear();
    if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return undefined;
    event.preventDefault();
    const from = shown ?? Math.floor(times.length / 2);
    return moveTo(Math.min(Math.max(from + steps[event.key], 0), times.length - 1));
  });

  // The run has gone on: same charts, new values, perhaps another axis.
  function renew() {
    times = middles();
    if (shown !== null && shown >= times.length) shown = null;
    charts.forEach((u) => u.renew(run.charts.find((chart) => chart.id === u.id)));
    if (shown !== null) follow();
  }

  function end() {
    charts.splice(0).forEach((u) => u.end());
    shown = null;
    follow();
  }

  return { charts, draw, renew, end, redraw: () => charts.forEach((chart) => chart.redraw(false, true)) };
}
