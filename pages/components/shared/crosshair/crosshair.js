// The crosshair of a chart and its tooltip: by mouse, finger and keyboard.
//
// It lies over the chart, whose plot it finds in Vega's SVG. For the keyboard and for screen readers
// it is a slider over the places of the chart. Names are other people's text: they are set as text.

const KEYS = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: -Infinity,
  End: Infinity,
};
const NEAR = 24; // px around the plot in which a pointer still reads it
const GAP = 12; // px between the line and the tooltip
const EDGE = 8; // px between the tooltip and the window's edge
const MANY = 16; // lines from which they stand in two columns

const instances = new WeakMap();
let calls = 0;

/** What Streamlit calls with new data, and whenever the theme changes; returns how to clean up. */
export default function mount({ parentElement, data }) {
  if (!instances.has(parentElement)) instances.set(parentElement, build(parentElement));
  const cross = instances.get(parentElement);
  const call = (calls += 1);
  cross.call = call;
  receive(cross, data);
  // Streamlit may clean up an outdated call after a newer one has begun: only the newest one ends it.
  return () => {
    if (cross.call !== call) return;
    instances.delete(parentElement);
    cross.listeners.abort();
    cross.root.remove();
  };
}

function build(parent) {
  const rule = el("div", "rule");
  const place = el("b", "place");
  const unit = el("span", "unit");
  const lines = el("div", "lines");
  const box = el("div", "box", place, unit, lines);
  const root = el("div", "crosshair", rule, box);
  const cross = { root, rule, box, place, unit, lines, values: [], data: null, at: 0, call: 0 };
  cross.listeners = new AbortController();
  root.tabIndex = 0;
  root.setAttribute("role", "slider");
  root.setAttribute("aria-valuemin", "0");
  box.setAttribute("aria-hidden", "true"); // the slider's value says it
  const on = (type, take) => root.addEventListener(type, take);
  on("pointermove", (event) => point(cross, event));
  on("pointerdown", (event) => point(cross, event));
  // A finger lifts to read: what it has touched stays until another place is touched.
  on("pointerleave", ({ pointerType }) => {
    if (pointerType !== "touch" && !root.matches(":focus-visible")) hide(cross);
  });
  on("pointercancel", () => hide(cross)); // the finger scrolls the page
  on("focus", () => root.matches(":focus-visible") && show(cross, cross.at));
  on("blur", () => hide(cross));
  on("keydown", (event) => key(cross, event));
  document.addEventListener("pointerdown", (event) => event.composedPath().includes(root) || hide(cross), {
    signal: cross.listeners.signal,
  });
  hide(cross);
  parent.append(root);
  return cross;
}

/** Take up new data: the crosshair stays where it is. */
function receive(cross, data) {
  const { root, box, lines } = cross;
  const x = cross.data?.x[cross.at] ?? data.ends[0];
  cross.data = data;
  root.hidden = data.x.length === 0;
  root.setAttribute("aria-label", data.label);
  root.setAttribute("aria-valuemax", String(Math.max(data.x.length - 1, 0)));
  text(cross.unit, data.unit);
  cross.values = data.lines.map(() => el("span", "value"));
  lines.replaceChildren(
    ...data.lines.map((line, at) =>
      el("div", "line", swatch(line), el("span", "name", line.name), cross.values[at]),
    ),
  );
  lines.classList.toggle("many", data.lines.length > MANY);
  if (root.hidden) hide(cross);
  else if (box.hidden) read(cross, nearest(data.x, x));
  else show(cross, nearest(data.x, x));
}

function swatch({ colour, dashes }) {
  const node = el("i", dashes ? "dash" : "swatch");
  if (!dashes) node.style.background = colour;
  else {
    const stops = [];
    let end = 0;
    dashes.forEach((length, at) => {
      stops.push(`${at % 2 ? "transparent" : colour} ${end}px ${(end += length)}px`);
    });
    node.style.background = `repeating-linear-gradient(90deg, ${stops.join()})`;
  }
  return node;
}

function point(cross, { clientX, clientY }) {
  const plot = plotOf(cross);
  if (!plot) return;
  const aside = Math.max(plot.left - clientX, clientX - plot.right);
  const apart = Math.max(plot.top - clientY, clientY - plot.bottom);
  if (Math.max(aside, apart) > NEAR) {
    hide(cross);
    return;
  }
  const [low, high] = cross.data.ends;
  const x = low + ((clientX - plot.left) / plot.width) * (high - low);
  show(cross, nearest(cross.data.x, x));
}

function key(cross, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") hide(cross);
  const by = KEYS[event.key];
  if (by === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  show(cross, Math.min(Math.max(cross.at + by, 0), cross.data.x.length - 1));
}

/** Say where the crosshair is and what the lines are there. */
function read(cross, at) {
  const { root, data, values, place } = cross;
  cross.at = at;
  text(place, data.places[at]);
  values.forEach((value, line) => text(value, data.lines[line].values[at]));
  const words = data.lines.map(({ name, values: all }) => `${name} ${all[at]}`);
  root.setAttribute("aria-valuenow", String(at));
  root.setAttribute("aria-valuetext", `${data.places[at]}. ${data.unit}: ${words.join(", ")}`);
}

function show(cross, at) {
  const plot = plotOf(cross);
  read(cross, at);
  if (!plot) return;
  const { root, rule, box, data } = cross;
  const { left, top } = root.getBoundingClientRect();
  const [low, high] = data.ends;
  const x = plot.left + ((data.x[at] - low) / (high - low)) * plot.width;
  rule.hidden = box.hidden = false;
  rule.style.cssText = `left: ${x - left}px; top: ${plot.top - top}px; height: ${plot.height}px`;
  // Beside the line, within the plot if it can be; on a phone, where there is no room beside it,
  // above or below the plot.
  const { offsetWidth: width, offsetHeight: height } = box;
  const room = document.documentElement.clientWidth;
  const within = (low, high) => (from) => from >= low && from + width <= high;
  const sides = [x + GAP, x - GAP - width];
  const fits = sides.find(within(plot.left, plot.right)) ?? sides.find(within(EDGE, room - EDGE));
  const above = plot.top - height - EDGE;
  const down = fits !== undefined ? plot.top : above > EDGE ? above : plot.bottom + NEAR;
  const across = fits ?? Math.min(Math.max(x - width / 2, EDGE), room - width - EDGE);
  const lowest = fits === undefined ? down : Math.min(down, window.innerHeight - height - EDGE);
  box.style.left = `${across - left}px`;
  box.style.top = `${Math.max(lowest, EDGE) - top}px`;
}

function hide({ rule, box }) {
  rule.hidden = box.hidden = true;
}

/** The place of the plot in the window; undefined before Vega has drawn it. */
function plotOf({ root }) {
  const chart = root.getRootNode().host.closest("[class*=st-key-plot-]");
  return chart?.querySelector("svg .role-frame .background")?.getBoundingClientRect();
}

/** Where in ascending numbers the one nearest to `wanted` is. */
function nearest(numbers, wanted) {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (wanted - numbers[middle] > numbers[middle + 1] - wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

function el(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}
