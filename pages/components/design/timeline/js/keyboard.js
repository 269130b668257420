// The keyboard: a run of keys is one edit, sent when it pauses, ends with Escape, or loses the focus.

import { ACTIONS, hasFlag, stepOf } from "./actions.js";
import { ZOOM_STEP, reveal, setView, zoomBy } from "./axis.js";
import { closeCascade } from "./cascade.js";
import { addWindow, splitWindows, without } from "./commands.js";
import { actionOf, cancelDrag, cancelTyping, commitTyping, remember } from "./gesture.js";
import { commit } from "./protocol.js";
import { choose, grabbed, picksOf, take, toggle } from "./selection.js";
import { isPicked, visible } from "./windows.js";

const IDLE_MS = 250;
// A switch takes no text, and a select box only while it is open.
const NO_TEXT = "[type=checkbox], [type=radio], [type=range], [type=file], [role=combobox][aria-expanded=false]";
const WRITING = `input:not(${NO_TEXT}), textarea, [contenteditable]:not([contenteditable=false])`;

export function focus(timeline, event) {
  if (timeline.drag || !event.target.matches(":focus-visible")) return;
  const action = actionOf(timeline, event.target);
  timeline.handled = hasFlag(action) ? action : null;
  if (action) revealAction(timeline, action);
  timeline.repaint();
}

export function blur(timeline) {
  commitTyping(timeline);
  if (!timeline.drag) timeline.handled = null;
  timeline.repaint();
}

export function key(timeline, event) {
  if (event.key === "Escape" && escape(timeline)) {
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  if (!timeline.data || timeline.popover.node.contains(event.target)) return;
  if (timeline.drag || event.ctrlKey || event.metaKey || event.altKey) return;
  const action = actionOf(timeline, event.target);
  if (!zoomKey(timeline, event) && !(action && actionKey(timeline, action, event))) return;
  event.preventDefault();
  event.stopPropagation();
}

/** Undo and redo from anywhere on the page, unless somebody is writing. */
export function pageKey(timeline, event) {
  if (event.key === "Escape" && (timeline.drag || timeline.cascade)) escape(timeline);
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.defaultPrevented) return;
  const pressed = event.key.toLowerCase();
  if (pressed !== "z" && pressed !== "y") return;
  const writing = event.composedPath().some((node) => node.matches?.(WRITING));
  if (writing || timeline.drag) return;
  event.preventDefault();
  if (timeline.cascade) {
    // What is only shown, and not yet applied, is what is taken back first.
    closeCascade(timeline, { keep: false });
    return;
  }
  commitTyping(timeline);
  commit(timeline, { kind: "history", way: pressed === "y" || event.shiftKey ? "redo" : "undo" });
}

/** Take back what is under way, or let go of what is selected besides; false if there is nothing. */
function escape(timeline) {
  if (timeline.drag) cancelDrag(timeline);
  else if (timeline.typing) cancelTyping(timeline);
  else if (timeline.cascade) closeCascade(timeline, { keep: false });
  else if (timeline.also.length > 0) timeline.also = [];
  else return false;
  timeline.repaint();
  return true;
}

function zoomKey(timeline, { key: pressed }) {
  if (pressed === "+" || pressed === "=") zoomBy(timeline, 1 / ZOOM_STEP);
  else if (pressed === "-" || pressed === "_") zoomBy(timeline, ZOOM_STEP);
  else if (pressed === "0") setView(timeline, null);
  else return false;
  return true;
}

/** What a key does on a slider, a bar or a gap; false if it means nothing there. */
function actionKey(timeline, action, event) {
  const { row } = action;
  const pressed = event.key.toLowerCase();
  if (row && (event.key === "Enter" || event.key === " ")) {
    enter(timeline, action, event.shiftKey);
    return true;
  }
  if (row && pressed === "n") {
    addWindow(timeline, row.name, epochFor(timeline, action));
    return true;
  }
  if (row && pressed === "s") {
    take(timeline, action);
    splitWindows(timeline, timeline.playhead);
    return true;
  }
  const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
  if (row && !ACTIONS[action.act].upright && event.shiftKey && vertical) {
    extend(timeline, action, event.key === "ArrowUp" ? -1 : 1);
    return true;
  }
  return typed(timeline, action, event);
}

