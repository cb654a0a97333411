// The data of the page, unpacked. All scripts share one scope; this one runs first.
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
// A loop, because Uint8Array.from is ten times slower.
const bytes = (text) => {
  const letters = atob(text), found = new Uint8Array(letters.length);
  for (let k = 0; k < found.length; k++) found[k] = letters.charCodeAt(k);
  return found;
};
const number = (n) => n.toLocaleString("en");
const genesOf = (n) => `${number(n)} gene${n === 1 ? "" : "s"}`;
const setsOf = (n) => `${number(n)} gene set${n === 1 ? "" : "s"}`;

// Data: coordinates in [0, 1], then the gene sets of every gene, the genes of every set.
const genes = data.genes, sets = data.sets, n = genes.length;
const raw = new DataView(bytes(data.points).buffer);
const X = new Float32Array(n), Y = new Float32Array(n);
for (let i = 0; i < n; i++) {
  X[i] = raw.getUint16(4 * i, true) / 65535;
  Y[i] = 1 - raw.getUint16(4 * i + 2, true) / 65535;
}
// Millions of memberships: one array for all genes, one for all sets.
function unpack(packed, n, nSets) {
  const starts = new Uint32Array(n + 1), sizes = new Uint32Array(nSets);
  // No number takes less than a byte.
  const flat = new Uint32Array(packed.length);
  let at = 0, end = 0;
  const varint = () => {
    let value = 0, shift = 0, byte;
    do { byte = packed[at++]; value |= (byte & 127) << shift; shift += 7; } while (byte & 128);
    return value;
  };
  for (let i = 0; i < n; i++) {
    const last = end + varint();
    for (let set = 0; end < last; end++) {
      set += varint();
      flat[end] = set;
      sizes[set]++;
    }
    starts[i + 1] = end;
  }
  const members = new Uint32Array(end), next = new Uint32Array(nSets);
  for (let set = 1; set < nSets; set++) next[set] = next[set - 1] + sizes[set - 1];
  for (let i = 0; i < n; i++) for (let k = starts[i]; k < starts[i + 1]; k++) members[next[flat[k]]++] = i;
  return {
    setsOfGene: Array.from({ length: n }, (_, i) => flat.subarray(starts[i], starts[i + 1])),
    genesOfSet: Array.from(sizes, (size, set) => members.subarray(next[set] - size, next[set])),
  };
}
const { setsOfGene, genesOfSet } = sets.length ? unpack(bytes(data.memberships), n, sets.length) : { setsOfGene: [], genesOfSet: [] };
// Genes in many sets are well known, and are named first.
const fame = genes.map((_, i) => sets.length ? setsOfGene[i].length : 0);

// The nearest genes of every gene, the nearest first, and how similar they are.
const nearestGenes = bytes(data.nearest.genes), similarity = new Int8Array(bytes(data.nearest.percent).buffer);
const wide = n > 65536 ? 4 : 2, nNearest = nearestGenes.length / wide / n;
const places = new DataView(nearestGenes.buffer);
const nearestOf = (i) => Array.from({ length: nNearest }, (_, k) => {
  const at = i * nNearest + k;
  const gene = wide === 4 ? places.getUint32(4 * at, true) : places.getUint16(2 * at, true);
  return { gene, note: similarity.length ? (similarity[at] / 100).toFixed(2).replace("-", "−") : "" };
});
// Other names of every gene.
const aliases = data.aliases ? data.aliases.map((text) => text ? text.split("\t") : []) : genes.map(() => []);

// Colours: one index into `colours` per gene. Grey genes are drawn first.
const labels = data.labels;
// The legend has entries of a name, a colour and a count, each with its index.
let colours = [""], colourOf = new Uint8Array(n), hidden = [false], legend = [], unlabelled = -1;
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
  legend = labels.legend.map((entry, code) => ({ ...entry, code }));
} else if (labels) {
  const steps = 64, span = labels.high - labels.low || 1;
  colours = Array.from({ length: steps }, (_, k) => mix(labels.stops, k / (steps - 1)));
  colours.push(labels.grey);
  const step = (v) => Math.round((v - labels.low) / span * (steps - 1));
  colourOf = Uint8Array.from(labels.values, (v) => v === null ? steps : Math.max(0, Math.min(steps - 1, step(v))));
  hidden = colours.map(() => false);
  unlabelled = steps;
  const count = labels.values.filter((v) => v === null).length;
  if (count) legend = [{ name: "no label", colour: labels.grey, count, code: steps }];
}
const grey = labels && labels.grey;
const order = Array.from({ length: n }, (_, i) => i);
const isGrey = (i) => colours[colourOf[i]] === grey;
order.sort((a, b) => isGrey(b) - isGrey(a));
// Numbers are exact, and shown rounded to four digits beyond the digits that all share.
// Integers may be identifiers, and keep all digits.
const valueText = (v) => {
  const shared = Math.log10(Math.max(Math.abs(labels.low), Math.abs(labels.high)) / (labels.high - labels.low));
  const digits = Math.min(17, 4 + Math.max(0, Math.ceil(shared)));
  return String(Number.isInteger(v) ? v : Number(v.toPrecision(digits)));
};
// What stands along the scale of numbers: its ends, and zero between numbers of both signs.
function ticks() {
  const { low, high, values } = labels, beyond = (sign, end) => values.some((v) => v !== null && sign * v > sign * end);
  return [
    { at: 0, text: (beyond(-1, low) ? "≤ " : "") + valueText(low) },
    ...(low < 0 && high > 0 ? [{ at: 0.5, text: "0" }] : []),
    { at: 1, text: (beyond(1, high) ? "≥ " : "") + valueText(high) },
  ];
}
const labelText = (i) => {
  if (!labels) return "";
  const of = labels.title ? labels.title + ": " : "";
  if (labels.kind === "numbers") return labels.values[i] === null ? "" : of + valueText(labels.values[i]);
  return labels.codes[i] < 0 ? "" : of + labels.names[labels.codes[i]];
};
