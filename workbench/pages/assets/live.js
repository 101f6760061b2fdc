// Shows what the collector tells, and nothing else: every part of the page is made anew from the newest message.
// Text is always set as text, so that nothing a run says could become markup.
(() => {
  "use strict";
  const told = { stack: null, runs: [], run: null, now: { state: "waiting" }, standing: [], charts: null, journal: [] };
  const axis = { start: 0, end: 1, slot: 1, slots: 0, ticks: [], phases: [], faults: [], charts: [], lanes: [] };
  const at = (id) => document.getElementById(id);
  const arrow = (name) => name.replace(":", " → ");
  const SILENT_MS = 12000;
  const AGAIN_MS = 2000;
  let drawn = null;
  let shape = "";
  let outline = "";

  themeButton(at("theme"), () => drawn?.redraw());

  // -- elements -------------------------------------------------------------------------------------

  function el(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    return filled(made, attributes, children);
  }

  function svg(tag, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    return filled(made, attributes, children);
  }

  function filled(made, attributes, children) {
    Object.entries(attributes).forEach(([name, value]) => { if (value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value); });
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  function placed(made, properties) {
    Object.entries(properties).forEach(([name, value]) => made.style.setProperty(name, value));
    return made;
  }

  const symbol = (name, kind = "mark", label = "") =>
    svg("svg", { class: kind, viewBox: "0 0 24 24", ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) }, svg("use", { href: `#${name}` }));

  const share = (second) => `${Math.min(Math.max(((second - axis.start) / (axis.end - axis.start)) * 100, 0), 100).toFixed(2)}%`;
  const between = (from, to) => ({ left: share(from), width: `calc(${share(to)} - ${share(from)})` });

  function clock(seconds) {
    const whole = Math.max(Math.round(seconds), 0);
    const minutes = Math.floor(whole / 60);
    const two = (number) => String(number).padStart(2, "0");
    return minutes < 60 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
  }

  function length(ms) {
    if (ms === null) return "–";
    return ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
  }

  // -- the run --------------------------------------------------------------------------------------

  const past = () => told.runs.find((run) => told.run && run.id === told.run.id);

  function state() {
    const { state: of } = told.now;
    if (of !== "over") return of;
    return past()?.outcome ?? "over";
  }

  function showRun() {
    const is = state();
    const { now, run } = told;
    document.body.dataset.state = now.state;
    const on = run ? run.faults.filter((fault) => ["asked", "on", "undoing"].includes(now.faults?.[fault.id])) : [];
    const hurting = on.length > 0 || (now.state === "rest" && told.standing.length > 0);
    at("run").className = `hero ${["PASS", "FAIL", "INCONCLUSIVE"].includes(is) ? is : hurting ? "hurting" : now.state}`;
    at("badge").replaceChildren(...badge(is, hurting));
    at("over").textContent = run && now.state !== "rest" ? [run.scenario, `run ${run.id}`, run.bugs?.length ? `bugs planted: ${run.bugs.join(", ")}` : ""].filter(Boolean).join(" · ") : "";
    at("title").textContent = run && now.state !== "rest" ? run.title || run.id : now.state === "rest" ? "Nothing is running" : "Waiting for the collector";
    const said = sentence(is, on);
    if (at("answer").textContent !== said.map((part) => part.textContent ?? part).join("")) at("answer").replaceChildren(...said);
    at("clocks").replaceChildren(...clocks());
    at("stop").hidden = !["preparing", "running", "finishing"].includes(now.state);
    at("stop").disabled = now.state === "finishing" || lostAt !== null;
    at("veil").hidden = at("nowline").hidden = !told.charts || now.state === "over";
    document.title = title(is, hurting);
  }

  function badge(is, hurting) {
    if (["PASS", "FAIL", "INCONCLUSIVE"].includes(is)) return [symbol(is), el("strong", {}, is)];
    const words = { waiting: "…", rest: hurting ? "fault on" : "at rest", preparing: "getting ready", running: hurting ? "fault on" : "running", finishing: "finishing", over: lostAt === null ? "judging" : "over" };
    if (hurting) return [symbol("bolt", "bolt"), el("strong", {}, words[is])];
    return [ring(), el("strong", {}, words[is])];
  }

  // How much of the run is behind us.
  function ring() {
    const { now } = told;
    const part = now.state === "running" && now.run_left !== null ? now.at / Math.max(now.at + now.run_left, 1) : ["finishing", "over"].includes(now.state) ? 1 : 0;
    const circle = (of, extra) => svg("circle", { cx: 27, cy: 27, r: 22, class: of, ...extra });
    return svg("svg", { class: "ring", viewBox: "0 0 54 54", "aria-hidden": "true" }, circle("all"), part > 0 ? circle("gone", { "stroke-dasharray": `${(part * 138.2).toFixed(1)} 140`, transform: "rotate(-90 27 27)" }) : null);
  }

  // Where a report is served; when nobody serves it any more, a link would lead nowhere.
  const linked = (text, id, more = {}) => el("a", { href: `runs/${encodeURIComponent(id)}/report.html`, target: "_blank", rel: "noopener", ...more }, text);

  function sentence(is, on) {
    const { now, run } = told;
    const does = (fault) => `${arrow(fault.target)} ${fault.does}`;
    const report = past()?.report && lostAt === null ? [" ", linked("Read the report", run.id)] : [];
    switch (is) {
      case "waiting": return [];
      case "rest":
        if (told.standing.length) return told.standing.flatMap((fault, i) => [i ? "; " : "ON, put on by hand: ", el("b", {}, `${fault.kind} on ${arrow(fault.target)}`)]);
        return ["The system is up. A run of this folder shows here as it happens: ", el("code", {}, "workbench run latency-spike")];
      case "preparing": return ["The load is being made ready, and measured for what one journey costs this machine."];
      case "finishing": return [now.clean === false ? "Something may still be on: see what happened below." : now.clean ? "Faults are verified off; what was seen is being saved." : "Arrivals are over; faults are undone, and accepted work may finish."];
      case "over": return [lostAt === null ? "The run is over and is being judged from its directory." : "The run is over."];
      case "PASS":
      case "FAIL":
      case "INCONCLUSIVE": return [...(is === "PASS" ? ["It held."] : (past().reasons ?? []).slice(0, 1)), ...report];
      default: break;
    }
    if (on.length > 0) {
      const words = { asked: "Being put on", on: "ON", undoing: "Being undone" };
      return on.flatMap((fault, i) => [`${i ? "; " : ""}${words[now.faults[fault.id]]}: `, el("b", {}, does(fault))]);
    }
    const ahead = told.charts?.ahead?.[0];
    if (ahead) {
      const fault = run.faults.find(({ id }) => id === ahead[0]);
      return [`In ${clock(ahead[1] - now.at)}: ${does(fault)}`];
    }
    if (run.faults.length === 0 || run.disabled) return [run.disabled ? "The injector is switched off: this run has to come out INCONCLUSIVE." : "A control: no fault is put on, and nothing should happen."];
    const bad = run.faults.filter(({ id }) => ["lost", "skipped"].includes(now.faults[id]));
    return [bad.length ? `${bad.map(({ id }) => id).join(", ")}: not as planned, see what happened` : "All faults are off again: does it recover?"];
  }

  function clocks() {
    const { now } = told;
    const one = (value, words, tone) => el("p", tone ? { class: "tone" } : {}, el("b", {}, value), words);
    if (now.state === "running" && now.run_left !== null) {
      return [now.phase_left === null ? null : one(clock(now.phase_left), `left of ${now.phase}`, true), one(clock(now.run_left), "left of the run")].filter(Boolean);
    }
    if (now.journeys && ["finishing", "over"].includes(now.state)) return [one(now.journeys.toLocaleString("en").replaceAll(",", "\u202f"), "journeys"), one(clock(now.at), "of load")];
    return [];
  }

  function title(is, hurting) {
    const { now, run } = told;
    const what = run && now.state !== "rest" ? run.scenario : told.stack?.system ?? "live";
    if (now.state === "rest" && hurting) return `⚡ ${what} · resilience workbench`;
    if (now.state === "running") return `${hurting ? "⚡ " : ""}${now.phase ?? "run"} ${now.phase_left === null ? "" : clock(now.phase_left)} · ${what}`;
    return ["PASS", "FAIL", "INCONCLUSIVE"].includes(is) ? `${is} · ${what}` : `${what} · resilience workbench`;
  }

  // -- users ----------------------------------------------------------------------------------------

  function showLately() {
    const { now } = told;
    const cell = (text, of) => el("td", of ? { class: of } : {}, text);
    at("felt").replaceChildren(
      ...(now.lately ?? []).map((row) => {
        const all = row.ok + row.degraded + row.indeterminate + row.failed;
        const part = (count) => (all === 0 ? "–" : `${((100 * count) / all).toFixed(count && count < all ? 1 : 0)} %`);
        const failed = row.failed + row.indeterminate;
        return el("tr", {}, el("th", { scope: "row" }, row.journey), cell(`${row.per_s}/s`), cell(length(row.p50), "p50"), el("td", {}, el("b", {}, length(row.p95))), cell(part(row.degraded), row.degraded ? "some" : "zero"), cell(part(failed), failed ? "lost" : "zero"));
      }),
    );
    at("load").textContent = now.planned_per_s === null || now.planned_per_s === undefined ? "" : `${now.planned_per_s}/s planned in this second; ${now.under_way} due and not ended; ${now.journeys} ended so far. Times count from the intended start.`;
  }

  // -- the map --------------------------------------------------------------------------------------

  function showMap() {
    const { stack, now, run } = told;
    if (!stack) return;
    at("system").textContent = stack.title;
    const faults = now.state === "rest" ? [] : (run?.faults ?? []);
    const on = (fault) => ["on", "undoing"].includes(now.faults?.[fault.id]);
    const ahead = (fault) => told.charts?.ahead?.some(([id]) => id === fault.id) || now.faults?.[fault.id] === "asked";
    const edges = (which) => new Set(faults.filter(which).flatMap((fault) => fault.edges));
    const struck = edges(on);
    const standing = told.standing;
    standing.flatMap((fault) => fault.edges).forEach((edge) => struck.add(edge));
    const threatened = edges(ahead);
    const odd = Object.entries(now.breakers ?? {}).filter(([, is]) => is !== "closed");
    const silent = new Set([...(now.silent ?? []), ...(["rest", "over"].includes(now.state) ? [] : now.dead ?? [])]);
    const targets = new Set([...faults.filter(on).map((fault) => fault.target), ...standing.flatMap((fault) => fault.services)]);
    const next = JSON.stringify([stack.stack, [...struck], [...threatened], odd, [...silent], [...targets], standing]);
    if (next === outline) return;
    outline = next;
    at("breakers").textContent = words(odd, silent);
    at("standing").replaceChildren(...standing.map((fault) => el("li", {}, symbol("bolt", "bolt"), el("span", {}, el("b", {}, `${fault.kind} on ${arrow(fault.target)}`), ` · ${fault.id}, put on by hand`), el("span", {}, leaves(fault)))));
    if (stack.map) at("map").replaceChildren(picture(stack.map, struck, threatened, new Map(odd), silent, targets));
    else at("map").replaceChildren(el("p", { class: "empty" }, `${stack.edges.length} edges: too many for a map.`));
  }

  const leaves = ({ left }) => (left === null ? "until it is taken off" : `${clock(left)} left`);

  function words(odd, silent) {
    const breakers = Object.keys(told.now.breakers ?? {}).length;
    const said = odd.length ? odd.map(([edge, is]) => `the breaker of ${arrow(edge)} is ${is}`) : breakers ? ["all breakers are closed"] : ["no service tells of a breaker"];
    if (silent.size) said.push(`${[...silent].join(", ")} ${silent.size > 1 ? "do" : "does"} not answer`);
    const text = said.join("; ");
    return `${text[0].toUpperCase()}${text.slice(1)}.`;
  }

  function picture(map, struck, threatened, breakers, silent, targets) {
    const tip = (id) => svg("marker", { id, viewBox: "0 0 8 8", refX: 6, refY: 4, markerUnits: "userSpaceOnUse", markerWidth: 9, markerHeight: 9, orient: "auto" }, svg("path", { d: "M0 0l8 4-8 4z" }));
    const made = svg("svg", { viewBox: `0 0 ${map.width} ${map.height}`, width: map.width, height: map.height, role: "img", "aria-label": `Services and edges. ${at("breakers").textContent}${struck.size ? ` Fault on ${[...struck].map(arrow).join(", ")}.` : ""}` }, svg("defs", {}, tip("tip"), tip("tip-fault")));
    const rank = ({ name }) => (struck.has(name) ? 2 : threatened.has(name) ? 1 : 0);
    const links = [...map.links].sort((a, b) => rank(a) - rank(b));
    links.forEach((link) => {
      const of = ["", " threatened", " faulted"][rank(link)];
      made.append(svg("path", { class: `link${of}`, d: link.path, "marker-end": `url(#tip${of ? "-fault" : ""})` }, svg("title", {}, arrow(link.name))));
    });
    map.nodes.forEach((node) => {
      const of = `node${node.entry ? " entry" : ""}${silent.has(node.name) ? " silent" : ""}${targets.has(node.name) ? " struck" : ""}`;
      const text = svg("text", { x: 57, y: 19.5 }, node.label);
      made.append(svg("g", { class: of, transform: `translate(${node.x} ${node.y})` }, svg("title", {}, node.name), svg("rect", { width: 114, height: 30, rx: 7 }), text));
    });
    const time = (middle, y, faults) => faults.filter(({ left }) => left !== null).slice(0, 1).forEach(({ left }) => {
      const text = clock(left);
      const width = 14 + 6 * text.length;
      made.append(svg("g", { class: "state left", transform: `translate(${middle - width / 2} ${y})` }, svg("rect", { width, height: 16, rx: 8 }), svg("text", { x: width / 2, y: 11.8 }, text)));
    });
    const soonest = [...told.standing].sort((a, b) => (a.left ?? Infinity) - (b.left ?? Infinity));
    map.nodes.forEach((node) => time(node.x + 97, node.y - 7, soonest.filter((fault) => fault.services.includes(node.name))));
    links.forEach((link) => {
      const is = breakers.get(link.name);
      time(link.x, link.y + (is ? 18 : 12), soonest.filter((fault) => fault.edges.includes(link.name)));
      if (rank(link) === 2) made.append(svg("g", { class: "marker", transform: `translate(${link.x - 11} ${link.y - (is ? 22 : 11)})` }, svg("circle", { cx: 11, cy: 11, r: 11 }), svg("svg", { x: 4, y: 4, width: 14, height: 14 }, svg("use", { href: "#bolt" }))));
      if (is) {
        const width = is === "open" ? 38 : 58;
        made.append(svg("g", { class: `state is-${is.replace(" ", "-")}`, transform: `translate(${link.x - width / 2} ${link.y + (rank(link) === 2 ? 1 : -8)})` }, svg("rect", { width, height: 16, rx: 8 }), svg("text", { x: width / 2, y: 11.8 }, is)));
      }
    });
    return made;
  }

  // -- what happened, and when ----------------------------------------------------------------------

  function showJournal() {
    const rows = [...told.journal].reverse().map(([second, text, weight]) => el("li", { class: weight }, el("time", {}, `${second.toFixed(1)} s`), el("span", {}, text)));
    at("journal").replaceChildren(...(rows.length ? rows : [el("li", { class: "detail" }, el("span"), el("span", {}, "Nothing yet: the journal begins with the load."))]));
  }

  function showRuns() {
    const one = (run, i) => {
      const goesOn = told.run?.id === run.id && !["over", "rest"].includes(told.now.state);
      const name = run.report && lostAt === null ? linked(run.scenario, run.id, { class: "name", title: run.title }) : el("span", { class: "name", title: run.title }, run.scenario);
      const began = new Date(run.started);
      const when = el("time", { datetime: run.started, class: "small", title: began.toLocaleString() }, began.toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }));
      const is = run.outcome ? el("small", {}, `exit ${run.exit_code}`) : goesOn ? el("em", {}, "goes on") : el("small", {}, told.run?.id === run.id ? "being judged" : i === 0 ? "no verdict yet" : "no verdict");
      return el("li", { class: run.outcome ?? "" }, symbol(run.outcome ?? "NONE", "mark", run.outcome ?? "no verdict"), el("span", { class: "name" }, name, " ", is, run.title ? el("q", {}, run.title) : null), when);
    };
    const none = el("li", { class: "first" }, el("span"), el("span", {}, "None yet. The first one takes a minute and a half: ", el("pre", {}, "workbench run latency-spike")));
    at("runs").replaceChildren(...(told.runs.length ? told.runs.map(one) : [none]));
  }

  // -- the time axis --------------------------------------------------------------------------------

  function showCharts() {
    const { charts } = told;
    if (!charts) {
      forget();
      return;
    }
    Object.assign(axis, charts, { ticks: charts.ticks.map(([second]) => second), charts: charts.charts.filter((chart) => !chart.missing) });
    const next = JSON.stringify([charts.id, charts.charts.map((chart) => [chart.id, chart.missing, chart.series.map(([label]) => label)])]);
    showStrip(charts);
    if (next !== shape) {
      forget();
      shape = next;
      at("figures").replaceChildren(...charts.charts.flatMap((chart) => (chart.id === "outcomes" ? [figure(chart), breakers()] : [figure(chart)])));
      showLanes(charts);
      drawn ??= timeCharts(at("charts"), at("moment"), axis, 92);
      axis.charts.forEach(drawn.draw);
    } else {
      showLanes(charts);
      drawn.renew();
    }
  }

  function forget() {
    drawn?.end();
    at("figures").replaceChildren();
    shape = "";
  }

  function figure(chart) {
    const caption = el("figcaption", {}, el("b", {}, chart.title), chart.unit ? el("span", { class: "unit" }, chart.unit) : null, chart.note && !chart.missing ? el("span", { class: "small" }, chart.note) : null);
    if (chart.missing) return el("figure", { id: `chart-${chart.id}` }, caption, el("p", { class: "waits" }, "nothing yet"));
    const keys = chart.series.map(([label, colour, style]) => el("span", { class: "key" }, placed(el("i", { class: style }), { "--c": `var(--${colour})` }), label, " ", el("output")));
    caption.append(el("span", { class: "legend" }, ...keys));
    return el("figure", { id: `chart-${chart.id}` }, caption, el("div", { class: "plot", role: "img", "aria-label": chart.title }));
  }

  function breakers() {
    const key = (name, is) => el("span", { class: "key" }, el("i", { class: `block ${is}` }), name);
    return el(
      "figure",
      { id: "chart-breakers" },
      el("figcaption", {}, el("b", {}, "Circuit breakers"), el("span", { class: "small" }, "as the services say of themselves, at each scrape"), el("span", { class: "legend" }, key("closed", "closed"), key("half open", "half-open"), key("open", "open"))),
      el("div", { class: "lanes", id: "lanes" }),
    );
  }

  function showLanes({ lanes, calm }) {
    const rows = lanes.map(([edge, stretches]) =>
      el("div", { class: "lane" }, el("span", {}, arrow(edge), " ", el("output")), el("div", { class: "track" }, ...stretches.map(([from, to, is]) => placed(el("span", { class: is.replace(" ", "-") }), between(from, to))))),
    );
    if (calm.length) rows.push(el("p", { class: "small" }, `Closed all the time: ${calm.map(arrow).join(", ")}.`));
    if (rows.length === 0) rows.push(el("p", { class: "small" }, "No service tells of a breaker."));
    at("lanes")?.replaceChildren(...rows);
  }

  function showStrip({ phases, faults, ahead, ticks, settled, now }) {
    const going = { on: " going", ahead: " ahead", done: "" };
    at("phases").replaceChildren(...phases.map(([name, role, from, to, is]) => placed(el("span", { class: `${role}${going[is]}`, title: `${name}: ${from.toFixed(1)} s to ${to.toFixed(1)} s` }, name), between(from, to))));
    const rows = faults.map(([id, asked, on, undo, off, is]) => {
      const words = { asked: `${id}: asked for`, on: `${id} is on`, undoing: `${id}: being undone`, off: `${id}, ${on.toFixed(1)} to ${off.toFixed(1)} s, verified`, lost: `${id}, then lost` };
      return el("div", { class: "track windows" }, placed(el("span", { class: "asked" }), between(asked, off)), placed(el("span", { class: "on", title: words[is] }, words[is]), between(on, undo)));
    });
    ahead.forEach(([id, from, to]) => rows.push(el("div", { class: "track windows" }, placed(el("span", { class: "ahead" }, `${id}, planned`), between(from, to)))));
    at("windows").replaceChildren(...rows);
    at("ticks").replaceChildren(...ticks.map(([second, label]) => placed(el("span", parseFloat(share(second)) > 97 ? { class: "end" } : {}, label), { left: share(second) })));
    const part = (second) => String(Math.min(Math.max((second - axis.start) / (axis.end - axis.start), 0), 1));
    placed(at("nowline"), { "--to": part(now) });
    placed(at("veil"), { "--from": part(settled ?? now), "--to": part(now) });
  }

  // -- stopping -------------------------------------------------------------------------------------

  at("stop").addEventListener("click", () => {
    at("sure-said").textContent = "";
    at("yes").disabled = false;
    at("sure").showModal();
  });
  at("yes").addEventListener("click", async () => {
    at("yes").disabled = true;
    at("sure-said").textContent = "asking…";
    try {
      const answer = await fetch("stop", { method: "POST", body: JSON.stringify({ run: told.run.id }), headers: { "Content-Type": "application/json" } });
      if (answer.ok) at("sure").close();
      else at("sure-said").textContent = (await answer.json()).error;
    } catch {
      at("sure-said").textContent = "the collector does not answer; workbench stop does the same";
    }
    at("yes").disabled = false;
  });

  // -- the connection -------------------------------------------------------------------------------

  const shows = { stack: [showMap, showRun], standing: [showMap, showRun], runs: [showRuns, showRun], run: [showRun, showMap], now: [showRun, showLately, showMap, showRuns], charts: [showCharts, showRun, showMap], journal: [showJournal] };
  let source = null;
  let heardAt = 0;
  let lostAt = null;
  let ended = false;
  let waiting = new Set();
  let page = null;

  // Several parts come at once: each thing is shown once for all of them.
  function take(name, text) {
    heard();
    if (text === undefined) return;
    told[name] = JSON.parse(text);
    if (waiting.size === 0) setTimeout(showAll);
    shows[name].forEach((show) => waiting.add(show));
    if (name === "stack") {
      if (page !== null && page !== told.stack.page) location.reload();
      page = told.stack.page;
    }
  }

  function showAll() {
    const due = [...new Set(Object.values(shows).flat())].filter((show) => waiting.has(show));
    waiting = new Set();
    due.forEach((show) => show());
  }

  function heard() {
    heardAt = performance.now();
    if (lostAt === null && at("link").className === "on") return;
    const again = lostAt !== null;
    lostAt = null;
    ended = false;
    if (again) showRuns();
    link("on", "live");
    at("lost").hidden = true;
    document.body.classList.remove("stale");
  }

  function link(of, words) {
    at("link").className = of;
    at("link").lastElementChild.textContent = words;
  }

  // The last word of a stack that is taken down: what came before it is how everything has ended.
  function over() {
    ended = true;
    lost();
  }

  const NEXT = "With the next stack of this folder the page goes on by itself.";

  // Why nothing more comes, and what there is to do.
  function reason() {
    const { now, run } = told;
    if (now.state !== "over") return [`${ended ? "The stack was taken down." : "The stack has ended, or its collector does not answer."} What you see is how it was then. ${NEXT}`];
    if (!past()?.outcome) return [`The run is over, and so is its stack. The verdict is on its terminal; workbench open report shows the report. ${NEXT}`];
    return [el("b", {}, `This run is over: ${past().outcome}, exit ${past().exit_code}.`), " Its stack was taken down, so nothing here changes any more. ", ...(past().report ? ["The report is ", el("code", {}, run.report), "; ", el("code", {}, "workbench open report"), " shows it. "] : []), NEXT];
  }

  async function lost() {
    source?.close();
    source = null;
    if (lostAt === null) {
      lostAt = new Date();
      link(ended ? "ended" : "off", ended ? "ended" : "not connected");
      document.body.classList.toggle("stale", told.now.state !== "over");
      at("stop").disabled = true;
      showRuns();
    }
    let why = reason();
    try {
      const answer = await fetch(".", { method: "HEAD" });
      if (answer.status === 401) why = ["This browser's key is not that of the stack that is up. The right address is printed by: workbench open live"];
      if (answer.status === 503) why = ["The collector has no place for one more page, or is not told yet what to show."];
    } catch {
      // nobody there: that is what it says already
    }
    showRun();
    why.unshift(`Not connected since ${lostAt.toLocaleTimeString([], { hourCycle: "h23" })}. `);
    at("lost").className = `banner ${ended && told.now.state === "over" ? past()?.outcome ?? "" : "warning"}`;
    if (at("lost").hidden || at("lost").textContent !== why.map((part) => part.textContent ?? part).join("")) at("lost").replaceChildren(...why);
    at("lost").hidden = false;
    setTimeout(connect, AGAIN_MS);
  }

  function connect() {
    source = new EventSource("events");
    heardAt = performance.now();
    Object.keys(shows).forEach((name) => source.addEventListener(name, (event) => take(name, event.data)));
    source.addEventListener("beat", () => take("beat"));
    source.addEventListener("end", over);
    source.onerror = lost;
  }

  setInterval(() => { if (source && performance.now() - heardAt > SILENT_MS) lost(); }, SILENT_MS / 4);
  connect();
})();
