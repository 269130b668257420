// The timeline: draws a schedule, and turns drags and keys into edits.
//
// 1. Geometry: pure functions, imported by node in the tests.
// 2. Drawing: one Timeline per root; its nodes are made once per group and patched afterwards.
// 3. Hands: pointer and keyboard. Nothing is sent before a release.
//
// Names of groups are other people's text: they are set with textContent, never as markup.

// ---------------------------------------------------------------- 1. Geometry

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

/** Whether a group with these windows trains in an epoch. */
export const isOpen = (windows, epoch) =>
  windows.some(([start, end]) => start <= epoch && (end === null || epoch < end));

/** Windows as [start, end] within the run, each with its index; what lies past the end is left out. */
export function visible(windows, epochs) {
  return windows
    .map(([start, end], index) => ({ start, end: end === null ? epochs : Math.min(end, epochs), index }))
    .filter(({ start }) => start < epochs);
}

/** The stretches of the run between windows, as [start, end]. */
export function gaps(windows, epochs) {
  const found = [];
  let from = 0;
  for (const { start, end } of visible(windows, epochs)) {
    if (start > from) found.push([from, start]);
    from = Math.max(from, end);
  }
  if (from < epochs) found.push([from, epochs]);
  return found;
}

/** The run cut wherever a group thaws or freezes, as core/design/plan.py cuts it. */
export function phasesOf(groups, epochs) {
  const cuts = new Set([0, epochs]);
  for (const { windows } of groups) {
    for (const [start, end] of gaps(windows, epochs)) cuts.add(start).add(end);
  }
  const edges = [...cuts].sort((a, b) => a - b);
  let before = null;
  return edges.slice(0, -1).map((start, index) => {
    const open = groups.filter(({ windows }) => isOpen(windows, start)).map(({ name }) => name);
    const label =
      before === null
        ? open.join(", ") || "nothing trains"
        : [
            ...open.filter((name) => !before.includes(name)).map((name) => `+ ${name}`),
            ...before.filter((name) => !open.includes(name)).map((name) => `− ${name}`),
          ].join(" ");
    before = open;
    return { number: index + 1, start, end: edges[index + 1], label };
  });
}

/** Smallest and largest value of a window's edge; a start at `epochs` removes an open-ended window. */
export function limits(windows, index, edge, epochs) {
  const [start, end] = windows[index] ?? [epochs, null];
  if (edge === "start") {
    const low = index > 0 ? windows[index - 1][1] : 0;
    return [low, end === null || end >= epochs ? epochs : end - 1];
  }
  const next = windows[index + 1];
  return [Math.min(start + 1, epochs), next ? Math.min(next[0], epochs) : epochs];
}

/** Windows with one edge moved to a whole epoch within its limits; pulls a window in if there is none. */
export function withEdge(windows, index, edge, value, epochs) {
  const [low, high] = limits(windows, index, edge, epochs);
  const epoch = clamp(Math.round(value), low, high);
  const changed = windows.slice();
  const [start, end] = windows[index] ?? [epochs, null];
  if (edge === "start") {
    if (epoch >= epochs) changed.splice(index, 1);
    else changed[index] = [epoch, end];
  } else {
    changed[index] = [start, epoch >= epochs && index === windows.length - 1 ? null : epoch];
  }
  return changed;
}

/** Windows with one of them moved by whole epochs; an end of null stays, neighbours are limits. */
export function moved(windows, index, by, epochs) {
  const [start, end] = windows[index];
  const low = index > 0 ? windows[index - 1][1] : 0;
  const next = windows[index + 1];
  const high = end === null ? epochs - 1 : start + Math.max((next ? Math.min(next[0], epochs) : epochs) - end, 0);
  const to = clamp(start + Math.round(by), Math.min(low, start), Math.max(high, start));
  const changed = windows.slice();
  changed[index] = [to, end === null ? null : end + to - start];
  return changed;
}

/** Two significant digits between 0 and 1; what is next to nothing is 0. */
export function snapShare(value) {
  const share = clamp(value, 0, 1);
  return share < 5e-4 ? 0 : Number(share.toPrecision(2));
}

/** A number of epochs on a grid of `step`. */
export const snapTo = (value, step) => Number((Math.round(value / step) * step).toFixed(4));

/** Value of a flat polyline x0, y0, x1, y1, … at x; on a vertical edge, the right-hand one. */
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

/**
 * Points of a curve after its handles or its origin moved, before Python sends new ones.
 * Every curve depends on t / warmup and on (t - warmup) / rest only, and is affine in start factor
 * and floor, so stretching the points is exact for a rate that changes with every step.
 */
export function warp(points, from, to, epochs) {
  if (["origin", "warmup", "start", "floor"].every((name) => from[name] === to[name])) return points;
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
      const x = to.origin + (t / from.warmup) * to.warmup;
      if (x <= epochs) result.push(x, lift(points[i + 1], from.start, to.start));
    } else if (restFrom > 0) {
      const x = to.origin + to.warmup + ((t - from.warmup) / restFrom) * Math.max(restTo, 0);
      if (x <= epochs) result.push(x, lift(points[i + 1], from.floor ?? 0, to.floor ?? 0));
    }
  }
  return result;
}

/** An SVG path in epochs and shares, y down, share 1 at the top; `closed` goes back along the ground. */
export function path(points, closed = false) {
  const top = highest(points);
  const parts = [];
  for (let i = 0; i < points.length; i += 2) {
    parts.push(`${round(points[i])} ${round(1 - points[i + 1] / top)}`);
  }
  const line = `M${parts.join("L")}`;
  return closed ? `${line}L${round(points.at(-2))} 1L${round(points[0])} 1Z` : line;
}

/** What full height stands for: the peak, or more where an absolute floor lifts the rate above it. */
export function highest(points) {
  let top = 1;
  for (let i = 1; i < points.length; i += 2) top = Math.max(top, points[i]);
  return top;
}

const round = (value) => Math.round(value * 1e4) / 1e4;

