// A gesture, by pointer or by keys: what it is on, how it ends, and how it is taken back.

import { ACTIONS } from "./actions.js";
import { catchUp, commit } from "./protocol.js";
import { text } from "./dom.js";

/** What a hand or a key on this node does, with the node; null where nothing takes it. */
export function actionOf({ handles, root }, target) {
  for (let node = target; node && node !== root; node = node.parentNode) {
    const action = handles.get(node);
    if (action) return { ...action, node };
  }
  return null;
}

/** What a gesture may change, as it is now. */
export function remember({ windows, scales, curve, playhead, selected, also }) {
  return { windows: new Map(windows), scales: new Map(scales), curve: { ...curve }, playhead, selected, also };
}

/** Escape, a lost pointer, or the browser taking the drag for a scroll: as it was. */
export function cancelDrag(timeline) {
  Object.assign(timeline, timeline.drag.saved);
  letGo(timeline);
  catchUp(timeline);
}

/** The pointer holds nothing any longer; returns what it held. */
export function letGo(timeline) {
  const { drag, root } = timeline;
  clearTimeout(drag.hold);
  timeline.drag = null;
  timeline.handled = null;
  timeline.guide = null;
  if (root.hasPointerCapture(drag.id)) root.releasePointerCapture(drag.id);
  return drag;
}

/** Take back a run of keys that was not sent yet. */
export function cancelTyping(timeline) {
  clearTimeout(timeline.typing.timer);
  Object.assign(timeline, timeline.typing.saved);
  timeline.typing = null;
  catchUp(timeline);
}

/** Send a run of keys now, if there is one, and say of it what no slider says. */
export function commitTyping(timeline) {
  const { typing } = timeline;
  if (!typing) return;
  clearTimeout(typing.timer);
  timeline.typing = null;
  const { say } = ACTIONS[typing.act];
  if (say) text(timeline.said, say(timeline, typing));
  finish(timeline, typing);
}

/** Send what a gesture has changed. */
export function finish(timeline, { act, saved }) {
  const { commit: eventOf } = ACTIONS[act];
  commit(timeline, eventOf ? eventOf(timeline, saved) : null);
}
