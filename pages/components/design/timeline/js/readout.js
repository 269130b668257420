// The read-out on top: what is so at the playhead.

import { clamp } from "./axis.js";
import { el, set, term, text } from "./dom.js";
import { formatBytes, formatCount } from "./format.js";
import { gaps, isOpen } from "./windows.js";

export function buildReadout() {
  const facts = {
    playhead: buildFact("playhead", "Playhead"),
    phase: buildFact("phase", "Phase"),
    training: buildFact("training", "Training", el("fact-label", "Training")),
    trainable: buildFact("trainable", "Trainable"),
    memory: buildFact("memory", "Memory"),
  };
  return { facts, node: el("readout", ...Object.values(facts).map(({ node }) => node)) };
}

export function paintReadout({ data, playhead, narrow, readout }, state) {
  const { facts } = readout;
  const phase = `${state.phase} of ${state.phases.length}`;
  const open = state.open.join(", ");
  text(facts.playhead.label, narrow ? `Phase ${phase}` : "Playhead");
  set(facts.playhead.label, "data-term", narrow ? "phase" : "playhead");
  text(facts.playhead.main, `Epoch ${playhead.toFixed(2)}`);
  text(facts.phase.main, phase);
  text(facts.training.main, open || "nothing");
  facts.training.value.title = open;
  text(facts.trainable.main, state.trainable === null ? "—" : formatCount(state.trainable));
  text(facts.trainable.aside, state.total ? percentOf(state.trainable, state.total) : "");
  text(facts.memory.label, `Gradients + ${data.optimizer.name}`);
  text(facts.memory.main, state.memory === null ? "—" : formatBytes(state.memory));
}

function buildFact(name, words, label = term(name, words, "fact-label")) {
  const main = document.createElement("span");
  const aside = document.createElement("span");
  aside.className = "aside";
  const value = el("fact-value", main, aside);
  return { label, main, aside, value, node: el(`fact ${name}-fact`, label, value) };
}

const percentOf = (part, whole) => `${Number(((100 * part) / whole).toFixed(1))}%`;

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
  return { phase: phase.number, phases, ...amountsAt(groups, epoch, bytesPerParameter) };
}

/** Who trains in an epoch, and the memory that it takes; null where no parameters are known. */
export function amountsAt(groups, epoch, bytesPerParameter) {
  const open = groups.filter(({ windows }) => isOpen(windows, epoch));
  const known = groups.every(({ parameters }) => parameters !== null);
  const sum = (some) => some.reduce((total, { parameters }) => total + parameters, 0);
  // A group that froze again keeps what the optimizer remembers of it.
  const met = groups.filter(({ windows }) => windows.some(([start]) => start <= epoch));
  return {
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
