// The cascade's popover: evenly spaced thaws over several rows, shown as they are chosen.

import { windowsInWords } from "./actions.js";
import { el, show, text } from "./dom.js";
import { counted } from "./format.js";
import { commitTyping, remember } from "./gesture.js";
import { catchUp, commit, groupsEvent } from "./protocol.js";
import { picksOf } from "./selection.js";

const UNTIL = { end: "to the end", own: "to its own end", next: "until the next thaws" };

export function buildCascade() {
  const first = numberInput({ min: 0, step: 1 });
  const every = numberInput({ min: 0, step: "any" });
  const until = document.createElement("select");
  for (const [value, words] of Object.entries(UNTIL)) {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = words;
    until.append(option);
  }
  const title = el("cascade-title");
  const note = el("cascade-note");
  note.setAttribute("role", "status");
  const cancel = action("cascade-cancel", "Cancel", "button");
  const apply = action("cascade-apply", "Apply", "submit");
  const node = document.createElement("form");
  node.className = "popover";
  node.noValidate = true;
  node.setAttribute("role", "dialog");
  node.setAttribute("aria-label", "Cascade");
  node.append(
    title,
    labelled("First thaw", first),
    labelled("Epochs apart", every),
    labelled("Each trains", until),
    note,
    el("cascade-ends", cancel, apply),
  );
  show(node, false);
  return { node, title, note, first, every, until, apply };
}

/** Open the popover over the rows that are selected together, or over all of them. */
export function openCascade(timeline) {
  commitTyping(timeline);
  const { data, popover, windows } = timeline;
  const { epochs } = data;
  const chosen = new Set(picksOf(timeline).map(({ group }) => group));
  const names = data.groups.map(({ name }) => name).filter((name) => chosen.size < 2 || chosen.has(name));
  const thaws = names.map((name) => windows.get(name)[0]?.[0] ?? epochs).filter((at) => at < epochs);
  const first = Math.min(...thaws, epochs - 1);
  popover.first.value = first;
  popover.every.value = spacingFor(names.length, epochs - first);
  popover.first.max = epochs;
  popover.every.max = epochs;
  popover.until.value = "end";
  text(popover.title, titleOf(names.length, chosen.size));
  timeline.cascade = { names, saved: remember(timeline) };
  show(popover.node, true);
  preview(timeline);
  popover.first.focus({ preventScroll: true });
  popover.first.select();
}

/** Why a thaw or a spacing that was typed cannot be used; null where both can. */
export function cascadeRefusal(first, every, epochs) {
  const refused = (label, typed, kind) =>
    `${label} is ${typed.trim() || "empty"}: use ${kind} from 0 to ${epochs}.`;
  const inside = (typed) => typed.trim() !== "" && Number(typed) >= 0 && Number(typed) <= epochs;
  if (!inside(first) || !Number.isInteger(Number(first))) return refused("First thaw", first, "a whole number");
  return inside(every) ? null : refused("Epochs apart", every, "a number");
}

/** Show what the numbers in the popover make of the rows; one that is refused changes nothing. */
export function preview(timeline) {
  const { data, popover, cascade } = timeline;
  const { saved, names } = cascade;
  const { epochs } = data;
  const { first, every, until } = popover;
  const refusal = cascadeRefusal(first.value, every.value, epochs);
  popover.apply.disabled = refusal !== null;
  popover.note.classList.toggle("refused", refusal !== null);
  if (refusal !== null) {
    text(popover.note, refusal);
    return;
  }
  const spans = names.map((name) => saved.windows.get(name));
  const plan = { first: first.valueAsNumber, every: every.valueAsNumber, until: until.value };
  const made = cascaded(spans, plan, epochs);
  timeline.windows = new Map(saved.windows);
  names.forEach((name, place) => timeline.windows.set(name, made[place]));
  const left = made.filter((windows) => windows.length === 0).length;
  text(popover.note, left === 0 ? "" : `${left} never train${left === 1 ? "s" : ""}: thaw closer together`);
  timeline.repaint();
}

/** Close the popover, and keep what it shows or go back to how it was. */
export function closeCascade(timeline, { keep }) {
  const { cascade, popover, toolbar } = timeline;
  const { saved } = cascade;
  const had = popover.node.contains(timeline.root.getRootNode().activeElement);
  timeline.cascade = null;
  show(popover.node, false);
  if (had) toolbar.buttons.cascade.focus({ preventScroll: true });
  if (!keep) {
    Object.assign(timeline, saved);
    catchUp(timeline);
    return;
  }
  if (timeline.selected) timeline.selected = { ...timeline.selected, window: 0 };
  timeline.also = timeline.also.map(({ group }) => ({ group, window: 0 }));
  text(timeline.said, windowsInWords(timeline, saved));
  commit(timeline, groupsEvent(timeline, saved));
}

/** Which rows a cascade is over, in words: the selected ones if there are several, else all. */
export function titleOf(count, chosen) {
  if (chosen >= 2) return `${count} selected groups`;
  return count === 1 ? counted(1, "group") : `All ${counted(count, "group")}`;
}

function numberInput({ min, step }) {
  const node = document.createElement("input");
  Object.assign(node, { type: "number", min, step, required: true });
  return node;
}

function labelled(words, control) {
  const node = document.createElement("label");
  const label = document.createElement("span");
  label.textContent = words;
  node.append(label, control);
  return node;
}

function action(name, words, type) {
  const node = document.createElement("button");
  node.type = type;
  node.className = `tool ${name}`;
  node.dataset.do = name;
  node.textContent = words;
  return node;
}

/**
 * Windows for groups in turn, each thawing `every` epochs after the one before it, in whole epochs
 * rounded down. `until` is "end"; or "next", where each freezes when the next one thaws; or "own",
 * where each keeps the last epoch that it trained in. A thaw after the run's end is none.
 */
export function cascaded(windowsOfGroups, { first, every, until }, epochs) {
  const thaws = windowsOfGroups.map((_, place) => Math.floor(first + place * every + 1e-9));
  return windowsOfGroups.map((windows, place) => {
    const start = thaws[place];
    if (start >= epochs) return [];
    const next = thaws.slice(place + 1).find((thaw) => thaw > start) ?? epochs;
    const end = { end: null, next, own: windows.at(-1)?.[1] ?? null }[until];
    return [[start, end === null || end <= start || end >= epochs ? null : end]];
  });
}

/** A spacing that thaws the last of so many groups after three quarters of so many epochs. */
export function spacingFor(count, left) {
  const room = (0.75 * left) / Math.max(count - 1, 1);
  return room >= 1 ? Math.floor(room) : Math.max(Math.floor(room * 10) / 10, 0.1);
}
