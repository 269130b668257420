// The pointer, be it a mouse, a pen or a finger: nothing is sent before it lets go.

import { ACTIONS, dragTo, hasFlag, timeAt } from "./actions.js";
import { clamp, epochOfX, panned, pinched, setView, trackLeft, zoomOf, zoomed } from "./axis.js";
import { closeCascade } from "./cascade.js";
import { addWindow, splitWindows } from "./commands.js";
import { actionOf, cancelDrag, commitTyping, finish, letGo, remember } from "./gesture.js";
import { commit } from "./protocol.js";
import { choose, grabbed, take, toggle } from "./selection.js";

export const HOVER = "thaw-problem-hover";
const SHOW = "thaw-problem-show";

const DRAG_PX = 4;
const CLICK_PX = 10;
const TWICE_MS = 400;
const HOLD_MS = 500;
const WHEEL_PX = 240;

export function down(timeline, event) {
  if (!timeline.data) return;
  if (startTouch(timeline, event)) return;
  const { popover } = timeline;
  if (timeline.cascade && !popover.node.contains(event.target) && !event.target.closest("button")) {
    closeCascade(timeline, { keep: false });
  }
  const action = actionOf(timeline, event.target);
  if (!action || action.act === "point") return;
  if (timeline.drag || event.button !== 0 || !event.isPrimary) return;
  commitTyping(timeline);
  const left = trackLeft(timeline);
  const finger = event.pointerType === "touch";
  const drag = {
    ...action,
    id: event.pointerId,
    x: event.clientX,
    y: event.clientY,
    left,
    saved: remember(timeline),
    finger,
    adds: event.shiftKey || event.ctrlKey || event.metaKey,
    moving: false,
  };
  timeline.drag = drag;
  drag.time = timeAt(timeline, event.clientX);
  if (action.row) drag.picks = grabbed(timeline, action);
  // A finger may rest on a handle before it drags it.
  if (finger && !hasFlag(action)) drag.hold = setTimeout(() => hold(timeline), HOLD_MS);
  if (ACTIONS[action.act].scrolls) return;
  event.preventDefault();
  action.node.focus({ preventScroll: true, focusVisible: false });
  timeline.root.setPointerCapture(event.pointerId);
  if (action.act === "playhead") takePlayhead(timeline, event);
  if (action.act === "scroll") takeThumb(timeline, event);
  if (hasFlag(action) && !drag.adds) {
    timeline.handled = { row: action.row, act: action.act, window: action.window };
    take(timeline, action);
  }
  timeline.repaint();
}

export function move(timeline, event) {
  if (moveTouch(timeline, event)) return;
  const { drag } = timeline;
  if (!drag || event.pointerId !== drag.id) return;
  if (event.buttons === 0) {
    up(timeline, event);
    return;
  }
  const far = distance(drag, event);
  if (far >= CLICK_PX) clearTimeout(drag.hold);
  if (ACTIONS[drag.act].scrolls) {
    // Empty places move the view where there is more of the run to see.
    if (zoomOf(timeline.axis) === 1 || (!drag.moving && far < DRAG_PX)) return;
    if (!drag.moving) timeline.root.setPointerCapture(event.pointerId);
  }
  drag.moving ||= far >= DRAG_PX;
  if (drag.moving) dragTo(timeline, event);
}

export function up(timeline, event) {
  endTouch(timeline, event);
  if (!timeline.drag || event.pointerId !== timeline.drag.id) return;
  const drag = letGo(timeline);
  const clicked = !drag.moving && distance(drag, event) < CLICK_PX;
  if (clicked && drag.row && drag.adds) toggle(timeline, drag);
  // A click on a problem's number selects nothing: the fields of a window would push the list away.
  else if (clicked && drag.row && drag.problem === undefined) choose(timeline, drag);
  finish(timeline, drag);
  if (clicked && !drag.adds && isSecond(timeline, drag)) twice(timeline, drag);
}

export function cancel(timeline, event) {
  // A finger that the root takes over from what it came down on has not lost its hold.
  const lost = event.type === "lostpointercapture";
  if (lost && timeline.root.hasPointerCapture(event.pointerId)) return;
  // Nor is one gone that lost its hold as a second one came down.
  if (!lost) endTouch(timeline, event);
  if (timeline.drag && event.pointerId === timeline.drag.id) cancelDrag(timeline);
}

/** A finger that rests on a bar selects it as well, and on a gap it adds a window. */
function hold(timeline) {
  if (!timeline.drag?.row || timeline.drag.moving) return;
  const drag = letGo(timeline);
  timeline.heldAt = Date.now();
  Object.assign(timeline, drag.saved);
  if (drag.gap) {
    twice(timeline, drag);
    return;
  }
  toggle(timeline, drag);
  commit(timeline, null);
}

