// View and drawing.
// The view is the point of the map in the middle of what the panels leave free, and the
// magnification: 1 shows all.
const canvas = byId("map");
const view = { x: 0.5, y: 0.5, zoom: 1 };
// Members are the genes of a gene set or a list; the caption names them in pictures. A
// list stays, so that one can go back to it from its genes.
const state = { hover: -1, gene: -1, members: null, caption: "", list: null };
const still = matchMedia("(prefers-reduced-motion: reduce)");
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif';
const span = (of) => of.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [1, 0]);
const extent = [X, Y].map((of) => { const [low, high] = span(of); return Math.max(high - low, 0.02); });
let width = 1, height = 1, ratio = 1, unit = 1, middle = [0, 0], queued = false, styles = {}, written = [];
const toScreen = (i) => [(X[i] - view.x) * unit * view.zoom + middle[0], (Y[i] - view.y) * unit * view.zoom + middle[1]];
const redraw = () => { if (!queued) { queued = true; requestAnimationFrame(draw); } };
const clampZoom = (zoom) => Math.min(400, Math.max(0.5, zoom));
const onPhone = () => width <= 720;

// The part that the panels leave free; the card is beside the map, on a phone below it.
function freeArea(card) {
  const area = { left: 0, right: width, top: 0, bottom: height };
  if (onPhone()) { area.top = 116; area.bottom -= 56; }
  else if (labels) area.left = 300;
  if (card && onPhone()) {
    area.bottom = Math.min(area.bottom, byId("card").getBoundingClientRect().top);
    area.right -= 58; // the buttons
  }
  if (card && !onPhone()) area.right -= 348;
  return area;
}

function fitting({ left, right, top, bottom }) {
  return 0.88 * Math.min((right - left) / extent[0], (bottom - top) / extent[1]);
}

function resize() {
  width = innerWidth; height = innerHeight; ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  const area = freeArea(false);
  middle = [(area.left + area.right) / 2, (area.top + area.bottom) / 2];
  unit = Math.max(fitting(area), 40);
  page = pixels(canvas.getContext("2d"), ratio);
  redraw();
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const css = getComputedStyle(document.documentElement);
  styles = Object.fromEntries(["ground", "ink", "soft", "point", "member", "region"].map((name) => [name, css.getPropertyValue("--" + name).trim()]));
  redraw();
}

// A surface to draw on, in pixels of the page: dot, ring, bar and text. Dots are kept as
// small pictures, which is much faster than drawing 20,000 circles.
function pixels(pen, scale) {
  let sprites = new Map();
  const sprite = (r, colour, alpha) => {
    const key = `${colour} ${r} ${alpha}`;
    if (sprites.size > 2000) sprites = new Map();
    if (!sprites.has(key)) {
      const dot = document.createElement("canvas");
      dot.width = dot.height = 2 * Math.ceil(r * scale) + 2;
      const ink = dot.getContext("2d");
      ink.globalAlpha = alpha;
      ink.fillStyle = colour;
      ink.arc(dot.width / 2, dot.width / 2, r * scale, 0, 7);
      ink.fill();
      sprites.set(key, dot);
    }
    return sprites.get(key);
  };
  return {
    clear() {
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, pen.canvas.width, pen.canvas.height);
    },
    dot(x, y, r, colour, alpha) {
      const dot = sprite(r, colour, alpha);
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.drawImage(dot, x * scale - dot.width / 2, y * scale - dot.width / 2);
    },
    ring(x, y, r, wide, colour) {
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      pen.beginPath();
      pen.arc(x, y, r, 0, 7);
      pen.lineWidth = wide; pen.strokeStyle = colour;
      pen.stroke();
    },
    bar(x, y, wide, high, colour) {
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      pen.fillStyle = colour;
      pen.fillRect(x, y, wide, high);
    },
    text(x, y, text, size, weight, colour, alpha = 1) {
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      pen.globalAlpha = alpha;
      pen.font = `${weight} ${size}px ${FONT}`;
      pen.lineJoin = "round"; pen.lineWidth = 4; pen.strokeStyle = styles.ground;
      pen.strokeText(text, x, y);
      pen.fillStyle = colour;
      pen.fillText(text, x, y);
      pen.globalAlpha = 1;
    },
  };
}

let page = null;
function draw() {
  queued = false;
  page.clear();
  paint(page);
}

