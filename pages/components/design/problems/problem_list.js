// The list of problems: sends fixes, undo and questions to Python, and points at the timeline.
//
// Names of groups are other people's text: they are set as text, never as markup.

const HOVER = "thaw-problem-hover";
const SHOW = "thaw-problem-show";

const instances = new WeakMap();
let calls = 0;

/** What Streamlit calls with new data, and whenever the theme changes; returns how to clean up. */
export default function mount({ parentElement, data, setTriggerValue }) {
  if (!instances.has(parentElement)) instances.set(parentElement, build(parentElement));
  const list = instances.get(parentElement);
  const call = (calls += 1);
  list.call = call;
  list.send = setTriggerValue;
  receive(list, data);
  // Streamlit may clean up an outdated call after a newer one has begun: only the newest one ends it.
  return () => {
    if (list.call !== call) return;
    instances.delete(parentElement);
    list.listeners.abort();
    list.closing?.disconnect();
    list.root.remove();
  };
}

function build(parent) {
  for (const node of [...parent.children]) if (node.classList?.contains("problems")) node.remove();
  const said = el("div", "said");
  said.setAttribute("role", "status");
  const rows = el("ol", "rows");
  rows.setAttribute("role", "list");
  const root = el("div", "problems", rows, said);
  const list = {
    root,
    rows,
    said,
    items: new Map(),
    done: buildDone(() => ask(list, "undo", {})),
    nothing: el("li", "nothing", "No problems in this schedule."),
    // Items that a tap has opened or shut, on a phone; by default only the first is open.
    opened: new Map(),
    data: null,
    // The fix that was asked for last, and the problem that is pointed at.
    fixed: null,
    hovered: null,
    closing: null,
    listeners: new AbortController(),
  };
  const { signal } = list.listeners;
  window.addEventListener(HOVER, ({ detail }) => highlight(list, detail), { signal });
  window.addEventListener(SHOW, ({ detail }) => show(list, detail), { signal });
  parent.append(root);
  return list;
}

/** Take up new data; the focus stays in the list if its button goes. */
function receive(list, data) {
  const before = list.data;
  list.data = data;
  const focused = list.root.getRootNode().activeElement;
  const held = list.root.contains(focused) ? focused : null;
  const place = [...list.rows.children].findIndex((row) => row.contains(held));
  arrange(list);
  if (before && before.revision !== data.revision && list.hovered !== null) point(null);
  if (before && before.ack !== data.ack) speak(list, before);
  if (held && !held.isConnected) keepFocus(list, Math.max(place, 0));
}

function arrange(list) {
  const { items, data, rows } = list;
  const wanted = data.items.map(({ key }) => key);
  for (const key of [...items.keys()]) if (!wanted.includes(key)) items.delete(key);
  data.items.forEach((problem, index) => {
    if (!items.has(problem.key)) items.set(problem.key, buildItem(list, problem.key));
    paint(list, items.get(problem.key), problem, index);
  });
  const nodes = wanted.map((key) => items.get(key).node);
  if (data.done) {
    const { label, place } = data.done;
    text(list.done.label, label);
    nodes.splice(Math.min(place, nodes.length), 0, list.done.node);
  }
  if (wanted.length === 0) nodes.push(list.nothing);
  for (const node of [...rows.children]) if (!nodes.includes(node)) node.remove();
  // A node that is where it belongs is not moved: moving it would lose the focus.
  nodes.forEach((node, at) => {
    if (rows.children[at] !== node) rows.insertBefore(node, rows.children[at] ?? null);
  });
}

function buildItem(list, key) {
  const item = {
    disc: el("span", "disc"),
    code: el("code", ""),
    severity: el("span", "severity"),
    brief: el("span", "brief"),
    sentence: el("p", "sentence"),
    out: el("p", "out"),
    fix: button("fix", () => fix(list, key)),
    why: button("why", () => {
      ask(list, "why", { key });
      comeBack(list, item.why);
    }),
    toggle: button("toggle", () => toggle(list, key)),
    number: 0,
  };
  text(item.why, "Why");
  const head = el("div", "head", item.disc, item.code, item.severity, item.brief, item.toggle);
  const acts = el("div", "acts", item.fix, item.why);
  const body = el("div", "body", item.sentence, item.out, acts);
  item.node = el("li", "item", head, body);
  const on = (type, number) => item.node.addEventListener(type, () => point(number()));
  on("pointerenter", () => item.number);
  on("pointerleave", () => null);
  on("focusin", () => item.number);
  on("focusout", () => null);
  return item;
}

