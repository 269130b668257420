// Windows: the epochs in which a group trains, as [start, end] with an end of null for the run's.

import { clamp, pixelsOf } from "./axis.js";

const REACH_PX = 7;
const ROOMY_PX = 14;

/** Whether a group with these windows trains in an epoch. */
export const isOpen = (windows, epoch) =>
  windows.some(([start, end]) => start <= epoch && (end === null || epoch < end));

/** Windows as [start, end] within the run, each with its index; what lies past the end is left out. */
export function visible(windows, epochs) {
  return windows
    .map(([start, end], index) => ({ start, end: end === null ? epochs : Math.min(end, epochs), index }))
    .filter(({ start }) => start < epochs);
}

/** The stretches of the run between windows, as [start, end]. */
export function gaps(windows, epochs) {
  const found = [];
  let from = 0;
  for (const { start, end } of visible(windows, epochs)) {
    if (start > from) found.push([from, start]);
    from = Math.max(from, end);
  }
  if (from < epochs) found.push([from, epochs]);
  return found;
}

/** A window's edge in epochs within the run; that of a window that is not there is the run's end. */
export function edgeOf(windows, index, edge, epochs) {
  const [start, end] = windows[index] ?? [epochs, null];
  return Math.min((edge === "start" ? start : end) ?? epochs, epochs);
}

/** Smallest and largest value of a window's edge; a start at `epochs` removes an open-ended window. */
export function limits(windows, index, edge, epochs) {
  const [start, end] = windows[index] ?? [epochs, null];
  if (edge === "start") {
    const low = index > 0 ? windows[index - 1][1] : 0;
    return [low, end === null || end >= epochs ? epochs : end - 1];
  }
  const next = windows[index + 1];
  return [Math.min(start + 1, epochs), next ? Math.min(next[0], epochs) : epochs];
}

/** Windows with one edge moved to a whole epoch within its limits; pulls a window in if there is none. */
export function withEdge(windows, index, edge, value, epochs) {
  const [low, high] = limits(windows, index, edge, epochs);
  const epoch = clamp(Math.round(value), low, high);
  const changed = windows.slice();
  const [start, end] = windows[index] ?? [epochs, null];
  if (edge === "start") {
    if (epoch >= epochs) changed.splice(index, 1);
    else changed[index] = [epoch, end];
  } else {
    changed[index] = [start, epoch >= epochs && index === windows.length - 1 ? null : epoch];
  }
  return changed;
}

/** Windows with one of them moved by whole epochs; an end of null stays, neighbours are limits. */
export function moved(windows, index, by, epochs) {
  const [start, end] = windows[index];
  const low = index > 0 ? windows[index - 1][1] : 0;
  const next = windows[index + 1];
  const room = Math.max((next ? Math.min(next[0], epochs) : epochs) - end, 0);
  const high = end === null ? epochs - 1 : start + room;
  const to = clamp(start + Math.round(by), Math.min(low, start), Math.max(high, start));
  const changed = windows.slice();
  changed[index] = [to, end === null ? null : end + to - start];
  return changed;
}

/** Which of a group's windows a problem is about, by its path; 0 if the path names none. */
export const windowOfPath = (text) => Number(/trainable\W+(\d+)/.exec(text)?.[1] ?? 0);

/** Whether two picks, each a group's name and the index of its window, are the same. */
export const samePick = (one, other) => one.group === other.group && one.window === other.window;

/** Whether a pick is among others. */
export const isPicked = (picks, pick) => picks.some((other) => samePick(other, pick));

/**
 * Every group's windows after all picks have gone by so many epochs: their bars for the act "move",
 * or one of their edges for "start" and "end". The tightest limit of any of them holds for all.
 * A window alone may also leave the run; several stay within it.
 */
export function movedTogether(windows, picks, act, by, epochs) {
  const there = picks.filter(({ group, window }) => windows.get(group)?.[window] || act === "start");
  const changed = new Map(windows);
  if (there.length === 1) {
    const [{ group, window }] = there;
    changed.set(group, movedAlone(windows.get(group), window, act, by, epochs));
    return changed;
  }
  const rooms = there.map((pick) => roomOf(windows.get(pick.group), pick, act, epochs, there));
  const low = Math.max(...rooms.map(([down]) => down));
  const high = Math.min(...rooms.map(([, up]) => up));
  const shift = clamp(Math.round(by), Math.min(low, 0), Math.max(high, 0));
  if (shift === 0) return changed;
  for (const { group, window } of there) {
    changed.set(group, shifted(changed.get(group), window, act, shift, epochs));
  }
  return changed;
}

function movedAlone(windows, index, act, by, epochs) {
  if (act === "move") return moved(windows, index, clamp(by, -epochs, epochs), epochs);
  return withEdge(windows, index, act, edgeOf(windows, index, act, epochs) + by, epochs);
}

/** How far one pick may go down and up, in epochs; a neighbour that goes along is no limit. */
function roomOf(windows, { group, window }, act, epochs, picks) {
  const [start, end] = windows[window] ?? [epochs, null];
  if (act !== "move") {
    const [low, high] = limits(windows, window, act, epochs);
    const now = edgeOf(windows, window, act, epochs);
    return [low - now, (act === "start" ? Math.min(high, epochs - 1) : high) - now];
  }
  const goesAlong = (index) => isPicked(picks, { group, window: index });
  const before = windows[window - 1];
  const next = windows[window + 1];
  const low = before && !goesAlong(window - 1) ? before[1] : 0;
  if (end === null) return [low - start, epochs - 1 - start];
  const high = next && !goesAlong(window + 1) ? Math.min(next[0], epochs) : epochs;
  return [low - start, high - end];
}

function shifted(windows, index, act, by, epochs) {
  if (act !== "move") return movedAlone(windows, index, act, by, epochs);
  const [start, end] = windows[index];
  return windows.with(index, [start + by, end === null ? null : end + by]);
}

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

/** Edges of all windows but the moved ones, without repeats; the ends of the run are none. */
export function edgesOf(windows, picks, epochs) {
  const found = new Set();
  for (const [group, spans] of windows) {
    for (const { start, end, index } of visible(spans, epochs)) {
      if (isPicked(picks, { group, window: index })) continue;
      found.add(start).add(end);
    }
  }
  return [...found].filter((epoch) => epoch > 0 && epoch < epochs);
}

/**
 * How far to go instead of `by` so that the first pick's edge meets one of `edges`, and that edge as
 * `at`; null where none is near, or where an epoch is so wide that a hand needs no help.
 */
export function held(windows, pick, act, by, edges, axis) {
  if (pixelsOf(1, axis) >= ROOMY_PX) return null;
  const spans = windows.get(pick.group);
  const own = act === "move" ? ["start", "end"] : [act];
  let best = null;
  for (const edge of own) {
    const now = edgeOf(spans, pick.window, edge, axis.epochs);
    if (act === "move" && now >= axis.epochs) continue;
    for (const at of edges) {
      const off = pixelsOf(Math.abs(now + by - at), axis);
      if (off <= REACH_PX && off < (best?.off ?? Infinity)) best = { at, by: at - now, off };
    }
  }
  return best;
}
