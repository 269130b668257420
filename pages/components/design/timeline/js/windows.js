// Windows: the epochs in which a group trains, as [start, end] with an end of null for the run's.

import { clamp } from "./axis.js";

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
