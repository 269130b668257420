// Several windows that are selected together: they move as one, and their spacing stays.

import { clamp } from "./axis.js";
import { edgeOf, limits, moved, withEdge } from "./windows.js";

/** All that is selected, the one in hand first. */
export const picksOf = ({ selected, also }) => (selected === null ? [] : [selected, ...also]);

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
