// Data, view and drawing. Runs before map_controls.js, in the same scope.
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const number = (n) => n.toLocaleString("en");
const genesOf = (n) => `${number(n)} gene${n === 1 ? "" : "s"}`;
const setsOf = (n) => `${number(n)} gene set${n === 1 ? "" : "s"}`;

// Data: coordinates in [0, 1], the gene sets of every gene, the genes of every set.
const genes = data.genes, sets = data.sets, n = genes.length;
const raw = new DataView(bytes(data.points).buffer);
const X = new Float32Array(n), Y = new Float32Array(n);
for (let i = 0; i < n; i++) {
  X[i] = raw.getUint16(4 * i, true) / 65535;
  Y[i] = 1 - raw.getUint16(4 * i + 2, true) / 65535;
}
const setsOfGene = [], genesOfSet = sets.map(() => []);
const packed = bytes(data.memberships);
let at = 0;
const varint = () => {
  let value = 0, shift = 0, byte;
  do { byte = packed[at++]; value |= (byte & 127) << shift; shift += 7; } while (byte & 128);
  return value;
};
if (sets.length) for (let i = 0; i < n; i++) {
  const own = new Array(varint());
  for (let k = 0, set = 0; k < own.length; k++) {
    set += varint();
    own[k] = set;
    genesOfSet[set].push(i);
  }
  setsOfGene.push(own);
}

// Colours: one index into `colours` a gene, the grey ones drawn first.
const labels = data.labels;
let colours = [""], colourOf = new Uint8Array(n), hidden = [false];
const mix = (stops, t) => {
  const i = Math.min(Math.floor(t * (stops.length - 1)), stops.length - 2);
  const part = (hex, k) => parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
  const f = t * (stops.length - 1) - i;
  return `rgb(${[0, 1, 2].map((k) => Math.round(part(stops[i], k) * (1 - f) + part(stops[i + 1], k) * f))})`;
};
if (labels && labels.kind === "categories") {
  colours = labels.legend.map((entry) => entry.colour);
  colourOf = bytes(labels.shown);
  hidden = colours.map(() => false);
} else if (labels) {
  // Halves, because the span of large numbers may be infinite.
  const steps = 64, span = labels.high / 2 - labels.low / 2 || 1;
  colours = Array.from({ length: steps }, (_, k) => mix(labels.stops, k / (steps - 1)));
  colours.push(labels.grey);
  colourOf = Uint8Array.from(labels.values, (v) => v === null ? steps : Math.round((v / 2 - labels.low / 2) / span * (steps - 1)));
  hidden = colours.map(() => false);
}
const grey = labels && labels.grey;
const order = Array.from({ length: n }, (_, i) => i);
const isGrey = (i) => colours[colourOf[i]] === grey;
order.sort((a, b) => isGrey(b) - isGrey(a));
// Numbers are exact and rounded to be shown: to four digits beyond those that all share.
// Integers may be identifiers, and keep all of theirs.
const valueText = (v) => {
  const shared = Math.log10(Math.max(Math.abs(labels.low), Math.abs(labels.high)) / (labels.high - labels.low));
  const digits = Math.min(17, 4 + Math.max(0, Math.ceil(shared)));
  return String(Number.isInteger(v) ? v : Number(v.toPrecision(digits)));
};
const labelText = (i) => {
  if (!labels) return "";
  const of = labels.title ? labels.title + ": " : "";
  if (labels.kind === "numbers") return labels.values[i] === null ? "" : of + valueText(labels.values[i]);
  return labels.codes[i] < 0 ? "" : of + labels.names[labels.codes[i]];
};

// View: the point of the map in the middle of the window, and the magnification.
const canvas = byId("map"), pen = canvas.getContext("2d");
const view = { x: 0.5, y: 0.5, zoom: 1 };
const state = { hover: -1, gene: -1, set: -1, members: null };
const still = matchMedia("(prefers-reduced-motion: reduce)");
let width = 1, height = 1, centre = 0, ratio = 1, unit = 1, queued = false, styles = {}, sprites = new Map();
const toScreen = (i) => [(X[i] - view.x) * unit * view.zoom + centre, (Y[i] - view.y) * unit * view.zoom + height / 2];
const redraw = () => { if (!queued) { queued = true; requestAnimationFrame(draw); } };
const clampZoom = (zoom) => Math.min(400, Math.max(0.5, zoom));

function resize() {
  width = innerWidth; height = innerHeight; ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  // Beside the legend where there is room for both.
  const left = labels && width > 720 ? 300 : 0;
  centre = (left + width) / 2;
  unit = Math.min(width - left, height) * 0.88;
  redraw();
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const css = getComputedStyle(document.documentElement);
  styles = Object.fromEntries(["ground", "ink", "soft", "point"].map((name) => [name, css.getPropertyValue("--" + name).trim()]));
  sprites = new Map();
  redraw();
}

