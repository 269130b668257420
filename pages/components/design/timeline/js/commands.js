// Commands: what the toolbar, a double click and a letter key do, each as one edit.

import { windowsInWords } from "./actions.js";
import { ZOOM_STEP, setView, zoomBy } from "./axis.js";
import { closeCascade, openCascade, preview } from "./cascade.js";
import { restarts } from "./curves.js";
import { text } from "./dom.js";
import { commitTyping, remember } from "./gesture.js";
import { commit, fieldsEvent, groupsEvent } from "./protocol.js";
import { picksOf } from "./selection.js";
import { toggleStage } from "./stages.js";
import { isPicked, splitAt, withNew } from "./windows.js";

/** A click on one of the component's own buttons. */
export function press(timeline, event) {
  const button = event.target.closest?.("button[data-do]");
  if (!button || !timeline.data || button.getAttribute("aria-disabled") === "true") return;
  const does = {
    cascade: () => (timeline.cascade ? closeCascade(timeline, { keep: false }) : openCascade(timeline)),
    "cascade-cancel": () => closeCascade(timeline, { keep: false }),
    add: () => addWindow(timeline, timeline.selected.group, Math.floor(timeline.playhead)),
    split: () => splitWindows(timeline, timeline.playhead),
    remove: () => removeWindows(timeline),
    out: () => zoomBy(timeline, ZOOM_STEP),
    closer: () => zoomBy(timeline, 1 / ZOOM_STEP),
    fit: () => setView(timeline, null),
    restart: () => toggleRestart(timeline),
    fold: () => toggleStage(timeline, button.dataset.stage),
  }[button.dataset.do];
  if (does === undefined) return;
  if (timeline.cascade && !button.dataset.do.startsWith("cascade")) closeCascade(timeline, { keep: false });
  does();
}

/** Apply in the cascade's popover, or Enter in one of its fields. */
export function submit(timeline, event) {
  event.preventDefault();
  if (timeline.cascade && !timeline.popover.apply.disabled) closeCascade(timeline, { keep: true });
}

/** A number in the cascade's popover has changed. */
export function input(timeline) {
  if (timeline.cascade) preview(timeline);
}

/** One more window for a group, from an epoch in one of its gaps. */
export function addWindow(timeline, group, epoch) {
  const made = withNew(timeline.windows.get(group), Math.min(epoch, timeline.data.epochs - 1), timeline.data.epochs);
  if (made === null) return;
  carryOut(timeline, () => {
    timeline.windows.set(group, made.windows);
    timeline.selected = { group, window: made.index };
    timeline.also = [];
  });
}

/** Cut the selected windows that an epoch lies in; the later part of the first is then in hand. */
export function splitWindows(timeline, epoch) {
  const { epochs } = timeline.data;
  const at = Math.min(epoch, epochs - 1);
  carryOut(timeline, () => {
    // From the last window of a group to its first: a split moves those behind it.
    for (const { group, window } of picksOf(timeline).toSorted((a, b) => b.window - a.window)) {
      const cut = splitAt(timeline.windows.get(group) ?? [], window, at, epochs);
      if (cut === null) continue;
      timeline.windows.set(group, cut);
      timeline.selected = { group, window: window + 1 };
    }
    timeline.also = [];
  });
}

/** Take the selected windows away. */
export function removeWindows(timeline) {
  carryOut(timeline, () => {
    timeline.windows = without(timeline.windows, picksOf(timeline));
    const { group, window } = timeline.selected;
    const left = timeline.windows.get(group).length;
    timeline.selected = { group, window: Math.max(0, Math.min(window, left - 1)) };
    timeline.also = [];
  });
}

/** Every group's windows without those that are picked. */
export function without(windows, picks) {
  const kept = (group, spans) => spans.filter((_, window) => !isPicked(picks, { group, window }));
  return new Map([...windows].map(([group, spans]) => [group, kept(group, spans)]));
}

function toggleRestart(timeline) {
  carryOut(timeline, () => {
    timeline.curve = { ...timeline.curve, afterUnfreeze: restarts(timeline.curve) ? "follow" : "restart" };
  });
}

function carryOut(timeline, change) {
  commitTyping(timeline);
  const saved = remember(timeline);
  change();
  text(timeline.said, windowsInWords(timeline, saved));
  commit(timeline, groupsEvent(timeline, saved) ?? fieldsEvent(timeline, saved));
}
