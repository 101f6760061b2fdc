// Draws the charts over the static ones, keeps one cursor on all of them, and switches the theme.
// The page is complete without it: nothing here adds a fact.
(() => {
  "use strict";
  const root = document.documentElement;
  let drawn = null;
  themeButton(document.getElementById("theme"), () => drawn?.redraw());

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
    root.classList.add("live");
    drawn = timeCharts(document.getElementById("charts"), document.getElementById("moment"), run, 114);
    run.charts.forEach(drawn.draw);
    if (drawn.charts.length === 0) root.classList.remove("live");
  }
})();
