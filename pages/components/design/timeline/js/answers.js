// Between the browser and Python: what was done is sent once, and newer data waits for a free hand.

import { NARROW, clamp } from "./axis.js";
import { requestPaint } from "./paint.js";
import { arrangeRows } from "./rows.js";
import { curveOf } from "./shared.js";
import { dress, themeOf } from "./theme.js";
import { setView } from "./zoom.js";

const ANSWER_MS = 5000;

/** Data from Python: taken up now, or when the hand lets go and every edit is answered. */
export function receive(timeline, { data, setTriggerValue, setStateValue }) {
  timeline.send = setTriggerValue;
  timeline.sendState = setStateValue;
  timeline.theme = themeOf(timeline.host);
  dress(timeline.root, timeline.theme, data);
  const first = timeline.latest === null;
  timeline.latest = data;
  if (first) {
    timeline.sequence = data.ack;
    timeline.view = data.span;
    adopt(timeline);
  } else if (timeline.cascade && data.revision !== timeline.data.revision) {
    // Somebody changed the schedule beneath what the popover shows.
    Object.assign(timeline, timeline.cascade.saved, { cascade: null });
    catchUp(timeline);
  } else {
    catchUp(timeline);
  }
}

/** Take up the newest data, unless a hand is on something or an answer is still awaited. */
export function catchUp(timeline) {
  flush(timeline);
  const { drag, typing, cascade, queued } = timeline;
  const busy = drag || typing || cascade || queued.length > 0 || waiting(timeline);
  if (timeline.latest !== timeline.data && !busy) adopt(timeline);
  else requestPaint(timeline);
}

/** Tell Python what a finished drag or a finished run of keys has changed, in one message. */
export function release(timeline, { act, saved }) {
  const chosen = differ(saved.selected, timeline.selected);
  if (act === "playhead") {
    if (saved.playhead !== timeline.playhead) sendPlayhead(timeline);
  } else if (differ([...saved.windows], [...timeline.windows])) {
    edit(timeline, { kind: "windows", ...changedWindows(saved.windows, timeline.windows) });
  } else if (differ(saved.curve, timeline.curve)) {
    edit(timeline, { kind: "curve", ...changedCurve(saved.curve, timeline.curve) });
  } else {
    if (chosen) {
      timeline.selectionsSent.push(JSON.stringify(timeline.selected));
      timeline.send("select", inHand(timeline.selected));
    }
    catchUp(timeline);
  }
  requestPaint(timeline);
}

/**
 * The windows that a hand has changed, and what they were: the schedule may have changed under it,
 * by what was typed or undone just before, and all that the hand left alone stays as it is there.
 */
export function changedWindows(before, after) {
  const names = [...after.keys()].filter((name) => differ(before.get(name), after.get(name)));
  const of = (windows) => Object.fromEntries(names.map((name) => [name, windows.get(name)]));
  return { windows: of(after), before: of(before) };
}

/** The numbers of the shared curve that a hand has changed, under the names that Python knows. */
export function changedCurve(before, after) {
  const names = { warmup: "warmup_epochs", start: "start_factor", floorLr: "floor_lr" };
  const changed = Object.keys(after).filter((name) => differ(before[name], after[name]));
  return Object.fromEntries(changed.map((name) => [names[name] ?? name, after[name]]));
}

/** Tell Python when the timeline has become narrow or wide. */
export function reportWidth(timeline) {
  const { root, latest } = timeline;
  if (latest === null || root.clientWidth === 0) return;
  const narrow = root.clientWidth < NARROW;
  if (narrow === (timeline.reported ?? latest.narrow)) return;
  timeline.reported = narrow;
  timeline.sendState("narrow", narrow);
}

/** Make the newest data from Python the truth. */
function adopt(timeline) {
  const known = timeline.data;
  const data = timeline.latest;
  timeline.data = data;
  timeline.windows = new Map(data.groups.map(({ name, windows }) => [name, windows]));
  timeline.curve = curveOf(data);
  adoptPlayhead(timeline);
  adoptSelection(timeline, known);
  const there = ({ group, window }) =>
    timeline.windows.has(group) && window < Math.max(timeline.windows.get(group).length, 1);
  const { selected } = timeline;
  timeline.also = timeline.also.filter((pick) => there(pick) && differ(pick, selected));
  if (known !== null && known.epochs !== data.epochs) setView(timeline, null);
  timeline.root.classList.toggle("dense", data.groups.length > 6); // before a frame, or rows move
  arrangeRows(timeline);
  requestPaint(timeline);
}

/** The playhead is Python's too, but an echo of one that was sent does not undo a newer one. */
function adoptPlayhead(timeline) {
  const { data, playheadsSent } = timeline;
  const echo = playheadsSent.indexOf(data.playhead);
  if (echo >= 0) playheadsSent.splice(0, echo + 1);
  if (playheadsSent.length === 0 || Date.now() - timeline.sentAt > ANSWER_MS) {
    timeline.playhead = data.playhead;
    timeline.playheadsSent = [];
  }
  timeline.playhead = clamp(timeline.playhead, 0, data.epochs);
}

/** So is the selection, whose echo does not undo a newer one either, nor drop what is beside it. */
function adoptSelection(timeline, known) {
  const { data, selectionsSent } = timeline;
  const said = JSON.stringify(data.selected);
  const echo = selectionsSent.lastIndexOf(said);
  if (echo >= 0) selectionsSent.splice(0, echo + 1);
  else if (known === null || differ(known.selected, data.selected)) timeline.selected = data.selected;
}

function sendPlayhead(timeline) {
  timeline.playheadsSent.push(timeline.playhead);
  timeline.sentAt = Date.now();
  timeline.send("playhead", timeline.playhead);
}

/** Undo or redo what was done, after the edits that are still under way. */
export function travel(timeline, way) {
  timeline.queued.push({ kind: "history", way });
  flush(timeline);
}

/** One edit at a time: the next one waits for the answer. */
function edit(timeline, value) {
  // None is left out for a newer one: each is a step that can be undone.
  timeline.queued.push(value);
  flush(timeline);
}

/**
 * An edit carries the selection. Sent as a message of its own it would start a run of the script
 * that the edit cuts short, and the fields beside the timeline would answer with their old numbers.
 */
function flush(timeline) {
  const { queued, latest, selected } = timeline;
  if (queued.length === 0 || waiting(timeline)) return;
  const value = queued.shift();
  timeline.sequence = Math.max(timeline.sequence, latest.ack) + 1;
  timeline.sentAt = Date.now();
  timeline.selectionsSent.push(JSON.stringify(selected));
  timeline.send("edit", { ...value, selected: inHand(selected), sequence: timeline.sequence });
  clearTimeout(timeline.patience);
  timeline.patience = setTimeout(() => catchUp(timeline), ANSWER_MS + 100);
}

/** Whether an edit was sent whose answer has not come, and may still come. */
function waiting({ latest, sequence, sentAt }) {
  return latest.ack < sequence && Date.now() - sentAt <= ANSWER_MS;
}

/** What is selected as Python is told it, who would take no value for nothing told. */
const inHand = (selected) => selected ?? { group: null };

const differ = (one, other) => JSON.stringify(one) !== JSON.stringify(other);
