// What keeps somebody from using a page, as far as the page itself shows it. Gives a line for each fault.
(() => {
  const faults = [];
  const name = node => node.tagName.toLowerCase() + (node.id ? "#" + node.id : "") +
    (node.className && node.className.baseVal === undefined ? "." + node.className.replace(/\s+/g, ".") : "");
  const fault = (rule, node, why) => { if (faults.length < 50) faults.push(rule + ": " + (node ? name(node) + ": " : "") + why); };
  const all = selector => [...document.querySelectorAll(selector)];
  const seen = node => node.checkVisibility({ visibilityProperty: true, opacityProperty: true });

  // WCAG 3.1.1, 2.4.2
  if (!document.documentElement.lang) fault("language", document.documentElement, "the page has no lang");
  if (!document.title.trim()) fault("title", null, "the page has no title");

  // 1.3.1, 2.4.1: one main landmark, one heading of the first level, no level left out
  if (all("main, [role=main]").filter(seen).length !== 1) fault("landmark", null, "the page has not exactly one main");
  const headings = all("h1, h2, h3, h4, h5, h6").filter(seen);
  if (headings.filter(h => h.tagName === "H1").length !== 1) fault("heading", null, "the page has not exactly one h1");
  headings.reduce((before, h) => {
    const level = Number(h.tagName[1]);
    if (level > before + 1) fault("heading", h, "it follows h" + before);
    if (!h.textContent.trim()) fault("heading", h, "it is empty");
    return level;
  }, 0);

  // 1.3.1: a table says what its columns and rows are
  for (const table of all("table").filter(seen)) {
    const heads = [...table.querySelectorAll("th")];
    if (heads.length === 0) fault("table", table, "it has no header");
    for (const th of heads) {
      if (!th.scope) fault("table", th, "a header has no scope");
      if (!th.textContent.trim()) fault("table", th, "a header is empty");
    }
  }

  // 4.1.1 as far as references rest on it, 2.4.1
  const ids = new Set();
  for (const node of all("[id]")) {
    if (ids.has(node.id)) fault("id", node, "the id is there twice");
    ids.add(node.id);
  }
  for (const link of all('a[href^="#"]')) {
    const to = decodeURIComponent(link.getAttribute("href").slice(1));
    if (to && !ids.has(to)) fault("link", link, "nothing has the id " + to);
  }
  for (const node of all("[aria-labelledby], [aria-describedby], [aria-controls]")) {
    for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
      for (const id of (node.getAttribute(attribute) || "").split(/\s+/).filter(Boolean)) {
        if (!ids.has(id)) fault("reference", node, attribute + " names " + id + ", which is not there");
      }
    }
  }

  // 2.5.8: controls are large enough to hit; links in a text are excepted
  for (const control of all("button, input, select, textarea, summary").filter(seen)) {
    const label = control.labels && control.labels[0];
    const boxes = [control, label].filter(Boolean).map(node => node.getBoundingClientRect());
    const [width, height] = ["width", "height"].map(side => Math.round(Math.max(...boxes.map(box => box[side]))));
    if (width < 24 || height < 24) fault("target", control, width + " × " + height + " pixels");
  }

  // 1.4.10: no scrolling to the side
  const page = document.scrollingElement;
  if (page.scrollWidth > page.clientWidth) fault("reflow", null, "the page is " + page.scrollWidth + " pixels wide, the window " + page.clientWidth);

  // 1.4.3: contrast of every text with what is behind it
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, bottom) => [0, 1, 2].map(i => top[i] * top[3] + bottom[i] * (1 - top[3])).concat(1);
  const behind = node => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    const dark = matchMedia("(prefers-color-scheme: dark)").matches && getComputedStyle(document.documentElement).colorScheme.includes("dark");
    return layers.reduceRight((below, layer) => over(layer, below), dark ? [18, 18, 18, 1] : [255, 255, 255, 1]);
  };
  const light = colour => {
    const [r, g, b] = colour.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const judged = new Map();
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || ["SCRIPT", "STYLE"].includes(node.tagName) || judged.has(node) || !seen(node)) continue;
    judged.set(node, true);
    const style = getComputedStyle(node), below = behind(node), ink = over(rgba(style.color), below);
    const [a, b] = [light(ink), light(below)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) fault("contrast", node, ratio.toFixed(2) + " of “" + texts.currentNode.data.trim().slice(0, 40) + "”");
  }
  if (judged.size === 0) fault("text", null, "the page shows no text");
  return faults;
})()
