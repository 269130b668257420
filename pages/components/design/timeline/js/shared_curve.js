// The row of the shared curve: warmup, peak, cooldown and floor, each with its handle.

import { pixelsOf, xOfEpoch } from "./axis.js";
import { coolsAt, highest, path, pointsOf, restarts } from "./curves.js";
import { curveSvg, describe, drawCurve, el, picture, placeOf, set, show, slider, svg, term, text } from "./dom.js";
import { formatRate, formatScale } from "./format.js";

export const PLOT_PX = 36;
const MEET_PX = 40;

const TURN = "M12.5 5.5A5.2 5.2 0 1 0 13.2 9M13 2v3.8H9.2";

/** `handles` learns what each node does. */
export function buildShared(handles) {
  const knob = (act, label, orientation) => {
    const node = slider(`knob ${act}`, orientation);
    node.setAttribute("aria-label", label);
    handles.set(node, { act });
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
  const name = el("name", term("shared-curve", "Shared curve"));
  const label = el("label", name, el("count", "share of each group’s peak"));
  const track = el("track", curve.node, ...Object.values(notes), ...Object.values(knobs));
  handles.set(track, { act: "pan" });
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

export function paintShared(timeline) {
  const { data, axis, shared } = timeline;
  const { epochs } = data;
  const { knobs, curve, restart } = shared;
  const { warmup, start, floor, floorLr } = timeline.curve;
  const points = pointsOf(timeline, null);
  const top = highest(points);
  const lowest = floorLr === null ? floor : floorLr / data.base_lr;
  const cool = coolsAt(timeline.curve, epochs);
  const scale = { axis, top };
  drawCurve(curve, axis, { line: path(points), area: path(points, true) });
  place(knobs.start, 0, start, scale);
  place(knobs.warmup, Math.min(warmup, epochs), 1, scale);
  if (cool !== null) place(knobs.cooldown, cool, 1, scale);
  place(knobs.floor, epochs, lowest ?? 0, scale);
  show(knobs.start, warmup > 0);
  show(knobs.cooldown, cool !== null);
  show(knobs.floor, lowest !== null);
  describe(knobs.start, 0, 1, start, `${start} of the peak`);
  describe(knobs.warmup, 0, epochs, warmup, `epoch ${warmup} of ${epochs}`);
  const begins = cool === null ? 0 : Number(cool.toFixed(2));
  describe(knobs.cooldown, 0, epochs, begins, `epoch ${begins} of ${epochs}`);
  if (floorLr !== null) {
    const high = Math.max(data.base_lr, floorLr);
    describe(knobs.floor, 0, high, floorLr, `a rate of ${formatRate(floorLr)}`);
  } else if (floor !== null) describe(knobs.floor, 0, 1, floor, `${floor} of the peak`);
  const anew = restarts(timeline.curve);
  set(restart, "aria-pressed", anew);
  const now = anew ? "Every group restarts the curve when it first thaws" : "All follow one curve";
  set(restart, "title", `${now}. Click for ${anew ? "one curve for all" : "a restart at each thaw"}.`);
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
