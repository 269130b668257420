// The timeline: draws a schedule, and turns drags and keys into edits.
//
// One object holds the state of one timeline; the files beside this one build, paint and change it.
// Streamlit takes a component's script as one text, into which bundle.py joins them.

import { NARROW, axisOf } from "./axis.js";
import { groupsInHand } from "./live/budget.js";
import { buildCascade } from "./cascade.js";
import { input, press, submit } from "./commands.js";
import { el, term } from "./dom.js";
import { commitTyping } from "./gesture.js";
import { blur, focus, key, pageKey } from "./keyboard.js";
import { buildLive, paintLive } from "./live/live.js";
import { HOVER, cancel, down, hover, menu, move, point, showProblem, up, wheel } from "./pointer.js";
import { paintCurveDiscs } from "./problems.js";
import { isSettled, receive, reportView } from "./protocol.js";
import { buildReadout, paintReadout, stateAt } from "./readout.js";
import { buildRows, measureRows, paintRows } from "./rows.js";
import { buildOverview, buildScale, paintOverview, paintScale } from "./scale.js";
import { buildShared, paintShared } from "./shared_curve.js";
import { paintStages } from "./stages.js";
import { buildToolbar, paintToolbar } from "./toolbar.js";

const FINE_PX = 24;
const COARSE_PX = 44;
const FRAME_MS = 14; // of the 16.7, since the rest of the browser needs some

const instances = new WeakMap();
let calls = 0;

/** What Streamlit calls with new data, and whenever the theme changes; returns how to clean up. */
export default function mount(component) {
  const { parentElement } = component;
  if (!instances.has(parentElement)) instances.set(parentElement, { timeline: build(parentElement) });
  const instance = instances.get(parentElement);
  const call = (calls += 1);
  instance.call = call;
  receive(instance.timeline, component);
  // Streamlit may clean up an outdated call after a newer one has begun: only the newest one ends it.
  return () => {
    if (instance.call !== call) return;
    instances.delete(parentElement);
    destroy(instance.timeline);
  };
}

/** A timeline that listens and waits for its first data. */
function build(parent) {
  const handles = new WeakMap();
  const readout = buildReadout();
  const toolbar = buildToolbar();
  const popover = buildCascade();
  const overview = buildOverview(handles);
  const scale = buildScale(handles);
  const shared = buildShared(handles);
  const rows = buildRows();
  const ofRows = [term("lr-scale", "group, LR scale, parameters"), term("lr-budget", "epochs / learning")];
  const legend = el("legend", ...ofRows);
  const plot = el("plot", rows.pictures, scale.under, shared.node, rows.node, scale.over);
  const said = el("said"); // which screen readers read out when it changes
  said.setAttribute("role", "status");
  scale.phases.prepend(overview.node);
  const head = el("head", readout.node, toolbar.node, popover.node);
  const root = el("thaw", head, legend, scale.strip, scale.epochs, plot, said);
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Timeline");
  const timeline = {
    host: parent.host ?? parent,
    handles,
    root,
    readout,
    toolbar,
    popover,
    overview,
    scale,
    shared,
    rowsNode: rows.node,
    rows: new Map(),
    said,
    live: buildLive(),
    // The newest data, the data that is shown, and what a hand has changed of it since.
    latest: null,
    data: null,
    windows: new Map(),
    scales: new Map(),
    curve: null,
    playhead: 0,
    selected: null,
    also: [],
    // What part of the run is in view, as a pair of epochs or null, and the axis that this makes.
    span: null,
    axis: null,
    narrow: null,
    folded: [], // names of stages
    // What a pointer drags, what keys have not sent yet, the edge in hand, the problem pointed at.
    drag: null,
    guide: null,
    clicked: null,
    touches: new Map(),
    pinch: null,
    cascade: null,
    typing: null,
    handled: null,
    hovered: null,
    focusNext: null,
    // What was sent last, what waits to be sent, and what Python knows of what is looked at.
    seq: 0,
    queue: [],
    known: {},
    patience: 0,
    viewTimer: 0,
    frame: 0,
    changed: false,
    // Whether what is beside the timeline is to be painted next, and the ms that the last frames took.
    beside: false,
    took: { timeline: 0, beside: 0 },
    repaint: () => requestPaint(timeline),
  };
  for (const node of [...parent.children]) if (node.classList?.contains("thaw")) node.remove();
  parent.append(root);
  listen(timeline);
  return timeline;
}

