// Painting: the whole timeline in one animation frame, however much has changed since the last.

import { NARROW, axisOf } from "./axis.js";
import { paintOverview } from "./overview.js";
import { stateAt } from "./phases.js";
import { paintCurveDiscs } from "./problems.js";
import { paintReadout } from "./readout.js";
import { paintRows } from "./rows.js";
import { paintScale } from "./scale.js";
import { paintShared } from "./shared.js";
import { paintToolbar } from "./toolbar.js";

const FINE_PX = 24;
const COARSE_PX = 44;

/** Paint in the next frame. */
export function requestPaint(timeline) {
  if (timeline.frame || !timeline.data) return;
  timeline.frame = requestAnimationFrame(() => {
    timeline.frame = 0;
    paint(timeline);
  });
}

function paint(timeline) {
  const { data, root, scale, windows, playhead, drag } = timeline;
  timeline.hit = matchMedia("(pointer: coarse)").matches ? COARSE_PX : FINE_PX;
  timeline.narrow = root.clientWidth < NARROW;
  root.classList.toggle("narrow", timeline.narrow);
  // The class decides about the gutters, so the track is measured after it.
  timeline.axis = axisOf(data.epochs, scale.axis.clientWidth || 1, timeline.view);
  root.classList.toggle("dragging", drag?.moving ?? false);
  const groups = data.groups.map((group) => ({ ...group, windows: windows.get(group.name) }));
  const state = stateAt(groups, data.epochs, playhead, data.optimizer.bytes);
  paintReadout(timeline, state);
  paintToolbar(timeline);
  paintOverview(timeline);
  paintScale(timeline, state.phases);
  paintShared(timeline);
  paintCurveDiscs(timeline);
  paintRows(timeline, groups);
  if (timeline.focusNext) timeline.focusNext.focus({ preventScroll: true, focusVisible: true });
  timeline.focusNext = null;
}
