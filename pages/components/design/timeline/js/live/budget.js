// The LR budget of a group that a hand has changed, from sums that Python sent.

import { changedParts, curveStart } from "../curves.js";
import { visible } from "../windows.js";

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

/** The data's group as the hand has it: its windows and its peak. */
export function groupInHand({ data, windows, scales }, sent) {
  const { name, scale } = sent;
  const [now, base] = [scales.get(name), data.base_lr];
  return { ...sent, windows: windows.get(name), scale: now, peak: now * base, sentPeak: scale * base };
}

/** The data's groups as the hand has them, with the budget of each that it has changed. */
export function groupsInHand(timeline) {
  const { data } = timeline;
  const changed = changedParts(timeline).length > 0;
  return data.groups.map((sent) => {
    const group = groupInHand(timeline, sent);
    const same = !changed && group.windows === sent.windows && group.scale === sent.scale;
    return same ? group : { ...group, budget: budgetOf(timeline, group) };
  });
}
