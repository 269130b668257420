// The theme: the roles of palette.py as CSS variables, dark or light as the page is.

/** Dark or light, by the page's own background: Streamlit calls again when the theme changes. */
export function themeOf(host) {
  const background = getComputedStyle(host).getPropertyValue("--st-background-color");
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  probe.fillStyle = background.trim() || "#fff";
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 128 ? "dark" : "light";
}

/** Put on a theme's colours, and the gutters at both sides of the track. */
export function dress(root, theme, { palette, gutters }) {
  root.dataset.theme = theme;
  for (const [role, colour] of Object.entries(palette[theme])) {
    root.style.setProperty(`--${role}`, colour);
  }
  root.style.setProperty("--left", `${gutters[0]}px`);
  root.style.setProperty("--right", `${gutters[1]}px`);
}
