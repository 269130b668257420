// Curves: flat polylines x0, y0, x1, y1, … of epochs and shares of a peak, read, stretched and drawn.

import { clamp } from "./axis.js";

const PARTS = ["origin", "warmup", "start", "floor", "cooldown"];
/** Bounds of a share of the base rate that a hand can give a group. */
export const SCALES = [1e-6, 1000];

const FIELDS = {
  warmup: "lr.warmup.epochs",
  start: "lr.warmup.start_factor",
  floor: "lr.decay.floor.factor",
  floorLr: "lr.decay.floor.lr",
  cooldown: "lr.decay.cooldown",
  afterUnfreeze: "lr.after_unfreeze",
};

/** The shared curve's numbers by short names, out of the schedule's fields by path; null for none. */
export const curveOf = (fields) =>
  Object.fromEntries(Object.entries(FIELDS).map(([name, path]) => [name, fields[path] ?? null]));

/** The schedule's fields by path, as a curve has them. */
export const fieldsOf = (curve) =>
  Object.fromEntries(Object.entries(FIELDS).map(([name, path]) => [path, curve[name]]));

/** Whether each group's curve begins anew when it first thaws. */
export const restarts = ({ afterUnfreeze }) => afterUnfreeze === "restart";

/** The names of the shared curve's numbers that a hand has changed of what Python sent. */
export const changedParts = ({ data, curve }) =>
  Object.entries(curveOf(data.fields)).flatMap(([name, sent]) => (curve[name] === sent ? [] : [name]));

/** The epoch at which a group's curve begins, as core/schedule/curves.py has it. */
export const curveStart = (curve, windows) => (restarts(curve) && windows.length > 0 ? windows[0][0] : 0);

/** Value of a polyline at x; on a vertical edge, the right-hand one. */
export function valueAt(points, x) {
  let low = 0;
  let high = points.length / 2 - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (points[2 * middle] <= x) low = middle;
    else high = middle - 1;
  }
  const [x0, y0, x1, y1] = points.slice(2 * low, 2 * low + 4);
  return x1 === undefined || x <= x0 || x1 === x0 ? y0 : y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}

/** What full height stands for: the peak, or more where an absolute floor lifts the rate above it. */
export function highest(points) {
  let top = 1;
  for (let i = 1; i < points.length; i += 2) top = Math.max(top, points[i]);
  return top;
}

/**
 * Points of a curve after its handles or its origin moved, before Python sends new ones.
 * Every curve depends on t / warmup and on (t - warmup) / rest only, with a cooldown on how far each
 * part of it has gone, and is affine in start factor and floor, so stretching the points is exact
 * for a rate that changes with every step.
 */
export function warp(points, from, to, epochs) {
  if (PARTS.every((name) => from[name] === to[name])) return points;
  const restFrom = epochs - from.origin - from.warmup;
  const restTo = epochs - to.origin - to.warmup;
  const lift = (y, old, now) => (old === now || old === 1 ? y : 1 - ((1 - y) * (1 - now)) / (1 - old));
  const result = to.origin > 0 ? [0, to.warmup > 0 ? to.start : 1] : [];
  if (from.warmup === 0 && to.warmup > 0) result.push(to.origin, to.start);
  for (let i = 0; i < points.length; i += 2) {
    const t = points[i] - from.origin;
    if (t < 0) continue;
    if (t < from.warmup) {
      if (to.warmup === 0) continue;
      result.push(to.origin + (t / from.warmup) * to.warmup, lift(points[i + 1], from.start, to.start));
    } else if (restFrom > 0) {
      const share = squeeze((t - from.warmup) / restFrom, from.cooldown, to.cooldown);
      const x = to.origin + to.warmup + share * Math.max(restTo, 0);
      // Out of a curve that only cools down comes one that stays at its peak for a while.
      if (t === from.warmup && share > 0) result.push(to.origin + to.warmup, 1);
      result.push(x, lift(points[i + 1], from.floor ?? 0, to.floor ?? 0));
    }
  }
  return until(epochs, result);
}

