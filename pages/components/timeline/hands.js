// The pointer, be it a mouse, a pen or a finger: nothing is sent before it lets go.

import { clamp, epochOfX, playheadStep, snapTo, xOfEpoch } from "./axis.js";
import { release } from "./answers.js";
import { snapShare } from "./curves.js";
import { actionOf, cancelDrag, choose, commitTyping, onEdge, remember } from "./gesture.js";
import { schedule } from "./paint.js";
import { PLOT_PX } from "./shared.js";
import { edgeOf, moved, withEdge } from "./windows.js";

export const HOVER = "thaw-problem-hover";

const DRAG_PX = 4;
const CLICK_PX = 10;

export function down(timeline, event) {
  const action = actionOf(timeline, event.target);
  if (!action || timeline.drag || event.button !== 0 || !event.isPrimary) return;
  commitTyping(timeline);
  timeline.drag = {
    ...action,
    id: event.pointerId,
    x: event.clientX,
    y: event.clientY,
    saved: remember(timeline),
    moving: false,
  };
  if (action.act === "pick") return;
  event.preventDefault();
  action.node.focus({ preventScroll: true, focusVisible: false });
  timeline.root.setPointerCapture(event.pointerId);
  if (action.act === "playhead") takePlayhead(timeline, event);
  if (onEdge(action)) {
    timeline.handled = { row: action.row, act: action.act, window: action.window };
    choose(timeline, action);
  }
  schedule(timeline);
}

export function move(timeline, event) {
  const { drag } = timeline;
  if (!drag || event.pointerId !== drag.id) return;
  if (event.buttons === 0) {
    up(timeline, event);
    return;
  }
  if (drag.act === "pick") return;
  drag.moving ||= distance(drag, event) >= DRAG_PX;
  if (drag.moving) dragTo(timeline, event);
}

export function up(timeline, event) {
  const { drag, root } = timeline;
  if (!drag || event.pointerId !== drag.id) return;
  timeline.drag = null;
  timeline.handled = null;
  const clicked = !drag.moving && distance(drag, event) < CLICK_PX;
  if (clicked && (drag.act === "pick" || drag.act === "move")) choose(timeline, drag);
  if (root.hasPointerCapture(drag.id)) root.releasePointerCapture(drag.id);
  release(timeline, drag);
}

export function cancel(timeline, event) {
  if (timeline.drag && event.pointerId === timeline.drag.id) cancelDrag(timeline);
}

/** Tell the page which problem is pointed at, so that the list of problems can show it too. */
export function hover(timeline, event) {
  const gone = event.type === "pointerleave";
  const number = gone ? null : (actionOf(timeline, event.target)?.problem ?? null);
  if (number !== timeline.hovered) window.dispatchEvent(new CustomEvent(HOVER, { detail: number }));
}

/** Show which problem is pointed at, here or in the list of problems. */
export function point(timeline, number) {
  timeline.hovered = number;
  schedule(timeline);
}

/** A grabbed flag keeps its distance from the pointer; a press on the axis brings it there. */
function takePlayhead(timeline, event) {
  const { drag, scale, playhead, width, data } = timeline;
  const grabbed = drag.node === scale.flag;
  const at = trackLeft(timeline) + xOfEpoch(playhead, width, data.epochs);
  drag.offset = grabbed ? event.clientX - at : 0;
  drag.moving = true;
  if (!grabbed) dragTo(timeline, event);
}

/** Change what is dragged, starting from how it was when the pointer went down. */
function dragTo(timeline, event) {
  const { drag, width, data } = timeline;
  const { epochs } = data;
  const { saved, act } = drag;
  const across = ((event.clientX - drag.x) / width) * epochs;
  const up = (drag.y - event.clientY) / PLOT_PX / (event.shiftKey ? 10 : 1);
  const before = saved.windows.get(drag.row?.name);
  if (act === "playhead") {
    const time = epochOfX(event.clientX - drag.offset - trackLeft(timeline), width, epochs);
    timeline.playhead = clamp(snapTo(time, playheadStep(epochs)), 0, epochs);
  } else if (onEdge(drag)) {
    const edge = edgeOf(before, drag.window, act, epochs);
    timeline.windows.set(drag.row.name, withEdge(before, drag.window, act, edge + across, epochs));
  } else if (act === "move") {
    choose(timeline, drag);
    timeline.windows.set(drag.row.name, moved(before, drag.window, across, epochs));
  } else if (act === "warmup") {
    const warmup = snapTo(saved.curve.warmup + across, event.shiftKey ? 0.1 : 0.5);
    timeline.curve = { ...saved.curve, warmup: clamp(warmup, 0, epochs) };
  } else if (act === "factor") {
    timeline.curve = { ...saved.curve, start: snapShare(saved.curve.start + up) };
  } else if (act === "floor") {
    timeline.curve = { ...saved.curve, floor: snapShare(saved.curve.floor + up) };
  }
  schedule(timeline);
}

const distance = (drag, { clientX, clientY }) => Math.hypot(clientX - drag.x, clientY - drag.y);

const trackLeft = ({ scale }) => scale.axis.getBoundingClientRect().left;