/** A resting finger opens no menu of the browser. */
export function menu(timeline, event) {
  const held = Date.now() - (timeline.heldAt ?? 0) < 2 * HOLD_MS;
  if (held || (timeline.drag && timeline.touches.size > 0)) event.preventDefault();
}

/** What a double click, or a finger resting on a gap, does: split the bar, or thaw in the gap. */
function twice(timeline, { act, gap, row, time }) {
  const epoch = Math.floor(clamp(time, 0, timeline.data.epochs - 1));
  if (gap) addWindow(timeline, row.name, epoch);
  else if (act === "move") splitWindows(timeline, epoch);
}

/** Whether this click follows another one on the same place. */
function isSecond(timeline, { node, x }) {
  const before = timeline.clicked;
  const now = Date.now();
  const second = before?.node === node && now - before.at < TWICE_MS && Math.abs(before.x - x) < CLICK_PX;
  timeline.clicked = second ? null : { node, x, at: now };
  return second;
}

/** Tell the page which problem is pointed at, so that the list of problems can show it too. */
export function hover(timeline, event) {
  const gone = event.type === "pointerleave";
  const number = gone ? null : (actionOf(timeline, event.target)?.problem ?? null);
  if (number !== timeline.hovered) window.dispatchEvent(new CustomEvent(HOVER, { detail: number }));
}

/** A click on a problem's number brings what it says into view. */
export function showProblem(timeline, event) {
  const number = actionOf(timeline, event.target)?.problem ?? null;
  if (number !== null) window.dispatchEvent(new CustomEvent(SHOW, { detail: number }));
}

/** Show which problem is pointed at, here or in the list of problems. */
export function point(timeline, number) {
  timeline.hovered = number;
  timeline.repaint();
}

/** A grabbed flag keeps its distance from the pointer; a press on the axis brings it there. */
function takePlayhead(timeline, event) {
  const { drag, scale, playhead } = timeline;
  const grabbedFlag = drag.node === scale.flag;
  drag.off = grabbedFlag ? timeAt(timeline, event.clientX) - playhead : 0;
  drag.moving = true;
  if (!grabbedFlag) dragTo(timeline, event);
}

/** A grabbed thumb keeps its place under the pointer; a press beside it brings its middle there. */
function takeThumb(timeline, event) {
  const { drag, overview, axis } = timeline;
  const box = overview.node.getBoundingClientRect();
  const at = ((event.clientX - box.left) / box.width) * axis.epochs;
  const within = at >= axis.from && at <= axis.to;
  drag.box = box;
  drag.off = within ? at - axis.from : (axis.to - axis.from) / 2;
  drag.moving = true;
  if (!within) dragTo(timeline, event);
}

const distance = (drag, { clientX, clientY }) => Math.hypot(clientX - drag.x, clientY - drag.y);

/** Ctrl and the wheel zoom round the pointer; Shift, or a wheel that goes sideways, moves along. */
export function wheel(timeline, event) {
  const { axis } = timeline;
  if (!axis || timeline.drag || timeline.cascade) return;
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    const factor = Math.exp(clamp(event.deltaY, -WHEEL_PX, WHEEL_PX) / WHEEL_PX);
    const epoch = epochOfX(event.clientX - trackLeft(timeline), axis);
    setView(timeline, zoomed(axis, factor, epoch));
    return;
  }
  const across = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
  if (zoomOf(axis) === 1 || across === 0 || Math.abs(event.deltaY) > Math.abs(across)) return;
  event.preventDefault();
  setView(timeline, panned(axis, (across / axis.width) * (axis.to - axis.from)));
}

/** A finger comes down; true if it is the second, so that the two now hold what is shown. */
function startTouch(timeline, event) {
  if (event.pointerType !== "touch") return false;
  const { touches } = timeline;
  if (event.isPrimary) touches.clear();
  touches.set(event.pointerId, event.clientX);
  if (touches.size !== 2 || timeline.cascade) return timeline.pinch !== null;
  // A second finger ends what the first one has begun.
  const { drag, root } = timeline;
  if (drag) {
    cancelDrag(timeline);
    root.setPointerCapture(drag.id); // so that its end is told wherever it is
  }
  timeline.pinch = { axis: timeline.axis, before: places(timeline) };
  return true;
}

/** A finger moves; true if it is one of two. */
function moveTouch(timeline, event) {
  const { touches, pinch } = timeline;
  if (touches.has(event.pointerId)) touches.set(event.pointerId, event.clientX);
  if (pinch === null) return false;
  setView(timeline, pinched(pinch.axis, pinch.before, places(timeline)));
  return true;
}

/** A finger is gone. */
function endTouch(timeline, event) {
  timeline.touches.delete(event.pointerId);
  if (timeline.touches.size < 2) timeline.pinch = null;
}

/** Where two fingers are, in pixels from the track's left edge. */
function places({ scale, touches }) {
  const { left } = scale.axis.getBoundingClientRect();
  return [...touches.values()].slice(0, 2).map((x) => x - left);
}
