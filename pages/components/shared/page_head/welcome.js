// Shows the note of the first visit until something is done where it stands, and then never again in this browser.
(() => {
  const KEY = "thaw-welcomed";
  const NOTHING_DONE = ["Tab", "Shift", "Control", "Alt", "Meta"];
  const root = document.documentElement;
  const listeners = new AbortController();
  const options = { capture: true, signal: listeners.signal };
  try {
    if (localStorage.getItem(KEY)) return;
  } catch {
    // the browser forbids it: each visit is the first
  }

  function dismiss() {
    if (!document.querySelector(".thaw-welcome")) return;
    root.classList.remove("thaw-first-visit");
    listeners.abort();
    try {
      localStorage.setItem(KEY, "yes");
    } catch {
      // forbidden
    }
  }

  root.classList.add("thaw-first-visit");
  addEventListener("pointerup", dismiss, options); // a finger that scrolls the page ends otherwise
  addEventListener("keydown", ({ key }) => {
    if (!NOTHING_DONE.includes(key) && document.activeElement !== document.body) dismiss();
  }, options);
})();
