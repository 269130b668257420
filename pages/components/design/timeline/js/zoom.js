// Zoom: which part of the run is shown, changed by buttons, keys, wheel and two fingers.

import { axisOf, clamp, epochOfX, panned, revealing, xOfEpoch, zoomOf, zoomed } from "./axis.js";
import { requestPaint } from "./paint.js";

export const ZOOM_STEP = 2;

const REPORT_MS = 160;
const WHEEL_PX = 240;

/** Show another part of the run, a pair of epochs or null for all of it, and tell Python soon. */
export function setView(timeline, view) {
  if (JSON.stringify(view) === JSON.stringify(timeline.view)) return;
  timeline.view = view;
  if (timeline.data) timeline.axis = axisOf(timeline.data.epochs, timeline.axis.width, view);
  clearTimeout(timeline.viewTimer);
  timeline.viewTimer = setTimeout(() => timeline.sendState("span", timeline.view), REPORT_MS);
  requestPaint(timeline);
}

/** Show `factor` times more of the run round the playhead, or round the middle if it is elsewhere. */
export function zoomBy(timeline, factor) {
  const { axis, playhead } = timeline;
  const inView = playhead >= axis.from && playhead <= axis.to;
  setView(timeline, zoomed(axis, factor, inView ? playhead : (axis.from + axis.to) / 2));
}

/** Move what is shown so far that an epoch can be seen. */
export function reveal(timeline, epoch) {
  if (timeline.axis) setView(timeline, revealing(timeline.axis, epoch));
}

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

/** Two fingers: what is under them stays under them. `before` and `now` are their pixels in order. */
export function pinched(axis, before, now) {
  const apart = ([one, other]) => Math.max(Math.abs(other - one), 24);
  const middle = ([one, other]) => (one + other) / 2;
  const around = axis.from + (middle(before) / axis.width) * (axis.to - axis.from);
  const view = zoomed(axis, apart(before) / apart(now), around);
  if (view === null) return null;
  const closer = axisOf(axis.epochs, axis.width, view);
  const off = (middle(now) - xOfEpoch(around, closer)) / axis.width;
  return panned(closer, -off * (closer.to - closer.from));
}

/** Pixels from the window's left edge to the track. */
export const trackLeft = ({ scale }) => scale.axis.getBoundingClientRect().left;
