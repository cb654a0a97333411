// Tooltip, card, search, pointers, keys and legend. Runs after map_view.js.
// Text goes in as text: a gene or gene set may be called anything.
function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

// Long names with underscores may break behind one.
function nameOf(text) {
  const span = element("span", undefined, "name");
  for (const part of text.split(/(?<=_)/)) span.append(part, element("wbr"));
  return span;
}

function hover(i, x, y) {
  const tip = byId("tip");
  canvas.classList.toggle("over", i >= 0);
  if (i !== state.hover) { state.hover = i; redraw(); }
  tip.hidden = i < 0;
  if (i < 0) return;
  tip.replaceChildren(element("strong", genes[i]));
  if (labelText(i)) tip.append(element("p", labelText(i)));
  if (sets.length) {
    const own = setsOfGene[i];
    tip.append(element("p", own.length ? `in ${setsOf(own.length)}` : "in no gene set", "soft"));
    for (const set of own.slice(0, 5)) {
      const line = element("p");
      line.append(nameOf(sets[set]));
      tip.append(line);
    }
    if (own.length > 5) tip.append(element("p", `and ${number(own.length - 5)} more`, "soft"));
  }
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > width ? x - 16 - box.width : x + 16;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${Math.max(8, Math.min(y + 12, height - box.height - 8))}px`;
}

function showCard(name, facts, rows) {
  byId("card").hidden = false;
  byId("card-name").textContent = name;
  byId("card-facts").textContent = facts;
  const shown = rows.slice(0, 1000).map(({ text, note, act }) => {
    const item = element("li"), button = element("button");
    button.append(nameOf(text), element("span", note, "note"));
    button.addEventListener("click", act);
    item.append(button);
    return item;
  });
  if (rows.length > 1000) shown.push(element("li", `and ${number(rows.length - 1000)} more`, "note"));
  byId("card-list").replaceChildren(...shown);
  byId("card-list").scrollTop = 0;
}

function pickGene(i, move) {
  Object.assign(state, { gene: i, set: -1, members: null });
  hover(-1);
  const own = sets.length ? setsOfGene[i] : [];
  const facts = [labelText(i), sets.length ? `in ${setsOf(own.length)}` : ""].filter(Boolean).join("\n");
  showCard(genes[i], facts, own.map((set) => ({ text: sets[set], note: number(genesOfSet[set].length), act: () => pickSet(set) })));
  if (move) moveTo({ x: X[i], y: Y[i], zoom: Math.max(view.zoom, 6) });
  redraw();
}

function pickSet(set) {
  const own = genesOfSet[set];
  Object.assign(state, { gene: -1, set, members: new Set(own) });
  hover(-1);
  showCard(sets[set], genesOf(own.length), own.map((i) => ({ text: genes[i], note: "", act: () => pickGene(i, true) })));
  fit();
  redraw();
}

function clear() {
  Object.assign(state, { gene: -1, set: -1, members: null });
  byId("card").hidden = true;
  redraw();
}

// Search: genes and gene sets that begin with the text, then those that contain it.
const query = byId("query"), found = byId("found");
const fold = (text) => text.toLowerCase().replaceAll("_", " ").trim();
const folded = { gene: genes.map(fold), set: sets.map(fold) };
let matches = [], active = 0;

function lookUp(kind, text, most) {
  const first = [], rest = [];
  folded[kind].forEach((name, i) => {
    const place = name.indexOf(text);
    if (place === 0) first.push(i); else if (place > 0 && rest.length < most) rest.push(i);
  });
  first.sort((a, b) => folded[kind][a].length - folded[kind][b].length || a - b);
  return [...first, ...rest].slice(0, most).map((i) => ({ kind, i }));
}

function suggest() {
  const text = fold(query.value);
  matches = text ? [...lookUp("gene", text, 7), ...lookUp("set", text, 5)] : [];
  active = 0;
  const items = matches.map(({ kind, i }, k) => {
    const item = element("li");
    item.id = `match-${k}`;
    item.setAttribute("role", "option");
    item.append(
      nameOf(kind === "gene" ? genes[i] : sets[i]),
      element("span", kind === "gene" ? (sets.length ? setsOf(setsOfGene[i].length) : "") : genesOf(genesOfSet[i].length), "note"));
    item.addEventListener("pointerdown", (event) => { event.preventDefault(); active = k; choose(); });
    return item;
  });
  if (text && !items.length) items.push(element("li", sets.length ? "No gene or gene set of this name" : "No gene of this name", "none"));
  found.replaceChildren(...items);
  showActive();
  openMatches(text !== "");
}

function openMatches(open) {
  found.hidden = !open;
  query.setAttribute("aria-expanded", String(open));
}

function showActive() {
  matches.forEach((_, k) => found.children[k].setAttribute("aria-selected", String(k === active)));
  if (matches.length) {
    query.setAttribute("aria-activedescendant", `match-${active}`);
    found.children[active].scrollIntoView({ block: "nearest" });
  } else query.removeAttribute("aria-activedescendant");
}

function choose() {
  const match = matches[active];
  if (!match) return;
  openMatches(false);
  if (match.kind === "gene") pickGene(match.i, true); else pickSet(match.i);
}

query.placeholder = sets.length ? "Search genes and gene sets" : "Search genes";
query.setAttribute("aria-label", query.placeholder);
query.addEventListener("input", suggest);
query.addEventListener("focus", () => { if (query.value) suggest(); });
query.addEventListener("blur", () => openMatches(false));
query.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && matches.length) {
    active = (active + step + matches.length) % matches.length;
    showActive();
    event.preventDefault();
  } else if (event.key === "Enter") choose();
  else if (event.key === "Escape") {
    query.value = "";
    suggest();
    clear();
    canvas.focus();
  }
});

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
    "+": () => zoomAt(centre, height / 2, 1.4), "=": () => zoomAt(centre, height / 2, 1.4),
    "-": () => zoomAt(centre, height / 2, 1 / 1.4), 0: fit, Escape: clear,
  }[event.key];
  if (act) { act(); event.preventDefault(); }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== query) { query.focus(); query.select(); event.preventDefault(); }
});
byId("in").addEventListener("click", () => moveTo({ ...view, zoom: view.zoom * 1.6 }));
byId("out").addEventListener("click", () => moveTo({ ...view, zoom: view.zoom / 1.6 }));
byId("fit").addEventListener("click", fit);
byId("close").addEventListener("click", () => { clear(); canvas.focus(); });

const dark = matchMedia("(prefers-color-scheme: dark)");
byId("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
dark.addEventListener("change", () => setTheme(dark.matches ? "dark" : "light"));

function buildLegend() {
  byId("legend").hidden = false;
  byId("legend").open = width > 720;
  const entries = byId("entries");
  if (labels.kind === "numbers") {
    byId("legend-title").textContent = labels.title || "Label";
    const bar = element("canvas"), ends = element("div", undefined, "ends");
    bar.width = 64; bar.height = 1;
    for (let k = 0; k < 64; k++) {
      bar.getContext("2d").fillStyle = colours[k];
      bar.getContext("2d").fillRect(k, 0, 1, 1);
    }
    ends.append(element("span", valueText(labels.low)), element("span", valueText(labels.high)));
    entries.append(bar, ends);
    return;
  }
  byId("legend-title").textContent = labels.title || "Labels";
  const buttons = labels.legend.map((entry, k) => {
    const button = element("button"), dot = element("i");
    dot.style.background = entry.colour;
    button.append(dot, nameOf(entry.name), element("span", number(entry.count), "note"));
    button.addEventListener("click", () => { hidden[k] = !hidden[k]; show(); });
    return button;
  });
  const all = element("button", "", "all");
  all.addEventListener("click", () => { hidden.fill(!hidden.some(Boolean)); show(); });
  const show = () => {
    buttons.forEach((button, k) => button.setAttribute("aria-pressed", String(!hidden[k])));
    all.textContent = hidden.some(Boolean) ? "Show all" : "Hide all";
    hover(-1);
    redraw();
  };
  entries.append(...buttons, all);
  show();
}

byId("title").textContent = data.title;
byId("facts").textContent = [genesOf(n), sets.length ? setsOf(sets.length) : "", data.axes].filter(Boolean).join(" · ");
addEventListener("resize", resize);
resize();
setTheme(dark.matches ? "dark" : "light");
if (labels) buildLegend();
// For scripts that drive the page: where a gene is on the screen, and the view.
window.geneMap = {
  locate: (gene) => { const i = genes.indexOf(gene); return i < 0 ? null : toScreen(i); },
  view: () => ({ ...view }),
};
// A link to #TP53 opens the map at this gene. What is no encoded text stands for itself.
const decoded = (part) => { try { return decodeURIComponent(part); } catch { return part; } };
const openLinked = () => {
  const i = genes.indexOf(location.hash.slice(1).replace(/(%[0-9a-f]{2})+/gi, decoded));
  if (i >= 0) pickGene(i, true);
};
addEventListener("hashchange", openLinked);
openLinked();
