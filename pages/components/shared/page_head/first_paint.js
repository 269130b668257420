// A page is seen once it is drawn: piece by piece, what comes would push about what is there.
(() => {
  const root = document.documentElement;
  const DRAWN = '.stApp[data-test-script-state="notRunning"] .stMainBlockContainer .stElementContainer';
  const COMING = '.stMainBlockContainer [data-testid="stSkeleton"]'; // a widget whose script is loaded
  const REST_MS = 60;
  let timer = 0;
  const show = () => {
    if (!document.getElementById("thaw-css")?.sheet) {
      timer = setTimeout(show, REST_MS);
      return;
    }
    watch.disconnect();
    root.classList.add("thaw-drawn");
  };
  const watch = new MutationObserver(() => {
    clearTimeout(timer);
    if (document.querySelector(DRAWN) && !document.querySelector(COMING)) timer = setTimeout(show, REST_MS);
  });
  watch.observe(root, { subtree: true, childList: true, attributeFilter: ["data-test-script-state"] });
})();
