// What can be dragged, or moved by keys: an entry for each kind of handle.
//
// `drag` changes the timeline from how it was when the pointer went down to where the pointer is.
// `key` goes one step of a key; false if the key means nothing there. `reveal` is what has to be in
// view, as [start, end] in epochs. `say` is what no slider says of a change by keys, in words.
// `commit` is the event for Python, or null. An action that only `scrolls` grabs nothing;
// one with a `flag` says its value while a hand is on it; on one that `removes`, Delete takes the
// window away; one that is `upright` has the arrows up and down for itself.

import { clamp, panned, playheadStep, setView, snapTo, zoomOf } from "./axis.js";
import { SCALES, cooldownFrom, coolsAt, nearestRung, rung, snapShare } from "./curves.js";
import { formatScale } from "./format.js";
import { fieldsEvent, groupsEvent } from "./protocol.js";
import { grabbed, take } from "./selection.js";
import { PLOT_PX } from "./shared_curve.js";
import { edgeOf, edgesOf, held, movedTogether, visible } from "./windows.js";

const CREEP = 0.012;
const DECADE_PX = 24;
const DECADE_BY_FINGER_PX = 60;
const STILL_PX = 3;

/** The epoch under a pixel of the window while something is dragged, also beyond the run. */
export const timeAt = ({ axis, drag }, clientX) =>
  axis.from + ((clientX - drag.left) / axis.width) * (axis.to - axis.from);

/** A window as a whole, or one of its edges. */
const ofWindow = (act) => ({
  flag: act !== "move",
  removes: true,
  drag: dragWindows,
  key(timeline, action, { by }) {
    const { windows, data } = timeline;
    if (act === "move" && !windows.get(action.row.name)[action.window]) return false;
    timeline.windows = movedTogether(windows, grabbed(timeline, action), act, by, data.epochs);
    return true;
  },
  reveal: ({ windows, data }, { row, window }) =>
    (act === "move" ? ["start", "end"] : [act, act]).map((edge) =>
      edgeOf(windows.get(row.name), window, edge, data.epochs),
    ),
  say: sayWindows,
  commit: groupsEvent,
});

/** A handle of the shared curve: where it stands, and what a drag or a key makes of the curve. */
const ofCurve = ({ at, drag, key }) => ({
  drag(timeline, event) {
    const { saved, time, y } = timeline.drag;
    const across = timeAt(timeline, event.clientX) - time;
    const up = (y - event.clientY) / PLOT_PX / (event.shiftKey ? 10 : 1);
    timeline.curve = { ...saved.curve, ...drag(saved.curve, { across, up, fine: event.shiftKey, ...timeline.data }) };
  },
  key(timeline, _, step) {
    timeline.curve = { ...timeline.curve, ...key(timeline.curve, { ...step, ...timeline.data }) };
    return true;
  },
  reveal({ curve, data }) {
    const epoch = at(curve, data.epochs);
    return [epoch, epoch];
  },
  commit: fieldsEvent,
});

const scrolls = { scrolls: true, drag: dragView };

