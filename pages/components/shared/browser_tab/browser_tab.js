// Tells Python of a theme that is not the one in which it has drawn the page, and keeps the draft
// of the tab: the schedule and the run settings, over a reload.

const KEY = "thaw-draft";
const SETTINGS = "thaw-settings";

const instances = new WeakMap();

/** What Streamlit calls with the theme and draft of Python, and whenever the theme changes. */
export default function mount({ parentElement, data, setTriggerValue }) {
  if (!instances.has(parentElement)) instances.set(parentElement, {});
  const tab = instances.get(parentElement);
  // once each, or a page that cannot know would never rest
  const tell = (name, value) => {
    if (value !== tab[name]) setTriggerValue(name, value);
    tab[name] = value;
  };
  if (data.theme) {
    const { colorScheme } = getComputedStyle(parentElement.host ?? parentElement);
    if (colorScheme === data.theme) delete tab.theme;
    else tell("theme", colorScheme);
  }
  // A session in which nothing has been done does not write: it would lose what is to be read.
  if (data.keeps) {
    delete tab.draft;
    if (tab.kept !== data.draft) write(KEY, data.draft); // a call for a theme brings an old draft
    tab.kept = data.draft;
  } else if (data.asks) {
    delete tab.kept;
    const draft = read(KEY);
    if (draft && draft !== data.draft) tell("draft", draft);
  }
  // Apart from the draft: a session that began with a link still takes the settings.
  if (data.settings) {
    delete tab.settings;
    if (tab.keptSettings !== data.settings) write(SETTINGS, data.settings);
    tab.keptSettings = data.settings;
  } else if (data.theme && read(SETTINGS)) {
    delete tab.keptSettings;
    tell("settings", read(SETTINGS));
  }
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
