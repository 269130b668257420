// The rate chart while a hand changes the schedule: Python's points, moved and rescaled.
//
// Streamlit draws the chart with Vega, whose nodes know the view that draws them. The view takes new
// data sets here as it takes them from Streamlit, which replaces them once Python's have come.

import { stepBegins } from "./bar.js";
import { groupInHand } from "./budget.js";
import { pointsOf, valueAt } from "./curves.js";
import { gaps, isOpen } from "./windows.js";

const MARK = "\u2060"; // before the name of a group, as chart_style.py has it
const FROZEN = " frozen";

/** What Python gave the chart last, what was drawn of that since, and which rows it was drawn with. */
export const buildChart = () => ({ given: null, drawn: {}, ours: new WeakSet() });

/** Draw the schedule as the hand has it; false if there is no chart, or one of other groups. */
export function drawChart(timeline, chart, phases) {
  const node = document.querySelector(".st-key-rates-chart .marks .mark-group > g");
  const { dataflow: view, data: sets } = node?.__data__?.context ?? {};
  if (!view || !("lines" in sets)) return false;
  const lines = view.data("lines");
  if (!chart.ours.has(lines[0]) && lines[0] !== chart.given?.lines[0]) {
    const ends = "ends" in sets ? view.data("ends") : []; // a phone has a legend in their place
    Object.assign(chart, { given: { lines: [...lines], ends: [...ends], data: timeline.data }, drawn: {} });
  }
  if (chart.shows === null) chart.drawn = {};
  const { data } = chart.given;
  if (!data.groups.every(({ name }) => timeline.windows.has(name))) return false;
  for (const [name, rows] of Object.entries(chartInHand({ ...timeline, data }, chart.given, phases))) {
    const text = JSON.stringify(rows);
    if (text === chart.drawn[name] || !(name in sets)) continue;
    chart.drawn[name] = text;
    view.data(name, rows);
    if (name === "lines") chart.ours.add(rows[0]);
  }
  view.runAsync();
  return true;
}

/** The chart's data sets for the schedule as the hand has it, from the lines and ends that were given. */
export function chartInHand(timeline, given, phases) {
  const { data, playhead, curve, axis } = timeline;
  const { epochs, unit } = data;
  const units = given.lines.at(-1).x / epochs; // of the chart's time axis, in an epoch
  const begins = stepBegins(playhead, data);
  const lastSeen = Math.min(Math.floor(axis.to), epochs - 1);
  const warm = Math.min(curve.warmup, epochs) * units;
  const [lines, thaws, heads, frozen] = [[], [], [], new Set()];
  // From input to output, as in Python's.
  for (const sent of data.groups.toReversed()) {
    const group = MARK + sent.name;
    const hand = groupInHand(timeline, sent);
    const height = (peak) => (unit === "rate" ? peak : 1);
    const points = given.lines
      .filter((row, at, rows) => row.group === group && rows[at - 1]?.x !== row.x)
      .flatMap(({ x, y }) => [x / units, y / height(hand.sentPeak)]);
    const row = (t, share) => ({ x: t * units, y: share * height(hand.peak), group });
    const line = lineOf(timeline, hand, points).map(({ t, share, ...rest }) => ({ ...row(t, share), ...rest }));
    lines.push(...line);
    const starts = line.filter(({ span }, at) => span > 0 && line[at - 1].span < span);
    thaws.push(...starts.filter(({ trains }) => trains).map(({ x, y }) => ({ x, y, group })));
    if (isOpen(hand.windows, Math.floor(begins))) {
      heads.push(row(playhead, valueAt(pointsOf(timeline, hand), begins)));
    }
    if (!isOpen(hand.windows, lastSeen)) frozen.add(group);
  }
  const labelOf = ({ group, label }) =>
    label === group || label === group + FROZEN ? group + (frozen.has(group) ? FROZEN : "") : label;
  return {
    lines,
    thaws,
    heads,
    playhead: [{ x: playhead * units }],
    borders: phases.slice(1).map(({ start }) => ({ x: start * units })),
    warmup: warm > 0 ? [{ x: 0, until: warm }] : [],
    ends: given.ends.map((end) => ({ group: end.group, pixel: end.pixel, label: labelOf(end) })),
  };
}

/** A group's line through such points, cut where it thaws and where it freezes. */
function lineOf(timeline, group, given) {
  const { epochs } = timeline.data;
  const { windows } = group;
  const points = pointsOf(timeline, group, given);
  const exact = pointsOf(timeline, group); // which has a point at every epoch
  const cuts = gaps(windows, epochs).flat().filter((epoch) => epoch > 0 && epoch < epochs);
  const line = [];
  let span = 0;
  const add = (t, share) => line.push({ t, share, span, trains: isOpen(windows, cuts[span - 1] ?? 0) });
  for (let i = 0; i < points.length; i += 2) {
    const t = points[i];
    while (cuts[span] <= t) {
      const cut = cuts[span];
      const share = valueAt(exact, cut);
      add(cut, share);
      span += 1;
      add(cut, share);
    }
    if (t !== cuts[span - 1]) add(t, points[i + 1]);
  }
  return line;
}
