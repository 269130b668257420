// The LR budget of a group that a hand has changed, from sums that Python sent.

import { changedParts, curveStart } from "./curves.js";
import { visible } from "./windows.js";

/**
 * A group's shares of the epochs and of the learning, as core/schedule/budget.py has them; null if
 * it never trains. The learning is null where the curve is one whose sums were not sent.
 */
export function budgetOf(timeline, { windows, peak }) {
  const { epochs, sums } = timeline.data;
  const open = visible(windows, epochs);
  if (open.length === 0) return null;
  const share = open.reduce((count, { start, end }) => count + end - start, 0) / epochs;
  const own = sums[curveStart(timeline.curve, windows)];
  if (!own || changedParts(timeline).some((name) => name !== "afterUnfreeze")) return [share, null];
  const between = ([ofPeak, ofFloor], start, end) => {
    let sum = 0;
    for (let epoch = start; epoch < end; epoch += 1) sum += peak * ofPeak[epoch] + ofFloor[epoch];
    return sum;
  };
  const received = open.reduce((sum, { start, end }) => sum + between(own, start, end), 0);
  const possible = between(sums[0], 0, epochs);
  return [share, possible > 0 ? received / possible : 0];
}

/** The data's group as the hand has it: its windows, its peak, and its budget if it has changed. */
export function groupInHand(timeline, sent) {
  const { data } = timeline;
  const windows = timeline.windows.get(sent.name);
  const scale = timeline.scales.get(sent.name);
  const group = { ...sent, windows, scale, peak: scale * data.base_lr, sentPeak: sent.scale * data.base_lr };
  if (windows === sent.windows && scale === sent.scale && changedParts(timeline).length === 0) return group;
  return { ...group, budget: budgetOf(timeline, group) };
}
