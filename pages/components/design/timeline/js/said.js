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
  // What moved along is told in full: its sliders have not been heard.
  const words = [...timeline.windows].map(([name, spans]) =>
    changeInWords(name, name === row.name ? act : "move", saved.windows.get(name), spans, epochs),
  );
  text(timeline.said, words.filter((said) => said !== "").join(". "));
}

/** Say what a command has changed, group by group. */
export function sayAll(timeline, saved) {
  const { windows, data } = timeline;
  const words = [...windows].map(([name, spans]) =>
    changeInWords(name, "move", saved.windows.get(name), spans, data.epochs),
  );
  text(timeline.said, words.filter((said) => said !== "").join(". "));
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
