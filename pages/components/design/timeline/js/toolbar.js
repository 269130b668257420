// The toolbar beside the read-out: verbs for those who know no double click and have no keyboard.

import { canZoom, zoomOf } from "./axis.js";
import { el, picture, set, show, svg, text } from "./dom.js";
import { counted } from "./format.js";
import { picksOf } from "./selection.js";
import { LEAST_SPLIT, gapAt, splitAt } from "./windows.js";

const ICONS = {
  cascade: "M1 3.5h6M4 8h6M7 12.5h7",
  add: "M8 2.5v11M2.5 8h11",
  split: "M8 1.5v13M5.5 5L2.5 8l3 3M10.5 5l3 3-3 3",
  remove: "M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4",
  out: "M3 8h10",
  closer: "M8 3v10M3 8h10",
};

/** Buttons by what they do; a click on one is told to `commands.js` by its `data-do`. */
export function buildToolbar() {
  const buttons = {
    cascade: button("cascade", "Cascade"),
    add: button("add", "Window"),
    split: button("split", "Split"),
    remove: button("remove", ""),
    out: button("out", ""),
    fit: button("fit", "", false),
    closer: button("closer", ""),
  };
  buttons.cascade.setAttribute("aria-haspopup", "dialog");
  const node = el("tools", ...Object.values(buttons));
  node.setAttribute("role", "toolbar");
  node.setAttribute("aria-label", "Edit the timeline");
  return { node, buttons };
}

export function paintToolbar(timeline) {
  const { toolbar, axis, cascade } = timeline;
  const { buttons } = toolbar;
  const can = canZoom(axis);
  const times = zoomOf(axis);
  allow(buttons.cascade, "Cascade", "thaw the groups at even intervals, from the head down", null);
  set(buttons.cascade, "aria-expanded", cascade !== null);
  show(timeline.popover.node, cascade !== null);
  allow(buttons.add, "Add window", "in the frozen part at the playhead (N)", whyNoWindow(timeline));
  allow(buttons.split, "Split", "the window freezes at the playhead (S)", whyNoSplit(timeline));
  allow(buttons.remove, "Remove window", "(Delete)", whyNoRemoval(timeline));
  allow(buttons.out, "Zoom out", "(−)", can.out ? null : "the whole run is shown");
  allow(buttons.closer, "Zoom in", "(+)", can.closer ? null : whyNoCloser(axis));
  allow(buttons.fit, `Show the whole run, ${times.toFixed(1)} times closer now`, "(0)", null);
  text(buttons.fit.lastChild, `${times < 9.95 && !timeline.narrow ? times.toFixed(1) : Math.round(times)}×`);
  show(buttons.fit, times > 1);
}

/** Why no window can be added, in words; null if one can. */
export function whyNoWindow({ selected, windows, data, playhead }) {
  if (selected === null) return "select a row first";
  const spans = windows.get(selected.group) ?? [];
  const gap = gapAt(spans, Math.floor(playhead), data.epochs);
  return gap === null ? `${selected.group} trains in every epoch` : null;
}

/** Why nothing can be split at the playhead, in words; null if something can. */
export function whyNoSplit(timeline) {
  const { selected, windows, data, playhead } = timeline;
  const { epochs } = data;
  if (selected === null) return "select a bar first";
  const at = Math.min(playhead, epochs - 1);
  const picks = picksOf(timeline).filter(({ group }) => windows.has(group));
  if (picks.some(({ group, window }) => splitAt(windows.get(group), window, at, epochs))) return null;
  const [start, end] = windows.get(selected.group)?.[selected.window] ?? [epochs, null];
  const stop = Math.min(end ?? epochs, epochs);
  if (start >= epochs) return `${selected.group} never trains`;
  if (stop - start < LEAST_SPLIT) return `a window of ${counted(stop - start, "epoch")} is too short, the least is 3`;
  return "put the playhead inside the selected bar first";
}

/** Why the view cannot come closer, in words: it shows as few epochs as it may. */
export const whyNoCloser = ({ epochs }) =>
  epochs === 1 ? "the only epoch fills the track" : "two epochs fill the track";

function whyNoRemoval(timeline) {
  if (timeline.selected === null) return "select a bar first";
  const there = picksOf(timeline).some(({ group, window }) => timeline.windows.get(group)?.[window]);
  return there ? null : `${timeline.selected.group} never trains`;
}

/** A button stays in the order of Tab when it does nothing, so that its reason can be read. */
function allow(node, label, hint, why) {
  set(node, "aria-label", label);
  set(node, "aria-disabled", why !== null);
  set(node, "title", why === null ? `${label} ${hint}` : `${label}: ${why}`);
}

function button(name, words, withIcon = true) {
  const node = document.createElement("button");
  node.type = "button";
  node.className = `tool ${name}`;
  node.dataset.do = name;
  if (withIcon) node.append(picture({ viewBox: "0 0 16 16" }, svg("path", { d: ICONS[name] })));
  const label = document.createElement("span");
  label.textContent = words;
  node.append(label);
  return node;
}
