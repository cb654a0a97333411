// Search: genes, by their aliases too, then gene sets. All hits are in the list, whole
// words before parts of words, and short names before long ones. A list of genes is one
// more hit.
const query = byId("query"), found = byId("found");
const fold = (text) => text.toLowerCase().replace(/[\s_-]+/g, " ").trim();
const aliasNames = aliases.flat(), geneOfAlias = aliases.flatMap((names, i) => names.map(() => i));
// Made at the first search, so that the page is there sooner.
let folded = null;
const foldAll = () => ({ gene: genes.map(fold), set: sets.map(fold), alias: aliasNames.map(fold) });
const PART = 100;
let matches = [], groups = [], active = 0;

// How well a word fits: 0 a whole word, 1 the beginning, 2 the beginning of a word, 3 anywhere, 4 nowhere.
function closeness(name, word) {
  let best = 4;
  for (let at = name.indexOf(word); at >= 0; at = name.indexOf(word, at + 1)) {
    const starts = at === 0 || name[at - 1] === " ", end = at + word.length;
    if (starts && (end === name.length || name[end] === " ")) return 0;
    best = Math.min(best, at === 0 ? 1 : starts ? 2 : 3);
  }
  return best;
}

// MSigDB's Hallmark sets summarise many others, and are listed before them.
function hits(kind, text) {
  folded ??= foldAll();
  const words = text.split(" "), list = [];
  folded[kind].forEach((name, i) => {
    let rank = -1;
    if (name !== text) for (const word of words) if ((rank = Math.max(rank, closeness(name, word))) === 4) return;
    list.push({ kind, i, rank, words: name.startsWith("hallmark ") ? 0 : name.split(" ").length, length: name.length, alias: "" });
  });
  return list;
}

const byRank = (a, b) => a.rank - b.rank || (a.alias !== "") - (b.alias !== "") || a.words - b.words || a.length - b.length || a.i - b.i;

function genesFor(text) {
  const byAlias = hits("alias", text).map((hit) => ({ ...hit, kind: "gene", i: geneOfAlias[hit.i], alias: aliasNames[hit.i] }));
  const seen = new Set();
  // Each gene once, by its closest name.
  return [...hits("gene", text), ...byAlias].sort(byRank).filter(({ i }) => !seen.has(i) && seen.add(i));
}

// What names mean: the exact name of a gene, then an exact alias, then the same two in any case.
let meanings = null;
function allMeanings() {
  const mapOf = (names, geneOf) => {
    const map = new Map();
    names.forEach((name, k) => map.set(name, (map.get(name) || new Set()).add(geneOf(k))));
    return map;
  };
  const gene = (i) => i, alias = (k) => geneOfAlias[k];
  return [mapOf(genes, gene), mapOf(aliasNames, alias), mapOf(folded.gene, gene), mapOf(folded.alias, alias)];
}
function meant(name) {
  const [exact, exactAlias, any, anyAlias] = meanings;
  return exact.get(name) || exactAlias.get(name) || any.get(fold(name)) || anyAlias.get(fold(name));
}

