// Tells Python of a theme that is not the one in which it has drawn the page, and keeps the draft
// of the tab: the schedule and the run settings, over a reload.

const KEY = "thaw-draft";
const SETTINGS = "thaw-settings";

const instances = new WeakMap();

/** What Streamlit calls with the theme and draft of Python, and whenever the theme changes. */
export default function mount({ parentElement, data, setTriggerValue }) {
  if (!instances.has(parentElement)) instances.set(parentElement, {});
  const tab = instances.get(parentElement);
  // All that Python has to know goes in one event: of two that wait, Streamlit takes the later only.
  const due = {};
  if (data.theme) {
    const { colorScheme } = getComputedStyle(parentElement.host ?? parentElement);
    if (colorScheme !== data.theme) due.theme = colorScheme;
  }
  // A session in which nothing has been done does not write: it would lose what is to be read.
  if (data.keeps) {
    if (tab.kept !== data.draft) write(KEY, data.draft); // a call for a theme brings an old draft
    tab.kept = data.draft;
  } else if (data.asks) {
    delete tab.kept;
    const draft = read(KEY);
    if (draft && draft !== data.draft) due.draft = draft;
  }
  // Apart from the draft: a session that began with a link still takes the settings.
  if (data.settings) {
    if (tab.keptSettings !== data.settings) write(SETTINGS, data.settings);
    tab.keptSettings = data.settings;
  } else if (data.theme && read(SETTINGS)) {
    delete tab.keptSettings;
    due.settings = read(SETTINGS);
  }
  // once each, or a page that cannot know would never rest
  const text = JSON.stringify(due);
  if (text !== "{}" && text !== tab.told) setTriggerValue("event", due);
  tab.told = text;
}

function read(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null; // the browser forbids it
  }
}

function write(key, text) {
  try {
    sessionStorage.removeItem(key); // the older one is wrong, also where there is no room for this
    if (text) sessionStorage.setItem(key, text);
  } catch {
    // forbidden, or full: nothing is kept
  }
}
