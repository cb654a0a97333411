// Pointers, keys, buttons and legend; then the page starts. Runs last.
// Pointers: one drags, two pinch, none pressed hovers.
const pointers = new Map();
let travelled = 0, reach = 10;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
  travelled = pointers.size > 1 ? Infinity : 0;
  reach = event.pointerType === "touch" ? 22 : 10;
});
canvas.addEventListener("pointermove", (event) => {
  const here = [event.clientX, event.clientY], before = pointers.get(event.pointerId);
  if (!before) {
    if (event.pointerType !== "touch") hover(nearest(...here, 10), ...here);
    return;
  }
  const other = [...pointers].find(([id]) => id !== event.pointerId);
  const [dx, dy] = [here[0] - before[0], here[1] - before[1]];
  if (other) {
    const gap = (p) => Math.hypot(p[0] - other[1][0], p[1] - other[1][1]) || 1;
    panBy(dx / 2, dy / 2);
    zoomAt((here[0] + other[1][0]) / 2, (here[1] + other[1][1]) / 2, gap(here) / gap(before));
  } else if ((travelled += Math.hypot(dx, dy)) > 4) {
    canvas.classList.add("dragging");
    hover(-1);
    panBy(dx, dy);
  }
  pointers.set(event.pointerId, here);
});
for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, (event) => {
  pointers.delete(event.pointerId);
  canvas.classList.remove("dragging");
});
// Not on pointerup: a card that opens under a finger would get the click.
canvas.addEventListener("click", (event) => {
  if (travelled > 4) return;
  const i = nearest(event.clientX, event.clientY, reach);
  if (i >= 0) pickGene(i, false); else clear();
});
canvas.addEventListener("pointerleave", () => hover(-1));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
  hover(-1);
  zoomAt(event.clientX, event.clientY, Math.exp(-Math.max(-240, Math.min(240, pixels)) * 0.0022));
}, { passive: false });

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const act = {
    ArrowLeft: () => panBy(60, 0), ArrowRight: () => panBy(-60, 0),
    ArrowUp: () => panBy(0, 60), ArrowDown: () => panBy(0, -60),
    "+": () => zoomAt(...middle, 1.4), "=": () => zoomAt(...middle, 1.4),
    "-": () => zoomAt(...middle, 1 / 1.4), 0: fit, Escape: clear,
  }[event.key];
  if (act) { hover(-1); act(); event.preventDefault(); }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== query) { query.focus(); query.select(); event.preventDefault(); }
});
byId("in").addEventListener("click", () => moveTo({ ...view, zoom: view.zoom * 1.6 }));
byId("out").addEventListener("click", () => moveTo({ ...view, zoom: view.zoom / 1.6 }));
byId("fit").addEventListener("click", fit);
// The menu to save closes when something else gets the focus or a click.
addEventListener("pointerdown", (event) => { if (!byId("save").contains(event.target)) byId("save").open = false; });
byId("close").addEventListener("click", () => { clear(); canvas.focus(); });
byId("back").addEventListener("click", () => pickList(state.list));

const dark = matchMedia("(prefers-color-scheme: dark)");
byId("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));

function scaleOfNumbers() {
  const bar = element("canvas"), ends = element("div", undefined, "ends");
  bar.width = 64; bar.height = 1;
  for (let k = 0; k < 64; k++) {
    bar.getContext("2d").fillStyle = colours[k];
    bar.getContext("2d").fillRect(k, 0, 1, 1);
  }
  ends.append(...ticks().map(({ text }) => element("span", text)));
  return [bar, ends];
}

function buildLegend() {
  const numbers = labels.kind === "numbers";
  byId("legend").hidden = false;
  byId("legend").open = !onPhone();
  byId("legend-title").textContent = labels.title || (numbers ? "Label" : "Labels");
  const buttons = legend.map((entry) => {
    const button = element("button"), dot = element("i"), k = entry.code;
    if (k === unlabelled) dot.style.border = `2px solid ${entry.colour}`; else dot.style.background = entry.colour;
    button.append(dot, nameOf(entry.name), element("span", number(entry.count), "note"));
    button.addEventListener("click", () => { hidden[k] = !hidden[k]; show(); });
    return button;
  });
  const all = element("button", "", "all");
  all.addEventListener("click", () => { hidden.fill(!hidden.some(Boolean)); show(); });
  const show = () => {
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(!hidden[legend[at].code])));
    all.textContent = hidden.some(Boolean) ? "Show all" : "Hide all";
    hover(-1);
    redraw();
  };
  byId("entries").append(...(numbers ? [...scaleOfNumbers(), ...buttons] : [...buttons, all]));
  show();
}

byId("title").textContent = data.title;
byId("facts").textContent = [genesOf(n), sets.length ? setsOf(sets.length) : "", data.axes].filter(Boolean).join(" · ");
addEventListener("resize", resize);
resize();
setTheme(dark.matches ? "dark" : "light");
if (labels) buildLegend();
// For scripts that drive the page: where a gene is on the screen, the view, and
// the names of genes and of regions that are written, each with its box.
window.geneMap = {
  locate: (gene) => { const i = genes.indexOf(gene); return i < 0 ? null : toScreen(i); },
  view: () => ({ ...view }),
  names: () => written.filter(({ gene }) => gene !== null),
  regions: () => written.filter(({ region }) => region),
};
// A link to #TP53 opens the map at this gene. Text that is not encoded stays as it is.
const decoded = (part) => { try { return decodeURIComponent(part); } catch { return part; } };
const openLinked = () => {
  const i = genes.indexOf(location.hash.slice(1).replace(/(%[0-9a-f]{2})+/gi, decoded));
  if (i >= 0) pickGene(i, true);
};
addEventListener("hashchange", openLinked);
openLinked();
