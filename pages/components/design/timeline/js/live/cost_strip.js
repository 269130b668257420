// The costs of each phase while a hand changes the windows, from figures that Python sent.
//
// A copy of the page's strip stands in its place, until Streamlit draws the strip anew.

import { set, show, text } from "../dom.js";
import { formatBytes, formatCount, formatFlops } from "../format.js";
import { amountsAt } from "../readout.js";
import { isOpen } from "../windows.js";

/** Draw the costs of the phases as the hand has them; false if the page has none. */
export function drawCosts(timeline, costs, groups, phases) {
  const { data, axis, playhead } = timeline;
  const strip = document.querySelector(".st-key-costs .thaw-cost:not(.in-hand)");
  if (!strip || data.flops === null) return false;
  if (!costs.copy?.isConnected) {
    costs.copy = strip.cloneNode(true);
    costs.copy.classList.add("in-hand");
    strip.after(costs.copy);
    strip.hidden = true;
  }
  const figures = phaseCosts(data, groups, phases);
  const columns = phases
    .map(({ start, end }, at) => ({
      figures: figures[at],
      width: Math.min(end, axis.to) - Math.max(start, axis.from),
      now: phases.length > 1 && start <= playhead && (playhead < end || end === data.epochs),
    }))
    .filter(({ width }) => width > 0);
  const widths = columns.map(({ width }) => `minmax(0,${width}fr)`).join(" ");
  const [slim, stacked] = costs.copy.dataset.stacked.split(" ").map(Number);
  const shares = columns.map(({ width }) => width / (axis.to - axis.from));
  costs.copy.classList.toggle("stacked", shares.some((share) => share >= slim && share < stacked));
  for (const row of costs.copy.querySelectorAll(".thaw-cost-row")) {
    // On the row: a variable of the strip's would be inherited by all that is in it.
    row.style.gridTemplateColumns = `var(--left) ${widths} var(--right)`;
    paintCosts(row, columns);
  }
  return true;
}

/** Show the strip that Python sent. */
export function dropCosts(costs) {
  const strip = costs.copy?.previousElementSibling;
  if (strip) strip.hidden = false;
  costs.copy?.remove();
}

/** What each phase costs, by the names of the strip's rows: a figure, what follows it, and its bar's length. */
export function phaseCosts(data, groups, phases) {
  const whole = costsIn(data, groups.map((group) => ({ ...group, windows: [[0, null]] })), 0);
  const share = (name, part) => part[name] / Math.max(1, whole[name]);
  return phases.map(({ start }) => {
    const part = costsIn(data, groups, start);
    return {
      trainable: [formatCount(part.trainable), "", share("trainable", part)],
      memory: [formatBytes(part.memory), "", share("memory", part)],
      FLOPs: [formatFlops(data.flops.forward), ` + ${formatFlops(part.backward)}`, share("flops", part)],
    };
  });
}

function costsIn({ flops, optimizer }, groups, epoch) {
  const bit = ({ windows }, row) => (isOpen(windows, epoch) ? 1n << BigInt(row) : 0n);
  const open = groups.reduce((bits, group, row) => bits | bit(group, row), 0n);
  const times = (most, sources) => Math.min(most, sources.filter((source) => BigInt(source) & open).length);
  const backward = flops.backward.reduce((sum, [count, ...of]) => sum + count * times(...of), 0);
  return { ...amountsAt(groups, epoch, optimizer.bytes), backward, flops: flops.forward + backward };
}

/** A row with a cell for each column; one whose figures only Python knows waits for them. */
function paintCosts(row, columns) {
  const cells = [...row.querySelectorAll("div")];
  if (cells.length === 0) return; // a note about the whole run
  const { name } = row.dataset;
  row.classList.toggle("waits", !(name in columns[0].figures));
  while (cells.length < columns.length) {
    const last = cells.at(-1);
    cells.push(last.cloneNode(true));
    last.after(cells.at(-1));
  }
  cells.forEach((cell, at) => {
    show(cell, at < columns.length);
    if (at >= columns.length) return;
    const { figures, now } = columns[at];
    const [figure, rest, length] = figures[name] ?? ["", "…", 0];
    writeFigure(cell.firstElementChild, figure, rest);
    set(cell, "style", `--dark:${length};--pale:0`);
    cell.classList.toggle("now", now);
  });
}

/** Write a figure and what follows it, in nodes that are there if there are some. */
function writeFigure(place, figure, rest) {
  const [bold, after, more] = place.childNodes;
  if (bold?.localName === "b" && after?.data !== undefined && !more) {
    text(bold, figure);
    if (after.data !== rest) after.data = rest;
    return;
  }
  const made = document.createElement("b");
  made.textContent = figure;
  place.replaceChildren(made, rest);
}
