// Making nodes, and patching them only where something has changed.
//
// Names of groups are other people's text: they are set with textContent, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export function el(className, ...children) {
  const node = document.createElement("div");
  node.className = className;
  node.append(...children);
  return node;
}

/** Words that show what a term means; terms.js of the page does so. */
export function term(key, words, className = "") {
  const node = document.createElement("button");
  node.type = "button";
  node.className = `term ${className}`;
  node.dataset.term = key;
  node.textContent = words;
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A whole picture, which says nothing that the sliders do not say. */
export const picture = (attributes, ...children) =>
  svg("svg", { "aria-hidden": true, ...attributes }, ...children);

/** A curve's SVG, in epochs and shares; `drawCurve` gives it its points. */
export function curveSvg({ withArea }) {
  const area = withArea ? svg("path", { class: "area" }) : null;
  const line = svg("path", { class: "line" });
  const paths = area ? [area, line] : [line];
  const node = picture({ class: "curve", preserveAspectRatio: "none" }, ...paths);
  return { node, area, line };
}

/** Draw a shape, which has SVG paths for the line and for the area under it. */
export function drawCurve({ node, area, line }, { from, to }, shape) {
  set(node, "viewBox", `${from} 0 ${to - from} 1`);
  set(line, "d", shape.line);
  if (area) set(area, "d", shape.area);
}

/** A node that takes the keyboard and is told as a slider; `describe` gives it its value. */
export function slider(className, orientation, ...children) {
  const node = el(className, ...children);
  node.tabIndex = 0;
  node.setAttribute("role", "slider");
  node.setAttribute("aria-orientation", orientation);
  return node;
}

/** What a slider says of itself: lowest, highest and present value, and the latter in words. */
export function describe(node, low, high, now, words) {
  set(node, "aria-valuemin", low);
  set(node, "aria-valuemax", high);
  set(node, "aria-valuenow", now);
  set(node, "aria-valuetext", words);
}

export function set(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** Give a node its only text; for a new text node the browser would look at every rule with `:has`. */
export function text(node, value) {
  const [own, another] = node.childNodes ?? [];
  if (node.textContent === value) return;
  if (own?.data === undefined || another) node.textContent = value;
  else own.data = value;
}

export const show = (node, on) => node.toggleAttribute("hidden", !on);

export const percent = (part, whole) => `${(part / whole) * 100}%`;

/** Where an epoch lies, as a share of the track. */
export const placeOf = (epoch, { from, to }) => percent(epoch - from, to - from);

/** Left and width of a node that spans epochs, in shares of its track, as far as they are shown. */
export function span(node, start, end, axis) {
  const [low, high] = shownOf(start, end, axis);
  node.style.left = placeOf(low, axis);
  node.style.width = percent(high - low, axis.to - axis.from);
  node.classList.toggle("away", end <= axis.from || start >= axis.to);
  node.classList.toggle("from-before", start < axis.from);
  node.classList.toggle("to-beyond", end > axis.to);
}

/** Left and width of a node inside such a span that is again as wide as the whole track. */
export function unspan(node, start, end, axis) {
  const [low, high] = shownOf(start, end, axis);
  node.style.left = percent(axis.from - low, high - low);
  node.style.width = percent(axis.to - axis.from, high - low);
}

/** A span cut to what is shown; one that is out of sight keeps its place there. */
function shownOf(start, end, { from, to }) {
  if (end <= from || start >= to) return [start, end];
  return [Math.max(start, from), Math.min(end, to)];
}

/** Left of a node at an epoch; out of sight it keeps its place and the keyboard, but is not seen. */
export function put(node, epoch, axis) {
  node.style.left = placeOf(epoch, axis);
  node.classList.toggle("away", epoch < axis.from || epoch > axis.to);
}

/** As many nodes as there are items, made once and kept; what is left over is hidden. */
export function pool(parent, nodes, count, make) {
  const parts = (node) => node.nodes ?? [node];
  while (nodes.length < count) {
    const node = make(nodes.length);
    nodes.push(node);
    parent.append(...parts(node));
  }
  nodes.forEach((node, index) => parts(node).forEach((part) => show(part, index < count)));
  return nodes.slice(0, count);
}

/** Roughly how wide some words are on a chip or a flag, with its padding. */
export const widthOf = (words) => 14 + 7 * words.length;
