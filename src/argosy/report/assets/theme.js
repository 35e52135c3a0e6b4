"use strict";
// The reader's choice of light or dark wins over the system's, and is kept where the browser allows it.
(() => {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");

  const kept = () => {
    try {
      return localStorage.getItem("argosy-theme");
    } catch {
      return null; // a page opened from a file may not be allowed to store anything
    }
  };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const changed = () => {
    button.setAttribute("aria-pressed", String(isDark()));
    dispatchEvent(new Event("themechange"));
  };

  const choice = kept();
  if (choice === "light" || choice === "dark") root.dataset.theme = choice;
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("argosy-theme", root.dataset.theme);
    } catch {
      // the choice then lasts as long as the page
    }
    changed();
  });
  system.addEventListener("change", changed);

  let shown; // paper is white, whatever the screen was
  addEventListener("beforeprint", () => {
    shown = root.dataset.theme;
    root.dataset.theme = "light";
    changed();
  });
  addEventListener("afterprint", () => {
    if (shown) root.dataset.theme = shown;
    else delete root.dataset.theme;
    changed();
  });
  changed();
})();