/** What the strip says at a time: the phase, who trains, and the optimizer's memory by then. */
export function stateAt(groups, epochs, time, bytes) {
  const epoch = clamp(Math.floor(time), 0, epochs - 1);
  const phases = phasesOf(groups, epochs);
  const phase = phases.find(({ start, end }) => start <= epoch && epoch < end);
  const open = groups.filter(({ windows }) => isOpen(windows, epoch));
  const known = groups.every(({ parameters }) => parameters !== null);
  const sum = (some) => some.reduce((total, { parameters }) => total + parameters, 0);
  // A group that froze again keeps what the optimizer remembers of it.
  const met = groups.filter(({ windows }) => windows.some(([start]) => start <= epoch));
  return {
    phase: phase.number,
    phases,
    open: open.map(({ name }) => name),
    trainable: known ? sum(open) : null,
    total: known ? sum(groups) : null,
    state: known ? sum(met) * bytes : null,
  };
}

export const formatRate = (rate) => (rate === 0 ? "0" : rate.toExponential(1));
export const formatCount = (count) => count.toLocaleString("en-US");
export const formatScale = (scale) =>
  `×${scale !== 0 && scale < 1e-4 ? Number(scale.toPrecision(3)).toExponential() : Number(scale.toPrecision(4))}`;

