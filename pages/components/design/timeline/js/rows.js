// The rows of the groups: label, windows and gaps on the track, and the budget at the right.

import { buildWindow, paintWindow } from "./bar.js";
import { path, pointsOf, restarts } from "./curves.js";
import { curveSvg, drawCurve, el, percent, picture, pool, set, show, span, svg, text, unspan } from "./dom.js";
import { formatCount, formatScale, formatShare } from "./format.js";
import { buildPeak, paintPeak } from "./peak.js";
import { paintDiscs, placeDiscs, pointed } from "./problems.js";
import { picksOf } from "./selection.js";
import { gaps, visible } from "./windows.js";

const HATCH = "thaw-hatch";
const LOW_PX = 38;

/** The rows' place, with the pattern that hatches every gap. */
export function buildRows() {
  const stroke = svg("path", { d: "M0 0V7", class: "hatch-line" });
  const turned = { patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
  const pattern = svg("pattern", { id: HATCH, width: 7, height: 7, ...turned }, stroke);
  const pictures = picture({ class: "patterns", width: 0, height: 0 }, svg("defs", {}, pattern));
  const node = el("rows");
  node.id = "thaw-rows";
  return { pictures, node };
}

/** A row for every group of the data, in its order; a row that was there is kept. */
export function arrangeRows({ data, rows, rowsNode, handles }) {
  const wanted = data.groups.map(({ name }) => name);
  for (const [name, row] of rows) {
    if (wanted.includes(name)) continue;
    row.node.remove();
    rows.delete(name);
  }
  let before = null;
  for (const name of wanted) {
    if (!rows.has(name)) rows.set(name, buildRow(name, handles));
    const { node } = rows.get(name);
    // A node that is where it belongs is not moved: moving it would lose the focus.
    const place = before ? before.nextSibling : rowsNode.firstChild;
    if (node !== place) rowsNode.insertBefore(node, place);
    before = node;
  }
}

/** Take notice of rows that are too low for two lines of words, and of a scroll bar beside them. */
export function measureRows({ root, rowsNode, narrow }) {
  const { firstChild, offsetWidth, clientWidth } = rowsNode;
  root.classList.toggle("low", !narrow && firstChild.offsetHeight < LOW_PX);
  rowsNode.style.marginRight = `${clientWidth - offsetWidth}px`; // into the card's padding
}

/** Paint every group's row; groups whose curve is the same share its points and its paths. */
export function paintRows(timeline, groups) {
  const shapes = new Map();
  const shapeOf = (group) => {
    const from = restarts(timeline.curve) && group.windows[0]?.[0];
    const key = JSON.stringify([group.curve, group.origin, from, group.peak / group.sentPeak]);
    if (!shapes.has(key)) {
      const points = pointsOf(timeline, group);
      shapes.set(key, { points, line: path(points), area: path(points, true) });
    }
    return shapes.get(key);
  };
  for (const group of groups) paintRow(timeline, timeline.rows.get(group.name), group, shapeOf(group));
}

function buildRow(name, handles) {
  const row = {
    name,
    handles,
    gaps: [],
    windows: [],
    discs: [],
    swatch: el("swatch"),
    nameNode: el("name"),
    scale: el("times"),
    count: el("count"),
    budget: el("budget", document.createElement("span"), document.createElement("b")),
    never: el("never", "Never trains"),
    rings: [],
    dashes: el("dashes"),
    peak: buildPeak(),
    epochs: buildShare(),
    learning: buildShare(),
    dash: el("dash", "—"),
  };
  row.learning.fill.classList.add("own");
  row.learning.text.classList.add("own");
  const label = el("label", row.swatch, row.nameNode, row.scale, row.count, row.budget);
  row.track = el("track", row.never, row.dashes, row.peak.node);
  const { epochs, learning } = row;
  const gutter = el("gutter", epochs.bar, epochs.text, learning.bar, learning.text, row.dash);
  row.node = el("row group", label, row.track, gutter);
  handles.set(label, { act: "pick", row, window: 0 });
  handles.set(row.track, { act: "pan" });
  return row;
}

function buildShare() {
  const fill = el("fill");
  return { bar: el("share", fill), fill, text: el("percent") };
}

function buildGap(row) {
  const curve = curveSvg({ withArea: false });
  const ground = svg("rect", { width: "100%", height: "100%", fill: `url(#${HATCH})` });
  const wide = el("wide", picture({ class: "hatch" }, ground), curve.node);
  const node = el("gap", wide);
  node.tabIndex = 0;
  node.setAttribute("role", "button");
  const gap = { node, wide, curve, nodes: [node], span: null };
  row.handles.set(node, { act: "pick", row, window: 0, gap: () => gap.span });
  return gap;
}

function paintRow(timeline, row, group, shape) {
  const { data, playhead, axis, narrow, hit } = timeline;
  const { epochs } = axis;
  const { windows, name } = group;
  const open = visible(windows, epochs);
  const mine = data.problems.filter(({ groups }) => groups.includes(name));
  const discs = placeDiscs(mine, open, { axis, narrow });
  const picked = picksOf(timeline).filter((pick) => pick.group === name).map((pick) => pick.window);
  const handled = timeline.handled?.row === row ? timeline.handled : null;
  const problem = pointed(timeline, name);
  const facts = [discs, picked, handled && [handled.act, handled.window], playhead, axis, narrow, hit];
  const key = JSON.stringify([facts, group, epochs, problem]) + shape.line;
  if (row.key === key) return;
  row.key = key;

  const parameters = group.parameters === null ? "" : formatCount(group.parameters);
  row.node.style.setProperty("--c", group.color);
  text(row.nameNode, name);
  row.nameNode.title = parameters === "" ? name : `${name}, ${parameters} parameters`; // which a low row does not show
  text(row.scale, formatScale(group.scale));
  text(row.count, parameters);
  paintBudget(row, group.budget);
  paintGaps(row, gaps(windows, epochs), axis, shape);
  show(row.never, open.length === 0);
  pool(row.track, row.rings, picked.length, () => el("ring")).forEach((ring, order) => {
    paintRing(ring, picked[order], open, axis);
  });
  paintRing(row.dashes, problem, open, axis);
  row.node.classList.toggle("twice", !row.dashes.hidden && picked.includes(problem));

  // A group without a window still has its first handle, at the far right, to be pulled in.
  const count = Math.max(windows.length, 1);
  const make = (index) => buildWindow(row.handles, row, index);
  pool(row.track, row.windows, count, make).forEach((nodes, index) => {
    paintWindow(timeline, nodes, {
      group,
      shape,
      index,
      picked,
      handled,
      shown: open.find((window) => window.index === index),
      waiting: open.length === 0 && index === 0,
      of: open.length,
      discs: discs.filter(({ window }) => window?.index === index).map(({ x }) => x),
    });
  });
  row.node.classList.toggle("picked", picked.length > 0);
  paintPeak(timeline, row, group, { open, handled });
  paintDiscs(row, discs, handled, axis);
}

function paintGaps(row, closed, axis, shape) {
  const { epochs } = axis;
  pool(row.track, row.gaps, closed.length, () => buildGap(row)).forEach((gap, index) => {
    const [start, end] = closed[index];
    gap.span = closed[index];
    span(gap.node, start, end, axis);
    unspan(gap.wide, start, end, axis);
    const label = `${row.name} is frozen in epochs ${start} to ${end}: add a window`;
    set(gap.node, "aria-label", label);
    gap.node.classList.toggle("first", start === 0);
    gap.node.classList.toggle("last", end === epochs);
    drawCurve(gap.curve, axis, shape);
  });
}

/** A ring round window `index`, round the whole track if the group has none, or none for null. */
function paintRing(node, index, open, axis) {
  const none = open.length === 0 ? { start: 0, end: axis.epochs } : undefined;
  const around = index === null ? undefined : (open.find((window) => window.index === index) ?? none);
  show(node, around !== undefined);
  if (around) span(node, around.start, around.end, axis);
}

function paintBudget(row, budget) {
  const [epochs, learning] = budget ?? [0, 0];
  for (const part of [row.epochs, row.learning]) {
    show(part.bar, budget !== null);
    show(part.text, budget !== null);
  }
  show(row.dash, budget === null);
  row.epochs.fill.style.width = percent(epochs, 1);
  if (learning !== null) row.learning.fill.style.width = percent(Math.min(learning, 1), 1);
  text(row.epochs.text, formatShare(epochs));
  text(row.learning.text, formatShare(learning));
  text(row.budget.firstChild, budget ? `${formatShare(epochs)} / ` : "—");
  text(row.budget.lastChild, budget ? formatShare(learning) : "");
}