function sprite(colour, radius, alpha) {
  const key = `${colour} ${radius} ${alpha}`;
  if (!sprites.has(key)) {
    const dot = document.createElement("canvas"), r = radius * ratio;
    dot.width = dot.height = 2 * Math.ceil(r) + 2;
    const ink = dot.getContext("2d");
    ink.globalAlpha = alpha;
    ink.fillStyle = colour || styles.point;
    ink.arc(dot.width / 2, dot.width / 2, r, 0, 7);
    ink.fill();
    sprites.set(key, dot);
  }
  return sprites.get(key);
}

function radius() {
  const alone = Math.sqrt(0.22 * unit * unit / n / Math.PI);
  return Math.round(4 * Math.min(9, Math.min(6, Math.max(1.4, alone)) * view.zoom ** 0.35)) / 4;
}

function draw() {
  queued = false;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  if (sprites.size > 2000) sprites = new Map();
  const r = radius(), dimmed = state.members !== null, visible = [];
  const faint = colours.map((colour) => dimmed ? sprite(colour, r, 0.13) : null);
  const full = colours.map((colour) => sprite(colour, r, dimmed ? 0.95 : colour === grey ? 0.4 : 0.78));
  for (const members of dimmed ? [false, true] : [true]) for (const i of order) {
    if (hidden[colourOf[i]] || (dimmed && members !== state.members.has(i))) continue;
    const [x, y] = toScreen(i);
    if (x < -20 || y < -20 || x > width + 20 || y > height + 20) continue;
    if (members) visible.push(i);
    const dot = (members ? full : faint)[colourOf[i]];
    pen.drawImage(dot, x * ratio - dot.width / 2, y * ratio - dot.width / 2);
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const taken = [];
  for (const i of [state.gene, state.hover]) if (i >= 0) mark(i, r, taken);
  if (visible.length <= 300) for (const i of visible) write(i, r, taken, false);
}

function mark(i, r, taken) {
  const [x, y] = toScreen(i);
  for (const [wide, colour] of [[5, styles.ground], [2, styles.ink]]) {
    pen.beginPath();
    pen.arc(x, y, r + 3.5, 0, 7);
    pen.lineWidth = wide; pen.strokeStyle = colour;
    pen.stroke();
  }
  write(i, r + 4, taken, true);
}

function write(i, r, taken, always) {
  const [x, y] = toScreen(i);
  pen.font = `${always ? "600 14px" : "12px"} system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif`;
  const wide = pen.measureText(genes[i]).width, left = x - wide / 2, top = y - r - 18;
  const box = [left - 2, top, left + wide + 2, top + 16];
  if (taken.some((o) => box[0] < o[2] && o[0] < box[2] && box[1] < o[3] && o[1] < box[3]) && !always) return;
  taken.push(box);
  pen.lineJoin = "round"; pen.lineWidth = 4; pen.strokeStyle = styles.ground;
  pen.strokeText(genes[i], left, y - r - 5);
  pen.fillStyle = styles.ink;
  pen.fillText(genes[i], left, y - r - 5);
}

function moveTo(target) {
  target = { ...target, zoom: clampZoom(target.zoom) };
  const from = { ...view }, start = performance.now(), time = still.matches ? 0 : 320;
  moveTo.run = (moveTo.run || 0) + 1;
  const run = moveTo.run;
  const step = (now) => {
    if (run !== moveTo.run) return;
    const t = time ? Math.min(1, Math.max(0, now - start) / time) : 1, ease = 1 - (1 - t) ** 3;
    view.zoom = from.zoom * (target.zoom / from.zoom) ** ease;
    view.x = from.x + (target.x - from.x) * ease;
    view.y = from.y + (target.y - from.y) * ease;
    redraw();
    if (t < 1) requestAnimationFrame(step);
  };
  step(start);
}

function zoomAt(x, y, factor) {
  moveTo.run = (moveTo.run || 0) + 1;
  const zoom = clampZoom(view.zoom * factor), gain = 1 / view.zoom - 1 / zoom;
  view.x += (x - centre) / unit * gain;
  view.y += (y - height / 2) / unit * gain;
  view.zoom = zoom;
  redraw();
}

function panBy(dx, dy) {
  moveTo.run = (moveTo.run || 0) + 1;
  view.x -= dx / unit / view.zoom;
  view.y -= dy / unit / view.zoom;
  redraw();
}

const fit = () => moveTo({ x: 0.5, y: 0.5, zoom: 1 });

function nearest(x, y, reach) {
  let best = -1, least = reach * reach;
  for (let i = 0; i < n; i++) {
    if (hidden[colourOf[i]]) continue;
    const [u, v] = toScreen(i), d = (u - x) ** 2 + (v - y) ** 2;
    if (d < least) { least = d; best = i; }
  }
  return best;
}
