// What a drag changes, from how it was when the pointer went down to where the pointer is now.

import { clamp, panned, playheadStep, snapTo, zoomOf } from "./axis.js";
import { snapShare } from "./curves.js";
import { take } from "./gesture.js";
import { requestPaint } from "./paint.js";
import { PLOT_PX, cooldownFrom, coolsAt } from "./shared.js";
import { edgesOf, held } from "./snap.js";
import { movedTogether } from "./together.js";
import { edgeOf } from "./windows.js";
import { setView } from "./zoom.js";

const CREEP = 0.012;

/** The epoch under a pixel of the window while something is dragged, also beyond the run. */
export const timeAt = ({ axis, drag }, clientX) =>
  axis.from + ((clientX - drag.left) / axis.width) * (axis.to - axis.from);

export function dragTo(timeline, event) {
  const { drag } = timeline;
  drag.last = { clientX: event.clientX, clientY: event.clientY, shiftKey: event.shiftKey, altKey: event.altKey };
  if (drag.act === "scroll" || drag.pans) dragView(timeline, event);
  else if (drag.act === "playhead") dragPlayhead(timeline, event);
  else if (drag.row) dragWindows(timeline, event);
  else dragCurve(timeline, event);
  creep(timeline);
  requestPaint(timeline);
}

function dragView(timeline, { clientX }) {
  const { drag, axis } = timeline;
  if (drag.pans) {
    setView(timeline, panned(axis, drag.time - timeAt(timeline, clientX)));
    return;
  }
  const at = ((clientX - drag.box.left) / drag.box.width) * axis.epochs;
  setView(timeline, panned(axis, at - drag.off - axis.from));
}

function dragPlayhead(timeline, { clientX }) {
  const { drag, axis } = timeline;
  const time = timeAt(timeline, clientX) - drag.off;
  timeline.playhead = clamp(snapTo(time, playheadStep(axis)), 0, axis.epochs);
}

function dragWindows(timeline, event) {
  const { drag, axis } = timeline;
  const { saved, act, picks } = drag;
  const { epochs } = axis;
  take(timeline, drag);
  drag.edges ??= edgesOf(saved.windows, picks, epochs);
  const across = timeAt(timeline, event.clientX) - drag.time;
  const hold = event.altKey ? null : held(saved.windows, picks[0], act, across, drag.edges, axis);
  timeline.windows = movedTogether(saved.windows, picks, act, hold?.by ?? across, epochs);
  const { group, window } = picks[0];
  const edges = ["start", "end"].map((edge) => edgeOf(timeline.windows.get(group), window, edge, epochs));
  timeline.guide = hold !== null && edges.includes(hold.at) ? hold.at : null;
}

function dragCurve(timeline, event) {
  const { drag, data } = timeline;
  const { epochs } = data;
  const { curve } = drag.saved;
  const across = timeAt(timeline, event.clientX) - drag.time;
  const up = (drag.y - event.clientY) / PLOT_PX / (event.shiftKey ? 10 : 1);
  const grid = event.shiftKey ? 0.1 : 0.5;
  const base = data.shared.base_lr;
  const change = {
    warmup: () => ({ warmup: clamp(snapTo(curve.warmup + across, grid), 0, epochs) }),
    factor: () => ({ start: snapShare(curve.start + up) }),
    floor: () => {
      if (curve.floorLr === null) return { floor: snapShare(curve.floor + up) };
      const share = curve.floorLr / base;
      const lifted = snapShare(share + up * Math.max(share, 1), Math.max(share, 1));
      return { floorLr: Number((lifted * base).toPrecision(2)) };
    },
    cooldown: () => ({
      cooldown: cooldownFrom(snapTo(coolsAt(curve, epochs) + across, grid), curve, epochs),
    }),
  }[drag.act];
  timeline.curve = { ...curve, ...change() };
}

/** While the pointer is past an end of a zoomed track, what it shows moves on under it. */
function creep(timeline) {
  const { drag, axis } = timeline;
  if (drag.creeping || drag.pans || drag.act === "scroll" || zoomOf(axis) === 1) return;
  const x = drag.last.clientX - drag.left;
  const way = x < 0 ? -1 : x > axis.width ? 1 : 0;
  if (way === 0) return;
  drag.creeping = requestAnimationFrame(() => {
    drag.creeping = 0;
    if (timeline.drag !== drag) return;
    setView(timeline, panned(timeline.axis, way * CREEP * (axis.to - axis.from)));
    dragTo(timeline, drag.last);
  });
}
