// Pictures of what is on the screen: map, title and open legend, as PNG or SVG.
function svgSurface() {
  const parts = [];
  const short = (v) => String(Math.round(100 * v) / 100);
  // XML does not allow some control characters.
  const safe = (text) => text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  return {
    dot: (x, y, r, colour, alpha) => parts.push(`<circle cx="${short(x)}" cy="${short(y)}" r="${r}" fill="${colour}"${alpha < 1 ? ` fill-opacity="${alpha}"` : ""}/>`),
    ring: (x, y, r, wide, colour) => parts.push(`<circle cx="${short(x)}" cy="${short(y)}" r="${r}" fill="none" stroke="${colour}" stroke-width="${wide}"/>`),
    bar: (x, y, wide, high, colour) => parts.push(`<rect x="${short(x)}" y="${short(y)}" width="${wide}" height="${high}" fill="${colour}"/>`),
    text: (x, y, text, size, weight, colour, alpha = 1) => parts.push(`<text x="${short(x)}" y="${short(y)}" font-size="${size}" font-weight="${weight}" fill="${colour}"${alpha < 1 ? ` opacity="${short(alpha)}"` : ""} stroke="${styles.ground}" stroke-width="4" stroke-linejoin="round" paint-order="stroke">${safe(text)}</text>`),
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
  const lines = [
    { text: data.title, y: 40, size: 20, weight: 600 },
    { text: byId("facts").textContent, y: 62, size: 13, colour: styles.soft },
  ];
  if (state.members) lines.push({ text: `${state.caption} · ${genesOf(state.members.size)}`, y: 84, size: 13, weight: 600 });
  paintLines(surface, lines, 14);
  if (labels && byId("legend").open && byId("legend").checkVisibility()) paintLegend(surface);
}

// Lines of text on a ground that hides the points behind it. A long line is cut.
function paintLines(surface, lines, top) {
  let right = 0, bottom = 0;
  const all = lines.map((line) => ({ x: 24, weight: 400, colour: styles.ink, ...line }));
  for (const line of all) {
    ruler.font = `${line.weight} ${line.size}px ${FONT}`;
    const widthOf = (text) => ruler.measureText(text).width;
    let most = line.text.length;
    while (most > 1 && line.x + widthOf(cut(line.text, most)) > width - 24) most--;
    line.text = cut(line.text, most);
    right = Math.max(right, Math.ceil(line.x + widthOf(line.text)) + 10);
    bottom = Math.max(bottom, line.y + 10);
  }
  surface.bar(14, top, right - 14, bottom - top, styles.ground);
  for (const { x, y, text, size, weight, colour } of all) surface.text(x, y, text, size, weight, colour);
}

function paintLegend(surface) {
  const numbers = labels.kind === "numbers", entries = legend.filter(({ code }) => !hidden[code]);
  // The scale of numbers takes two lines.
  const top = height - 24 - 20 * ((numbers ? 2 : 0) + entries.length), first = top + (numbers ? 60 : 20);
  const rows = entries.map(({ name, count }, k) => ({ text: `${cut(name, 40)} (${number(count)})`, x: 42, y: first + 20 * k, size: 13 }));
  const title = { text: cut(byId("legend-title").textContent, 40), y: top, size: 13, weight: 600 };
  if (numbers) {
    ruler.font = `400 12px ${FONT}`;
    const texts = ticks().map((tick) => ({ ...tick, long: ruler.measureText(tick.text).width }));
    const room = Math.max(...texts.map(({ long }) => long)) + 16, steps = colours.length - 1;
    const wide = Math.max(224, room * texts.length) / steps;
    const places = texts.map(({ at, text, long }) => ({ text, x: 24 + (wide * steps - long) * at, y: top + 38, size: 12, colour: styles.soft }));
    paintLines(surface, [title, ...places, ...rows], top - 20);
    colours.slice(0, -1).forEach((colour, k) => surface.bar(24 + wide * k, top + 10, wide, 12, colour));
  } else paintLines(surface, [title, ...rows], top - 20);
  entries.forEach(({ colour, code }, k) => {
    const y = first - 4 + 20 * k;
    if (code === unlabelled) surface.ring(29, y, 4, 2, colour); else surface.dot(29, y, 5, colour, 1);
  });
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