function paint(list, item, { number, key, code, severity, brief, parts, way_out, fix }, index) {
  const open = list.opened.get(key) ?? index === 0;
  item.number = number;
  item.node.className = `item ${severity}`;
  item.node.classList.toggle("open", open);
  item.node.classList.toggle("pointed", list.hovered === number);
  item.disc.setAttribute("role", "img");
  item.disc.setAttribute("aria-label", `Problem ${number}`);
  text(item.disc, String(number));
  text(item.code, code);
  text(item.severity, severity);
  text(item.brief, brief);
  item.toggle.setAttribute("aria-expanded", String(open));
  item.toggle.setAttribute("aria-label", `Problem ${number}, ${code}, ${severity}: ${brief}`);
  const words = parts.map(([part, isName]) => (isName ? el("b", "", part) : part));
  item.sentence.replaceChildren(...words, ".");
  item.sentence.id = `problem-${number}`;
  text(item.out, fix === null ? sentenceOf(way_out) : "");
  item.out.hidden = fix !== null;
  item.fix.hidden = fix === null;
  text(item.fix, `Fix: ${fix ?? ""}`);
  item.fix.title = way_out;
  item.fix.removeAttribute("aria-disabled");
  item.fix.setAttribute("aria-describedby", item.sentence.id);
  item.why.setAttribute("aria-label", `Why ${code}`);
}

function buildDone(undo) {
  const label = el("span", "what");
  const node = el("li", "done", el("span", "tick", "✓"), label, button("undo", undo, "Undo"));
  return { node, label, undo: node.lastChild };
}

/** A fix is sent once; a second click waits for the answer to the first. */
function fix(list, key) {
  const { fix: node } = list.items.get(key);
  if (node.getAttribute("aria-disabled") === "true") return;
  node.setAttribute("aria-disabled", "true");
  list.fixed = key;
  ask(list, "fix", { key });
}

function ask(list, event, value) {
  list.send(event, { ...value, revision: list.data.revision });
}

function toggle(list, key) {
  const { node } = list.items.get(key);
  list.opened.set(key, !node.classList.contains("open"));
  arrange(list);
}

/** Say aloud what has become of a fix or of its undo. */
function speak({ said, data }, before) {
  const count = data.items.length;
  const left = count === 0 ? "No problem is left." : `${count} problem${count > 1 ? "s" : ""} left.`;
  if (data.done && data.revision !== before.revision) text(said, `Done: ${data.done.label}. ${left}`);
  else if (before.done && !data.done) text(said, `Undone. ${left}`);
}

/** The button that had the focus is gone: on to what stands there now, or back to what was fixed. */
function keepFocus(list, place) {
  const undone = !list.data.done && list.items.get(list.fixed);
  const next = list.data.items[Math.min(place, list.data.items.length - 1)];
  const item = undone || (next && list.items.get(next.key));
  const node = item ? (item.fix.hidden ? item.why : item.fix) : list.done.undo;
  const hidden = item && node.offsetParent === null; // in an item that is shut, on a phone
  (hidden ? item.toggle : node).focus({ preventScroll: true });
}

/** The focus returns to a button when the dialog that it has opened is closed. */
function comeBack(list, node) {
  list.closing?.disconnect();
  let opened = false;
  list.closing = new MutationObserver(() => {
    const open = document.querySelector('[role="dialog"]') !== null;
    if (opened && !open) {
      list.closing.disconnect();
      node.focus({ preventScroll: true });
    }
    opened ||= open;
  });
  list.closing.observe(document.body, { childList: true, subtree: true });
}

/** Tell the page which problem is pointed at, so that the timeline can show it too. */
function point(number) {
  window.dispatchEvent(new CustomEvent(HOVER, { detail: number }));
}

/** Show which problem is pointed at, here or on the timeline. */
function highlight(list, number) {
  list.hovered = number;
  for (const item of list.items.values()) {
    item.node.classList.toggle("pointed", item.number === number);
  }
}

/** Bring a problem into view whose number was clicked on the timeline. */
function show(list, number) {
  const [key, item] = [...list.items].find(([, each]) => each.number === number) ?? [];
  if (!item) return;
  list.opened.set(key, true);
  arrange(list);
  item.node.scrollIntoView({ block: "nearest", behavior: "smooth" });
  item.node.animate({ background: ["var(--thaw-accent-soft)", "transparent"] }, { duration: 3000, easing: "ease-in" });
}

const sentenceOf = (words) => (/[.?]$/.test(words) ? words : `${words}.`);

function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function button(className, press, ...children) {
  const node = el("button", className, ...children);
  node.type = "button";
  node.addEventListener("click", press);
  return node;
}

function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}