export function formatBytes(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function formatShare(share) {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return "<0.1%";
  return `${percent < 9.95 && percent > 0 ? Number(percent.toFixed(1)) : Math.round(percent)}%`;
}

/** Which of a group's windows a problem is about, by its path; 0 if the path names none. */
export const windowOfPath = (text) => Number(/trainable\W+(\d+)/.exec(text)?.[1] ?? 0);

// ---------------------------------------------------------------- 2. Drawing

const SVG = "http://www.w3.org/2000/svg";
const IDLE_MS = 250;
const CLICK_PX = 4;
const PLOT_PX = 36;
const EDGE_PX = 14;
const ANSWER_MS = 5000;
const HOVER = "thaw-problem-hover";

function el(className, ...children) {
  const node = document.createElement("div");
  node.className = className;
  node.append(...children);
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const set = (node, name, value) => node.getAttribute(name) !== String(value) && node.setAttribute(name, value);
const text = (node, value) => node.textContent !== value && (node.textContent = value);
const show = (node, on) => node.toggleAttribute("hidden", !on);
const percent = (part, whole) => `${(part / whole) * 100}%`;

/** As many nodes as there are items, made once and kept. */
function pool(parent, nodes, count, make) {
  while (nodes.length < count) {
    const node = make(nodes.length);
    nodes.push(node);
    parent.append(...(node.nodes ?? [node]));
  }
  nodes.forEach((node, index) => (node.nodes ?? [node]).forEach((each) => show(each, index < count)));
  return nodes.slice(0, count);
}

class Timeline {
  constructor(parent) {
    this.parent = parent;
    this.host = parent.host ?? parent;
    this.listeners = new AbortController();
    this.actions = new WeakMap();
    this.rows = new Map();
    this.drag = null;
    this.typing = null;
    this.frame = 0;
    this.sequence = 0;
    this.sentAt = 0;
    this.playheadsSent = [];
    this.queued = new Map();
    this.build();
    this.listen();
  }

  // -------- nodes

  build() {
    const fact = (name, label) => {
      const fact = { label: el("fact-label", label), value: el("fact-value"), aside: document.createElement("span") };
      fact.main = document.createElement("span");
      fact.aside.className = "aside";
      fact.value.append(fact.main, fact.aside);
      fact.node = el(`fact ${name}`, fact.label, fact.value);
      return fact;
    };
    this.facts = {
      playhead: fact("playhead-fact", "Playhead"),
      phase: fact("phase-fact", "Phase"),
      training: fact("training-fact", "Training"),
      trainable: fact("trainable-fact", "Trainable"),
      state: fact("state-fact", "State"),
    };
    const readout = el("readout", ...Object.values(this.facts).map(({ node }) => node));
    const legend = el("legend", el("", "group, LR scale, parameters"), el("", "epochs / learning"));

    this.phaseTrack = el("track phases");
    this.axis = el("track axis");
    this.flag = el("flag");
    this.flag.tabIndex = 0;
    this.flag.setAttribute("role", "slider");
    this.flag.setAttribute("aria-label", "Playhead");
    this.axis.append(this.flag);
    this.actions.set(this.axis, { act: "playhead" });
    this.actions.set(this.flag, { act: "playhead" });

    this.under = el("layer under");
    this.tint = el("tint");
    this.under.append(this.tint);
    this.over = el("layer over");
    this.needle = el("needle");
    this.over.append(this.needle);
    this.grid = [];
    this.borders = [];
    this.tickNodes = [];
    this.phaseNodes = [];
    this.rowsNode = el("rows");

    this.root = el(
      "thaw",
      readout,
      legend,
      el("row strip", el("label", "Phase"), this.phaseTrack, el("gutter", "LR budget")),
      el("row scale", el("label", "Epoch"), this.axis, el("gutter small", "of epochs / of learning")),
      el("plot", this.under, this.buildShared(), this.rowsNode, this.over),
    );
    for (const node of [...this.parent.children]) if (node.classList?.contains("thaw")) node.remove();
    this.parent.append(this.root);
  }

  buildShared() {
    this.sharedTrack = el("track");
    this.sharedArea = svg("path", { class: "area" });
    this.sharedLine = svg("path", { class: "line" });
    this.sharedSvg = svg("svg", { class: "curve", preserveAspectRatio: "none" }, this.sharedArea, this.sharedLine);
    const handle = (act, label, orientation) => {
      const node = el(`knob ${act}`);
      node.tabIndex = 0;
      node.setAttribute("role", "slider");
      node.setAttribute("aria-label", label);
      node.setAttribute("aria-orientation", orientation);
      this.actions.set(node, { act });
      return node;
    };
    this.knobs = {
      start: handle("factor", "Warmup starts from", "vertical"),
      warmup: handle("warmup", "Warmup ends", "horizontal"),
      floor: handle("floor", "Floor", "vertical"),
    };
    this.notes = { warmup: el("note warm", "Warmup"), start: el("note"), peak: el("note"), floor: el("note") };
    this.sharedTrack.append(this.sharedSvg, ...Object.values(this.notes), ...Object.values(this.knobs));
    return el(
      "row shared",
      el("label", el("name", "Shared curve"), el("count", "share of each group’s peak")),
      this.sharedTrack,
    );
  }

  buildRow(name) {
    const row = { name, gaps: [], windows: [], discs: [] };
    row.label = el("label");
    row.nameNode = el("name");
    row.swatch = el("swatch");
    row.scale = el("times");
    row.count = el("count");
    row.budget = el("budget");
    row.label.append(row.swatch, row.nameNode, row.scale, row.count, row.budget);
    row.track = el("track");
    row.never = el("never", "Never trains");
    row.ring = el("ring");
    row.dashes = el("dashes");
    row.track.append(row.never, row.ring, row.dashes);
    const share = () => ({ bar: el("share"), fill: el("fill"), text: el("percent") });
    row.epochs = share();
    row.learning = share();
    row.gutter = el("gutter");
    for (const part of [row.epochs, row.learning]) {
      part.bar.append(part.fill);
      row.gutter.append(part.bar, part.text);
    }
    row.dash = el("dash", "—");
    row.gutter.append(row.dash);
    row.node = el("row group", row.label, row.track, row.gutter);
    this.actions.set(row.label, { act: "pick", row, window: 0 });
    return row;
  }

  curveSvg(className, withArea) {
    const line = svg("path", { class: "line" });
    const area = withArea ? svg("path", { class: "area" }) : null;
    const node = svg("svg", { class: className, preserveAspectRatio: "none" }, ...(area ? [area, line] : [line]));
    return { node, line, area };
  }

  buildGap(row) {
    const id = `hatch${(this.hatches = (this.hatches ?? 0) + 1)}`;
    const stroke = svg("path", { d: "M0 0V7", class: "hatch-line" });
    const pattern = svg(
      "pattern",
      { id, width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      stroke,
    );
    const hatch = svg("svg", { class: "hatch" }, svg("defs", {}, pattern), svg("rect", { width: "100%", height: "100%", fill: `url(#${id})` }));
    const curve = this.curveSvg("curve", false);
    const wide = el("wide");
    wide.append(hatch, curve.node);
    const node = el("gap", wide);
    this.actions.set(node, { act: "pick", row, window: 0 });
    return { node, wide, curve, nodes: [node] };
  }

  buildWindow(row, index) {
    const curve = this.curveSvg("curve", true);
    const wide = el("wide");
    wide.append(curve.node);
    const inner = el("inner", wide);
    const peak = el("peak");
    const bar = el("bar", inner, peak);
    bar.tabIndex = 0;
    bar.setAttribute("role", "button");
    const chip = el("chip");
    const handle = (edge) => {
      const flag = el("epoch");
      const grip = el("grip", flag);
      const node = el(`handle ${edge}`, grip);
      node.tabIndex = 0;
      node.setAttribute("role", "slider");
      node.setAttribute("aria-orientation", "horizontal");
      this.actions.set(node, { act: edge, row, window: index });
      return { node, grip, flag };
    };
    const start = handle("start");
    const end = handle("end");
    this.actions.set(bar, { act: "move", row, window: index });
    return { bar, wide, curve, peak, chip, start, end, nodes: [bar, chip, start.node, end.node] };
  }

  // -------- data

  receive({ data, setTriggerValue, setStateValue }) {
    this.send = setTriggerValue;
    this.sendState = setStateValue;
    this.readTheme(data);
    const first = this.latest === undefined;
    this.latest = data;
    if (first) this.sequence = data.ack;
    if (first) this.adopt();
    else this.catchUp();
  }

  /** Whether an edit was sent whose answer has not come, and may still come. */
  waiting() {
    return this.latest.ack < this.sequence && Date.now() - this.sentAt <= ANSWER_MS;
  }

  /** Make the newest data from Python the truth. */
  adopt() {
    const data = this.latest;
    const known = this.data;
    this.data = data;
    this.windows = new Map(data.groups.map(({ name, windows }) => [name, windows]));
    this.curve = {
      warmup: data.shared.warmup_epochs,
      start: data.shared.start_factor,
      floor: data.shared.floor,
    };
    const echo = this.playheadsSent.indexOf(data.playhead);
    if (echo >= 0) this.playheadsSent.splice(0, echo + 1);
    if (this.playheadsSent.length === 0 || Date.now() - this.sentAt > ANSWER_MS) {
      this.playhead = data.playhead;
      this.playheadsSent = [];
    }
    this.playhead = clamp(this.playhead, 0, data.epochs);
    if (!known || JSON.stringify(known.selected) !== JSON.stringify(data.selected)) this.selected = data.selected;
    this.arrangeRows();
    this.schedule();
  }

  arrangeRows() {
    const wanted = this.data.groups.map(({ name }) => name);
    for (const [name, row] of this.rows) {
      if (!wanted.includes(name)) {
        row.node.remove();
        this.rows.delete(name);
      }
    }
    let before = null;
    for (const name of wanted) {
      if (!this.rows.has(name)) this.rows.set(name, this.buildRow(name));
      const { node } = this.rows.get(name);
      // A node that is where it belongs is not moved: moving it would lose the focus.
      const place = before ? before.nextSibling : this.rowsNode.firstChild;
      if (node !== place) this.rowsNode.insertBefore(node, place);
      before = node;
    }
  }

  /** Dark or light, by the page's own background: Streamlit calls again when the theme changes. */
  readTheme(data) {
    const background = getComputedStyle(this.host).getPropertyValue("--st-background-color");
    const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    probe.fillStyle = background.trim() || "#fff";
    probe.fillRect(0, 0, 1, 1);
    const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
    this.theme = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 128 ? "dark" : "light";
    this.root.dataset.theme = this.theme;
    for (const [role, colour] of Object.entries(data.palette[this.theme])) {
      this.root.style.setProperty(`--${role}`, colour);
    }
    this.root.style.setProperty("--left", `${data.gutters[0]}px`);
    this.root.style.setProperty("--right", `${data.gutters[1]}px`);
  }

  // -------- painting

  schedule() {
    if (this.frame || !this.data) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  groups() {
    return this.data.groups.map((group) => ({ ...group, windows: this.windows.get(group.name) }));
  }

  points(group, windows) {
    const { shared, curves, epochs, restart } = this.data;
    const from = { origin: group?.origin ?? 0, warmup: shared.warmup_epochs, start: shared.start_factor, floor: shared.floor };
    const origin = group && restart && windows.length ? Math.min(windows[0][0], epochs - 1) : from.origin;
    return warp(curves[group ? group.curve : shared.curve], from, { ...this.curve, origin }, epochs);
  }

  paint() {
    const { data } = this;
    this.hit = matchMedia("(pointer: coarse)").matches ? 44 : 24;
    this.narrow = this.root.clientWidth < NARROW;
    this.root.classList.toggle("narrow", this.narrow);
    this.root.classList.toggle("dense", data.groups.length > 6);
    this.width = this.axis.clientWidth || 1;
    this.root.classList.toggle("dragging", this.drag?.moving ?? false);
    const groups = this.groups();
    const state = stateAt(groups, data.epochs, this.playhead, data.optimizer.bytes);
    this.paintStrip(state);
    this.paintAxis(state.phases);
    this.paintShared();
    const shapes = new Map();
    const shape = (points) => {
      if (!shapes.has(points)) shapes.set(points, { line: path(points), area: path(points, true) });
      return shapes.get(points);
    };
    const warped = new Map();
    for (const group of groups) {
      const key = `${group.curve} ${group.origin} ${this.data.restart ? group.windows[0]?.[0] : ""}`;
      if (!warped.has(key)) warped.set(key, this.points(group, group.windows));
      this.paintRow(this.rows.get(group.name), group, warped.get(key), shape(warped.get(key)));
    }
    this.paintProblems();
    if (this.focusNext) this.focusNext.focus({ preventScroll: true, focusVisible: true });
    this.focusNext = null;
  }

  paintStrip(state) {
    const { playhead, phase, training, trainable, state: memory } = this.facts;
    const { optimizer } = this.data;
    const count = `${state.phase} of ${state.phases.length}`;
    text(playhead.label, this.narrow ? `Phase ${count}` : "Playhead");
    text(playhead.main, `Epoch ${this.playhead.toFixed(2)}`);
    text(phase.main, count);
    text(training.main, state.open.join(", ") || "nothing");
    training.value.title = state.open.join(", ");
    text(trainable.main, state.trainable === null ? "—" : formatCount(state.trainable));
    text(trainable.aside, state.total ? `${Number(((100 * state.trainable) / state.total).toFixed(1))}%` : "");
    text(memory.label, `${optimizer.name} state`);
    text(memory.main, state.state === null ? "—" : formatBytes(state.state));
  }

  paintAxis(phases) {
    const { epochs } = this.data;
    const at = (epoch) => percent(epoch, epochs);
    const labels = ticks(epochs, this.width);
    const flag = xOfEpoch(this.playhead, this.width, epochs);
    pool(this.axis, this.tickNodes, labels.length, () => el("tick")).forEach((node, index) => {
      const value = String(labels[index]);
      text(node, value);
      node.style.left = at(labels[index]);
      const distance = Math.abs(xOfEpoch(labels[index], this.width, epochs) - flag);
      node.classList.toggle("covered", distance < 22 + value.length * 3);
    });
    pool(this.under, this.grid, labels.length, () => el("gridline")).forEach((node, index) => {
      node.style.left = at(labels[index]);
    });
    pool(this.over, this.borders, phases.length - 1, () => el("border")).forEach((node, index) => {
      node.style.left = at(phases[index + 1].start);
    });
    this.tint.style.width = at(Math.min(this.curve.warmup, epochs));

    const epoch = clamp(Math.floor(this.playhead), 0, epochs - 1);
    const segments = pool(this.phaseTrack, this.phaseNodes, phases.length, () => el("phase", el("number"), el("what")));
    segments.forEach((node, index) => {
      const { number, start, end, label } = phases[index];
      node.style.left = at(start);
      node.style.width = at(end - start);
      const room = xOfEpoch(end - start, this.width, epochs);
      text(node.firstChild, room < 14 ? "" : String(number));
      text(node.lastChild, room < 60 ? "" : label);
      node.title = `Phase ${number}: ${label}`;
      node.classList.toggle("now", start <= epoch && epoch < end);
      node.classList.toggle("slim", room < 28);
    });

    this.needle.style.left = at(this.playhead);
    this.flag.style.left = at(this.playhead);
    text(this.flag, this.playhead.toFixed(2));
    set(this.flag, "aria-valuemin", 0);
    set(this.flag, "aria-valuemax", epochs);
    set(this.flag, "aria-valuenow", this.playhead);
    set(this.flag, "aria-valuetext", `Epoch ${this.playhead.toFixed(2)} of ${epochs}`);
  }

  paintShared() {
    const { epochs, shared } = this.data;
    const { warmup, start, floor } = this.curve;
    const points = this.points(null, []);
    const top = highest(points);
    set(this.sharedSvg, "viewBox", `0 0 ${epochs} 1`);
    set(this.sharedLine, "d", path(points));
    set(this.sharedArea, "d", path(points, true));
    const down = (share) => `${(1 - share / top) * PLOT_PX}px`;
    const place = (node, epoch, share) => {
      node.style.setProperty("--x", percent(epoch, epochs));
      node.style.setProperty("--y", down(share));
    };
    const peakAt = Math.min(warmup, epochs);
    place(this.knobs.start, 0, start);
    place(this.knobs.warmup, peakAt, 1);
    place(this.knobs.floor, epochs, floor ?? 0);
    show(this.knobs.start, warmup > 0);
    show(this.knobs.floor, floor !== null);
    const value = (node, now, max, words) => {
      set(node, "aria-valuemin", 0);
      set(node, "aria-valuemax", max);
      set(node, "aria-valuenow", now);
      set(node, "aria-valuetext", words);
    };
    value(this.knobs.start, start, 1, `${start} of the peak`);
    value(this.knobs.warmup, warmup, epochs, `epoch ${warmup} of ${epochs}`);
    if (floor !== null) value(this.knobs.floor, floor, 1, `${floor} of the peak`);

    const room = xOfEpoch(peakAt, this.width, epochs);
    show(this.notes.warmup, room >= 64 && start < 0.7);
    show(this.notes.start, room >= 76 && start < 0.5);
    text(this.notes.start, `from ${formatScale(start)}`);
    place(this.notes.start, 0, start);
    text(this.notes.peak, "peak ×1");
    place(this.notes.peak, peakAt, 1);
    this.notes.peak.className = room > this.width - 170 ? "note peak-left" : "note peak-right";
    show(this.notes.peak, (floor ?? 0) < 0.4 || room < this.width - 170);
    const last = points.at(-1);
    text(this.notes.floor, shared.floor_lr === null ? `floor ${formatScale(floor ?? 0)}` : `floor ${formatRate(shared.floor_lr)}`);
    show(this.notes.floor, floor !== null || shared.floor_lr !== null);
    place(this.notes.floor, epochs, floor ?? last);
    this.notes.floor.className = (floor ?? last) / top > 0.55 ? "note floor-below" : "note floor-above";
    this.notes.start.className = "note from";
  }

  paintRow(row, group, points, shape) {
    const { epochs } = this.data;
    const { windows, name } = group;
    const selected = this.selected?.group === name ? this.selected.window : null;
    const handled = this.handled?.row === row ? this.handled : null;
    const facts = [windows, selected, handled && [handled.act, handled.window], this.playhead, this.width, this.narrow];
    const key = JSON.stringify([facts, this.theme, group, epochs, this.pointed(name)]) + shape.line;
    if (row.key === key) return;
    row.key = key;

    row.node.style.setProperty("--c", group.color[this.theme]);
    text(row.nameNode, name);
    row.nameNode.title = name;
    text(row.scale, formatScale(group.scale));
    text(row.count, group.parameters === null ? "" : formatCount(group.parameters));
    this.paintBudget(row, group.budget);

    const open = visible(windows, epochs);
    const closed = gaps(windows, epochs);
    const left = (start) => percent(start, epochs);
    const stretch = (wide, start, end) => {
      wide.style.left = percent(-start, end - start);
      wide.style.width = percent(epochs, end - start);
    };
    pool(row.track, row.gaps, closed.length, () => this.buildGap(row)).forEach((gap, index) => {
      const [start, end] = closed[index];
      gap.node.style.left = left(start);
      gap.node.style.width = percent(end - start, epochs);
      gap.node.classList.toggle("first", start === 0);
      gap.node.classList.toggle("last", end === epochs);
      stretch(gap.wide, start, end);
      set(gap.curve.node, "viewBox", `0 0 ${epochs} 1`);
      set(gap.curve.line, "d", shape.line);
    });
    show(row.never, open.length === 0);
    const ring = (node, at) => {
      const around = open.find(({ index }) => index === at) ?? (open.length === 0 ? { start: 0, end: epochs } : null);
      show(node, at !== null && around !== null);
      if (at === null || around === null) return;
      node.style.left = left(around.start);
      node.style.width = percent(around.end - around.start, epochs);
    };
    ring(row.ring, selected);
    ring(row.dashes, this.pointed(name));
    row.node.classList.toggle("twice", !row.ring.hidden && !row.dashes.hidden && selected === this.pointed(name));

    // A group without a window still has its first handle, at the far right, to be pulled in.
    const count = Math.max(windows.length, 1);
    pool(row.track, row.windows, count, (index) => this.buildWindow(row, index)).forEach((nodes, index) => {
      const shown = open.find((window) => window.index === index);
      const waiting = open.length === 0 && index === 0;
      this.paintWindow(nodes, { row, group, points, shape, index, shown, waiting, selected, handled, of: open.length });
    });
  }

  paintWindow(nodes, { row, group, points, shape, index, shown, waiting, selected, handled, of }) {
    const { epochs } = this.data;
    const { bar, wide, curve, peak, chip, start, end } = nodes;
    show(bar, shown !== undefined);
    show(start.node, shown !== undefined || waiting);
    show(end.node, shown !== undefined);
    show(chip, false);
    const windows = this.windows.get(group.name);
    const from = shown?.start ?? epochs;
    const to = shown?.end ?? epochs;
    const x0 = xOfEpoch(from, this.width, epochs);
    const x1 = xOfEpoch(to, this.width, epochs);
    const tight = shown !== undefined && x1 - x0 < 60;
    const size = this.narrow ? 12 : 9;
    const grip = shown ? clamp((x1 - x0) / 2 - 0.5, 1.5, size) : size;
    const which = of > 1 ? `, window ${index + 1} of ${of}` : "";

    const slider = (handle, edge, now, words) => {
      const [low, high] = limits(windows, index, edge, epochs);
      handle.node.style.left = percent(now, epochs);
      handle.node.classList.toggle("tight", tight);
      this.placeHandle(handle, edge === "start" ? x0 : x1, edge === "start" && !waiting, grip, tight);
      set(handle.node, "aria-label", `${group.name} ${edge === "start" ? "thaws" : "freezes"}${which}`);
      set(handle.node, "aria-valuemin", low);
      set(handle.node, "aria-valuemax", high);
      set(handle.node, "aria-valuenow", now);
      set(handle.node, "aria-valuetext", words);
      const inHand = handled !== null && handled.act === edge && handled.window === index;
      handle.node.classList.toggle("held", inHand);
      const x = edge === "start" ? x0 : x1;
      const outside = edge === "start" ? x >= 76 : this.width - x >= 76;
      handle.flag.classList.toggle("leftward", edge === "start" ? outside : !outside);
      text(handle.flag, edge === "start" && waiting ? "never" : edge === "end" && now >= epochs ? "end" : `epoch ${now}`);
    };
    slider(start, "start", from, waiting ? `${group.name} never trains` : `${group.name} thaws at epoch ${from} of ${epochs}`);
    start.node.classList.toggle("waiting", waiting);
    if (!shown) return;
    slider(end, "end", to, to >= epochs ? `${group.name} trains to the end` : `${group.name} freezes at epoch ${to} of ${epochs}`);

    bar.style.left = percent(from, epochs);
    bar.style.width = percent(to - from, epochs);
    set(bar, "aria-label", `${group.name} trains in epochs ${from} to ${to}${which}`);
    set(bar, "aria-pressed", selected === index);
    wide.style.left = percent(-from, to - from);
    wide.style.width = percent(epochs, to - from);
    set(curve.node, "viewBox", `0 0 ${epochs} 1`);
    set(curve.line, "d", shape.line);
    set(curve.area, "d", shape.area);

    const top = highest(points);
    const head = xOfEpoch(this.playhead, this.width, epochs);
    const last = to >= epochs ? this.playhead <= to : this.playhead < to;
    const under = this.playhead >= from && last;
    const flip = head + 64 > this.width;
    if (under) {
      text(chip, formatRate(valueAt(points, this.playhead) * group.peak));
      chip.style.left = percent(this.playhead, epochs);
      chip.classList.toggle("leftward", flip);
      show(chip, true);
    }
    text(peak, top > 1 ? `up to ${formatRate(group.peak * top)}` : `peak ${formatRate(group.peak)}`);
    const clear = !under || x1 - head > (flip ? 30 : 160);
    const low = valueAt(points, epochOfX(x1 - 100, this.width, epochs)) / top < 0.5;
    show(peak, !this.narrow && x1 - x0 >= 190 && clear && low);
  }

  /** The grip lies inside the bar; its area is centred on it, or reaches outwards from a short bar. */
  placeHandle({ node, grip: visible }, x, rightwards, grip, tight) {
    const from = rightwards ? x : x - grip;
    const inwards = tight ? (rightwards ? grip - this.hit : 0) : (grip - this.hit) / 2;
    const reach = this.narrow ? EDGE_PX : Infinity;
    const area = clamp(from + inwards, -reach, this.width + reach - this.hit);
    node.style.marginLeft = `${area - x}px`;
    visible.style.left = `${from - area}px`;
    visible.style.width = `${grip}px`;
  }

  paintBudget(row, budget) {
    for (const part of [row.epochs, row.learning]) {
      show(part.bar, budget !== null);
      show(part.text, budget !== null);
    }
    show(row.dash, budget === null);
    const [epochs, learning] = budget ?? [0, 0];
    row.epochs.fill.style.width = percent(epochs, 1);
    row.learning.fill.style.width = percent(Math.min(learning, 1), 1);
    row.learning.fill.classList.add("own");
    row.learning.text.classList.add("own");
    text(row.epochs.text, formatShare(epochs));
    text(row.learning.text, formatShare(learning));
    if (!row.budget.childElementCount) row.budget.append(document.createElement("span"), document.createElement("b"));
    text(row.budget.firstChild, budget ? `${formatShare(epochs)} / ` : "—");
    text(row.budget.lastChild, budget ? formatShare(learning) : "");
  }

  /** Discs stand left of their window; where there is no room, or a handle's flag, inside it. */
  paintProblems() {
    const { epochs, problems } = this.data;
    for (const [name, row] of this.rows) {
      const windows = this.windows.get(name);
      const open = visible(windows, epochs);
      const mine = problems.filter(({ groups }) => groups.includes(name));
      const taken = new Map();
      const head = xOfEpoch(this.playhead, this.width, epochs);
      // The chip with the rate gives way to the handle, and to a disc inside the bar.
      const giveWay = (window, to) => {
        const { chip } = row.windows[window.index];
        const flipped = chip.classList.contains("leftward");
        if (!flipped && to - head < 60) chip.style.marginLeft = `${Math.max(to - head, 6)}px`;
      };
      for (const { chip } of row.windows) chip.style.marginLeft = "";
      for (const window of open) {
        giveWay(window, xOfEpoch(window.start, this.width, epochs) + (this.narrow ? 16 : 13));
      }
      pool(row.track, row.discs, mine.length, () => this.buildDisc()).forEach((node, order) => {
        const problem = mine[order];
        const wanted = this.windowOf(problem);
        const window = open.find(({ index }) => index === wanted) ?? open[0];
        const place = taken.get(window?.index) ?? 0;
        taken.set(window?.index, place + 1);
        const x = window ? xOfEpoch(window.start, this.width, epochs) : 0;
        const outside = window && x >= 30 + place * 22;
        const shift = !window ? 18 + place * 22 : outside ? -17 - place * 22 : (this.narrow ? 26 : 23) + place * 22;
        if (window && !outside) giveWay(window, x + shift + 12);
        node.style.left = `calc(${percent(window?.start ?? 0, epochs)} + ${shift}px)`;
        text(node, String(problem.number));
        node.title = problem.message;
        set(node, "aria-label", `Problem ${problem.number}, ${problem.severity}: ${problem.message}`);
        node.className = `disc ${problem.severity}`;
        const held = this.handled?.row === row && this.handled.act === "start" && this.handled.window === window?.index;
        node.classList.toggle("covered", Boolean(outside && held));
        this.actions.set(node, { act: "pick", row, window: window?.index ?? 0, problem: problem.number });
      });
      row.never.style.setProperty("--after", `${10 + 22 * (open.length === 0 ? mine.length : 0)}px`);
    }
  }

  buildDisc() {
    const node = el("disc");
    node.setAttribute("role", "img");
    return node;
  }

  /** Index of the group's window that the problem under the pointer is about, or null. */
  pointed(name) {
    const problem = this.data.problems.find(({ number }) => number === this.hovered);
    return problem?.groups.includes(name) ? this.windowOf(problem) : null;
  }

  windowOf({ groups, path: place }) {
    return groups.length > 1 ? 0 : windowOfPath(place);
  }

  // -------------------------------------------------------------- 3. Hands

  listen() {
    const { signal } = this.listeners;
    const on = (target, type, handler) => target.addEventListener(type, handler.bind(this), { signal });
    on(this.root, "pointerdown", this.down);
    on(this.root, "pointermove", this.move);
    on(this.root, "pointerup", this.up);
    on(this.root, "pointercancel", this.cancel);
    on(this.root, "lostpointercapture", this.cancel);
    on(this.root, "pointerover", this.hover);
    on(this.root, "pointerleave", this.hover);
    on(this.root, "keydown", this.key);
    on(this.root, "focusin", this.focus);
    on(this.root, "focusout", this.blur);
    on(window, "keydown", this.pageKey);
    on(window, HOVER, (event) => this.point(event.detail));
    this.sizes = new ResizeObserver(() => {
      this.reportWidth();
      this.schedule();
    });
    this.sizes.observe(this.root);
  }

  destroy() {
    if (this.typing) this.commit();
    this.listeners.abort();
    this.sizes.disconnect();
    clearTimeout(this.patience);
    cancelAnimationFrame(this.frame);
    this.root.remove();
  }

  reportWidth() {
    const narrow = this.root.clientWidth < NARROW;
    if (!this.latest || this.root.clientWidth === 0 || narrow === (this.reported ?? this.latest.narrow)) return;
    this.reported = narrow;
    this.sendState("narrow", narrow);
  }

  actionOf(event) {
    for (let node = event.target; node && node !== this.root; node = node.parentNode) {
      const action = this.actions.get(node);
      if (action) return { ...action, node };
    }
    return null;
  }

  remember() {
    return { windows: new Map(this.windows), curve: { ...this.curve }, playhead: this.playhead, selected: this.selected };
  }

  restore(saved) {
    Object.assign(this, saved);
  }

  // -------- pointer

  down(event) {
    const action = this.actionOf(event);
    if (!action || this.drag || event.button !== 0 || !event.isPrimary) return;
    if (this.typing) this.commit();
    this.drag = { ...action, id: event.pointerId, x: event.clientX, y: event.clientY, saved: this.remember(), moving: false, shift: event.shiftKey };
    if (action.act === "pick") return;
    event.preventDefault();
    action.node.focus({ preventScroll: true, focusVisible: false });
    this.root.setPointerCapture(event.pointerId);
    if (action.act === "playhead") {
      const grabbed = action.node === this.flag;
      this.drag.offset = grabbed ? event.clientX - this.trackX(xOfEpoch(this.playhead, this.width, this.data.epochs)) : 0;
      this.drag.moving = true;
      if (!grabbed) this.follow(event);
    }
    if (action.act === "start" || action.act === "end") {
      this.handled = { row: action.row, act: action.act, window: action.window };
      this.choose(action);
    }
    this.schedule();
  }

  move(event) {
    if (!this.drag || event.pointerId !== this.drag.id) return;
    if (event.buttons === 0) {
      this.up(event);
      return;
    }
    if (this.drag.act === "pick") return;
    const far = Math.hypot(event.clientX - this.drag.x, event.clientY - this.drag.y) >= CLICK_PX;
    this.drag.moving ||= far;
    if (this.drag.moving) this.follow(event);
  }

  up(event) {
    const { drag } = this;
    if (!drag || event.pointerId !== drag.id) return;
    this.drag = null;
    this.handled = null;
    if (drag.act === "pick" || drag.act === "move") {
      if (!drag.moving && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 10) this.choose(drag);
    }
    if (this.root.hasPointerCapture(drag.id)) this.root.releasePointerCapture(drag.id);
    this.release(drag);
  }

  /** Escape, a lost pointer, or the browser taking the gesture for a scroll: as it was. */
  cancel(event) {
    const { drag } = this;
    if (!drag || (event.pointerId !== undefined && event.pointerId !== drag.id)) return;
    this.drag = null;
    this.handled = null;
    this.restore(drag.saved);
    if (this.root.hasPointerCapture(drag.id)) this.root.releasePointerCapture(drag.id);
    this.catchUp();
  }

  trackX(x) {
    return this.axis.getBoundingClientRect().left + x;
  }

  follow(event) {
    const { drag } = this;
    const { epochs } = this.data;
    const across = ((event.clientX - drag.x) / this.width) * epochs;
    const up = (drag.y - event.clientY) / PLOT_PX / (event.shiftKey ? 10 : 1);
    const { saved } = drag;
    const name = drag.row?.name;
    const before = saved.windows.get(name);
    if (drag.act === "playhead") {
      const time = epochOfX(event.clientX - drag.offset - this.trackX(0), this.width, epochs);
      this.playhead = clamp(snapTo(time, playheadStep(epochs)), 0, epochs);
    } else if (drag.act === "start" || drag.act === "end") {
      const window = before[drag.window] ?? [epochs, null];
      const edge = drag.act === "start" ? Math.min(window[0], epochs) : Math.min(window[1] ?? epochs, epochs);
      this.windows.set(name, withEdge(before, drag.window, drag.act, edge + across, epochs));
    } else if (drag.act === "move") {
      this.choose(drag);
      this.windows.set(name, moved(before, drag.window, across, epochs));
    } else if (drag.act === "warmup") {
      const warmup = snapTo(saved.curve.warmup + across, event.shiftKey ? 0.1 : 0.5);
      this.curve = { ...saved.curve, warmup: clamp(warmup, 0, epochs) };
    } else if (drag.act === "factor") {
      this.curve = { ...saved.curve, start: snapShare(saved.curve.start + up) };
    } else if (drag.act === "floor") {
      this.curve = { ...saved.curve, floor: snapShare(saved.curve.floor + up) };
    }
    this.schedule();
  }

  choose({ row, window }) {
    this.selected = { group: row.name, window };
    this.schedule();
  }

  // -------- keyboard

  focus(event) {
    const action = this.actionOf(event);
    if (this.drag || !event.target.matches(":focus-visible")) return;
    this.handled = action && (action.act === "start" || action.act === "end") ? action : null;
    this.schedule();
  }

  blur() {
    if (this.typing) this.commit();
    if (!this.drag) this.handled = null;
    this.schedule();
  }

  key(event) {
    if (event.key === "Escape" && (this.drag || this.typing)) {
      event.preventDefault();
      event.stopPropagation();
      if (this.drag) this.cancel({});
      else this.untype();
      return;
    }
    const action = this.actionOf(event);
    if (!action || this.drag || event.ctrlKey || event.metaKey || event.altKey) return;
    if ((event.key === "Enter" || event.key === " ") && action.row) {
      event.preventDefault();
      const saved = this.remember();
      this.choose(action);
      this.release({ act: "pick", saved });
      return;
    }
    const saved = this.typing?.saved ?? this.remember();
    if (!this.step(action, event)) return;
    event.preventDefault();
    event.stopPropagation();
    clearTimeout(this.typing?.timer);
    this.typing = { act: action.act, saved, timer: setTimeout(() => this.commit(), IDLE_MS) };
    if (action.act === "start" || action.act === "end") this.handled = action;
    if (action.row) this.choose(action);
    // The node of a window that went away cannot keep the focus.
    const left = action.row ? this.windows.get(action.row.name).length : 0;
    if (action.row && (action.window >= left && !(action.act === "start" && action.window === 0))) {
      this.focusNext = action.row.windows[Math.max(left - 1, 0)].start.node;
      this.choose({ row: action.row, window: Math.max(left - 1, 0) });
    }
    this.schedule();
  }

  /** One key's step; false if the key means nothing here. */
  step({ act, row, window }, event) {
    const { epochs } = this.data;
    const big = Math.max(5, Math.round(epochs / 10));
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -big, PageUp: big, Home: -Infinity, End: Infinity }[event.key];
    const remove = event.key === "Delete" || event.key === "Backspace";
    const windows = row && this.windows.get(row.name);
    if (row && remove) {
      if (!windows[window]) return false;
      this.windows.set(row.name, windows.toSpliced(window, 1));
      return true;
    }
    if (by === undefined) return false;
    const whole = Math.abs(by) === 1;
    if (act === "start" || act === "end") {
      const [low, high] = limits(windows, window, act, epochs);
      const [start, end] = windows[window] ?? [epochs, null];
      const now = Math.min((act === "start" ? start : end) ?? epochs, epochs);
      this.windows.set(row.name, withEdge(windows, window, act, clamp(now + by, low, high), epochs));
    } else if (act === "move") {
      this.windows.set(row.name, moved(windows, window, clamp(by, -epochs, epochs), epochs));
    } else if (act === "playhead") {
      const fine = event.shiftKey ? playheadStep(epochs) : 0;
      const now = this.playhead;
      const next = whole && !fine ? (by > 0 ? Math.floor(now) + 1 : Math.ceil(now) - 1) : now + (whole ? by * fine : by);
      this.playhead = Number(clamp(next, 0, epochs).toFixed(4));
    } else if (act === "warmup") {
      const size = whole ? (event.shiftKey ? 0.1 : 0.5) : 1;
      this.curve = { ...this.curve, warmup: clamp(Number((this.curve.warmup + by * size).toFixed(4)), 0, epochs) };
    } else if (act === "factor" || act === "floor") {
      const size = whole ? (event.shiftKey ? 0.001 : 0.01) : 0.1 / big;
      const name = act === "factor" ? "start" : "floor";
      this.curve = { ...this.curve, [name]: Number(clamp(this.curve[name] + by * size, 0, 1).toFixed(4)) };
    } else return false;
    return true;
  }

  untype() {
    clearTimeout(this.typing.timer);
    this.restore(this.typing.saved);
    this.typing = null;
    this.catchUp();
  }

  commit() {
    const { typing } = this;
    clearTimeout(typing.timer);
    this.typing = null;
    this.release(typing);
  }

  /** Undo and redo from anywhere on the page, unless somebody is writing. */
  pageKey(event) {
    if (event.key === "Escape" && this.drag) this.cancel({});
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.defaultPrevented) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    const writing = event.composedPath().some((node) => node.matches?.("input, textarea, select, [contenteditable]:not([contenteditable=false])"));
    if (writing || this.drag) return;
    event.preventDefault();
    if (this.typing) this.commit();
    this.send("history", key === "y" || event.shiftKey ? "redo" : "undo");
  }

  // -------- hover

  hover(event) {
    const number = event.type === "pointerleave" ? null : (this.actionOf(event)?.problem ?? null);
    if (number === (this.hovered ?? null)) return;
    window.dispatchEvent(new CustomEvent(HOVER, { detail: number }));
  }

  point(number) {
    this.hovered = number;
    this.schedule();
  }

  // -------- sending

  /** Tell Python what a finished drag or a finished run of keys has changed. */
  release({ act, saved }) {
    const before = JSON.stringify;
    const changed = (one, other) => before(one) !== before(other);
    if (changed(saved.selected, this.selected)) this.send("select", this.selected);
    if (act === "playhead") {
      if (saved.playhead !== this.playhead) {
        this.playheadsSent.push(this.playhead);
        this.sentAt = Date.now();
        this.send("playhead", this.playhead);
      }
    } else if (changed([...saved.windows], [...this.windows])) {
      this.edit({ kind: "windows", windows: Object.fromEntries(this.windows) });
    } else if (changed(saved.curve, this.curve)) {
      const { warmup, start, floor } = this.curve;
      this.edit({ kind: "curve", warmup_epochs: warmup, start_factor: start, floor });
    } else {
      this.catchUp();
    }
    this.schedule();
  }

  /** One edit at a time: the next one waits for the answer, and then carries its revision. */
  edit(value) {
    this.queued.set(value.kind, value);
    this.flush();
  }

  flush() {
    if (this.queued.size === 0 || this.waiting()) return;
    const [kind, value] = this.queued.entries().next().value;
    this.queued.delete(kind);
    this.sequence = Math.max(this.sequence, this.latest.ack) + 1;
    this.sentAt = Date.now();
    this.send("edit", { ...value, revision: this.latest.revision, sequence: this.sequence });
    clearTimeout(this.patience);
    this.patience = setTimeout(() => this.catchUp(), ANSWER_MS + 100);
  }

  /** Take up the newest data, unless a hand is on something or an answer is still awaited. */
  catchUp() {
    this.flush();
    const busy = this.drag || this.typing || this.queued.size > 0 || this.waiting();
    if (this.latest !== this.data && !busy) this.adopt();
    else this.schedule();
  }
}

/** Grid of the playhead in epochs: fine enough to read a curve, coarse enough to say aloud. */
function playheadStep(epochs) {
  if (epochs <= 40) return 0.05;
  return epochs <= 400 ? 0.5 : 1;
}

// ---------------------------------------------------------------- The component

const instances = new WeakMap();
let calls = 0;

export default function timeline(component) {
  const { parentElement } = component;
  if (!instances.has(parentElement)) instances.set(parentElement, { timeline: new Timeline(parentElement) });
  const instance = instances.get(parentElement);
  const call = (calls += 1);
  instance.call = call;
  instance.timeline.receive(component);
  // Streamlit may clean up an outdated call after a newer one has begun: only the newest one ends it.
  return () => {
    if (instance.call !== call) return;
    instances.delete(parentElement);
    instance.timeline.destroy();
  };
}