// A name without the brackets and quotes of a program around it. E(z) keeps its own.
const depth = (text) => (text.match(/[([{]/g) || []).length - (text.match(/[)\]}]/g) || []).length;
function bare(name) {
  if (meant(name)) return name;
  let text = (depth(name) > 0 ? name.replace(/^c\(/, "") : name).replace(/^["'“”„‘’([{]+/, "");
  while (!meant(text) && (/["'“”„‘’]$/.test(text) || (/[)\]}]$/.test(text) && depth(text) < 0))) text = text.slice(0, -1);
  return text;
}

// Genes of a list of names. Blanks separate names too, where the whole is not a name.
// Words without commas are a list if one is a gene and they are no name of a gene set.
const SEPARATORS = /[\n\r\t,;|]+/;
function listFor(text, commas) {
  if (text.trim().split(/[\s,;|]+/).length < 2) return [];
  folded ??= foldAll();
  meanings ??= allMeanings();
  const names = new Set(text.split(SEPARATORS).map((part) => part.trim())
    .flatMap((part) => meant(bare(part)) ? [bare(part)] : part.split(/\s+/).map(bare)));
  names.delete("");
  if (names.size < 2 || (!commas && folded.set.includes(fold(text)))) return [];
  const list = { kind: "list", members: new Set(), count: names.size, known: 0, unclear: [], missing: [] };
  for (const name of names) {
    const own = [...meant(name) || []];
    if (own.length === 1) { list.known++; list.members.add(own[0]); }
    else if (own.length) list.unclear.push(`${name} (${own.map((i) => genes[i]).join(" or ")})`);
    else list.missing.push(name);
  }
  return list.known ? [list] : [];
}

function suggest() {
  const text = fold(query.value);
  const named = text ? [["Genes", genesFor(text)], ["Gene sets", hits("set", text).sort(byRank)]] : [];
  // Words may be of one name, and a list then comes last.
  const commas = SEPARATORS.test(query.value), list = ["List of genes", listFor(query.value, commas)];
  const words = !commas && named.some(([, hits]) => hits.length);
  const both = words ? [...named, list] : [list, ...named];
  matches = both.flatMap(([, list]) => list);
  active = 0;
  let first = 0;
  groups = both.filter(([, list]) => list.length).map(([title, list]) => {
    const head = element("li", title, "head"), group = { head, shown: first, end: first + list.length };
    head.setAttribute("role", "presentation");
    head.append(element("span", number(list.length), "note"));
    head.addEventListener("click", () => { found.scrollTop = head.nextSibling.offsetTop - head.offsetHeight - 6; });
    first = group.end;
    return group;
  });
  found.replaceChildren(...groups.map(({ head }) => head));
  if (text && !matches.length) found.append(element("li", sets.length ? "No gene or gene set of this name" : "No gene of this name", "none"));
  groups.forEach(grow);
  openMatches(text !== "");
  showActive();
  found.scrollTop = 0;
}

// Thousands of hits are added to the list as it is scrolled to them.
function grow(group) {
  const after = group.last || group.head, to = Math.min(group.end, group.shown + PART);
  const items = [];
  while (group.shown < to) items.push(hitItem(group.shown++));
  after.after(...items);
  group.last = items.at(-1) || after;
}

function hitItem(k) {
  const { kind, i, alias, known, count: asked } = matches[k], item = element("li");
  const count = kind === "list" ? "" : kind === "set" ? genesOf(genesOfSet[i].length) : sets.length ? setsOf(setsOfGene[i].length) : "";
  item.id = `match-${k}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-setsize", matches.length);
  item.setAttribute("aria-posinset", k + 1);
  const name = nameOf(kind === "list" ? `Show ${number(known)} of ${number(asked)} names` : kind === "gene" ? genes[i] : sets[i]);
  if (alias) name.append(" ", element("span", alias, "note"));
  item.append(name, element("span", count, "note"));
  item.addEventListener("click", () => { active = k; choose(); });
  return item;
}

found.addEventListener("scroll", () => {
  const end = found.scrollTop + found.clientHeight + 400;
  for (const group of groups) if (group.shown < group.end && group.last.offsetTop < end) grow(group);
});
// The box keeps the focus, or the list would close before the click.
found.addEventListener("mousedown", (event) => event.preventDefault());

function openMatches(open) {
  found.hidden = !open;
  query.setAttribute("aria-expanded", String(open));
}

function showActive() {
  for (const item of found.querySelectorAll("[aria-selected]")) item.removeAttribute("aria-selected");
  if (!matches.length) { query.removeAttribute("aria-activedescendant"); return; }
  for (const group of groups) while (active < group.end && group.shown < group.end && active >= group.shown) grow(group);
  const item = byId(`match-${active}`);
  item.setAttribute("aria-selected", "true");
  item.scrollIntoView({ block: "nearest" });
  query.setAttribute("aria-activedescendant", item.id);
}

function choose() {
  const match = matches[active];
  if (!match) return;
  openMatches(false);
  // On a phone the keyboard would hide the card.
  if (onPhone()) query.blur();
  if (match.kind === "list") pickList(match); else if (match.kind === "gene") pickGene(match.i, true); else pickSet(match.i);
}

query.placeholder = sets.length ? "Search genes and gene sets" : "Search genes";
query.title = "A gene, a gene set, or a list of genes, pasted";
query.setAttribute("aria-label", query.placeholder);
query.addEventListener("input", suggest);
query.addEventListener("focus", () => { if (query.value) suggest(); });
// A box of one line would join the lines of a list.
query.addEventListener("paste", (event) => {
  const text = event.clipboardData.getData("text");
  if (!/[\n\r\t]/.test(text)) return;
  event.preventDefault();
  query.setRangeText(text.trim().replace(/\s*[\n\r\t]+\s*/g, ", "), query.selectionStart, query.selectionEnd, "end");
  suggest();
});
query.addEventListener("blur", () => openMatches(false));
query.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && matches.length) {
    active = Math.max(0, Math.min(matches.length - 1, active + step));
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
