// The time axis: epochs and pixels, what is labelled, and the grids that a hand snaps to.
//
// An axis is what the track shows: epochs `from` to `to` of a run of `epochs`, over `width` pixels.

export const NARROW = 700;
export const ZOOM_STEP = 2;

const LEAST_SPAN = 2;

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** The axis of a run of `epochs` that shows `span`, a pair of epochs, or all of it for null. */
export function axisOf(epochs, width, span = null) {
  const [from, to] = span === null ? [0, epochs] : within(span, epochs);
  return { from, to, width, epochs };
}

/** Pixels from the track's left edge to an epoch. */
export const xOfEpoch = (epoch, { from, to, width }) => ((epoch - from) / (to - from)) * width;

/** Pixels that so many epochs take. */
export const pixelsOf = (count, { from, to, width }) => (count / (to - from)) * width;

/** The epoch at a pixel of the track, within the run. */
export const epochOfX = (x, axis) =>
  clamp(axis.from + (x / axis.width) * (axis.to - axis.from), 0, axis.epochs);

/** How many times wider than the whole run the axis is. */
export const zoomOf = ({ from, to, epochs }) => epochs / (to - from);

/** A view that shows `factor` times more, with the epoch `around` where it was; null for the run. */
export function zoomed({ from, to, epochs }, factor, around) {
  const length = clamp((to - from) * factor, Math.min(LEAST_SPAN, epochs), epochs);
  if (length >= epochs * 0.999) return null;
  const share = (clamp(around, from, to) - from) / (to - from);
  return within([around - share * length, around + (1 - share) * length], epochs);
}

/** Whether an axis can be zoomed further in, and out. */
export const canZoom = ({ from, to, epochs }) => ({
  closer: to - from > Math.min(LEAST_SPAN, epochs) + 1e-6,
  out: to - from < epochs - 1e-6,
});

/** A view moved by so many epochs, within the run. */
export const panned = ({ from, to, epochs }, by) =>
  to - from >= epochs ? null : within([from + by, to + by], epochs);

/** A view that shows an epoch and something on each side of it; as it was if it does already. */
export function revealing(axis, epoch) {
  const margin = (axis.to - axis.from) * 0.04;
  if (epoch < axis.from) return panned(axis, epoch - axis.from - margin);
  if (epoch > axis.to) return panned(axis, epoch - axis.to + margin);
  return zoomOf(axis) === 1 ? null : [axis.from, axis.to];
}

/** Epochs to label: even steps of 1, 2 or 5 · 10^k at least `room` pixels apart, and the last one. */
export function ticks(axis, room = 44) {
  const { from, to, epochs } = axis;
  let step = 1;
  for (let k = 0; pixelsOf(step, axis) < room && step < epochs; k += 1) {
    step = [1, 2, 5][k % 3] * 10 ** Math.floor(k / 3);
  }
  const found = [];
  for (let epoch = Math.ceil(from / step) * step; epoch <= to && epoch < epochs; epoch += step) {
    if (to < epochs || pixelsOf(epochs - epoch, axis) >= room * 0.75) found.push(epoch);
  }
  return to >= epochs ? [...found, epochs] : found;
}

/** A number of epochs on a grid of `step`. */
export const snapTo = (value, step) => Number((Math.round(value / step) * step).toFixed(4));

/** Grid of the playhead in epochs: fine enough to read a curve, coarse enough to say aloud. */
export function playheadStep({ from, to }) {
  if (to - from <= 40) return 0.05;
  return to - from <= 400 ? 0.5 : 1;
}

/** A pair of epochs moved into the run, to four digits: its length stays, as far as the run goes. */
function within([from, to], epochs) {
  const length = Math.min(to - from, epochs);
  const start = clamp(from, 0, epochs - length);
  return [Number(start.toFixed(4)), Number(Math.min(start + length, epochs).toFixed(4))];
}

/** Show another part of the run: a pair of epochs, or null for all of it. */
export function setView(timeline, span) {
  if (JSON.stringify(span) === JSON.stringify(timeline.span)) return;
  timeline.span = span;
  if (timeline.axis) timeline.axis = axisOf(timeline.data.epochs, timeline.axis.width, span);
  timeline.repaint();
}

/** Show `factor` times more of the run round the playhead, or round the middle if it is elsewhere. */
export function zoomBy(timeline, factor) {
  const { axis, playhead } = timeline;
  const inView = playhead >= axis.from && playhead <= axis.to;
  setView(timeline, zoomed(axis, factor, inView ? playhead : (axis.from + axis.to) / 2));
}

/** Move what is shown so far that an epoch can be seen. */
export function reveal(timeline, epoch) {
  if (timeline.axis) setView(timeline, revealing(timeline.axis, epoch));
}

/** Two fingers: what is under them stays under them. `before` and `now` are their pixels in order. */
export function pinched(axis, before, now) {
  const apart = ([one, other]) => Math.max(Math.abs(other - one), 24);
  const middle = ([one, other]) => (one + other) / 2;
  const around = axis.from + (middle(before) / axis.width) * (axis.to - axis.from);
  const view = zoomed(axis, apart(before) / apart(now), around);
  if (view === null) return null;
  const closer = axisOf(axis.epochs, axis.width, view);
  const off = (middle(now) - xOfEpoch(around, closer)) / axis.width;
  return panned(closer, -off * (closer.to - closer.from));
}

/** Pixels from the window's left edge to the track. */
export const trackLeft = ({ scale }) => scale.axis.getBoundingClientRect().left;
