// What all rows have in common: the phases, the epochs, the playhead, and the lines through the rows.

import { clamp, ticks, xOfEpoch } from "./axis.js";
import { describe, el, percent, pool, slider, span, text } from "./dom.js";

const NUMBER_PX = 14;
const LABEL_PX = 60;
const SLIM_PX = 28;

/** `actions` learns which nodes the playhead is moved by. */
export function buildScale(actions) {
  const flag = slider("flag", "horizontal");
  flag.setAttribute("aria-label", "Playhead");
  const axis = el("track axis", flag);
  actions.set(axis, { act: "playhead" });
  actions.set(flag, { act: "playhead" });
  const phases = el("track phases");
  const tint = el("tint");
  const needle = el("needle");
  return {
    flag,
    axis,
    phases,
    tint,
    needle,
    strip: el("row strip", el("label", "Phase"), phases, el("gutter", "LR budget")),
    epochs: el("row scale", el("label", "Epoch"), axis, el("gutter small", "of epochs / of learning")),
    under: el("layer under", tint),
    over: el("layer over", needle),
    segments: [],
    labels: [],
    grid: [],
    borders: [],
  };
}

export function paintScale(timeline, phases) {
  const { scale, width, curve } = timeline;
  const { epochs } = timeline.data;
  const labels = ticks(epochs, width);
  const flag = xOfEpoch(timeline.playhead, width, epochs);
  pool(scale.axis, scale.labels, labels.length, () => el("tick")).forEach((node, index) => {
    const value = String(labels[index]);
    text(node, value);
    node.style.left = percent(labels[index], epochs);
    const distance = Math.abs(xOfEpoch(labels[index], width, epochs) - flag);
    node.classList.toggle("covered", distance < 22 + value.length * 3);
  });
  pool(scale.under, scale.grid, labels.length, () => el("gridline")).forEach((node, index) => {
    node.style.left = percent(labels[index], epochs);
  });
  pool(scale.over, scale.borders, phases.length - 1, () => el("border")).forEach((node, index) => {
    node.style.left = percent(phases[index + 1].start, epochs);
  });
  scale.tint.style.width = percent(Math.min(curve.warmup, epochs), epochs);
  paintPhases(timeline, phases);
  paintPlayhead(timeline);
}

function paintPhases({ scale, data, playhead, width }, phases) {
  const { epochs } = data;
  const epoch = clamp(Math.floor(playhead), 0, epochs - 1);
  const make = () => el("phase", el("number"), el("what"));
  pool(scale.phases, scale.segments, phases.length, make).forEach((node, index) => {
    const { number, start, end, label } = phases[index];
    const room = xOfEpoch(end - start, width, epochs);
    span(node, start, end, epochs);
    text(node.firstChild, room < NUMBER_PX ? "" : String(number));
    text(node.lastChild, room < LABEL_PX ? "" : label);
    node.title = `Phase ${number}: ${label}`;
    node.classList.toggle("now", start <= epoch && epoch < end);
    node.classList.toggle("slim", room < SLIM_PX);
  });
}

function paintPlayhead({ scale, data, playhead }) {
  const { epochs } = data;
  scale.needle.style.left = percent(playhead, epochs);
  scale.flag.style.left = percent(playhead, epochs);
  text(scale.flag, playhead.toFixed(2));
  describe(scale.flag, 0, epochs, playhead, `Epoch ${playhead.toFixed(2)} of ${epochs}`);
}
