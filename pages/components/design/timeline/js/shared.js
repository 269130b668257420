// The row of the shared curve: warmup, peak, cooldown and floor, each with its handle.

import { clamp, pixelsOf, xOfEpoch } from "./axis.js";
import { highest, path, warp } from "./curves.js";
import { curveSvg, describe, drawCurve, el, picture, placeOf, set, show, slider, svg, text } from "./dom.js";
import { formatRate, formatScale } from "./format.js";

export const PLOT_PX = 36;
const MEET_PX = 40;

const TURN = "M12.5 5.5A5.2 5.2 0 1 0 13.2 9M13 2v3.8H9.2";

/** `actions` learns what each handle does. */
export function buildShared(actions) {
  const knob = (act, label, orientation) => {
    const node = slider(`knob ${act}`, orientation);
    node.setAttribute("aria-label", label);
    actions.set(node, { act });
    return node;
  };
  const knobs = {
    start: knob("factor", "Warmup starts from", "vertical"),
    warmup: knob("warmup", "Warmup ends", "horizontal"),
    cooldown: knob("cooldown", "Cooldown begins", "horizontal"),
    floor: knob("floor", "Floor", "vertical"),
  };
  const notes = {
    warmup: el("note warm", "Warmup"),
    start: el("note from"),
    peak: el("note"),
    cooldown: el("note cool", "cooldown"),
    floor: el("note"),
  };
  const curve = curveSvg({ withArea: true });
  const label = el("label", el("name", "Shared curve"), el("count", "share of each group’s peak"));
  const track = el("track", curve.node, ...Object.values(notes), ...Object.values(knobs));
  actions.set(track, { act: "pan" });
  const restart = buildRestart();
  return { knobs, notes, curve, restart, node: el("row shared", label, track, el("gutter", restart)) };
}

/** The switch between one curve for all and one that begins anew when a group first thaws. */
function buildRestart() {
  const node = document.createElement("button");
  node.type = "button";
  node.className = "tool restart";
  node.dataset.do = "restart";
  const label = document.createElement("span");
  label.textContent = "restart";
  node.append(picture({ viewBox: "0 0 16 16" }, svg("path", { d: TURN })), label);
  node.setAttribute("aria-label", "Restart the curve at thaw");
  return node;
}

/** The shared numbers as Python sent them, under the names that the hand knows. */
export const curveOf = ({ shared, restart }) => ({
  warmup: shared.warmup_epochs,
  start: shared.start_factor,
  floor: shared.floor,
  floorLr: shared.floor_lr,
  cooldown: shared.cooldown,
  restart,
});

/** The points of a group's curve, or of the shared one for null, as the hand has changed them. */
export function pointsOf({ data, curve }, group) {
  const { shared, curves, epochs } = data;
  const peak = group?.peak ?? shared.base_lr;
  const moves = group !== null && curve.restart && group.windows.length > 0;
  const from = { ...lifted(curveOf(data), peak), origin: group?.origin ?? 0 };
  const origin = moves ? Math.min(group.windows[0][0], epochs - 1) : 0;
  const to = { ...lifted(curve, peak), origin };
  return warp(curves[group ? group.curve : shared.curve], from, to, epochs);
}

/** A curve's numbers with an absolute floor as the share of a peak that it is. */
const lifted = (curve, peak) =>
  curve.floorLr === null ? curve : { ...curve, floor: curve.floorLr / peak };

/** The epoch at which the shared curve begins to cool down; null for a shape that does not. */
export function coolsAt({ warmup, cooldown }, epochs) {
  if (cooldown === null) return null;
  const peakAt = Math.min(warmup, epochs);
  return peakAt + (1 - cooldown) * (epochs - peakAt);
}

/** The cooldown, a share of what is left after warmup, that begins at an epoch. */
export function cooldownFrom(epoch, { warmup }, epochs) {
  const left = epochs - Math.min(warmup, epochs);
  return left <= 0 ? 1 : Number(clamp((epochs - epoch) / left, 0.001, 1).toFixed(4));
}

/** The epoch at which a handle of the shared curve stands; null for one that is not there. */
export function knobAt(act, curve, epochs) {
  if (act === "cooldown") return coolsAt(curve, epochs);
  return { factor: 0, warmup: Math.min(curve.warmup, epochs), floor: epochs }[act] ?? null;
}

