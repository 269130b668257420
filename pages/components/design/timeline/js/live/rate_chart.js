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
  rows: null, // the rows that the chart has of each line's spans, and of each other data set
  known: new WeakSet(), // those, to tell which ones Python has given since
});

/** Draw the schedule as the hand has it; false if there is no chart, or one of other groups. */
export function drawChart(timeline, chart, phases) {
  const node = document.querySelector(".st-key-rates-chart .marks .mark-group > g");
  const { dataflow: view, data: sets } = node?.__data__?.context ?? {};
  if (!view || !("lines" in sets)) return false;
  if (!chart.known.has(view.data("lines").at(-1))) takeRows(timeline, chart, view, sets);
  const { data, points } = chart.given;
  const { windows } = timeline;
  if (!data.groups.every(({ name }) => points.has(name) && windows.has(name))) return false;
  const inHand = { ...timeline, data };
  const lines = linesInHand(inHand, chart.given, chart.lines);
  const moved = [...lines].filter(([group, line]) => chart.lines.get(group) !== line);
  changeRows(view, chart, "lines", moved.flatMap(([group, { rows }]) => spansOf(chart, group, rows)));
  chart.lines = lines;
  for (const [name, rows] of Object.entries(marksInHand(inHand, chart.given, lines, phases))) {
    if (name in sets) changeRows(view, chart, name, [[name, rows]]);
  }
  view.runAsync();
  return true;
}

/** Take what Python has given the chart. */
function takeRows(timeline, chart, view, sets) {
  const { latest: data } = timeline; // while a hand holds on to what it has, the chart is ahead of it
  const rows = new Map(Object.keys(sets).map((name) => [name, [...view.data(name)]]));
  for (const row of rows.get("lines")) {
    chart.known.add(row);
    const key = spanKey(row.group, row.span);
    if (!rows.has(key)) rows.set(key, []);
    rows.get(key).push(row);
  }
  // a phone has a legend in place of the names at the ends
  chart.given = { ...givenIn(rows.get("lines"), rows.get("ends") ?? [], data), data };
  chart.lines = linesInHand({ ...timeline, ...asSent(data) }, chart.given);
  chart.rows = rows;
}

const spanKey = (group, span) => `${span} of ${group}`;

/** The rows of each span that a line has, or had: Vega draws a span as a path of its own. */
function spansOf(chart, group, rows) {
  const spans = [];
  for (let span = 0; ; span += 1) {
    const key = spanKey(group, span);
    const now = rows.filter((row) => row.span === span);
    if (now.length === 0 && !chart.rows.has(key)) return spans;
    spans.push([key, now]);
  }
}

/**
 * Give parts of a data set other rows. What can stay is changed in place: for a new row Vega makes
 * new nodes, which takes the browser as long as a frame lasts.
 */
function changeRows(view, chart, name, parts) {
  const changes = view.changeset();
  let any = false;
  for (const [key, rows] of parts) {
    const had = chart.rows.get(key) ?? [];
    rows.forEach((row, at) => {
      for (const field of Object.keys(row)) {
        if (at >= had.length || had[at][field] === row[field]) continue;
        changes.modify(had[at], field, row[field]);
        any = true;
      }
    });
    const [more, less] = [rows.slice(had.length), had.slice(rows.length)];
    more.forEach((row) => chart.known.add(row));
    chart.rows.set(key, [...had.slice(0, rows.length), ...more]);
    if (more.length > 0) changes.insert(more);
    if (less.length > 0) changes.remove(less);
    any ||= more.length + less.length > 0;
  }
  if (any) view.change(name, changes);
}

/** What Python gave: each group's points as [t, y, …] in epochs, the names at the end, and units per epoch. */
export function givenIn(rows, ends, { epochs }) {
  const units = rows.at(-1).x / epochs;
  const points = new Map(rows.map(({ group }) => [group, []]));
  for (const { group, x, y } of rows) {
    const found = points.get(group);
    if (found.at(-2) !== x / units) found.push(x / units, y); // a cut has two
  }
  return { units, points, ends: ends.map(({ group, pixel, label }) => ({ group, pixel, label })) };
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
