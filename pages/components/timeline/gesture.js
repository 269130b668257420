// A gesture, by pointer or by keys: what it is on, how it ends, and how it is taken back.

import { catchUp, release } from "./answers.js";
import { schedule } from "./paint.js";
import { sayChange } from "./said.js";

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

/** Select the window that an action is on. */
export function choose(timeline, { row, window }) {
  timeline.selected = { group: row.name, window };
  schedule(timeline);
}

/** What a gesture may change, as it is now. */
export function remember({ windows, curve, playhead, selected }) {
  return { windows: new Map(windows), curve: { ...curve }, playhead, selected };
}

/** Escape, a lost pointer, or the browser taking the drag for a scroll: as it was. */
export function cancelDrag(timeline) {
  const { drag, root } = timeline;
  timeline.drag = null;
  timeline.handled = null;
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
