// Snapping: what a moved edge holds on to, where one pixel stands for more than the hand can place.

import { pixelsOf } from "./axis.js";
import { isPicked } from "./together.js";
import { edgeOf, visible } from "./windows.js";

const REACH_PX = 7;
const ROOMY_PX = 14;

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
