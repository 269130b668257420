// The keyboard: a run of keys is one edit, sent when it pauses, ends with Escape, or loses the focus.

import { clamp, playheadStep } from "./axis.js";
import { release } from "./answers.js";
import {
  actionOf,
  cancelDrag,
  cancelTyping,
  choose,
  commitTyping,
  onEdge,
  remember,
} from "./gesture.js";
import { schedule } from "./paint.js";
import { edgeOf, limits, moved, withEdge } from "./windows.js";

const IDLE_MS = 250;
const WRITING = "input, textarea, select, [contenteditable]:not([contenteditable=false])";

export function focus(timeline, event) {
  if (timeline.drag || !event.target.matches(":focus-visible")) return;
  const action = actionOf(timeline, event.target);
  timeline.handled = onEdge(action) ? action : null;
  schedule(timeline);
}

export function blur(timeline) {
  commitTyping(timeline);
  if (!timeline.drag) timeline.handled = null;
  schedule(timeline);
}

export function key(timeline, event) {
  if (event.key === "Escape" && (timeline.drag || timeline.typing)) {
    event.preventDefault();
    event.stopPropagation();
    if (timeline.drag) cancelDrag(timeline);
    else cancelTyping(timeline);
    return;
  }
  const action = actionOf(timeline, event.target);
  if (!action || timeline.drag || event.ctrlKey || event.metaKey || event.altKey) return;
  if ((event.key === "Enter" || event.key === " ") && action.row) {
    event.preventDefault();
    const saved = remember(timeline);
    choose(timeline, action);
    release(timeline, { act: "pick", saved });
    return;
  }
  const saved = timeline.typing?.saved ?? remember(timeline);
  if (!step(timeline, action, event)) return;
  event.preventDefault();
  event.stopPropagation();
  clearTimeout(timeline.typing?.timer);
  const timer = setTimeout(() => commitTyping(timeline), IDLE_MS);
  timeline.typing = { act: action.act, row: action.row, saved, timer };
  if (onEdge(action)) timeline.handled = action;
  if (action.row) selectChanged(timeline, action);
  schedule(timeline);
}

/** Undo and redo from anywhere on the page, unless somebody is writing. */
export function pageKey(timeline, event) {
  if (event.key === "Escape" && timeline.drag) cancelDrag(timeline);
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.defaultPrevented) return;
  const pressed = event.key.toLowerCase();
  if (pressed !== "z" && pressed !== "y") return;
  const writing = event.composedPath().some((node) => node.matches?.(WRITING));
  if (writing || timeline.drag) return;
  event.preventDefault();
  commitTyping(timeline);
  timeline.send("history", pressed === "y" || event.shiftKey ? "redo" : "undo");
}

/** Select what a key has changed; the node of a window that went away cannot keep the focus. */
function selectChanged(timeline, action) {
  const left = timeline.windows.get(action.row.name).length;
  const stays = action.window < left || (action.act === "start" && action.window === 0);
  const window = stays ? action.window : Math.max(left - 1, 0);
  choose(timeline, { row: action.row, window });
  if (!stays) timeline.focusNext = action.row.windows[window].start.node;
}

/** One key's step; false if the key means nothing here. */
function step(timeline, { act, row, window }, event) {
  const { epochs } = timeline.data;
  if (event.key === "Delete" || event.key === "Backspace") return remove(timeline, row, window);
  const by = stepsOf(event.key, epochs);
  if (by === undefined) return false;
  if (row) return stepWindow(timeline, row, window, act, by);
  if (act === "playhead") stepPlayhead(timeline, by, event.shiftKey);
  else stepCurve(timeline, act, by, event.shiftKey);
  return true;
}

function remove({ windows }, row, window) {
  const before = row && windows.get(row.name);
  if (!before?.[window]) return false;
  windows.set(row.name, before.toSpliced(window, 1));
  return true;
}

/** Whole steps that a key goes: 1 by arrow, a tenth of the run by page, or all the way. */
function stepsOf(pressed, epochs) {
  const big = bigStep(epochs);
  const down = { ArrowLeft: -1, ArrowDown: -1, PageDown: -big, Home: -Infinity };
  const up = { ArrowRight: 1, ArrowUp: 1, PageUp: big, End: Infinity };
  return { ...down, ...up }[pressed];
}

const bigStep = (epochs) => Math.max(5, Math.round(epochs / 10));

function stepWindow(timeline, row, window, act, by) {
  const { epochs } = timeline.data;
  const windows = timeline.windows.get(row.name);
  if (act === "move") {
    timeline.windows.set(row.name, moved(windows, window, clamp(by, -epochs, epochs), epochs));
  } else if (act === "start" || act === "end") {
    const [low, high] = limits(windows, window, act, epochs);
    const to = clamp(edgeOf(windows, window, act, epochs) + by, low, high);
    timeline.windows.set(row.name, withEdge(windows, window, act, to, epochs));
  } else {
    return false;
  }
  return true;
}

/** From epoch to epoch by an arrow, finely with Shift. */
function stepPlayhead(timeline, by, fine) {
  const { epochs } = timeline.data;
  const now = timeline.playhead;
  const whole = by > 0 ? Math.floor(now) + 1 : Math.ceil(now) - 1;
  const single = fine ? now + by * playheadStep(epochs) : whole;
  const next = Math.abs(by) === 1 ? single : now + by;
  timeline.playhead = Number(clamp(next, 0, epochs).toFixed(4));
}

function stepCurve(timeline, act, by, fine) {
  const { epochs } = timeline.data;
  const single = Math.abs(by) === 1;
  const name = { warmup: "warmup", factor: "start", floor: "floor" }[act];
  const high = act === "warmup" ? epochs : 1;
  // Shares go by a hundredth, and by a tenth with Page.
  const ofShare = single ? (fine ? 0.001 : 0.01) : 0.1 / bigStep(epochs);
  const ofEpochs = single ? (fine ? 0.1 : 0.5) : 1;
  const next = timeline.curve[name] + by * (act === "warmup" ? ofEpochs : ofShare);
  timeline.curve = { ...timeline.curve, [name]: clamp(Number(next.toFixed(4)), 0, high) };
}