const quarters = (r) => Math.round(4 * r) / 4;

// Points are as large as the screen has room for.
function radius() {
  const room = unit * unit * extent[0] * extent[1];
  const alone = Math.sqrt(0.22 * room / n / Math.PI), most = Math.min(6, unit / 100);
  return Math.max(0.5, quarters(Math.min(9, Math.min(most, Math.max(0.6, alone)) * view.zoom ** 0.35)));
}

// Members of a chosen set are larger, unless they are so many that they would cover all.
function memberRadius(r) {
  const room = Math.sqrt(0.08 * width * height / state.members.size / Math.PI);
  return quarters(Math.max(r, Math.min(r + 2.25, room)));
}

// A gene without a number is hollow, because the grey of numbers near zero is much the
// same. The smallest points have no room for a hole, and are faint.
function hollow(surface, x, y, r) {
  if (r < 1.5) surface.dot(x, y, r, grey, 0.3); else surface.ring(x, y, r - 0.6, 1.2, grey);
}

function paint(surface) {
  const r = radius(), chosen = state.members !== null, visible = [];
  const large = chosen ? memberRadius(r) : r;
  for (const members of chosen ? [false, true] : [true]) for (const i of order) {
    if (hidden[colourOf[i]] || (chosen && members !== state.members.has(i))) continue;
    const [x, y] = toScreen(i);
    if (x < -20 || y < -20 || x > width + 20 || y > height + 20) continue;
    const colour = colours[colourOf[i]];
    if (!members) { surface.dot(x, y, r, styles.soft, 0.14); continue; }
    visible.push(i);
    if (chosen) surface.dot(x, y, large + 1, styles.ground, 1);
    if (colourOf[i] === unlabelled) { hollow(surface, x, y, large); continue; }
    surface.dot(x, y, large, colour || (chosen ? styles.member : styles.point), chosen ? 0.95 : colour === grey ? 0.4 : 0.78);
  }
  // No names under the panels.
  const panels = [...document.querySelectorAll(".panel, #search")].filter((panel) => panel.checkVisibility());
  written = panels.map((panel) => {
    const { left, top, right, bottom } = panel.getBoundingClientRect();
    return { gene: null, box: [left, top, right, bottom] };
  });
  if (state.gene >= 0) mark(surface, state.gene, r);
  // A gene that is pointed at moves no name of a region. Members of a set or list do.
  if (!chosen) writeRegions(surface, []);
  if (state.hover >= 0) mark(surface, state.hover, r);
  for (const i of toName(visible)) write(surface, i, large, false);
  if (chosen) writeRegions(surface, visible);
}

// The genes to name, the best known first: none at low zoom, then one per cell of a grid
// that gets finer with the zoom and stays in its place when the map moves.
function toName(visible) {
  let chosen = visible;
  if (visible.length > 300) {
    if (view.zoom < 1.5) return [];
    const step = unit * 2 ** (Math.floor(2 * Math.log2(view.zoom)) / 2), best = new Map();
    for (const i of visible) {
      const cell = Math.floor(X[i] * step / 120) * 1e6 + Math.floor(Y[i] * step / 44);
      const other = best.get(cell);
      if (other === undefined || fame[other] < fame[i]) best.set(cell, i);
    }
    chosen = [...best.values()];
  }
  return [...chosen].sort((a, b) => fame[b] - fame[a] || a - b);
}

function mark(surface, i, r) {
  const [x, y] = toScreen(i);
  surface.ring(x, y, r + 3.5, 5, styles.ground);
  surface.ring(x, y, r + 3.5, 2, styles.ink);
  written.push({ gene: null, box: [x - r - 6, y - r - 6, x + r + 6, y + r + 6] });
  write(surface, i, r + 4, true);
}

// Write the name of a gene above it, always or where no other name is.
const ruler = document.createElement("canvas").getContext("2d");
function write(surface, i, r, always) {
  const [x, y] = toScreen(i), size = always ? 14 : 12, weight = always ? 600 : 400;
  ruler.font = `${weight} ${size}px ${FONT}`;
  const wide = ruler.measureText(genes[i]).width, left = x - wide / 2, base = y - r - 5;
  const box = [left - 2, base - 13, left + wide + 2, base + 3];
  const outside = box[0] < 0 || box[1] < 0 || box[2] > width || box[3] > height;
  if (!always && (outside || written.some((other) => meets(box, other.box)))) return;
  written.push({ gene: genes[i], box });
  surface.text(left, base, genes[i], size, weight, styles.ink);
}

