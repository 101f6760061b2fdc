// Draws the charts over the static ones, keeps one cursor on all of them, and switches the theme.
// The page is complete without it: nothing here adds a fact.
(() => {
  "use strict";
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const charts = [];

  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const themed = () => {
    button.title = `Use the ${isDark() ? "light" : "dark"} theme`;
    button.setAttribute("aria-label", button.title);
    charts.forEach((chart) => chart.redraw(false, true));
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    themed();
  });
  dark.addEventListener("change", themed);

  // Print what a reader has folded, and fold it again.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((d) => { d.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((d) => { d.open = false; }));
  // A link to something folded opens it.
  const unfold = () => {
    const target = document.querySelector(":target");
    if (target && target.tagName === "DETAILS") target.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();

  themed();
  const source = document.getElementById("data");
  const library = document.getElementById("library");
  if (source && library && window.DecompressionStream) unpacked(library.textContent).then(run);

  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  }

  // The policy of the page lets exactly this library be added, by its hash.
  function run(code) {
    document.head.append(Object.assign(document.createElement("script"), { textContent: code }));
    if (typeof uPlot === "function") drawAll(JSON.parse(source.textContent));
  }

  function drawAll(run) {
    const times = Array.from({ length: run.slots }, (_, i) => {
      const begin = run.start + i * run.slot;
      return (begin + Math.min(begin + run.slot, run.end)) / 2;
    });
    const area = document.getElementById("charts");
    const moment = document.getElementById("moment");
    const hint = moment.innerHTML;
    const rule = area.appendChild(Object.assign(document.createElement("div"), { className: "rule", hidden: true }));
    const probe = area.appendChild(Object.assign(document.createElement("i"), { hidden: true }));
    const key = uPlot.sync("run");
    root.classList.add("live");

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

    function draw(chart) {
      const figure = document.getElementById(`chart-${chart.id}`);
      const plot = figure.querySelector(".plot");
      const outputs = figure.querySelectorAll("figcaption output");
      const gutter = () => parseFloat(getComputedStyle(plot).paddingLeft);
      // Stacked areas are drawn from the highest sum down, so that each covers the lower part of the one before.
      const order = chart.series.map((_, i) => i);
      if (chart.stacked) order.reverse();
      const values = chart.stacked ? stackedUp(chart.series) : chart.series.map((s) => s[3]);
      const u = new uPlot(
        {
          width: plot.clientWidth,
          height: 114,
          padding: [5, 0, 5, 0],
          legend: { show: false },
          scales: { x: { time: false, range: () => [run.start, run.end] }, y: { range: () => [0, chart.top] } },
          axes: [
            { size: 0, splits: () => run.ticks, values: () => [], stroke: "transparent", grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false } },
            { size: gutter, gap: 4, font: "11px system-ui, sans-serif", space: 32, values: (_, splits) => splits.map((value) => written(value, "")), stroke: () => colour("soft"), grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false } },
          ],
          series: [
            {},
            ...order.map((i) => {
              const [label, name, style] = chart.series[i];
              const isArea = style === "area";
              return {
                label,
                stroke: () => colour(name),
                width: isArea ? 0 : style === "dashed" ? 1.4 : 1.8,
                dash: style === "dashed" ? [4, 3] : undefined,
                fill: isArea ? () => colour(name) : undefined,
                points: { show: false },
              };
            }),
          ],
          cursor: { sync: { key: key.key, setSeries: false }, drag: { setScale: false, x: false, y: false }, y: false, points: { size: 6 } },
          hooks: {
            drawClear: [paintBands],
            setCursor: [(self) => point(self.cursor.idx, self)],
          },
        },
        [times, ...order.map((i) => values[i])],
        plot,
      );
      u.over.setAttribute("aria-hidden", "true");
      u.show = (i) => outputs.forEach((output, s) => { output.textContent = i === null ? "" : written(chart.series[s][3][i], chart.unit); });
      new ResizeObserver(() => u.setSize({ width: plot.clientWidth, height: 114 })).observe(plot);
      charts.push(u);
    }

    let shown = null;
    function point(index) {
      const i = index ?? null;
      if (i === shown) return;
      shown = i;
      rule.hidden = i === null;
      area.classList.toggle("pointing", i !== null);
      charts.forEach((u) => u.show(i));
      const at = i === null ? null : times[i];
      document.querySelectorAll(".lane output").forEach((output, lane) => {
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

    const clear = () => charts[0].setCursor({ left: -10, top: -10 }, true, true);

    // Breakers and the strip are no charts of the library, and follow the same cursor.
    area.addEventListener("pointermove", (event) => {
      const plot = charts[0].over.getBoundingClientRect();
      const share = (event.clientX - plot.left) / plot.width;
      if (share < 0 || share > 1) return;
      moveTo(Math.min(Math.floor((share * (run.end - run.start)) / run.slot), times.length - 1));
    });
    area.addEventListener("pointerleave", clear);

    area.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
      if (event.key === "Escape") return clear();
      if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return undefined;
      event.preventDefault();
      const from = shown ?? Math.floor(times.length / 2);
      return moveTo(Math.min(Math.max(from + steps[event.key], 0), times.length - 1));
    });

    run.charts.forEach(draw);
    if (charts.length === 0) root.classList.remove("live");
  }
})();