export function paintShared(timeline) {
  const { data, axis, shared } = timeline;
  const { epochs } = data;
  const { knobs, curve, restart } = shared;
  const { warmup, start, floor, floorLr, restart: restarts } = timeline.curve;
  const points = pointsOf(timeline, null);
  const top = highest(points);
  const lowest = floorLr === null ? floor : floorLr / data.shared.base_lr;
  const cool = coolsAt(timeline.curve, epochs);
  const scale = { axis, top };
  drawCurve(curve, axis, { line: path(points), area: path(points, true) });
  const put = (knob, act, height) => place(knob, knobAt(act, timeline.curve, epochs), height, scale);
  put(knobs.start, "factor", start);
  put(knobs.warmup, "warmup", 1);
  if (cool !== null) put(knobs.cooldown, "cooldown", 1);
  put(knobs.floor, "floor", lowest ?? 0);
  show(knobs.start, warmup > 0);
  show(knobs.cooldown, cool !== null);
  show(knobs.floor, lowest !== null);
  describe(knobs.start, 0, 1, start, `${start} of the peak`);
  describe(knobs.warmup, 0, epochs, warmup, `epoch ${warmup} of ${epochs}`);
  const begins = cool === null ? 0 : Number(cool.toFixed(2));
  describe(knobs.cooldown, 0, epochs, begins, `epoch ${begins} of ${epochs}`);
  if (floorLr !== null) {
    const high = Math.max(data.shared.base_lr, floorLr);
    describe(knobs.floor, 0, high, floorLr, `a rate of ${formatRate(floorLr)}`);
  } else if (floor !== null) describe(knobs.floor, 0, 1, floor, `${floor} of the peak`);
  set(restart, "aria-pressed", restarts);
  const now = restarts ? "Every group restarts the curve when it first thaws" : "All follow one curve";
  set(restart, "title", `${now}. Click for ${restarts ? "one curve for all" : "a restart at each thaw"}.`);
  paintNotes(timeline, { last: points.at(-1), lowest, cool, top });
}

/** Whether the word at the peak would print over the floor's at the end of the run. */
export const meetsFloor = (peakAt, axis) => pixelsOf(axis.epochs - peakAt, axis) < MEET_PX;

/** The words beside the curve, each where it does not run into another. */
function paintNotes({ axis, curve, shared }, { last, lowest, cool, top }) {
  const { epochs, width } = axis;
  const { warmup, start, floorLr } = curve;
  const { notes } = shared;
  const scale = { axis, top };
  const peakAt = Math.min(warmup, epochs);
  const room = xOfEpoch(peakAt, axis) - Math.max(xOfEpoch(0, axis), 0);
  const begins = axis.from === 0;
  const leftward = xOfEpoch(peakAt, axis) > width - 170;
  show(notes.warmup, begins && room >= 64 && start < 0.7);
  show(notes.start, begins && room >= 76 && start < 0.5);
  text(notes.start, `from ${formatScale(start)}`);
  place(notes.start, 0, start, scale);
  const ends = axis.to === epochs;
  const meets = ends && lowest !== null && meetsFloor(peakAt, axis);
  show(notes.peak, !meets && ((lowest ?? 0) < 0.4 || !leftward) && top < 1.5);
  text(notes.peak, "peak ×1");
  place(notes.peak, peakAt, 1, scale);
  notes.peak.classList.toggle("peak-left", leftward);
  notes.peak.classList.toggle("peak-right", !leftward);
  const apart = cool === null ? 0 : xOfEpoch(cool, axis) - xOfEpoch(peakAt, axis);
  show(notes.cooldown, cool !== null && apart > 140 && xOfEpoch(cool, axis) <= width);
  if (cool !== null) place(notes.cooldown, cool, 1, scale);
  show(notes.floor, ends && lowest !== null);
  text(notes.floor, `floor ${floorLr === null ? formatScale(lowest ?? 0) : formatRate(floorLr)}`);
  place(notes.floor, epochs, lowest ?? last, scale);
  const low = (lowest ?? last) / top <= 0.55;
  notes.floor.classList.toggle("floor-above", low);
  notes.floor.classList.toggle("floor-below", !low);
}

function place(node, epoch, share, { axis, top }) {
  node.style.setProperty("--x", placeOf(epoch, axis));
  node.classList.toggle("away", epoch < axis.from || epoch > axis.to);
  node.style.setProperty("--y", `${(1 - share / top) * PLOT_PX}px`);
}
