// The row of the shared curve: warmup, peak and floor, each with its handle.

import { xOfEpoch } from "./axis.js";
import { highest, path, warp } from "./curves.js";
import { curveSvg, describe, drawCurve, el, percent, show, slider, text } from "./dom.js";
import { formatRate, formatScale } from "./format.js";

export const PLOT_PX = 36;

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
    floor: knob("floor", "Floor", "vertical"),
  };
  const notes = {
    warmup: el("note warm", "Warmup"),
    start: el("note from"),
    peak: el("note"),
    floor: el("note"),
  };
  const curve = curveSvg({ withArea: true });
  const label = el("label", el("name", "Shared curve"), el("count", "share of each group’s peak"));
  const track = el("track", curve.node, ...Object.values(notes), ...Object.values(knobs));
  return { knobs, notes, curve, node: el("row shared", label, track) };
}

/** The points of a group's curve, or of the shared one for null, as the hand has changed them. */
export function pointsOf({ data, curve }, group) {
  const { shared, curves, epochs, restart } = data;
  const from = {
    origin: group?.origin ?? 0,
    warmup: shared.warmup_epochs,
    start: shared.start_factor,
    floor: shared.floor,
  };
  const moves = group !== null && restart && group.windows.length > 0;
  const origin = moves ? Math.min(group.windows[0][0], epochs - 1) : from.origin;
  return warp(curves[group ? group.curve : shared.curve], from, { ...curve, origin }, epochs);
}

export function paintShared(timeline) {
  const { epochs } = timeline.data;
  const { knobs, curve } = timeline.shared;
  const { warmup, start, floor } = timeline.curve;
  const points = pointsOf(timeline, null);
  const top = highest(points);
  drawCurve(curve, epochs, { line: path(points), area: path(points, true) });
  place(knobs.start, 0, start, { epochs, top });
  place(knobs.warmup, Math.min(warmup, epochs), 1, { epochs, top });
  place(knobs.floor, epochs, floor ?? 0, { epochs, top });
  show(knobs.start, warmup > 0);
  show(knobs.floor, floor !== null);
  describe(knobs.start, 0, 1, start, `${start} of the peak`);
  describe(knobs.warmup, 0, epochs, warmup, `epoch ${warmup} of ${epochs}`);
  if (floor !== null) describe(knobs.floor, 0, 1, floor, `${floor} of the peak`);
  paintNotes(timeline, points.at(-1), top);
}

/** The words beside the curve, each where it does not run into another. */
function paintNotes({ data, curve, shared, width }, last, top) {
  const { epochs } = data;
  const { warmup, start, floor } = curve;
  const { notes } = shared;
  const lowest = data.shared.floor_lr;
  const peakAt = Math.min(warmup, epochs);
  const room = xOfEpoch(peakAt, width, epochs);
  const leftward = room > width - 170;
  show(notes.warmup, room >= 64 && start < 0.7);
  show(notes.start, room >= 76 && start < 0.5);
  text(notes.start, `from ${formatScale(start)}`);
  place(notes.start, 0, start, { epochs, top });
  show(notes.peak, (floor ?? 0) < 0.4 || !leftward);
  text(notes.peak, "peak ×1");
  place(notes.peak, peakAt, 1, { epochs, top });
  notes.peak.className = leftward ? "note peak-left" : "note peak-right";
  show(notes.floor, floor !== null || lowest !== null);
  text(notes.floor, `floor ${lowest === null ? formatScale(floor ?? 0) : formatRate(lowest)}`);
  place(notes.floor, epochs, floor ?? last, { epochs, top });
  notes.floor.className = (floor ?? last) / top > 0.55 ? "note floor-below" : "note floor-above";
}

function place(node, epoch, share, { epochs, top }) {
  node.style.setProperty("--x", percent(epoch, epochs));
  node.style.setProperty("--y", `${(1 - share / top) * PLOT_PX}px`);
}
