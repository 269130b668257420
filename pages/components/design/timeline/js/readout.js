// The read-out on top: what is so at the playhead.

import { el, text } from "./dom.js";
import { formatBytes, formatCount } from "./format.js";

export function buildReadout() {
  const facts = {
    playhead: buildFact("playhead-fact", "Playhead"),
    phase: buildFact("phase-fact", "Phase"),
    training: buildFact("training-fact", "Training"),
    trainable: buildFact("trainable-fact", "Trainable"),
    memory: buildFact("memory-fact", "Memory"),
  };
  return { facts, node: el("readout", ...Object.values(facts).map(({ node }) => node)) };
}

export function paintReadout({ data, playhead, narrow, readout }, state) {
  const { facts } = readout;
  const phase = `${state.phase} of ${state.phases.length}`;
  const open = state.open.join(", ");
  text(facts.playhead.label, narrow ? `Phase ${phase}` : "Playhead");
  text(facts.playhead.main, `Epoch ${playhead.toFixed(2)}`);
  text(facts.phase.main, phase);
  text(facts.training.main, open || "nothing");
  facts.training.value.title = open;
  text(facts.trainable.main, state.trainable === null ? "—" : formatCount(state.trainable));
  text(facts.trainable.aside, state.total ? percentOf(state.trainable, state.total) : "");
  text(facts.memory.label, `Gradients + ${data.optimizer.name}`);
  facts.memory.node.title = "Float32 gradients of what trains, and the optimizer's state of all that has trained";
  text(facts.memory.main, state.memory === null ? "—" : formatBytes(state.memory));
}

function buildFact(name, words) {
  const label = el("fact-label", words);
  const main = document.createElement("span");
  const aside = document.createElement("span");
  aside.className = "aside";
  const value = el("fact-value", main, aside);
  return { label, main, aside, value, node: el(`fact ${name}`, label, value) };
}

const percentOf = (part, whole) => `${Number(((100 * part) / whole).toFixed(1))}%`;
