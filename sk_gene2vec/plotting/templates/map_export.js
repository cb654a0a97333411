// Pictures of what is on the screen: map, title and open legend, as PNG or SVG.
function svgSurface() {
  const parts = [];
  const short = (v) => String(Math.round(100 * v) / 100);
  // Some control characters may stand in no XML.
  const safe = (text) => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  return {
    dot: (x, y, r, colour, alpha) => parts.push(`<circle cx="${short(x)}" cy="${short(y)}" r="${r}" fill="${colour}"${alpha < 1 ? ` fill-opacity="${alpha}"` : ""}/>`),
    ring: (x, y, r, wide, colour) => parts.push(`<circle cx="${short(x)}" cy="${short(y)}" r="${r}" fill="none" stroke="${colour}" stroke-width="${wide}"/>`),
    bar: (x, y, wide, high, colour) => parts.push(`<rect x="${short(x)}" y="${short(y)}" width="${wide}" height="${high}" fill="${colour}"/>`),
    text: (x, y, text, size, weight, colour) => parts.push(`<text x="${short(x)}" y="${short(y)}" font-size="${size}" font-weight="${weight}" fill="${colour}" stroke="${styles.ground}" stroke-width="4" stroke-linejoin="round" paint-order="stroke">${safe(text)}</text>`),
    close: () => [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${safe(FONT)}">`,
      ...parts, "</svg>", "",
    ].join("\n"),
  };
}

const cut = (text, most) => text.length > most ? text.slice(0, most - 1) + "…" : text;

function paintPicture(surface) {
  surface.bar(0, 0, width, height, styles.ground);
  paint(surface);
  // About as many letters as fit on a line.
  const most = Math.max(20, Math.floor(width / 10));
  surface.text(24, 40, cut(data.title, most), 20, 600, styles.ink);
  surface.text(24, 62, byId("facts").textContent, 13, 400, styles.soft);
  if (state.set >= 0) surface.text(24, 84, cut(`${sets[state.set]} · ${genesOf(state.members.size)}`, most), 13, 600, styles.ink);
  if (labels && byId("legend").open && byId("legend").checkVisibility()) paintLegend(surface);
}

function paintLegend(surface) {
  const entries = labels.kind === "numbers" ? [] : labels.legend.filter((_, k) => !hidden[k]);
  const lines = entries.length || 2, top = height - 24 - 20 * lines;
  surface.text(24, top, cut(byId("legend-title").textContent, 40), 13, 600, styles.ink);
  entries.forEach(({ name, colour, count }, k) => {
    surface.dot(29, top + 16 + 20 * k, 5, colour, 1);
    surface.text(42, top + 20 + 20 * k, `${cut(name, 40)} (${number(count)})`, 13, 400, styles.ink);
  });
  if (entries.length || labels.kind !== "numbers") return;
  colours.slice(0, -1).forEach((colour, k) => surface.bar(24 + 3.5 * k, top + 10, 3.5, 12, colour));
  surface.text(24, top + 38, valueText(labels.low), 12, 400, styles.soft);
  surface.text(24 + 3.5 * (colours.length - 1) + 8, top + 20, valueText(labels.high), 12, 400, styles.soft);
}

function download(blob, kind) {
  const anchor = element("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = `${data.title.replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_+|_+$/g, "").slice(0, 60) || "map"}.${kind}`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 60000);
  byId("save").open = false;
}

byId("svg").addEventListener("click", () => {
  const surface = svgSurface();
  paintPicture(surface);
  download(new Blob([surface.close()], { type: "image/svg+xml" }), "svg");
});
// Twice as many pixels as points of the screen, for print.
byId("png").addEventListener("click", () => {
  const picture = element("canvas"), scale = Math.max(2, ratio);
  picture.width = width * scale; picture.height = height * scale;
  paintPicture(pixels(picture.getContext("2d"), scale));
  picture.toBlob((blob) => download(blob, "png"), "image/png");
});
