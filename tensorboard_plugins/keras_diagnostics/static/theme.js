/** Light or dark, as TensorBoard is. */

import { topWindow } from "./host.js";

const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

/**
 * Follows TensorBoard's theme: sets `data-theme` of our page, now and later.
 *
 * @param {function(string)} listener Called with "light" or "dark" when it changes.
 */
export function followTheme(listener) {
  const follow = () => {
    const theme = current();
    if (document.documentElement.dataset.theme === theme) return;
    document.documentElement.dataset.theme = theme;
    listener(theme);
  };
  follow();
  prefersDark.addEventListener("change", follow);
  const host = topWindow().document.body;
  new MutationObserver(follow).observe(host, { attributeFilter: ["class"] });
}

/**
 * Returns a colour of the style sheet as it is in the current theme.
 *
 * @param {string} name Name of the custom property without dashes, such as "text".
 * @return {string}
 */
export function colour(name) {
  const style = getComputedStyle(document.documentElement);
  return style.getPropertyValue(`--${name}`).trim();
}

function current() {
  const top = topWindow();
  const dark =
    top === window
      ? prefersDark.matches
      : top.document.body.classList.contains("dark-mode");
  return dark ? "dark" : "light";
}
