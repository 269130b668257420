// Tells Python of a theme that is not the one in which it has drawn the page.

const told = new WeakMap();

/** What Streamlit calls with the theme that Python saw, and whenever the theme changes. */
export default function mount({ parentElement, data, setTriggerValue }) {
  const { colorScheme } = getComputedStyle(parentElement.host ?? parentElement);
  if (colorScheme === data) told.delete(parentElement);
  else if (told.get(parentElement) !== colorScheme) {
    told.set(parentElement, colorScheme); // once, or a page that cannot know would never rest
    setTriggerValue("theme", colorScheme);
  }
}
