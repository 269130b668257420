// The overview: which part of the run is shown, as a scrollbar over the phases.

import { zoomOf } from "./axis.js";
import { el, percent, set, show } from "./dom.js";

/** The thin bar over the phases that says which part of the run is shown, and moves it. */
export function buildOverview(actions) {
  const thumb = el("thumb");
  const node = el("overview", thumb);
  node.tabIndex = 0;
  node.setAttribute("role", "scrollbar");
  node.setAttribute("aria-orientation", "horizontal");
  node.setAttribute("aria-label", "Part of the run that is shown");
  node.setAttribute("aria-controls", "thaw-rows");
  actions.set(node, { act: "scroll" });
  return { node, thumb };
}

export function paintOverview({ overview, axis, root }) {
  const { from, to, epochs } = axis;
  const on = zoomOf(axis) > 1;
  root.classList.toggle("zoomed", on);
  show(overview.node, on);
  if (!on) return;
  overview.thumb.style.left = percent(from, epochs);
  overview.thumb.style.width = percent(to - from, epochs);
  set(overview.node, "aria-valuemin", 0);
  set(overview.node, "aria-valuemax", Math.round(epochs - (to - from)));
  set(overview.node, "aria-valuenow", Math.round(from));
  const words = `epochs ${Math.round(from)} to ${Math.round(to)} of ${epochs}`;
  set(overview.node, "aria-valuetext", words);
}