export const ACTIONS = {
  point: {},
  pan: scrolls,
  pick: { ...scrolls, reveal: (_, { gap }) => gap?.() ?? null },
  scroll: { drag: dragThumb, key: keyThumb },
  playhead: {
    drag: dragPlayhead,
    key: keyPlayhead,
    reveal: ({ playhead }) => [playhead, playhead],
  },
  move: ofWindow("move"),
  start: ofWindow("start"),
  end: ofWindow("end"),
  peak: {
    flag: true,
    upright: true,
    drag(timeline, event) {
      const { drag } = timeline;
      const up = drag.y - event.clientY;
      const decade = drag.finger ? DECADE_BY_FINGER_PX : DECADE_PX;
      const now = drag.saved.scales.get(drag.row.name);
      const scale = now * 10 ** (up / decade / (event.shiftKey ? 10 : 1));
      take(timeline, drag);
      // A hand that only goes sideways gives the group no rate of its own.
      const still = Math.abs(up) < STILL_PX;
      const fine = Number(scale.toPrecision(2));
      rescale(timeline, drag.saved, drag, still ? now : event.shiftKey ? fine : nearestRung(scale));
    },
    key(timeline, action, { by, fine }) {
      const now = timeline.scales.get(action.row.name);
      rescale(timeline, timeline, action, stepRate(now, 1, by, fine, SCALES[1]));
      return true;
    },
    reveal: ofWindow("move").reveal,
    say: ({ scales }, { row, saved }) =>
      [...scales]
        .filter(([name, scale]) => name !== row.name && scale !== saved.scales.get(name))
        .map(([name, scale]) => `${name} peaks at ${formatScale(scale)}`)
        .join(". "),
    commit: groupsEvent,
  },
  warmup: ofCurve({
    at: (curve, epochs) => Math.min(curve.warmup, epochs),
    drag: ({ warmup }, { across, fine, epochs }) => ({ warmup: inRun(snapTo(warmup + across, gridOf(fine)), epochs) }),
    key: ({ warmup }, { ofEpochs, epochs }) => ({ warmup: inRun(warmup + ofEpochs, epochs) }),
  }),
  factor: ofCurve({
    at: () => 0,
    drag: ({ start }, { up }) => ({ start: snapShare(start + up) }),
    key: ({ start }, { ofShare }) => ({ start: stepShare(start, ofShare) }),
  }),
  cooldown: ofCurve({
    at: coolsAt,
    drag: (curve, { across, fine, epochs }) => cooldownAt(coolsAt(curve, epochs) + across, curve, fine, epochs),
    key: (curve, { ofEpochs, fine, epochs }) => cooldownAt(coolsAt(curve, epochs) + ofEpochs, curve, fine, epochs),
  }),
  floor: ofCurve({
    at: (_, epochs) => epochs,
    drag({ floor, floorLr }, { up, base_lr: base }) {
      if (floorLr === null) return { floor: snapShare(floor + up) };
      const share = floorLr / base;
      const lifted = snapShare(share + up * Math.max(share, 1), Math.max(share, 1));
      return { floorLr: Number((lifted * base).toPrecision(2)) };
    },
    key: ({ floor, floorLr }, { by, fine, ofShare, base_lr: base }) =>
      floorLr === null ? { floor: stepShare(floor, ofShare) } : { floorLr: stepRate(floorLr, base, by, fine) },
  }),
};

/** Whether an action is on a handle with a flag, which a hand takes at once. */
export const hasFlag = (action) => ACTIONS[action?.act]?.flag ?? false;

/** Follow the pointer with what it drags; past an end of a zoomed track, what is shown moves on. */
export function dragTo(timeline, event) {
  const { drag } = timeline;
  const { clientX, clientY, shiftKey, altKey } = event;
  drag.last = { clientX, clientY, shiftKey, altKey };
  ACTIONS[drag.act].drag(timeline, event);
  creep(timeline);
  timeline.repaint();
}

function creep(timeline) {
  const { drag, axis } = timeline;
  if (drag.creeping || ACTIONS[drag.act].scrolls || drag.act === "scroll" || zoomOf(axis) === 1) return;
  const x = drag.last.clientX - drag.left;
  const way = x < 0 ? -1 : x > axis.width ? 1 : 0;
  if (way === 0) return;
  drag.creeping = requestAnimationFrame(() => {
    drag.creeping = 0;
    if (timeline.drag !== drag) return;
    setView(timeline, panned(timeline.axis, way * CREEP * (axis.to - axis.from)));
    dragTo(timeline, drag.last);
  });
}

function dragWindows(timeline, event) {
  const { drag, axis } = timeline;
  const { saved, act, picks } = drag;
  const { epochs } = axis;
  take(timeline, drag);
  drag.edges ??= edgesOf(saved.windows, picks, epochs);
  const across = timeAt(timeline, event.clientX) - drag.time;
  const hold = event.altKey ? null : held(saved.windows, picks[0], act, across, drag.edges, axis);
  timeline.windows = movedTogether(saved.windows, picks, act, hold?.by ?? across, epochs);
  const { group, window } = picks[0];
  const edges = ["start", "end"].map((edge) => edgeOf(timeline.windows.get(group), window, edge, epochs));
  timeline.guide = hold !== null && edges.includes(hold.at) ? hold.at : null;
}

function dragView(timeline, { clientX }) {
  setView(timeline, panned(timeline.axis, timeline.drag.time - timeAt(timeline, clientX)));
}

function dragThumb(timeline, { clientX }) {
  const { drag, axis } = timeline;
  const at = ((clientX - drag.box.left) / drag.box.width) * axis.epochs;
  setView(timeline, panned(axis, at - drag.off - axis.from));
}

function keyThumb(timeline, _, { by }) {
  const { axis } = timeline;
  const length = axis.to - axis.from;
  const page = Number.isFinite(by) ? length : axis.epochs;
  setView(timeline, panned(axis, Math.sign(by) * (Math.abs(by) === 1 ? length * 0.1 : page)));
  return true;
}