/** Enter selects, with Shift as well as what is selected; on a gap it adds a window. */
function enter(timeline, action, adds) {
  if (action.gap) {
    addWindow(timeline, action.row.name, epochFor(timeline, action));
    return;
  }
  if (adds) toggle(timeline, action);
  else choose(timeline, action);
  commit(timeline, null);
}

/** Where a key adds a window: at the playhead, or at the start of a gap that it does not lie in. */
function epochFor({ playhead }, { gap }) {
  const epoch = Math.floor(playhead);
  const span = gap?.();
  return span && !(span[0] <= epoch && epoch < span[1]) ? span[0] : epoch;
}

/** Select the next row up or down as well; back over a row that is selected, let go of this one. */
function extend(timeline, action, by) {
  const { data, rows, windows } = timeline;
  const names = data.groups.map(({ name }) => name);
  const name = names[names.indexOf(action.row.name) + by];
  if (name === undefined) return;
  const last = Math.max(visible(windows.get(name), data.epochs).length - 1, 0);
  const next = { row: rows.get(name), window: Math.min(action.window, last) };
  const here = { group: action.row.name, window: action.window };
  if (!isPicked(picksOf(timeline), here)) choose(timeline, action);
  if (isPicked(picksOf(timeline), { group: name, window: next.window })) toggle(timeline, action);
  else toggle(timeline, next);
  const nodes = next.row.windows[next.window];
  const bar = windows.get(name)[next.window] !== undefined;
  timeline.focusNext = bar ? (nodes[action.act]?.node ?? nodes.bar) : nodes.start.node;
  commit(timeline, null);
}

/** Keys that change a value: they are one edit until they pause. */
function typed(timeline, action, event) {
  const saved = timeline.typing?.saved ?? remember(timeline);
  if (!step(timeline, action, event)) return false;
  clearTimeout(timeline.typing?.timer);
  const timer = setTimeout(() => commitTyping(timeline), IDLE_MS);
  timeline.typing = { act: action.act, row: action.row, saved, timer };
  if (hasFlag(action)) timeline.handled = action;
  if (action.row) selectChanged(timeline, action);
  revealAction(timeline, action);
  timeline.repaint();
  return true;
}

/** Select what a key has changed; the node of a window that went away cannot keep the focus. */
function selectChanged(timeline, action) {
  const left = timeline.windows.get(action.row.name).length;
  const stays = action.window < left || (action.act === "start" && action.window === 0);
  const window = stays ? action.window : Math.max(left - 1, 0);
  if (stays) take(timeline, action);
  else choose(timeline, { row: action.row, window });
  timeline.also = timeline.also.filter((pick) => timeline.windows.get(pick.group)?.[pick.window]);
  if (!stays) timeline.focusNext = action.row.windows[window].start.node;
}

/** One key's step; false if the key means nothing here. */
function step(timeline, action, event) {
  const { windows, data } = timeline;
  if (event.key === "Delete" || event.key === "Backspace") {
    if (!ACTIONS[action.act].removes || !windows.get(action.row.name)[action.window]) return false;
    timeline.windows = without(windows, grabbed(timeline, action));
    return true;
  }
  const by = stepOf(event, data.epochs);
  return by !== undefined && (ACTIONS[action.act].key?.(timeline, action, by) ?? false);
}

/** Bring into view what has the keyboard, unless some of it is: its nearer end. */
export function revealAction(timeline, action) {
  const span = ACTIONS[action.act].reveal?.(timeline, action);
  if (!span || !timeline.axis) return;
  const [start, end] = span;
  const { from, to } = timeline.axis;
  if (end <= from) reveal(timeline, end);
  else if (start >= to) reveal(timeline, start);
}