/** The points up to x = end; level from where none are known, as of a curve that had no time to fall. */
function until(end, points) {
  const beyond = points.findIndex((value, at) => at % 2 === 0 && value > end);
  if (beyond >= 0) return [...points.slice(0, beyond), end, valueAt(points, end)];
  const known = points.length > 0 ? points : [0, 1];
  return known.at(-2) < end ? [...known, end, known.at(-1)] : known;
}

/**
 * The points of a group's curve, or of the shared one for null, as the hand has changed them: those
 * of the data, or others from Python. A group has the `peak` that it has now and the `sentPeak`, for
 * which Python computed its points.
 */
export function pointsOf({ data, curve }, group, points = data.curves[group?.curve ?? data.curve]) {
  const { epochs, fields, base_lr: base } = data;
  const from = { ...lifted(curveOf(fields), group?.sentPeak ?? base), origin: group?.origin ?? 0 };
  const origin = Math.min(curveStart(curve, group?.windows ?? []), epochs - 1);
  const to = { ...lifted(curve, group?.peak ?? base), origin };
  // Rates that change by epoch are others on a curve that is stretched: all that is known is their height.
  const { warmup, cooldown } = from;
  const stays = group !== null && fields["lr.interval"] === "epoch";
  return warp(points, from, stays ? { ...to, warmup, cooldown, origin: from.origin } : to, epochs);
}

/** A curve's numbers with an absolute floor as the share of a peak that it is. */
const lifted = (curve, peak) =>
  curve.floorLr === null ? curve : { ...curve, floor: curve.floorLr / peak };

/** The epoch at which the shared curve begins to cool down; null for a shape that does not. */
export function coolsAt({ warmup, cooldown }, epochs) {
  if (cooldown === null) return null;
  const peakAt = Math.min(warmup, epochs);
  return peakAt + (1 - cooldown) * (epochs - peakAt);
}

/** The cooldown, a share of what is left after warmup, that begins at an epoch. */
export function cooldownFrom(epoch, { warmup }, epochs) {
  const left = epochs - Math.min(warmup, epochs);
  return left <= 0 ? 1 : Number(clamp((epochs - epoch) / left, 0.001, 1).toFixed(4));
}

/** A place between warmup and end, both shares of that time, after the cooldown has another length. */
function squeeze(share, old, now) {
  if (old === now || old === null || old === undefined) return share;
  const [from, to] = [1 - old, 1 - now];
  if (share <= from) return from > 0 ? (share / from) * to : to;
  return to + ((share - from) / old) * now;
}

/** An SVG path in epochs and shares, y down, share 1 at the top; `closed` goes back along the ground. */
export function path(points, closed = false) {
  const top = highest(points);
  const parts = [];
  for (let i = 0; i < points.length; i += 2) {
    parts.push(`${rounded(points[i])} ${rounded(1 - points[i + 1] / top)}`);
  }
  const line = `M${parts.join("L")}`;
  return closed ? `${line}L${rounded(points.at(-2))} 1L${rounded(points[0])} 1Z` : line;
}

/** Two significant digits between 0 and `high`; what is next to nothing is 0. */
export function snapShare(value, high = 1) {
  const share = clamp(value, 0, high);
  return share < 5e-4 ? 0 : Number(share.toPrecision(2));
}

/** The next rate up or down the ladder 1, 2, 5 · 10^k, from 0 and back to it below `lowest`. */
export function rung(rate, up, lowest) {
  if (rate < lowest) return up ? rung(lowest / 1.01, true, 0) : 0;
  const power = Math.floor(Math.log10(rate) + 1e-9);
  const ladder = [0.5, 1, 2, 5, 10, 20].map((step) => Number(`${step}e${power}`));
  const next = up
    ? ladder.find((step) => step > rate * 1.001)
    : ladder.findLast((step) => step < rate * 0.999);
  return next < lowest ? 0 : Number(next.toPrecision(6));
}

/** The rung of that ladder that is nearest to a rate, by ratio. */
export function nearestRung(rate) {
  const power = Math.floor(Math.log10(rate));
  const off = (step) => Math.abs(Math.log(step / rate));
  const rungs = [1, 2, 5, 10].map((step) => Number(`${step}e${power}`));
  return rungs.reduce((best, step) => (off(step) < off(best) ? step : best));
}

const rounded = (value) => Math.round(value * 1e4) / 1e4;
