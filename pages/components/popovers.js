// Moves the focus into a popover that opens: it lies at the end of the page, many Tabs away.
(() => {
  if (window.thawPopovers) return;
  const CONTROLS = ":is(button, a[href], input, select, textarea):not([tabindex='-1'])";
  let entered = null;

  function enter() {
    const body = document.querySelector("[data-testid='stPopoverBody']");
    if (!body) entered = null;
    // the popover itself has the focus while no control is in it: one may come later
    if (!body || (body === entered && document.activeElement !== body)) return;
    const controls = [...body.querySelectorAll(CONTROLS)];
    const first = controls.find((each) => !each.disabled && each.checkVisibility());
    if (!first) body.tabIndex = -1;
    (first ?? body).focus({ preventScroll: true });
    entered = body;
  }

  window.thawPopovers = new MutationObserver(enter);
  window.thawPopovers.observe(document.body, { childList: true, subtree: true });
})();
