// Phases: the run cut wherever a group thaws or freezes, and what is so in one of them.

import { clamp } from "./axis.js";
import { gaps, isOpen } from "./windows.js";

/** The run cut as core/schedule/plan.py cuts it; a label says what thawed and what froze, head first. */
export function phasesOf(groups, epochs) {
  const cuts = new Set([0, epochs]);
  for (const { windows } of groups) {
    for (const [start, end] of gaps(windows, epochs)) cuts.add(start).add(end);
  }
  const edges = [...cuts].sort((a, b) => a - b);
  const open = (epoch) => groups.filter(({ windows }) => isOpen(windows, epoch)).map(({ name }) => name);
  return edges.slice(0, -1).map((start, index) => ({
    number: index + 1,
    start,
    end: edges[index + 1],
    label: labelOf(open(start), index > 0 ? open(edges[index - 1]) : null),
  }));
}

/** What is so at a time: the phase, who trains, and the memory in bytes of gradients and optimizer. */
export function stateAt(groups, epochs, time, bytesPerParameter) {
  const epoch = clamp(Math.floor(time), 0, epochs - 1);
  const phases = phasesOf(groups, epochs);
  const phase = phases.find(({ start, end }) => start <= epoch && epoch < end);
  const open = groups.filter(({ windows }) => isOpen(windows, epoch));
  const known = groups.every(({ parameters }) => parameters !== null);
  const sum = (some) => some.reduce((total, { parameters }) => total + parameters, 0);
  // A group that froze again keeps what the optimizer remembers of it.
  const met = groups.filter(({ windows }) => windows.some(([start]) => start <= epoch));
  return {
    phase: phase.number,
    phases,
    open: open.map(({ name }) => name),
    trainable: known ? sum(open) : null,
    total: known ? sum(groups) : null,
    // Gradients are float32, of what trains now.
    memory: known ? sum(met) * bytesPerParameter + sum(open) * 4 : null,
  };
}

function labelOf(open, before) {
  if (before === null) return open.join(", ") || "nothing trains";
  const thawed = open.filter((name) => !before.includes(name)).map((name) => `+ ${name}`);
  const frozen = before.filter((name) => !open.includes(name)).map((name) => `− ${name}`);
  return [...thawed, ...frozen].join(" ");
}
