// Verbs on windows: one more of them, one cut in two, and thaws spaced evenly over several groups.

import { clamp } from "./axis.js";
import { gaps, visible } from "./windows.js";

/** The frozen stretch that an epoch lies in, or else the longest one; null if it trains throughout. */
export function gapAt(windows, epoch, epochs) {
  const found = gaps(windows, epochs);
  const under = found.find(([start, end]) => start <= epoch && epoch < end);
  return under ?? found.toSorted((a, b) => b[1] - b[0] - (a[1] - a[0]))[0] ?? null;
}

/**
 * Windows with one more, from an epoch to the end of the gap that it lies in, and its index. Where
 * there is room an epoch stays frozen beside the neighbours, since two windows that touch are one
 * to whoever trains; where there is none the gap is closed, and its neighbours are joined.
 * An epoch outside every gap takes all of the longest one. Null if there is no gap.
 */
export function withNew(windows, epoch, epochs) {
  const gap = gapAt(windows, epoch, epochs);
  if (gap === null) return null;
  const [from, to] = gap;
  const low = from > 0 ? from + 1 : from;
  const high = to < epochs ? to - 1 : to;
  if (low >= high) return joined(windows, gap, epochs);
  const start = from <= epoch && epoch < to ? clamp(epoch, low, high - 1) : low;
  const made = [start, high === epochs ? null : high];
  // What lies past the run's end would be run into by a window without an end.
  const before = windows.filter(([other]) => other < start);
  const after = windows.filter(([other]) => other > start && (made[1] !== null || other < epochs));
  return { windows: [...before, made, ...after], index: before.length };
}

function joined(windows, [from, to], epochs) {
  const before = windows.filter(([start]) => start < from);
  const after = to < epochs ? windows.filter(([start]) => start >= to) : [];
  const start = from > 0 ? before.pop()[0] : from;
  const end = to < epochs ? after.shift()[1] : null;
  return { windows: [...before, [start, end], ...after], index: before.length };
}

/** Least length of a window that can be split: an epoch on each side and a frozen one between. */
export const LEAST_SPLIT = 3;

/**
 * Windows with one of them cut in two at an epoch, which is moved inside it and freezes: two windows
 * that touch would be the same plan as before. Null if the epoch lies outside or there is no room.
 */
export function splitAt(windows, index, epoch, epochs) {
  const shown = visible(windows, epochs).find((window) => window.index === index);
  if (!shown || epoch < shown.start || epoch >= shown.end) return null;
  if (shown.end - shown.start < LEAST_SPLIT) return null;
  const [start, end] = windows[index];
  const cut = clamp(Math.floor(epoch), start + 1, shown.end - 2);
  return windows.toSpliced(index, 1, [start, cut], [cut + 1, end]);
}

/**
 * Windows for groups in turn, each thawing `every` epochs after the one before it, in whole epochs
 * rounded down. `until` is "end"; or "next", where each freezes when the next one thaws; or "own",
 * where each keeps the last epoch that it trained in. A thaw after the run's end is none.
 */
export function cascaded(windowsOfGroups, { first, every, until }, epochs) {
  const thaws = windowsOfGroups.map((_, place) => Math.floor(first + place * every + 1e-9));
  return windowsOfGroups.map((windows, place) => {
    const start = thaws[place];
    if (start >= epochs) return [];
    const next = thaws.slice(place + 1).find((thaw) => thaw > start) ?? epochs;
    const end = { end: null, next, own: windows.at(-1)?.[1] ?? null }[until];
    return [[start, end === null || end <= start || end >= epochs ? null : end]];
  });
}

/** A spacing that thaws the last of so many groups after three quarters of so many epochs. */
export function spacingFor(count, left) {
  const room = (0.75 * left) / Math.max(count - 1, 1);
  return room >= 1 ? Math.floor(room) : Math.max(Math.floor(room * 10) / 10, 0.1);
}
