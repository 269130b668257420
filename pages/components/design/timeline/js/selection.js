// The selection: one window in hand, and others that are selected together with it.

import { isPicked, samePick } from "./windows.js";

/** All that is selected, the one in hand first. */
export const picksOf = ({ selected, also }) => (selected === null ? [] : [selected, ...also]);

/** What an action on a window takes hold of: all that is selected if it is among them. */
export function grabbed(timeline, { row, window }) {
  const pick = { group: row.name, window };
  const picks = picksOf(timeline);
  if (!isPicked(picks, pick)) return [pick];
  return [pick, ...picks.filter((other) => !samePick(other, pick))];
}

/** Select the window that an action is on, and it alone. */
export function choose(timeline, { row, window }) {
  timeline.selected = { group: row.name, window };
  timeline.also = [];
  timeline.repaint();
}

/** Take the window that an action is on in hand; what is selected together with it stays so. */
export function take(timeline, action) {
  [timeline.selected, ...timeline.also] = grabbed(timeline, action);
  timeline.repaint();
}

/** Select the window that an action is on as well, or no longer. */
export function toggle(timeline, { row, window }) {
  const pick = { group: row.name, window };
  const picks = picksOf(timeline);
  const others = picks.filter((other) => !samePick(other, pick));
  [timeline.selected = null, ...timeline.also] = isPicked(picks, pick) ? others : [pick, ...picks];
  timeline.repaint();
}
