// Tooltip and card. Text goes in as text: a gene or gene set may be called anything.
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

// Addresses that a click on the card opens, and nothing else.
function geneLink(gene) {
  const ncbi = "https://www.ncbi.nlm.nih.gov/gene/";
  if (/^\d+$/.test(gene)) return ncbi + gene;
  const term = /^ENS[A-Z]*G\d+/.test(gene) ? gene : `${gene}[sym]`;
  return `${ncbi}?term=${encodeURIComponent(term)}`;
}

// Only names in MSigDB's style, such as HALLMARK_HYPOXIA, can be there.
function setLink(set) {
  return /^[A-Z0-9]+_[A-Z0-9_.]+$/.test(set) ? `https://www.gsea-msigdb.org/gsea/msigdb/cards/${set}` : "";
}

// A row is a button, or text without what a click does.
function rowOf({ text, note, act }) {
  if (!act) return element("li", text, "text");
  const item = element("li"), button = element("button");
  button.append(nameOf(text), element("span", note, "note"));
  button.addEventListener("click", act);
  item.append(button);
  return item;
}

function showCard(name, facts, link, lists) {
  byId("card").hidden = false;
  byId("back").hidden = !state.list || state.members === state.list.members;
  document.body.classList.add("carded");
  byId("card-name").replaceChildren(nameOf(name));
  byId("card-facts").textContent = facts.filter(Boolean).join("\n");
  const anchor = byId("card-link");
  anchor.hidden = !link.address;
  anchor.href = link.address;
  anchor.textContent = `${link.site} ↗`;
  byId("card-lists").replaceChildren(...lists.filter(({ rows }) => rows.length).flatMap(({ title, rows }) => {
    const list = element("ul");
    list.append(...rows.slice(0, 1000).map(rowOf));
    if (rows.length > 1000) list.append(element("li", `and ${number(rows.length - 1000)} more`, "note"));
    return [element("h3", title), list];
  }));
  byId("card-lists").scrollTop = 0;
}

// Genes in the same one or two sets have equal vectors: show in how many sets each is.
const withSets = (gene, note) => (sets.length ? `${note} · in ${setsOf(setsOfGene[gene].length)}` : note);
const geneRow = (gene, note) => ({ text: genes[gene], note, act: () => pickGene(gene, true) });

function pickGene(i, move) {
  Object.assign(state, { gene: i, members: null });
  hover(-1);
  const own = sets.length ? setsOfGene[i] : [], other = aliases[i];
  const also = other.length ? `also ${other.slice(0, 8).join(", ")}${other.length > 8 ? ", …" : ""}` : "";
  showCard(genes[i], [also, labelText(i), sets.length ? `in ${setsOf(own.length)}` : ""], { site: "NCBI Gene", address: geneLink(genes[i]) }, [
    { title: similarity.length ? "Most similar genes" : "Nearest on the map", rows: nearestOf(i).map(({ gene, note }) => geneRow(gene, withSets(gene, note))) },
    { title: "Gene sets, the smallest first", rows: Array.from(own, (set) => ({ text: sets[set], note: number(genesOfSet[set].length), act: () => pickSet(set) })) },
  ]);
  if (move || !isFree(i)) centreOn(X[i], Y[i], move ? Math.max(view.zoom, 6) : view.zoom);
  redraw();
}

function pickSet(set) {
  const own = genesOfSet[set];
  showMembers(own, sets[set], [genesOf(own.length)], { site: "MSigDB", address: setLink(sets[set]) }, []);
}

// A list of genes: how many of its names are here, and which are not.
function pickList(list) {
  state.list = list;
  const { members, known, count, unclear, missing } = list;
  const facts = [`${number(known)} of ${number(count)} names found`, members.size < known ? genesOf(members.size) : ""];
  const others = [["Not on the map", missing], ["Names of several genes", unclear]].map(([title, names]) => ({
    title: `${title} (${number(names.length)})`, rows: names.length ? [{ text: names.join(", ") }] : [],
  }));
  showMembers(members, "Your list", facts, { site: "", address: "" }, others);
}

function showMembers(own, caption, facts, link, lists) {
  Object.assign(state, { gene: -1, caption, members: own instanceof Set ? own : new Set(own) });
  hover(-1);
  showCard(caption, facts, link, [...lists, { title: "Genes", rows: Array.from(own, (i) => geneRow(i, "")) }]);
  fit();
  redraw();
}

function clear() {
  Object.assign(state, { gene: -1, members: null, list: null });
  byId("card").hidden = true;
  document.body.classList.remove("carded");
  redraw();
}