const meets = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

// Names of regions, in up to three lines of equal length.
const REGION = { size: 11, weight: 600, high: 13 };
const regions = data.regions.map(([name, x, y, r]) => {
  const lines = [""], most = name.length / Math.ceil(name.length / 20);
  for (const word of name.split(" ")) {
    if (lines.at(-1) && lines.at(-1).length + word.length / 2 > most) lines.push("");
    lines.push(`${lines.pop()} ${word}`.trim());
  }
  if (lines.length > 3) lines.splice(2, lines.length, `${lines[2]} …`);
  ruler.font = `${REGION.weight} ${REGION.size}px ${FONT}`;
  const widths = lines.map((line) => ruler.measureText(line).width);
  return { name, lines, widths, x: x / 65535, y: 1 - y / 65535, r: r / 65535 };
});

// The largest first, where no other name is: in the middle of a region, above or below it
// where it is small. A name fades as its region fills the screen.
function writeRegions(surface, members) {
  const scale = unit * view.zoom, points = members.map(toScreen).map(([x, y]) => ({ box: [x - 4, y - 4, x + 4, y + 4] }));
  const taken = (box) => [written, points].some((all) => all.some((other) => meets(box, other.box)));
  for (const { name, lines, widths, x, y, r } of regions) {
    const alpha = Math.min(1, 2 - 5 * r * scale / Math.min(width, height));
    const wide = Math.max(...widths) / 2 + 8, high = REGION.high * lines.length / 2 + 4;
    const aside = Math.max(0, Math.min(1, 2 - r * scale / 28)) * (r * scale + high + 3);
    const u = (x - view.x) * scale + middle[0], v = (y - view.y) * scale + middle[1];
    const free = (box) => box[0] > 0 && box[1] > 0 && box[2] < width && box[3] < height && !taken(box);
    const box = [v - aside, v + aside].map((v) => [u - wide, v - high, u + wide, v + high]).find(free);
    if (alpha <= 0.05 || !box) continue;
    written.push({ gene: null, region: name, box });
    lines.forEach((line, k) => surface.text(u - widths[k] / 2, box[1] + REGION.high * (k + 1) + 1, line, REGION.size, REGION.weight, styles.region, members.length ? alpha / 2 : alpha));
  }
}

function moveTo(target) {
  target = { ...target, zoom: clampZoom(target.zoom) };
  hover(-1); // the pointer will be over something else
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

// Move a point of the map to the middle of what is free.
function centreOn(x, y, zoom) {
  const { left, right, top, bottom } = freeArea(!byId("card").hidden);
  const [u, v] = [(left + right) / 2, (top + bottom) / 2];
  moveTo({ x: x - (u - middle[0]) / unit / zoom, y: y - (v - middle[1]) / unit / zoom, zoom });
}

function fit() {
  const zoom = Math.max(0.5, Math.min(1, fitting(freeArea(!byId("card").hidden)) / unit));
  centreOn(0.5, 0.5, zoom);
}

function isFree(i) {
  const [x, y] = toScreen(i), { left, right, top, bottom } = freeArea(!byId("card").hidden);
  return x > left && x < right && y > top && y < bottom;
}

function zoomAt(x, y, factor) {
  moveTo.run = (moveTo.run || 0) + 1;
  const zoom = clampZoom(view.zoom * factor), gain = 1 / view.zoom - 1 / zoom;
  view.x += (x - middle[0]) / unit * gain;
  view.y += (y - middle[1]) / unit * gain;
  view.zoom = zoom;
  redraw();
}

function panBy(dx, dy) {
  moveTo.run = (moveTo.run || 0) + 1;
  view.x -= dx / unit / view.zoom;
  view.y -= dy / unit / view.zoom;
  redraw();
}

function nearest(x, y, reach) {
  let best = -1, least = reach * reach;
  for (let i = 0; i < n; i++) {
    if (hidden[colourOf[i]]) continue;
    const [u, v] = toScreen(i), d = (u - x) ** 2 + (v - y) ** 2;
    if (d < least) { least = d; best = i; }
  }
  return best;
}
