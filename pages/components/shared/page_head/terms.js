// Shows what a term means: at a mouse, the focus or a finger on a node with `data-term`, in components too. "?" opens the list.
(() => {
  const WAIT_MS = 250;
  const EDGE_PX = 8;
  const meanings = JSON.parse(document.getElementById("thaw-glossary").textContent);
  const text = document.createElement("p");
  const link = document.createElement("a");
  link.target = "_blank";
  link.rel = "noopener";
  const bubble = document.createElement("div");
  bubble.className = "thaw-meaning";
  bubble.popover = "manual";
  bubble.append(text, link);
  let shown = null;
  let timer = 0;

  const termOf = (event) => event.composedPath().find((node) => node.dataset?.term);
  const isInside = (event) => event.composedPath().includes(bubble);

  function show(term) {
    clearTimeout(timer);
    if (term === shown || !term.isConnected) return;
    shown = term;
    const [meaning, title, address] = meanings[term.dataset.term];
    text.textContent = meaning;
    term.setAttribute("aria-description", meaning);
    [link.textContent, link.href] = [title, address];
    if (!bubble.isConnected) document.body.append(bubble);
    bubble.togglePopover(true);
    const { left, top, bottom } = term.getBoundingClientRect();
    const { width, height } = bubble.getBoundingClientRect();
    const below = bottom + height + EDGE_PX < innerHeight;
    bubble.style.left = `${Math.max(EDGE_PX, Math.min(left, innerWidth - width - EDGE_PX))}px`;
    bubble.style.top = `${below ? bottom : top - height}px`;
  }

  function hide() {
    clearTimeout(timer);
    shown = null;
    if (bubble.isConnected) bubble.togglePopover(false);
  }

  function later(action) {
    clearTimeout(timer);
    timer = setTimeout(action, WAIT_MS);
  }

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") return;
    const term = termOf(event);
    if (term && term !== shown) later(() => show(term));
    else if (term || isInside(event)) clearTimeout(timer);
    else later(hide);
  });
  document.addEventListener("focusin", (event) => {
    const term = termOf(event);
    if (term?.matches(":focus-visible")) show(term);
    else if (!term && !isInside(event)) hide();
  });
  document.addEventListener("click", (event) => {
    const term = termOf(event);
    if (term) {
      show(term);
      if (event.detail === 0) link.focus(); // by the keyboard, for which the link is far away
    } else if (!isInside(event)) hide();
  });
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener("keydown", (event) => {
    const [target] = event.composedPath();
    if (event.key === "Escape" && shown) {
      if (isInside(event)) shown.focus(); // before, as the focus would show it again
      hide();
    }
    const isTyping = target.matches?.("input, textarea, select, [contenteditable]");
    if (event.key === "?" && !isTyping) document.querySelector(".st-key-help button")?.click();
  });
})();
