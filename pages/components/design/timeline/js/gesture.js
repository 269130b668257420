// A gesture, by pointer or by keys: what it is on, how it ends, and how it is taken back.

import { catchUp, release } from "./answers.js";
import { requestPaint } from "./paint.js";
import { sayChange } from "./said.js";
import { isPicked, picksOf, samePick } from "./together.js";

/** What a hand or a key on this node does, with the node; null where nothing takes it. */
export function actionOf({ actions, root }, target) {
  for (let node = target; node && node !== root; node = node.parentNode) {
    const action = actions.get(node);
    if (action) return { ...action, node };
  }
  return null;
}

/** Whether an action is on one edge of a window. */
export const onEdge = (action) => action?.act === "start" || action?.act === "end";

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
  requestPaint(timeline);
}

/** Take the window that an action is on in hand; what is selected together with it stays so. */
export function take(timeline, action) {
  [timeline.selected, ...timeline.also] = grabbed(timeline, action);
  requestPaint(timeline);
}

/** Select the window that an action is on as well, or no longer. */
export function toggle(timeline, { row, window }) {
  const pick = { group: row.name, window };
  const picks = picksOf(timeline);
  const others = picks.filter((other) => !samePick(other, pick));
  [timeline.selected = null, ...timeline.also] = isPicked(picks, pick) ? others : [pick, ...picks];
  requestPaint(timeline);
}

/** What a gesture may change, as it is now. */
export function remember({ windows, curve, playhead, selected, also }) {
  return { windows: new Map(windows), curve: { ...curve }, playhead, selected, also };
}

/** Escape, a lost pointer, or the browser taking the drag for a scroll: as it was. */
export function cancelDrag(timeline) {
  const { drag, root } = timeline;
  clearTimeout(drag.hold);
  timeline.drag = null;
  timeline.handled = null;
  timeline.guide = null;
  Object.assign(timeline, drag.saved);
  if (root.hasPointerCapture(drag.id)) root.releasePointerCapture(drag.id);
  catchUp(timeline);
}

/** Take back a run of keys that was not sent yet. */
export function cancelTyping(timeline) {
  clearTimeout(timeline.typing.timer);
  Object.assign(timeline, timeline.typing.saved);
  timeline.typing = null;
  catchUp(timeline);
}

/** Send a run of keys now, if there is one, and say what no slider says. */
export function commitTyping(timeline) {
  const { typing } = timeline;
  if (!typing) return;
  clearTimeout(typing.timer);
  timeline.typing = null;
  sayChange(timeline, typing);
  release(timeline, typing);
}
