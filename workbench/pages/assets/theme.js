// Light and dark: as the system has it, until a reader chooses. `changed` redraws what has no style sheet.
function themeButton(button, changed) {
  "use strict";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const themed = () => {
    button.title = `Use the ${isDark() ? "light" : "dark"} theme`;
    button.setAttribute("aria-label", button.title);
    changed();
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    themed();
  });
  dark.addEventListener("change", themed);
  themed();
}
