// Two fingers on the timeline: they zoom it, and move what it shows.

import { cancelDrag } from "./gesture.js";
import { pinched, setView } from "./zoom.js";

/** A finger comes down; true if it is the second, so that the two now hold what is shown. */
export function startTouch(timeline, event) {
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
export function moveTouch(timeline, event) {
  const { touches, pinch } = timeline;
  if (touches.has(event.pointerId)) touches.set(event.pointerId, event.clientX);
  if (pinch === null) return false;
  setView(timeline, pinched(pinch.axis, pinch.before, places(timeline)));
  return true;
}

/** A finger is gone. */
export function endTouch(timeline, event) {
  timeline.touches.delete(event.pointerId);
  if (timeline.touches.size < 2) timeline.pinch = null;
}

/** Where two fingers are, in pixels from the track's left edge. */
function places({ scale, touches }) {
  const { left } = scale.axis.getBoundingClientRect();
  return [...touches.values()].slice(0, 2).map((x) => x - left);
}
