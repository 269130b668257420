// Stages: groups of one part of the model, such as layer1.0 and layer1.1, which fold into one row.
//
// A folded stage is only looked at in another way: its first group's row stands for all of them.

import { el, picture, pool, set, show, span, svg, text } from "./dom.js";
import { counted } from "./format.js";
import { visible } from "./windows.js";

const TRIANGLE = "M5 3l6 5-6 5z";

/** How many rows there are to see. */
export function countRows({ data, folded }) {
  const closed = data.stages.filter(({ name }) => folded.includes(name));
  return closed.reduce((count, { groups }) => count - groups.length + 1, data.groups.length);
}

/** Fold a stage into one row, or unfold it. */
export function toggleStage(timeline, name) {
  const { folded } = timeline;
  timeline.folded = folded.includes(name) ? folded.filter((each) => each !== name) : [...folded, name];
  makeRoom(timeline);
  timeline.repaint();
}

/** Tell the style sheet how many rows there are to see, on which their height depends. */
export const makeRoom = (timeline) => timeline.root.style.setProperty("--rows", countRows(timeline));

/** Show each stage as it is: one row of its groups' windows over each other, or a row for each. */
export function paintStages({ data, rows, folded, axis }, groups) {
  const found = new Map(groups.map((group) => [group.name, group]));
  const firsts = new Map(data.stages.map((stage) => [stage.groups[0], stage]));
  const hidden = new Set();
  for (const [name, row] of rows) {
    const stage = firsts.get(name);
    const closed = stage !== undefined && folded.includes(stage.name);
    row.node.classList.toggle("folded", closed);
    if (stage) paintFold(row, stage, closed);
    else if (row.fold) show(row.fold.button, false);
    if (!closed) continue;
    stage.groups.slice(1).forEach((each) => hidden.add(each));
    paintParts(row, stage.groups.map((each) => found.get(each)), axis);
  }
  for (const [name, row] of rows) show(row.node, !hidden.has(name));
}

function paintFold(row, { name, groups }, closed) {
  row.fold ??= buildFold(row);
  const { button, title, count } = row.fold;
  show(button, true);
  button.dataset.stage = name;
  text(title, name);
  text(count, counted(groups.length, "group"));
  set(button, "aria-label", `${name}, ${counted(groups.length, "group")}`);
  set(button, "aria-expanded", !closed);
  set(button, "title", `${closed ? "Unfold" : "Fold"} ${name}`);
}

function paintParts(row, groups, axis) {
  const windows = groups.flatMap((group) =>
    visible(group.windows, axis.epochs).map((window) => ({ ...window, color: group.color })),
  );
  pool(row.fold.track, row.fold.parts, windows.length, () => el("part")).forEach((part, index) => {
    const { start, end, color } = windows[index];
    part.style.setProperty("--c", color);
    span(part, start, end, axis);
  });
}

function buildFold(row) {
  const button = document.createElement("button");
  const title = el("name");
  const count = el("times");
  const track = el("track parts");
  button.type = "button";
  button.className = "fold";
  button.dataset.do = "fold";
  button.append(picture({ viewBox: "0 0 16 16" }, svg("path", { d: TRIANGLE })), title, count);
  row.handles.set(button, { act: "point" }); // its keys are a button's own
  row.handles.set(track, { act: "pan" });
  row.node.prepend(button);
  row.node.append(track);
  return { button, title, count, track, parts: [] };
}
