// A button that puts the text which Python has sent on the clipboard, and says so.

const SAID_FOR = 2000;

const instances = new WeakMap();
let calls = 0;

/** What Streamlit calls with new data, and whenever the theme changes; returns how to clean up. */
export default function mount({ parentElement, data }) {
  if (!instances.has(parentElement)) instances.set(parentElement, build(parentElement));
  const copy = instances.get(parentElement);
  const call = (calls += 1);
  copy.call = call;
  if (copy.text !== data) say(copy, "");
  copy.text = data;
  // Streamlit may clean up an outdated call after a newer one has begun: only the newest one ends it.
  return () => {
    if (copy.call !== call) return;
    instances.delete(parentElement);
    clearTimeout(copy.timer);
    copy.root.remove();
  };
}

function build(parent) {
  const root = document.createElement("div");
  const button = document.createElement("button");
  const said = document.createElement("span");
  button.type = "button";
  said.className = "said";
  said.setAttribute("role", "status");
  root.append(button, said);
  const copy = { root, button, said, text: "", timer: 0, call: 0 };
  button.addEventListener("click", async () => {
    const { text } = copy;
    const done = await write(text);
    if (copy.text === text) say(copy, done ? "Copied" : "Not copied: the browser refused");
  });
  say(copy, "");
  parent.append(root);
  return copy;
}

function say(copy, words) {
  clearTimeout(copy.timer);
  copy.said.textContent = words;
  copy.button.textContent = words || "Copy";
  if (words) copy.timer = setTimeout(() => say(copy, ""), SAID_FOR);
}

/** Whether the text is on the clipboard now; a page without https has that of clipboard.js. */
async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