function listen(timeline) {
  const { root } = timeline;
  timeline.listeners = new AbortController();
  const { signal } = timeline.listeners;
  const on = (target, type, handler, options = {}) => {
    target.addEventListener(type, (event) => handler(timeline, event), { signal, ...options });
  };
  on(root, "pointerdown", down);
  on(root, "pointermove", move);
  on(root, "pointerup", up);
  on(root, "pointercancel", cancel);
  on(root, "lostpointercapture", cancel);
  on(root, "pointerover", hover);
  on(root, "pointerleave", hover);
  on(root, "contextmenu", menu);
  on(root, "wheel", wheel, { passive: false });
  on(root, "click", press);
  on(root, "click", showProblem);
  on(root, "submit", submit);
  on(root, "input", input);
  on(root, "keydown", key);
  on(root, "focusin", focus);
  on(root, "focusout", blur);
  on(window, "keydown", pageKey);
  on(window, HOVER, (_, event) => point(timeline, event.detail));
  timeline.sizes = new ResizeObserver(timeline.repaint);
  timeline.sizes.observe(root);
}

function destroy(timeline) {
  commitTyping(timeline);
  timeline.listeners.abort();
  timeline.sizes.disconnect();
  clearTimeout(timeline.patience);
  clearTimeout(timeline.viewTimer);
  cancelAnimationFrame(timeline.frame);
  timeline.root.remove();
}

/** Paint in the next frame, however much has changed since the last. */
function requestPaint(timeline) {
  if (!timeline.data) return;
  timeline.root.dataset.painted = "";
  timeline.changed = true;
  timeline.frame ||= requestAnimationFrame(() => paintFrame(timeline));
}

/**
 * Paint the timeline, and what is beside it on the page. Where both take longer than a frame may,
 * they take turns, so that no frame is left out while a hand moves.
 */
function paintFrame(timeline) {
  const { beside, took } = timeline;
  const both = took.timeline + took.beside < FRAME_MS;
  const begun = Date.now();
  timeline.frame = 0;
  if (!beside) {
    timeline.changed = false;
    paint(timeline);
  }
  if (beside || both) paintLive(timeline);
  timeline.beside = !beside && !both;
  if (timeline.beside || timeline.changed) {
    timeline.frame = requestAnimationFrame(() => paintFrame(timeline));
  } else {
    timeline.root.dataset.painted = isSettled(timeline) ? timeline.data.ack : "";
  }
  // A timer ends after the browser has drawn the frame.
  setTimeout(() => {
    const ms = Date.now() - begun;
    timeline.took = both ? { timeline: ms, beside: 0 } : { ...took, [beside ? "beside" : "timeline"]: ms };
  }, 0);
}

function paint(timeline) {
  const { data, root, scale, playhead, drag } = timeline;
  timeline.hit = matchMedia("(pointer: coarse)").matches ? COARSE_PX : FINE_PX;
  if (root.clientWidth > 0) timeline.narrow = root.clientWidth < NARROW;
  root.classList.toggle("narrow", timeline.narrow);
  // The class decides about the gutters, so the track is measured after it.
  timeline.axis = axisOf(data.epochs, scale.axis.clientWidth || 1, timeline.span);
  measureRows(timeline);
  root.classList.toggle("dragging", drag?.moving ?? false);
  const groups = groupsInHand(timeline);
  const state = stateAt(groups, data.epochs, playhead, data.optimizer.bytes);
  paintReadout(timeline, state);
  paintToolbar(timeline);
  paintOverview(timeline);
  paintScale(timeline, state.phases);
  paintShared(timeline);
  paintCurveDiscs(timeline);
  paintRows(timeline, groups);
  paintStages(timeline, groups);
  timeline.focusNext?.focus({ preventScroll: true, focusVisible: true });
  timeline.focusNext?.closest(".row")?.scrollIntoView({ block: "nearest" });
  timeline.focusNext = null;
  reportView(timeline);
}
