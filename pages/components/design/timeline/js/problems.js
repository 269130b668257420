// Problems: a numbered disc beside the window that each is about.

import { xOfEpoch } from "./axis.js";
import { el, pool, set, text } from "./dom.js";
import { windowOfPath } from "./windows.js";

const DISC_PX = 18;
const STEP_PX = 22;
const BESIDE_PX = 17;
const BESIDE_NAME_PX = 112;

/** Index of the group's window that the problem under the pointer is about, or null. */
export function pointed({ data, hovered }, name) {
  const problem = data.problems.find(({ number }) => number === hovered);
  return problem?.groups.includes(name) ? windowOf(problem) : null;
}

/**
 * Where a group's discs stand, each with its middle `x` in pixels and the window that it is about,
 * or null if the group has none: left of the window, or `inside` it where there is no room.
 */
export function placeDiscs(problems, open, { axis, narrow }) {
  const counts = new Map();
  return problems.map((problem) => {
    const wanted = windowOf(problem);
    const window = open.find(({ index }) => index === wanted) ?? open[0] ?? null;
    const before = STEP_PX * (counts.get(window) ?? 0);
    counts.set(window, (counts.get(window) ?? 0) + 1);
    if (window === null) return { problem, window, x: DISC_PX + before, inside: false };
    const edge = xOfEpoch(window.start, axis);
    const inside = edge >= 0 && edge < 30 + before;
    const beyondHandle = (narrow ? 26 : 23) + before;
    return { problem, window, x: edge + (inside ? beyondHandle : -BESIDE_PX - before), inside };
  });
}

/** `handled` is the edge in hand, whose flag stands where the discs of its window are. */
export function paintDiscs(row, discs, handled, axis) {
  pool(row.track, row.discs, discs.length, buildDisc).forEach((node, order) => {
    const { problem, window, x, inside } = discs[order];
    paintDisc(node, problem, x);
    node.classList.toggle("away", x < 0 || x > axis.width);
    const behindFlag = window !== null && !inside && handled?.act === "start";
    node.classList.toggle("covered", behindFlag && handled.window === window.index);
    row.handles.set(node, { act: "pick", row, window: window?.index ?? 0, problem: problem.number });
  });
  const alone = discs.filter(({ window }) => window === null).length;
  row.never.style.setProperty("--after", `${10 + STEP_PX * alone}px`);
}

/** Problems of the curve as a whole, or of the optimizer, stand beside the shared curve's name. */
export function paintCurveDiscs({ data, shared, handles, hovered }) {
  const mine = data.problems.filter(({ groups, path }) => groups.length === 0 && /^(lr|optimizer)\./.test(path));
  shared.discs ??= [];
  const label = shared.node.querySelector(".label");
  pool(label, shared.discs, mine.length, buildDisc).forEach((node, order) => {
    paintDisc(node, mine[order], BESIDE_NAME_PX + STEP_PX * order);
    handles.set(node, { act: "point", problem: mine[order].number });
  });
  shared.node.classList.toggle("pointed", mine.some(({ number }) => number === hovered));
}

function paintDisc(node, { number, severity, message }, x) {
  node.style.left = `${x}px`;
  text(node, String(number));
  node.title = message;
  set(node, "aria-label", `Problem ${number}, ${severity}: ${message}`);
  node.className = `disc ${severity}`;
}

function buildDisc() {
  const node = el("disc");
  node.setAttribute("role", "img");
  return node;
}

function windowOf({ groups, path }) {
  return groups.length > 1 ? 0 : windowOfPath(path);
}
