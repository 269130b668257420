// A group's own peak: a knob on its bar, the higher the greater its share of the base rate.

import { clamp, pixelsOf } from "./axis.js";
import { SCALES } from "./curves.js";
import { describe, el, put, set, show, slider, text } from "./dom.js";
import { formatRate, formatScale } from "./format.js";

const ROOM_PX = 72;
const DECADES = 2;

export function buildPeak() {
  const flag = el("epoch leftward");
  const node = slider("knob own", "vertical", flag);
  node.title = "Drag up or down: the group's own peak";
  return { node, flag };
}

/** The knob stands in the first of the group's windows in view that has room for it. */
export function paintPeak({ axis, hit }, row, { name, scale, peak }, { open, handled }) {
  const { node, flag } = row.peak;
  const inView = ({ start, end }) => [Math.max(start, axis.from), Math.min(end, axis.to)];
  const window = open.find((each) => {
    const [start, end] = inView(each);
    return pixelsOf(end - start, axis) >= ROOM_PX;
  });
  // What has the keyboard stays, or the focus would be lost.
  show(node, window !== undefined || node === node.getRootNode().activeElement);
  if (!window) return;
  row.handles.set(node, { act: "peak", row, window: window.index });
  put(node, inView(window)[1], axis);
  node.style.marginLeft = `${-1.2 * hit}px`; // beside the handle's area
  node.style.setProperty("--y", clamp(-Math.log10(scale) / DECADES, 0, 1));
  node.classList.toggle("held", handled?.act === "peak");
  set(node, "aria-label", `${name} peaks`);
  const words = `${name} peaks at ${formatScale(scale)} of the base rate, ${formatRate(peak)}`;
  describe(node, Math.min(SCALES[0], scale), Math.max(scale, 1), scale, words);
  text(flag, `${formatScale(scale)}, ${formatRate(peak)}`);
}
