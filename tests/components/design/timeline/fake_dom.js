// As much of a browser as the timeline asks for, with a clock that a test turns.

class FakeNode {
  constructor(tag) {
    Object.assign(this, { tag, kids: [], attributes: {}, listeners: [], className: "", dataset: {}, held: new Set() });
    this.style = { setProperty: (name, value) => (this.style[name] = value) };
    this.text = "";
  }
  get children() { return this.kids; }
  get firstChild() { return this.kids[0] ?? null; }
  get lastChild() { return this.kids.at(-1) ?? null; }
  get nextSibling() { return this.parentNode?.kids[this.parentNode.kids.indexOf(this) + 1] ?? null; }
  get textContent() { return this.text + this.kids.map((node) => node.textContent).join(""); }
  set textContent(value) { [this.text, this.kids] = [value, []]; }
  get clientWidth() { return browser.width; }
  get value() { return this.typed ?? ""; }
  set value(value) { this.typed = String(value); }
  get valueAsNumber() { return Number(this.value); }
  get classList() {
    const names = () => this.className.split(" ").filter(Boolean);
    return {
      contains: (name) => names().includes(name),
      add: (name) => { this.className = [...new Set([...names(), name])].join(" "); },
      toggle: (name, on = !names().includes(name)) => {
        this.className = [...names().filter((each) => each !== name), ...(on ? [name] : [])].join(" ");
      },
    };
  }
  append(...nodes) { for (const node of nodes) this.insertBefore(node, null); }
  prepend(...nodes) { for (const node of nodes) this.insertBefore(node, this.firstChild); }
  insertBefore(given, before) {
    const node = typeof given === "string" ? Object.assign(new FakeNode("#text"), { text: given }) : given;
    node.remove();
    this.kids.splice(before ? this.kids.indexOf(before) : this.kids.length, 0, node);
    node.parentNode = this;
  }
  remove() {
    if (this.parentNode) this.parentNode.kids = this.parentNode.kids.filter((node) => node !== this);
    this.parentNode = null;
  }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  getAttribute(name) { return this.attributes[name] ?? null; }
  toggleAttribute(name, on) { if (on) this.attributes[name] = ""; else delete this.attributes[name]; }
  get disabled() { return this.off ?? false; }
  set disabled(value) { this.off = value; }
  *all() { yield this; for (const node of this.kids) yield* node.all(); }
  contains(node) { return [...this.all()].includes(node); }
  closest(selector) {
    const is = selector === "button" ? (node) => node.tag === "button" : (node) => node.tag === "button" && node.dataset.do;
    return is(this) ? this : (this.parentNode?.closest(selector) ?? null);
  }
  querySelector(selector) { return [...this.all()].find((node) => node.classList.contains(selector.slice(1))); }
  matches(selector) { return selector === ":focus-visible"; }
  getRootNode() { return browser; }
  focus() { browser.activeElement = this; }
  select() {}
  getBoundingClientRect() { return { left: 0, top: 0, width: browser.width, height: 32 }; }
  addEventListener(type, handler) { this.listeners.push([type, handler]); }
  setPointerCapture(id) { this.held.add(id); }
  releasePointerCapture(id) { this.held.delete(id); }
  hasPointerCapture(id) { return this.held.has(id); }
}

const browser = { width: 800, coarse: false, now: 0, timers: new Map(), timer: 0, frames: [], activeElement: null };
const later = (work, ms) => { browser.timers.set((browser.timer += 1), { work, at: browser.now + ms }); return browser.timer; };
Object.assign(globalThis, {
  document: { createElement: (tag) => new FakeNode(tag), createElementNS: (_, tag) => new FakeNode(tag), querySelector: () => null },
  window: new FakeNode("window"),
  ResizeObserver: class { observe() {} disconnect() {} },
  matchMedia: () => ({ matches: browser.coarse }),
  setTimeout: later,
  clearTimeout: (timer) => browser.timers.delete(timer),
  requestAnimationFrame: (work) => browser.frames.push(work),
  cancelAnimationFrame: () => {},
});
window.dispatchEvent = () => {};
Date.now = () => browser.now;

/** A timeline that has its first data; `sent` gathers its events, and each is answered when told so. */
function stage(data) {
  const parent = new FakeNode("div");
  const sent = [];
  let latest = { ...data, ack: 0 };
  const call = (changes) => {
    latest = { ...latest, ...changes };
    mount({ parentElement: parent, data: latest, setTriggerValue: (_, value) => sent.push(value) });
    frame();
  };
  const root = () => parent.kids[0];
  const due = () => {
    for (const [timer, { work, at }] of browser.timers) {
      if (at > browser.now || !browser.timers.delete(timer)) continue;
      work();
    }
  };
  const frame = () => {
    browser.frames.splice(0).forEach((work) => work());
    due();
  };
  const fire = (target, type, event = {}, on = root()) => {
    const given = { target, preventDefault() {}, stopPropagation() {}, composedPath: () => [], button: 0, buttons: 1, ...event };
    for (const [name, handler] of on.listeners) if (name === type) handler(given);
    frame();
  };
  call({});
  return {
    sent,
    call,
    root,
    /** Python has taken up all that was sent, and sends data with these changes. */
    answer(changes = {}) {
      const view = sent.reduce((known, event) => ({ ...known, ...event.view }), latest.view);
      call({ ack: sent.at(-1)?.seq ?? 0, view, ...changes });
    },
    /** Python answers until nothing more is sent. */
    settle() {
      for (let count = -1; count < sent.length; this.answer()) count = sent.length;
    },
    /** So many milliseconds go by. */
    wait(ms) {
      browser.now += ms;
      due();
      frame();
    },
    /** The node that has this name for a screen reader. */
    find: (label) => [...root().all()].find((node) => node.getAttribute("aria-label") === label && !("hidden" in node.attributes)),
    text: (name) => [...root().all()].find((node) => node.classList.contains(name)).textContent,
    value: (label) => Number([...root().all()].find((node) => node.getAttribute("aria-label") === label).getAttribute("aria-valuenow")),
    key: (node, key, event = {}) => fire(node, "keydown", { key, ...event }),
    pageKey: (key, event = {}) => fire(root(), "keydown", { key, ...event }, window),
    down: (node, x, event = {}) => fire(node, "pointerdown", { clientX: x, clientY: 0, pointerId: 1, isPrimary: true, ...event }),
    move: (x, event = {}) => fire(root(), "pointermove", { clientX: x, clientY: 0, pointerId: 1, ...event }),
    up: (x, event = {}) => fire(root(), "pointerup", { clientX: x, clientY: 0, pointerId: 1, buttons: 0, ...event }),
    cancel: () => fire(root(), "pointercancel", { pointerId: 1 }),
    click: (name) => fire([...root().all()].find((node) => node.dataset.do === name), "click"),
    submit: () => fire(root(), "submit"),
    focus: (node) => fire(node, "focusin"),
    wheel: (event) => fire(root(), "wheel", { clientX: 0, deltaX: 0, deltaY: 0, ...event }),
  };
}
