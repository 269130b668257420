// The protocol with Python: one event up, one acknowledgement down.
//
// An event is { seq, kind, view, … }. Its kind is "groups", "fields" or "history" for an edit, and
// "view" for none; `view` holds what Python does not know yet of what is looked at: the playhead,
// the selection, the span of the run in view, the folded stages, and whether it is narrow. Data come with
// `ack`, the seq of the last event that they answer. One event is under way at a time; without an
// answer it is sent again, and Python takes each seq once.

import { clamp, setView } from "./axis.js";
import { curveOf, fieldsOf } from "./curves.js";
import { arrangeRows } from "./rows.js";
import { makeRoom } from "./stages.js";

const ANSWER_MS = 5000;
const REST_MS = 160;

/** Data from Python: taken up now, or when the hand lets go and every event is answered. */
export function receive(timeline, { data, setTriggerValue }) {
  timeline.send = setTriggerValue;
  const { latest } = timeline;
  timeline.latest = data;
  // A server that was started again has answered nothing yet.
  if (latest === null || data.ack < latest.ack) timeline.seq = data.ack;
  else if (timeline.cascade && data.revision !== timeline.data.revision) {
    // Somebody changed the schedule beneath what the popover shows.
    Object.assign(timeline, timeline.cascade.saved, { cascade: null });
  }
  catchUp(timeline);
}

/** Send what is due, and take up the newest data unless a gesture or an answer stands against it. */
export function catchUp(timeline) {
  flush(timeline);
  if (timeline.latest !== timeline.data && !isBusy(timeline)) adopt(timeline);
  timeline.repaint();
}

/** Send an edit, or only what is looked at for null. */
export function commit(timeline, event) {
  // None is left out for a newer one: each is a step that can be undone.
  if (event !== null) timeline.queue.push(event);
  catchUp(timeline);
}

/** Send the next event, if there is one and the one before is answered. */
export function flush(timeline) {
  if (timeline.latest === null || waiting(timeline)) return;
  const view = inHand(timeline) || timeline.data === null ? {} : viewChanges(timeline);
  const event = timeline.queue.shift() ?? (Object.keys(view).length > 0 ? { kind: "view" } : null);
  if (event === null) return;
  Object.assign(timeline.known, view);
  timeline.seq = Math.max(timeline.seq, timeline.latest.ack) + 1;
  send(timeline, { ...event, seq: timeline.seq, view });
}

function send(timeline, event) {
  timeline.send("event", event);
  clearTimeout(timeline.patience);
  timeline.patience = setTimeout(() => waiting(timeline) && send(timeline, event), ANSWER_MS);
}

/** Tell Python soon what is looked at, once it rests. */
export function reportView(timeline) {
  clearTimeout(timeline.viewTimer);
  if (!inHand(timeline)) timeline.viewTimer = setTimeout(() => flush(timeline), REST_MS);
}

/** Whether Python has answered all that was done, and knows what is looked at: a popover keeps that back. */
export function isSettled(timeline) {
  const { drag, typing, cascade, queue } = timeline;
  if (drag || typing || queue.length > 0 || waiting(timeline)) return false;
  return cascade !== null || Object.keys(viewChanges(timeline)).length === 0;
}

/**
 * The edit of the groups that a hand has changed, with what they were: the schedule may have changed
 * under it, by what was typed or undone just before, and all that the hand left alone stays as it is
 * there. Null if nothing has changed.
 */
export function groupsEvent({ windows, scales }, saved) {
  const [after, before] = [new Map(), new Map()]; // any name may be a group's
  const note = (field, now, was) => {
    for (const [name, value] of now) {
      if (!differ(was.get(name), value)) continue;
      after.set(name, { ...after.get(name), [field]: value });
      before.set(name, { ...before.get(name), [field]: was.get(name) });
    }
  };
  note("trainable", windows, saved.windows);
  note("lr_scale", scales, saved.scales);
  if (after.size === 0) return null;
  return { kind: "groups", after: Object.fromEntries(after), before: Object.fromEntries(before) };
}

/** The edit of the shared curve's fields that a hand has changed, by their paths; null for none. */
export function fieldsEvent({ curve }, saved) {
  const [now, was] = [fieldsOf(curve), fieldsOf(saved.curve)];
  const changed = Object.entries(now).filter(([path, value]) => differ(was[path], value));
  return changed.length > 0 ? { kind: "fields", fields: Object.fromEntries(changed) } : null;
}

/** Make the newest data from Python the truth. */
function adopt(timeline) {
  const data = timeline.latest;
  timeline.data = data;
  timeline.windows = new Map(data.groups.map(({ name, windows }) => [name, windows]));
  timeline.scales = new Map(data.groups.map(({ name, scale }) => [name, scale]));
  timeline.curve = curveOf(data.fields);
  adoptView(timeline);
  const there = ({ group, window }) =>
    timeline.windows.has(group) && window < Math.max(timeline.windows.get(group).length, 1);
  const { selected } = timeline;
  timeline.also = timeline.also.filter((pick) => there(pick) && differ(pick, selected));
  makeRoom(timeline); // before a frame, or rows move
  arrangeRows(timeline);
}

/** Take over what Python has changed of the view since it was last told or heard, and no echo. */
function adoptView(timeline) {
  const { known, data } = timeline;
  const changed = Object.keys(data.view).filter((name) => differ(known[name], data.view[name]));
  timeline.known = { ...data.view };
  if (changed.includes("playhead")) timeline.playhead = data.view.playhead;
  if (changed.includes("selected")) timeline.selected = data.view.selected;
  if (changed.includes("folded")) timeline.folded = data.view.folded;
  if (changed.includes("span")) setView(timeline, data.view.span);
  timeline.playhead = clamp(timeline.playhead, 0, data.epochs);
}

/** What is looked at, as far as Python does not know it. */
function viewChanges({ playhead, selected, span, folded, narrow, known }) {
  const now = { playhead, selected, span, folded, narrow: narrow ?? known.narrow };
  return Object.fromEntries(Object.entries(now).filter(([name, value]) => differ(known[name], value)));
}

/** Whether a pointer, keys or the popover are at work: nothing is sent or taken up under them. */
const inHand = ({ drag, typing, cascade }) => Boolean(drag || typing || cascade);

/** Whether an event was sent whose answer has not come. */
const waiting = ({ latest, seq }) => latest.ack < seq;

/** Whether a gesture, an edit that waits or an answer stands against taking up data. */
const isBusy = (timeline) => inHand(timeline) || timeline.queue.length > 0 || waiting(timeline);

const differ = (one, other) => JSON.stringify(one) !== JSON.stringify(other);
