// The chip: what a group's rate is at the playhead, written beside the needle.

import { epochOfX, xOfEpoch } from "./axis.js";
import { highest, valueAt } from "./curves.js";
import { show, text } from "./dom.js";
import { formatRate } from "./format.js";

const NEEDLE_PX = 6;
const AIR_PX = 4;
const PEAK_PX = 100;

/** Roughly how wide some words are on a chip or a flag, with its padding. */
export const widthOf = (words) => 14 + 7 * words.length;

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
