// What all rows have in common: the phases, the epochs, the playhead, and the lines through the rows.

import { clamp, pixelsOf, ticks, xOfEpoch, zoomOf } from "./axis.js";
import { describe, el, percent, placeOf, pool, put, set, show, slider, span, term, text, widthOf } from "./dom.js";

const DIGIT_PX = 8;
const LABEL_PX = 60;
const SLIM_PX = 28;
const FLAG_MIN_PX = 44;
const CARD_PX = 10;
const GUTTER_PX = 14;

/** `handles` learns which nodes the playhead is moved by. */
export function buildScale(handles) {
  const flag = slider("flag", "horizontal");
  flag.setAttribute("aria-label", "Playhead");
  const axis = el("track axis", flag);
  handles.set(axis, { act: "playhead" });
  handles.set(flag, { act: "playhead" });
  const phases = el("track phases");
  const tint = el("tint");
  const needle = el("needle");
  const guide = el("guide");
  return {
    flag,
    axis,
    phases,
    tint,
    needle,
    guide,
    strip: el("row strip", el("label", "Phase"), phases, el("gutter", term("lr-budget", "LR budget"))),
    epochs: el("row scale", el("label", "Epoch"), axis, el("gutter small", "of epochs / of learning")),
    under: el("layer under", tint),
    over: el("layer over", needle, guide),
    segments: [],
    labels: [],
    grid: [],
    borders: [],
  };
}

export function paintScale(timeline, phases) {
  const { scale, axis, curve } = timeline;
  const labels = ticks(axis);
  const flag = placeFlag(timeline);
  pool(scale.axis, scale.labels, labels.length, () => el("tick")).forEach((node, index) => {
    const value = String(labels[index]);
    text(node, value);
    node.style.left = placeOf(labels[index], axis);
    const distance = Math.abs(xOfEpoch(labels[index], axis) - flag.x);
    node.classList.toggle("covered", distance < flag.width / 2 + value.length * 3);
  });
  pool(scale.under, scale.grid, labels.length, () => el("gridline")).forEach((node, index) => {
    node.style.left = placeOf(labels[index], axis);
  });
  pool(scale.over, scale.borders, phases.length - 1, () => el("border")).forEach((node, index) => {
    put(node, phases[index + 1].start, axis);
  });
  span(scale.tint, 0, Math.min(curve.warmup, axis.epochs), axis);
  show(scale.guide, timeline.guide !== null);
  if (timeline.guide !== null) put(scale.guide, timeline.guide, axis);
  paintPhases(timeline, phases);
  paintPlayhead(timeline, flag);
}

function paintPhases({ scale, playhead, axis }, phases) {
  const epoch = clamp(Math.floor(playhead), 0, axis.epochs - 1);
  const make = () => el("phase", el("number"), el("what"));
  pool(scale.phases, scale.segments, phases.length, make).forEach((node, index) => {
    const { number, start, end, label } = phases[index];
    // What is cut off is no room for words: they stand in the part that is in view.
    const [low, high] = [Math.max(start, axis.from), Math.min(end, axis.to)];
    const room = pixelsOf(Math.max(high - low, 0), axis);
    if (room > 0) span(node, low, high, axis);
    show(node, room > 0);
    const digits = String(number);
    text(node.firstChild, room < DIGIT_PX * (digits.length + 1) ? "" : digits);
    text(node.lastChild, room < LABEL_PX ? "" : label);
    node.title = `Phase ${number}: ${label}`;
    node.classList.toggle("now", start <= epoch && epoch < end);
    node.classList.toggle("slim", room < SLIM_PX);
  });
}

function paintPlayhead({ scale, playhead, axis }, flag) {
  const { epochs } = axis;
  put(scale.needle, playhead, axis);
  put(scale.flag, playhead, axis);
  scale.flag.style.setProperty("--nudge", `${flag.x - xOfEpoch(playhead, axis)}px`);
  text(scale.flag, flag.words);
  describe(scale.flag, 0, epochs, playhead, `Epoch ${flag.words} of ${epochs}`);
}

/** The playhead's flag: its words, its width and its middle, kept within the card, off the gutter. */
function placeFlag({ playhead, axis, narrow }) {
  const { width } = axis;
  const words = playhead.toFixed(2);
  const size = Math.max(FLAG_MIN_PX, widthOf(words));
  const left = size / 2 - (narrow ? CARD_PX : size / 2);
  const right = width - size / 2 + (narrow ? CARD_PX : GUTTER_PX);
  const x = xOfEpoch(playhead, axis);
  const inView = x >= 0 && x <= width;
  return { words, width: size, x: inView ? clamp(x, left, right) : x };
}

/** The thin bar over the phases that says which part of the run is shown, and moves it. */
export function buildOverview(handles) {
  const thumb = el("thumb");
  const node = el("overview", thumb);
  node.tabIndex = 0;
  node.setAttribute("role", "scrollbar");
  node.setAttribute("aria-orientation", "horizontal");
  node.setAttribute("aria-label", "Part of the run that is shown");
  node.setAttribute("aria-controls", "thaw-rows");
  handles.set(node, { act: "scroll" });
  return { node, thumb };
}

export function paintOverview({ overview, axis, root }) {
  const { from, to, epochs } = axis;
  const on = zoomOf(axis) > 1;
  root.classList.toggle("zoomed", on);
  show(overview.node, on);
  if (!on) return;
  overview.thumb.style.left = percent(from, epochs);
  overview.thumb.style.width = percent(to - from, epochs);
  set(overview.node, "aria-valuemin", 0);
  set(overview.node, "aria-valuemax", Math.round(epochs - (to - from)));
  set(overview.node, "aria-valuenow", Math.round(from));
  const words = `epochs ${Math.round(from)} to ${Math.round(to)} of ${epochs}`;
  set(overview.node, "aria-valuetext", words);
}
