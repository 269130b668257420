// The rate chart while a hand changes the schedule: Python's points, moved and rescaled.
//
// Streamlit draws the chart with Vega, whose nodes know the view that draws them. The view takes new
// data sets here as it takes them from Streamlit, which replaces them once Python's have come.

import { stepBegins } from "../bar.js";
import { groupInHand } from "./budget.js";
import { curveOf, pointsOf, valueAt } from "../curves.js";
import { gaps, isOpen } from "../windows.js";

const FROZEN = " frozen";

export const buildChart = () => ({
  given: null, // what Python gave the chart last, and the data that it sent with it
  lines: null, // the line that the chart shows of each group
  drawn: {}, // the other data sets that were put into the chart since, as text
  ours: new WeakSet(), // the last row of each change of the lines that is not Python's
});

/** Draw the schedule as the hand has it; false if there is no chart, or one of other groups. */
export function drawChart(timeline, chart, phases) {
  const node = document.querySelector(".st-key-rates-chart .marks .mark-group > g");
  const { dataflow: view, data: sets } = node?.__data__?.context ?? {};
  if (!view || !("lines" in sets)) return false;
  const rows = view.data("lines");
  const last = rows.at(-1); // new rows go to the end
  if (!chart.ours.has(last) && last !== chart.given?.last) {
    const { latest: data } = timeline; // while a hand holds on to what it has, the chart is ahead of it
    const ends = "ends" in sets ? [...view.data("ends")] : []; // a phone has a legend in their place
    const given = { ...givenIn(rows, ends, data), data, last };
    Object.assign(chart, { given, lines: linesInHand({ ...timeline, ...asSent(data) }, given), drawn: {} });
  }
  const { data, points } = chart.given;
  const { windows } = timeline;
  if (!data.groups.every(({ name }) => points.has(name) && windows.has(name))) return false;
  if (chart.shows === null) chart.drawn = {};
  const inHand = { ...timeline, data };
  const lines = linesInHand(inHand, chart.given, chart.lines);
  const moved = [...lines].filter(([group, line]) => chart.lines.get(group) !== line);
  if (moved.length > 0) {
    const groups = new Set(moved.map(([group]) => group));
    const inserted = moved.flatMap(([, line]) => line.rows);
    view.change("lines", view.changeset().remove(({ group }) => groups.has(group)).insert(inserted));
    chart.ours.add(inserted.at(-1));
    chart.lines = lines;
  }
  for (const [name, set] of Object.entries(marksInHand(inHand, chart.given, lines, phases))) {
    const text = JSON.stringify(set);
    if (text === chart.drawn[name] || !(name in sets)) continue;
    chart.drawn[name] = text;
    view.data(name, set);
  }
  view.runAsync();
  return true;
}

/** What Python gave: each group's points as [t, y, …] in epochs, the names at the end, and units per epoch. */
export function givenIn(rows, ends, { epochs }) {
  const units = rows.at(-1).x / epochs;
  const points = new Map(rows.map(({ group }) => [group, []]));
  for (const { group, x, y } of rows) {
    const found = points.get(group);
    if (found.at(-2) !== x / units) found.push(x / units, y); // a cut has two
  }
  return { units, points, ends };
}

/** A timeline's state as Python sent it. */
const asSent = (data) => ({
  data,
  windows: new Map(data.groups.map(({ name, windows }) => [name, windows])),
  scales: new Map(data.groups.map(({ name, scale }) => [name, scale])),
  curve: curveOf(data.fields),
});

const heightOf = (peak, { unit }) => (unit === "rate" ? peak : 1);

/** Each group's line as the hand has it, from input to output; of those `before`, one that stays is kept. */
export function linesInHand(timeline, given, before = new Map()) {
  const { data, curve } = timeline;
  const lines = new Map();
  for (const sent of data.groups.toReversed()) {
    const group = sent.name;
    const hand = groupInHand(timeline, sent);
    const key = JSON.stringify([hand.windows, hand.peak, curve]);
    const kept = before.get(group);
    lines.set(group, kept?.key === key ? kept : { key, rows: rowsOf(timeline, hand, given) });
  }
  return lines;
}

/** The rows of a group's line, cut where it thaws and where it freezes. */
function rowsOf(timeline, hand, { points, units }) {
  const { data } = timeline;
  const { windows } = hand;
  const group = hand.name;
  const height = heightOf(hand.peak, data);
  const sentHeight = heightOf(hand.sentPeak, data);
  const shares = (points.get(group) ?? []).map((value, at) => (at % 2 === 0 ? value : value / sentHeight));
  const moved = pointsOf(timeline, hand, shares);
  const exact = pointsOf(timeline, hand); // which has a point at every epoch
  const cuts = gaps(windows, data.epochs).flat().filter((epoch) => epoch > 0 && epoch < data.epochs);
  const rows = [];
  let span = 0;
  let trains = isOpen(windows, 0);
  const add = (t, share) => rows.push({ x: t * units, y: share * height, group, span, trains });
  for (let i = 0; i < moved.length; i += 2) {
    const t = moved[i];
    while (cuts[span] <= t) {
      const cut = cuts[span];
      const share = valueAt(exact, cut);
      add(cut, share);
      span += 1;
      trains = !trains;
      add(cut, share);
    }
    if (t !== cuts[span - 1]) add(t, moved[i + 1]);
  }
  return rows;
}

/** The chart's other data sets as the hand has the schedule. */
export function marksInHand(timeline, { units, ends }, lines, phases) {
  const { data, playhead, curve, axis } = timeline;
  const { epochs } = data;
  const begins = stepBegins(playhead, data);
  const lastSeen = Math.min(Math.floor(axis.to), epochs - 1);
  const hands = data.groups.toReversed().map((sent) => groupInHand(timeline, sent));
  const frozen = new Set(hands.filter(({ windows }) => !isOpen(windows, lastSeen)).map(({ name }) => name));
  const heads = hands.filter(({ windows }) => isOpen(windows, Math.floor(begins)));
  const isThaw = ({ span, trains }, at, rows) => trains && span > 0 && rows[at - 1].span < span;
  const labelOf = ({ group, label }) =>
    label === group || label === group + FROZEN ? group + (frozen.has(group) ? FROZEN : "") : label;
  const warm = Math.min(curve.warmup, epochs) * units;
  return {
    thaws: [...lines.values()].flatMap(({ rows }) => rows.filter(isThaw).map(({ x, y, group }) => ({ x, y, group }))),
    heads: heads.map((hand) => ({
      x: playhead * units,
      y: valueAt(pointsOf(timeline, hand), begins) * heightOf(hand.peak, data),
      group: hand.name,
    })),
    playhead: [{ x: playhead * units }],
    borders: phases.slice(1).map(({ start }) => ({ x: start * units })),
    warmup: warm > 0 ? [{ x: 0, until: warm }] : [],
    ends: ends.map((end) => ({ group: end.group, pixel: end.pixel, label: labelOf(end) })),
  };
}
