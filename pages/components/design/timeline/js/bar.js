// One window of a group: its bar with the rate inside, and a handle at each edge.

import { clamp, pixelsOf, xOfEpoch } from "./axis.js";
import { paintRates } from "./chip.js";
import {
  curveSvg,
  describe,
  drawCurve,
  el,
  put,
  set,
  show,
  slider,
  span,
  text,
  unspan,
} from "./dom.js";
import { limits } from "./windows.js";

const TIGHT_PX = 60;
const FLAG_PX = 76;
const EDGE_PX = 14;

/** `actions` learns what the bar and its handles do to window `index` of the row's group. */
export function buildWindow(actions, row, index) {
  const curve = curveSvg({ withArea: true });
  const wide = el("wide", curve.node);
  const peak = el("peak");
  const bar = el("bar", el("inner", wide), peak);
  bar.tabIndex = 0;
  bar.setAttribute("role", "button");
  actions.set(bar, { act: "move", row, window: index });
  const chip = el("chip");
  const handle = (edge) => {
    const flag = el("epoch");
    const grip = el("grip", flag);
    const node = slider(`handle ${edge}`, "horizontal", grip);
    actions.set(node, { act: edge, row, window: index });
    return { node, grip, flag };
  };
  const start = handle("start");
  const end = handle("end");
  return { bar, wide, curve, peak, chip, start, end, nodes: [bar, chip, start.node, end.node] };
}

/**
 * `shown` is the window within the run, or undefined where it lies outside. `of` counts the windows
 * that are shown; a group without any has its first handle `waiting` at the far right.
 */
export function paintWindow(timeline, nodes, facts) {
  const { axis, narrow, windows } = timeline;
  const { epochs } = axis;
  const { group, shown, waiting, index, of } = facts;
  const { bar, chip, start, end } = nodes;
  const { start: from, end: to } = shown ?? { start: epochs, end: epochs };
  const length = pixelsOf(to - from, axis);
  const size = narrow ? 12 : 9;
  const grip = shown ? clamp(length / 2 - 0.5, 1.5, size) : size;
  const which = of > 1 ? `, window ${index + 1} of ${of}` : "";
  const tight = shown !== undefined && length < TIGHT_PX;
  const handle = { ...facts, spans: windows.get(group.name), grip, which, tight };
  show(bar, shown !== undefined);
  show(start.node, shown !== undefined || waiting);
  show(end.node, shown !== undefined);
  show(chip, false);
  start.node.classList.toggle("waiting", waiting);
  paintHandle(timeline, start, { ...handle, edge: "start", now: from });
  if (!shown) return;
  paintHandle(timeline, end, { ...handle, edge: "end", now: to });
  span(bar, from, to, axis);
  set(bar, "aria-label", `${group.name} trains in epochs ${from} to ${to}${which}`);
  set(bar, "aria-pressed", facts.picked.includes(index));
  unspan(nodes.wide, from, to, axis);
  drawCurve(nodes.curve, axis, facts.shape);
  paintRates(timeline, nodes, { ...facts, grip });
}

function paintHandle({ axis, narrow, hit }, handle, facts) {
  const { group, index, edge, now, which, waiting, handled, grip, tight } = facts;
  const { epochs, width } = axis;
  const { node, flag } = handle;
  const x = xOfEpoch(now, axis);
  const [low, high] = limits(facts.spans, index, edge, epochs);
  put(node, now, axis);
  node.classList.toggle("tight", tight);
  node.classList.toggle("held", handled?.act === edge && handled.window === index);
  placeHandle(handle, { x, grip, tight, rightwards: edge === "start" && !waiting, hit, narrow, width });
  set(node, "aria-label", `${group.name} ${edge === "start" ? "thaws" : "freezes"}${which}`);
  describe(node, low, high, now, `${group.name} ${saidOf(edge, now, epochs, waiting)}`);
  const leftward = edge === "start" ? x >= FLAG_PX : width - x < FLAG_PX;
  flag.classList.toggle("leftward", leftward);
  text(flag, flagOf(edge, now, epochs, waiting));
}

/** The grip lies inside the bar; its area is centred on it, or reaches outwards from a short bar. */
function placeHandle(handle, { x, grip, tight, rightwards, hit, narrow, width }) {
  const from = rightwards ? x : x - grip;
  const inwards = tight ? (rightwards ? grip - hit : 0) : (grip - hit) / 2;
  const reach = narrow ? EDGE_PX : Infinity;
  // A handle that is out of sight stays there.
  const inView = x >= 0 && x <= width;
  const area = inView ? clamp(from + inwards, -reach, width + reach - hit) : from + inwards;
  handle.node.style.marginLeft = `${area - x}px`;
  handle.grip.style.left = `${from - area}px`;
  handle.grip.style.width = `${grip}px`;
}

function saidOf(edge, now, epochs, waiting) {
  if (edge === "start") return waiting ? "never trains" : `thaws at epoch ${now} of ${epochs}`;
  return now >= epochs ? "trains to the end" : `freezes at epoch ${now} of ${epochs}`;
}

function flagOf(edge, now, epochs, waiting) {
  if (edge === "start" && waiting) return "never";
  return edge === "end" && now >= epochs ? "end" : `epoch ${now}`;
}
