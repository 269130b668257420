// How far a key goes: on the playhead, and on the handles of the shared curve.

import { clamp, playheadStep, snapTo } from "./axis.js";
import { rung } from "./curves.js";
import { cooldownFrom, coolsAt } from "./shared.js";

/** Whole steps that a key goes: 1 by arrow, a tenth of the run by page, or all the way. */
export function stepsOf(pressed, epochs) {
  const big = bigStep(epochs);
  const down = { ArrowLeft: -1, ArrowDown: -1, PageDown: -big, Home: -Infinity };
  const up = { ArrowRight: 1, ArrowUp: 1, PageUp: big, End: Infinity };
  return { ...down, ...up }[pressed];
}

const bigStep = (epochs) => Math.max(5, Math.round(epochs / 10));

/** From epoch to epoch by an arrow, finely with Shift. */
export function stepPlayhead(timeline, by, fine) {
  const { epochs } = timeline.data;
  const now = timeline.playhead;
  const whole = by > 0 ? Math.floor(now) + 1 : Math.ceil(now) - 1;
  const single = fine ? now + by * playheadStep(timeline.axis) : whole;
  const next = Math.abs(by) === 1 ? single : now + by;
  timeline.playhead = Number(clamp(next, 0, epochs).toFixed(4));
}

/** Epochs by halves, shares by hundredths, an absolute rate by the ladder 1, 2, 5. */
export function stepCurve(timeline, act, by, fine) {
  const { epochs, shared } = timeline.data;
  const { curve } = timeline;
  const single = Math.abs(by) === 1;
  const ofEpochs = single ? by * (fine ? 0.1 : 0.5) : by;
  // Shares go by a hundredth, and by a tenth with Page.
  const ofShare = by * (single ? (fine ? 0.001 : 0.01) : 0.1 / bigStep(epochs));
  const share = (value) => clamp(Number((value + ofShare).toFixed(4)), 0, 1);
  if (act === "warmup") {
    const warmup = clamp(Number((curve.warmup + ofEpochs).toFixed(4)), 0, epochs);
    timeline.curve = { ...curve, warmup };
  } else if (act === "cooldown") {
    const begins = clamp(snapTo(coolsAt(curve, epochs) + ofEpochs, fine ? 0.1 : 0.5), 0, epochs);
    timeline.curve = { ...curve, cooldown: cooldownFrom(begins, curve, epochs) };
  } else if (act === "factor") timeline.curve = { ...curve, start: share(curve.start) };
  else if (curve.floorLr === null) timeline.curve = { ...curve, floor: share(curve.floor) };
  else timeline.curve = { ...curve, floorLr: stepRate(curve.floorLr, shared.base_lr, by, fine) };
}

function stepRate(rate, base, by, fine) {
  if (!Number.isFinite(by)) return by < 0 ? 0 : base;
  if (fine && rate > 0) return Number((rate * (by > 0 ? 1.1 : 1 / 1.1)).toPrecision(2));
  let next = rate;
  for (let turn = 0; turn < (Math.abs(by) === 1 ? 1 : 3); turn += 1) next = rung(next, by > 0, base * 1e-6);
  return Math.min(next, Math.max(base, rate));
}
