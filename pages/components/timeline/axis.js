// The time axis: epochs and pixels, what is labelled, and the grids that a hand snaps to.

export const NARROW = 700;

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Pixels from the track's left edge to an epoch. */
export const xOfEpoch = (epoch, width, epochs) => (epoch / epochs) * width;

/** The epoch at a pixel of the track, within the run. */
export const epochOfX = (x, width, epochs) => clamp((x / width) * epochs, 0, epochs);

/** Epochs to label: even steps of 1, 2 or 5 · 10^k at least `room` pixels apart, and the last one. */
export function ticks(epochs, width, room = 44) {
  let step = 1;
  for (let k = 0; (step / epochs) * width < room && step < epochs; k += 1) {
    step = [1, 2, 5][k % 3] * 10 ** Math.floor(k / 3);
  }
  const found = [];
  for (let epoch = 0; ((epochs - epoch) / epochs) * width >= room * 0.75; epoch += step) {
    found.push(epoch);
  }
  return [...found, epochs];
}

/** A number of epochs on a grid of `step`. */
export const snapTo = (value, step) => Number((Math.round(value / step) * step).toFixed(4));

/** Grid of the playhead in epochs: fine enough to read a curve, coarse enough to say aloud. */
export function playheadStep(epochs) {
  if (epochs <= 40) return 0.05;
  return epochs <= 400 ? 0.5 : 1;
}
