// What follows the hand outside of the timeline: the rate chart, and the costs below it.

import { groupInHand } from "./budget.js";
import { drawCosts, dropCosts } from "./cost_strip.js";
import { curveOf } from "../curves.js";
import { buildChart, drawChart } from "./rate_chart.js";
import { phasesOf } from "../readout.js";

/** What is drawn there; `shows` says for what, and is null where Python's stays or is to come. */
export const buildLive = () => ({ chart: { shows: null, ...buildChart() }, costs: { shows: null, copy: null } });

export function paintLive(timeline) {
  const { latest: data, axis, windows, scales, curve, playhead, live } = timeline;
  const groups = timeline.data.groups.map((sent) => groupInHand(timeline, sent));
  const phases = phasesOf(groups, timeline.data.epochs);
  const sent = [
    data.groups.map(({ name, windows }) => [name, windows]),
    data.groups.map(({ name, scale }) => [name, scale]),
    curveOf(data.fields),
    data.view.playhead,
  ];
  const chart = () => drawChart(timeline, live.chart, phases);
  follow(live.chart, [[...windows], [...scales], curve, playhead], sent, chart, chart);
  const columns = (phases) => [phases.map(({ start, label }) => [start, label]), axis.from, axis.to];
  const costs = () => drawCosts(timeline, live.costs, groups, phases);
  const before = phasesOf(data.groups, data.epochs);
  follow(live.costs, columns(phases), columns(before), costs, () => dropCosts(live.costs));
}

/**
 * Draw what the hand has, as long as that is not what Python sent. Put Python's drawing back if the
 * hand goes back to it, or if Python refuses the edit. An edit that Python took stays until its
 * drawing comes.
 */
function follow(drawn, now, sent, draw, putBack) {
  const [key, keySent] = [now, sent].map((each) => JSON.stringify(each));
  if (key !== keySent) {
    if (key !== drawn.shows && draw()) drawn.shows = key;
    return;
  }
  if (drawn.shows !== null && drawn.shows !== key) putBack();
  drawn.shows = null;
}
