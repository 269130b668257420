// One window of a group: its bar with the rate inside, and a handle at each edge.

import { clamp, epochOfX, pixelsOf, xOfEpoch } from "./axis.js";
import { highest, valueAt } from "./curves.js";
import { curveSvg, describe, drawCurve, el, put, set, show, slider, span, text, unspan, widthOf } from "./dom.js";
import { formatRate } from "./format.js";
import { limits } from "./windows.js";

const TIGHT_PX = 60;
const FLAG_PX = 76;
const EDGE_PX = 14;
const NEEDLE_PX = 6;
const AIR_PX = 4;
const PEAK_PX = 100;

/** `handles` learns what the bar and its handles do to window `index` of the row's group. */
export function buildWindow(handles, row, index) {
  const curve = curveSvg({ withArea: true });
  const wide = el("wide", curve.node);
  const peak = el("peak");
  const bar = el("bar", el("inner", wide), peak);
  bar.tabIndex = 0;
  bar.setAttribute("role", "button");
  handles.set(bar, { act: "move", row, window: index });
  const chip = el("chip");
  const handle = (edge) => {
    const flag = el("epoch");
    const grip = el("grip", flag);
    const node = slider(`handle ${edge}`, "horizontal", grip);
    handles.set(node, { act: edge, row, window: index });
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
  const { axis, narrow, windows } = timeline;
  const { epochs } = axis;
  const { group, shown, waiting, index, of } = facts;
  const { bar, chip, start, end } = nodes;
  const { start: from, end: to } = shown ?? { start: epochs, end: epochs };
  const length = pixelsOf(to - from, axis);
  const size = narrow ? 12 : 9;
  const grip = shown ? clamp(length / 2 - 0.5, 1.5, size) : size;
  const which = of > 1 ? `, window ${index + 1} of ${of}` : "";
  const tight = shown !== undefined && length < TIGHT_PX;
  const handle = { ...facts, spans: windows.get(group.name), grip, which, tight };
  show(bar, shown !== undefined);
  show(start.node, shown !== undefined || waiting);
  show(end.node, shown !== undefined);
  show(chip, false);
  start.node.classList.toggle("waiting", waiting);
  paintHandle(timeline, start, { ...handle, edge: "start", now: from });
  if (!shown) return;
  paintHandle(timeline, end, { ...handle, edge: "end", now: to });
  span(bar, from, to, axis);
  set(bar, "aria-label", `${group.name} trains in epochs ${from} to ${to}${which}`);
  set(bar, "aria-pressed", facts.picked.includes(index));
  unspan(nodes.wide, from, to, axis);
  drawCurve(nodes.curve, axis, facts.shape);
  paintRates(timeline, nodes, { ...facts, grip });
}

function paintHandle({ axis, narrow, hit }, handle, facts) {
  const { group, index, edge, now, which, waiting, handled, grip, tight } = facts;
  const { epochs, width } = axis;
  const { node, flag } = handle;
  const x = xOfEpoch(now, axis);
  const [low, high] = limits(facts.spans, index, edge, epochs);
  put(node, now, axis);
  node.classList.toggle("tight", tight);
  node.classList.toggle("held", handled?.act === edge && handled.window === index);
  placeHandle(handle, { x, grip, tight, rightwards: edge === "start" && !waiting, hit, narrow, width });
  set(node, "aria-label", `${group.name} ${edge === "start" ? "thaws" : "freezes"}${which}`);
  describe(node, low, high, now, `${group.name} ${saidOf(edge, now, epochs, waiting)}`);
  const leftward = edge === "start" ? x >= FLAG_PX : width - x < FLAG_PX;
  flag.classList.toggle("leftward", leftward);
  text(flag, flagOf(edge, now, epochs, waiting));
}

/** The grip lies inside the bar; its area is centred on it, or reaches outwards from a short bar. */
function placeHandle(handle, { x, grip, tight, rightwards, hit, narrow, width }) {
  const from = rightwards ? x : x - grip;
  const inwards = tight ? (rightwards ? grip - hit : 0) : (grip - hit) / 2;
  const reach = narrow ? EDGE_PX : Infinity;
  // A handle that is out of sight stays there.
  const inView = x >= 0 && x <= width;
  const area = inView ? clamp(from + inwards, -reach, width + reach - hit) : from + inwards;
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

/**
 * Left edge of a chip: right of the needle, else left of it, but between the handles and off the
 * discs of its bar; past a bar that is too short, or before it at the end of the track.
 *
 * `head` is the needle, `from` and `to` are the bar, `grip` is the width of its handles, all in
 * pixels; `discs` are the middles of the discs on or before the bar.
 */
export function placeChip({ head, from, to, grip, discs, width }, size) {
  const on = discs.filter((x) => x > from);
  const before = discs.filter((x) => x <= from);
  const low = Math.max(from + grip, ...on.map((x) => x + 8)) + AIR_PX;
  const high = to - grip - AIR_PX;
  const right = Math.max(head + NEEDLE_PX, low);
  if (right + size <= high) return right;
  const left = Math.min(head - NEEDLE_PX, high) - size;
  if (left >= low) return left;
  const past = to + AIR_PX;
  return past + size <= width ? past : Math.min(from, ...before.map((x) => x - 8)) - AIR_PX - size;
}

/** When the step that the playhead stands in begins, in epochs: its rate holds until the next one. */
export function stepBegins(playhead, { epochs, steps_per_epoch: steps }) {
  return Math.min(Math.floor(playhead * steps + 1e-9), epochs * steps - 1) / steps;
}

/** The rate at the playhead, and the peak where there is room for it and little of the curve. */
export function paintRates(timeline, { chip, peak }, { group, shape, shown, grip, discs }) {
  const { data, playhead, axis, narrow } = timeline;
  const { epochs, width } = axis;
  const { points } = shape;
  const top = highest(points);
  const from = xOfEpoch(shown.start, axis);
  const to = xOfEpoch(shown.end, axis);
  const last = shown.end >= epochs ? playhead <= shown.end : playhead < shown.end;
  const inView = playhead >= axis.from && playhead <= axis.to;
  const under = playhead >= shown.start && last && inView;
  show(chip, under);
  let right = Math.max(from, 0);
  if (under) {
    const rate = formatRate(valueAt(points, stepBegins(playhead, data)) * group.peak);
    const head = xOfEpoch(playhead, axis);
    const left = placeChip({ head, ...cut(from, to, grip, width), discs, width }, widthOf(rate));
    text(chip, rate);
    chip.style.left = `${left}px`;
    right = left < to ? left + widthOf(rate) : right;
  }
  text(peak, top > 1 ? `up to ${formatRate(group.peak * top)}` : `peak ${formatRate(group.peak)}`);
  const low = valueAt(points, epochOfX(to - PEAK_PX, axis)) / top < 0.5;
  show(peak, !narrow && to - from >= 190 && to <= width && to - right >= PEAK_PX && low);
}

/** A bar as far as the track shows it: a handle that is out of sight takes no room. */
function cut(from, to, grip, width) {
  const low = Math.max(from, -grip);
  return { from: low, to: Math.min(to, width + grip), grip };
}
