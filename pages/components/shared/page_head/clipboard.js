// Copying works also on a page that is not served by https, to which the browser gives no clipboard.
(() => {
  if (navigator.clipboard) return;

  async function writeText(text) {
    let focused = document.activeElement;
    while (focused.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
    const area = document.createElement("textarea");
    area.value = text;
    area.style.cssText = "position: fixed; top: 0; opacity: 0;";
    focused.after(area); // in the dialog that has the focus, which takes it back from elsewhere
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused.focus({ preventScroll: true });
    if (!done) throw new DOMException("The browser refused", "NotAllowedError");
  }

  Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
})();
