// Problems: a numbered disc beside the window that each is about.

import { xOfEpoch } from "./axis.js";
import { el, percent, pool, set, text } from "./dom.js";
import { visible, windowOfPath } from "./windows.js";

const STEP_PX = 22;

/** Index of the group's window that the problem under the pointer is about, or null. */
export function pointed({ data, hovered }, name) {
  const problem = data.problems.find(({ number }) => number === hovered);
  return problem?.groups.includes(name) ? windowOf(problem) : null;
}

/** Discs stand left of their window; where there is no room, or a handle's flag, inside it. */
export function paintProblems(timeline) {
  const { epochs, problems } = timeline.data;
  const { width, narrow } = timeline;
  for (const [name, row] of timeline.rows) {
    const windows = timeline.windows.get(name);
    const open = visible(windows, epochs);
    const mine = problems.filter(({ groups }) => groups.includes(name));
    const taken = new Map();
    const head = xOfEpoch(timeline.playhead, width, epochs);
    // The chip with the rate gives way to the handle, and to a disc inside the bar.
    const giveWay = (window, to) => {
      const { chip } = row.windows[window.index];
      const flipped = chip.classList.contains("leftward");
      if (!flipped && to - head < 60) chip.style.marginLeft = `${Math.max(to - head, 6)}px`;
    };
    for (const { chip } of row.windows) chip.style.marginLeft = "";
    for (const window of open) {
      giveWay(window, xOfEpoch(window.start, width, epochs) + (narrow ? 16 : 13));
    }
    pool(row.track, row.discs, mine.length, buildDisc).forEach((node, order) => {
      const problem = mine[order];
      const wanted = windowOf(problem);
      const window = open.find(({ index }) => index === wanted) ?? open[0];
      const place = taken.get(window?.index) ?? 0;
      taken.set(window?.index, place + 1);
      const x = window ? xOfEpoch(window.start, width, epochs) : 0;
      const outside = window && x >= 30 + place * 22;
      const shift = !window ? 18 + place * 22 : outside ? -17 - place * 22 : (narrow ? 26 : 23) + place * 22;
      if (window && !outside) giveWay(window, x + shift + 12);
      node.style.left = `calc(${percent(window?.start ?? 0, epochs)} + ${shift}px)`;
      text(node, String(problem.number));
      node.title = problem.message;
      set(node, "aria-label", `Problem ${problem.number}, ${problem.severity}: ${problem.message}`);
      node.className = `disc ${problem.severity}`;
      const held =
        timeline.handled?.row === row && timeline.handled.act === "start" && timeline.handled.window === window?.index;
      node.classList.toggle("covered", Boolean(outside && held));
      timeline.actions.set(node, { act: "pick", row, window: window?.index ?? 0, problem: problem.number });
    });
    row.never.style.setProperty("--after", `${10 + 22 * (open.length === 0 ? mine.length : 0)}px`);
  }
}

function buildDisc() {
  const node = el("disc");
  node.setAttribute("role", "img");
  return node;
}

function windowOf({ groups, path }) {
  return groups.length > 1 ? 0 : windowOfPath(path);
}