function dragPlayhead(timeline, { clientX }) {
  const { drag, axis } = timeline;
  const time = timeAt(timeline, clientX) - drag.off;
  timeline.playhead = clamp(snapTo(time, playheadStep(axis)), 0, axis.epochs);
}

/** From epoch to epoch by an arrow, finely with Shift. */
function keyPlayhead(timeline, _, { by, fine }) {
  const now = timeline.playhead;
  const whole = by > 0 ? Math.floor(now) + 1 : Math.ceil(now) - 1;
  const single = fine ? now + by * playheadStep(timeline.axis) : whole;
  const next = Math.abs(by) === 1 ? single : now + by;
  timeline.playhead = Number(clamp(next, 0, timeline.data.epochs).toFixed(4));
  return true;
}

/** Give a group another peak; groups that are selected with it keep theirs in proportion. */
function rescale(timeline, { scales }, action, scale) {
  const groups = new Set(grabbed(timeline, action).map(({ group }) => group));
  const own = [...groups].map((name) => scales.get(name));
  const [low, high] = SCALES;
  // The tightest limit of any of them holds for all; what lies beyond a limit already goes back only.
  const times = clamp(
    scale / scales.get(action.row.name),
    Math.min(1, low / Math.min(...own)),
    Math.max(1, high / Math.max(...own)),
  );
  const changed = (value) => (times === 1 ? value : Number((value * times).toPrecision(4)));
  timeline.scales = new Map([...scales].map(([name, value]) => [name, groups.has(name) ? changed(value) : value]));
}

/** A key's step: as many epochs, and as much of a share, as it goes; undefined for another key. */
export function stepOf({ key, shiftKey: fine }, epochs) {
  const big = Math.max(5, Math.round(epochs / 10));
  const down = { ArrowLeft: -1, ArrowDown: -1, PageDown: -big, Home: -Infinity };
  const up = { ArrowRight: 1, ArrowUp: 1, PageUp: big, End: Infinity };
  const by = { ...down, ...up }[key];
  if (by === undefined) return undefined;
  const single = Math.abs(by) === 1;
  // Epochs go by halves, shares by a hundredth, and by a tenth with Page.
  const ofEpochs = single ? by * (fine ? 0.1 : 0.5) : by;
  return { by, fine, ofEpochs, ofShare: by * (single ? (fine ? 0.001 : 0.01) : 0.1 / big) };
}

const gridOf = (fine) => (fine ? 0.1 : 0.5);

const inRun = (epoch, epochs) => clamp(Number(epoch.toFixed(4)), 0, epochs);

const stepShare = (share, by) => clamp(Number((share + by).toFixed(4)), 0, 1);

/** The next rate on the ladder 1, 2, 5, three of them by Page; a tenth more or less with Shift. */
function stepRate(rate, base, by, fine, most = base) {
  if (!Number.isFinite(by)) return by < 0 ? 0 : Math.max(base, rate);
  if (fine && rate > 0) return Number((rate * (by > 0 ? 1.1 : 1 / 1.1)).toPrecision(2));
  let next = rate;
  for (let turn = 0; turn < (Math.abs(by) === 1 ? 1 : 3); turn += 1) next = rung(next, by > 0, base * 1e-6);
  return Math.min(next, Math.max(most, rate));
}

const cooldownAt = (epoch, curve, fine, epochs) => ({
  cooldown: cooldownFrom(inRun(snapTo(epoch, gridOf(fine)), epochs), curve, epochs),
});

/** What moved along is told in full: its sliders have not been heard. */
function sayWindows(timeline, { act, row, saved }) {
  return windowsInWords(timeline, saved, (name) => (name === row.name ? act : "move"));
}

/** What has changed of the windows, group by group; of a group with the act "start" or "end", no moved edge. */
export function windowsInWords({ windows, data }, saved, actOf = () => "move") {
  const words = [...windows].map(([name, spans]) =>
    changeInWords(name, actOf(name), saved.windows.get(name), spans, data.epochs),
  );
  return words.filter((each) => each !== "").join(". ");
}

/** Words for windows that were moved as a whole or taken away, and none for a moved edge. */
export function changeInWords(name, act, before, after, epochs) {
  const spans = (windows) => visible(windows, epochs).map(({ start, end }) => `${start} to ${end}`);
  const now = spans(after);
  const gone = spans(before).filter((span) => !now.includes(span));
  if (gone.length > 0 && now.length === 0) return `${name} never trains`;
  if (after.length < before.length) return `${name} no longer trains in epochs ${gone.join(", ")}`;
  const moved = now.filter((span) => !spans(before).includes(span));
  return act === "move" && moved.length > 0 ? `${name} trains in epochs ${moved.join(", ")}` : "";
}
