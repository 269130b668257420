// What is said aloud after keys: only what no slider says of itself with its value in words.

import { el, text } from "./dom.js";
import { visible } from "./windows.js";

/** A live region, which screen readers read out when its text changes. */
export function buildSaid() {
  const node = el("said");
  node.setAttribute("role", "status");
  return node;
}

/** Say what a run of keys has changed, or nothing if a slider has said it. */
export function sayChange(timeline, { act, row, saved }) {
  if (!row) return;
  const { epochs } = timeline.data;
  const windows = timeline.windows.get(row.name);
  text(timeline.said, changeInWords(row.name, act, saved.windows.get(row.name), windows, epochs));
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
