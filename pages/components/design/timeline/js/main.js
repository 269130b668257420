// The timeline: draws a schedule, and turns drags and keys into edits.
//
// One object holds the state of one timeline; the files beside this one build, paint and change it.
// Streamlit takes a component's script as one text, into which bundle.py joins them.

import { receive, reportWidth } from "./answers.js";
import { buildCascade } from "./cascade.js";
import { input, press, submit } from "./commands.js";
import { el } from "./dom.js";
import { commitTyping } from "./gesture.js";
import { HOVER, cancel, down, hover, menu, move, point, up } from "./hands.js";
import { blur, focus, key, pageKey } from "./keys.js";
import { buildOverview } from "./overview.js";
import { requestPaint } from "./paint.js";
import { buildReadout } from "./readout.js";
import { buildRows } from "./rows.js";
import { buildSaid } from "./said.js";
import { buildScale } from "./scale.js";
import { buildShared } from "./shared.js";
import { buildToolbar } from "./toolbar.js";
import { wheel } from "./zoom.js";

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
  const actions = new WeakMap();
  const readout = buildReadout();
  const toolbar = buildToolbar();
  const popover = buildCascade();
  const overview = buildOverview(actions);
  const scale = buildScale(actions);
  const shared = buildShared(actions);
  const rows = buildRows();
  const legend = el("legend", el("", "group, LR scale, parameters"), el("", "epochs / learning"));
  const plot = el("plot", rows.pictures, scale.under, shared.node, rows.node, scale.over);
  const said = buildSaid();
  scale.phases.prepend(overview.node);
  const head = el("head", readout.node, toolbar.node, popover.node);
  const root = el("thaw", head, legend, scale.strip, scale.epochs, plot, said);
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Timeline");
  const timeline = {
    host: parent.host ?? parent,
    actions,
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
    // The newest data, the data that is shown, and what a hand has changed of it since.
    latest: null,
    data: null,
    windows: new Map(),
    curve: null,
    playhead: 0,
    selected: null,
    also: [],
    // What part of the run is shown, as a pair of epochs or null, and the axis that this makes.
    view: null,
    axis: null,
    viewTimer: 0,
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
    // What was sent, and what waits to be.
    sequence: 0,
    sentAt: 0,
    playheadsSent: [],
    selectionsSent: [],
    queued: [],
    patience: 0,
    reported: null,
    frame: 0,
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
  on(root, "submit", submit);
  on(root, "input", input);
  on(root, "keydown", key);
  on(root, "focusin", focus);
  on(root, "focusout", blur);
  on(window, "keydown", pageKey);
  on(window, HOVER, (_, event) => point(timeline, event.detail));
  timeline.sizes = new ResizeObserver(() => {
    reportWidth(timeline);
    requestPaint(timeline);
  });
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
