// What all rows have in common: the phases, the epochs, the playhead, and the lines through the rows.

import { clamp, ticks, xOfEpoch } from "./axis.js";
import { widthOf } from "./chip.js";
import { describe, el, percent, pool, slider, span, text } from "./dom.js";

const NUMBER_PX = 14;
const LABEL_PX = 60;
const SLIM_PX = 28;
const FLAG_MIN_PX = 44;
const CARD_PX = 10;
const GUTTER_PX = 14;

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
  const flag = placeFlag(timeline);
  pool(scale.axis, scale.labels, labels.length, () => el("tick")).forEach((node, index) => {
    const value = String(labels[index]);
    text(node, value);
    node.style.left = percent(labels[index], epochs);
    const distance = Math.abs(xOfEpoch(labels[index], width, epochs) - flag.x);
    node.classList.toggle("covered", distance < flag.width / 2 + value.length * 3);
  });
  pool(scale.under, scale.grid, labels.length, () => el("gridline")).forEach((node, index) => {
    node.style.left = percent(labels[index], epochs);
  });
  pool(scale.over, scale.borders, phases.length - 1, () => el("border")).forEach((node, index) => {
    node.style.left = percent(phases[index + 1].start, epochs);
  });
  scale.tint.style.width = percent(Math.min(curve.warmup, epochs), epochs);
  paintPhases(timeline, phases);
  paintPlayhead(timeline, flag);
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

function paintPlayhead({ scale, data, playhead, width }, flag) {
  const { epochs } = data;
  scale.needle.style.left = percent(playhead, epochs);
  scale.flag.style.left = percent(playhead, epochs);
  scale.flag.style.setProperty("--nudge", `${flag.x - xOfEpoch(playhead, width, epochs)}px`);
  text(scale.flag, flag.words);
  describe(scale.flag, 0, epochs, playhead, `Epoch ${flag.words} of ${epochs}`);
}

/** The playhead's flag: its words, its width and its middle, kept within the card, off the gutter. */
function placeFlag({ data, playhead, width, narrow }) {
  const words = playhead.toFixed(2);
  const size = Math.max(FLAG_MIN_PX, widthOf(words));
  const left = size / 2 - (narrow ? CARD_PX : size / 2);
  const right = width - size / 2 + (narrow ? CARD_PX : GUTTER_PX);
  return { words, width: size, x: clamp(xOfEpoch(playhead, width, data.epochs), left, right) };
}
