// One window of a group: its bar with the rate inside, its two handles, and the chip with the rate.

import { clamp, epochOfX, xOfEpoch } from "./axis.js";
import { highest, valueAt } from "./curves.js";
import { curveSvg, describe, drawCurve, el, percent, set, show, slider, span, text, unspan } from "./dom.js";
import { formatRate } from "./format.js";
import { limits } from "./windows.js";

const TIGHT_PX = 60;
const FLAG_PX = 76;
const CHIP_PX = 64;
const EDGE_PX = 14;

/** `actions` learns what the bar and its handles do to window `index` of the row's group. */
export function buildWindow(actions, row, index) {
  const curve = curveSvg({ withArea: true });
  const wide = el("wide", curve.node);
  const peak = el("peak");
  const bar = el("bar", el("inner", wide), peak);
  bar.tabIndex = 0;
  bar.setAttribute("role", "button");
  actions.set(bar, { act: "move", row, window: index });
  const chip = el("chip");
  const handle = (edge) => {
    const flag = el("epoch");
    const grip = el("grip", flag);
    const node = slider(`handle ${edge}`, "horizontal", grip);
    actions.set(node, { act: edge, row, window: index });
    return { node, grip, flag };
  };
  const start = handle("start");
  const end = handle("end");
  return { bar, wide, curve, peak, chip, start, end, nodes: [bar, chip, start.node, end.node] };
}

/**
 * `shown` is the window within the run, or undefined where it lies outside. `of` counts the windows
 * that are shown; a group without any has its first handle `waiting` at the far right.
 */
export function paintWindow(timeline, nodes, facts) {
  const { epochs } = timeline.data;
  const { group, shown, waiting, index, of } = facts;
  const { bar, chip, start, end } = nodes;
  show(bar, shown !== undefined);
  show(start.node, shown !== undefined || waiting);
  show(end.node, shown !== undefined);
  show(chip, false);
  const which = of > 1 ? `, window ${index + 1} of ${of}` : "";
  const { start: from, end: to } = shown ?? { start: epochs, end: epochs };
  start.node.classList.toggle("waiting", waiting);
  paintHandle(timeline, start, { ...facts, edge: "start", from, to, which });
  if (!shown) return;
  paintHandle(timeline, end, { ...facts, edge: "end", from, to, which });
  span(bar, from, to, epochs);
  set(bar, "aria-label", `${group.name} trains in epochs ${from} to ${to}${which}`);
  set(bar, "aria-pressed", facts.selected === index);
  unspan(nodes.wide, from, to, epochs);
  drawCurve(nodes.curve, epochs, facts.shape);
  paintRates(timeline, nodes, facts);
}

function paintHandle(timeline, handle, { group, edge, from, to, which, index, shown, waiting, handled }) {
  const { epochs } = timeline.data;
  const { width, narrow } = timeline;
  const now = edge === "start" ? from : to;
  const x = xOfEpoch(now, width, epochs);
  const length = xOfEpoch(to - from, width, epochs);
  const tight = shown !== undefined && length < TIGHT_PX;
  const size = narrow ? 12 : 9;
  const grip = shown ? clamp(length / 2 - 0.5, 1.5, size) : size;
  const [low, high] = limits(timeline.windows.get(group.name), index, edge, epochs);
  handle.node.style.left = percent(now, epochs);
  handle.node.classList.toggle("tight", tight);
  placeHandle(timeline, handle, { x, grip, tight, rightwards: edge === "start" && !waiting });
  set(handle.node, "aria-label", `${group.name} ${edge === "start" ? "thaws" : "freezes"}${which}`);
  describe(handle.node, low, high, now, `${group.name} ${saidOf(edge, now, epochs, waiting)}`);
  const inHand = handled !== null && handled.act === edge && handled.window === index;
  handle.node.classList.toggle("held", inHand);
  const outside = edge === "start" ? x >= FLAG_PX : width - x >= FLAG_PX;
  handle.flag.classList.toggle("leftward", edge === "start" ? outside : !outside);
  text(handle.flag, flagOf(edge, now, epochs, waiting));
}

/** The grip lies inside the bar; its area is centred on it, or reaches outwards from a short bar. */
function placeHandle({ hit, narrow, width }, handle, { x, grip, tight, rightwards }) {
  const from = rightwards ? x : x - grip;
  const inwards = tight ? (rightwards ? grip - hit : 0) : (grip - hit) / 2;
  const reach = narrow ? EDGE_PX : Infinity;
  const area = clamp(from + inwards, -reach, width + reach - hit);
  handle.node.style.marginLeft = `${area - x}px`;
  handle.grip.style.left = `${from - area}px`;
  handle.grip.style.width = `${grip}px`;
}

function saidOf(edge, now, epochs, waiting) {
  if (edge === "start") return waiting ? "never trains" : `thaws at epoch ${now} of ${epochs}`;
  return now >= epochs ? "trains to the end" : `freezes at epoch ${now} of ${epochs}`;
}

function flagOf(edge, now, epochs, waiting) {
  if (edge === "start" && waiting) return "never";
  return edge === "end" && now >= epochs ? "end" : `epoch ${now}`;
}

/** The rate at the playhead, and the peak where there is room for it and little of the curve. */
function paintRates(timeline, { chip, peak }, { group, shape, shown }) {
  const { points } = shape;
  const { playhead, width, narrow } = timeline;
  const { epochs } = timeline.data;
  const { start: from, end: to } = shown;
  const top = highest(points);
  const head = xOfEpoch(playhead, width, epochs);
  const x1 = xOfEpoch(to, width, epochs);
  const under = playhead >= from && (to >= epochs ? playhead <= to : playhead < to);
  const flip = head + CHIP_PX > width;
  if (under) {
    text(chip, formatRate(valueAt(points, playhead) * group.peak));
    chip.style.left = percent(playhead, epochs);
    chip.classList.toggle("leftward", flip);
    show(chip, true);
  }
  text(peak, top > 1 ? `up to ${formatRate(group.peak * top)}` : `peak ${formatRate(group.peak)}`);
  const clear = !under || x1 - head > (flip ? 30 : 160);
  const low = valueAt(points, epochOfX(x1 - 100, width, epochs)) / top < 0.5;
  show(peak, !narrow && xOfEpoch(to - from, width, epochs) >= 190 && clear && low);
}
