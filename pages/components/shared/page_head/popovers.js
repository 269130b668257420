// Moves the focus into a popover that opens: it lies at the end of the page, many Tabs away.
(() => {
  if (window.thawPopovers) return;
  const CONTROLS = ":is(button, a[href], input, select, textarea):not([tabindex='-1'])";
  let entered = null;
  let given = null;

  function enter() {
    const body = document.querySelector("[data-testid='stPopoverBody']");
    // what comes later is entered too, until the person has moved on from what has the focus
    if (body && (body !== entered || document.activeElement === given)) {
      const controls = [...body.querySelectorAll(CONTROLS)];
      const first = controls.find((each) => !each.disabled && each.checkVisibility());
      if (!first) body.tabIndex = -1;
      given = first ?? body;
      if (document.activeElement !== given) given.focus({ preventScroll: true });
    }
    entered = body;
  }

  window.thawPopovers = new MutationObserver(enter);
  window.thawPopovers.observe(document.documentElement, { childList: true, subtree: true });
})();
