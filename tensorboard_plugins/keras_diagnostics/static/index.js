/** The entry: TensorBoard calls `render` in a page of our own. */

import { App } from "./app.js";
import { Store, fromParameters, toParameters } from "./state.js";
import { Visibility, onDataReloaded } from "./host.js";
import { element } from "./dom.js";
import { followTheme } from "./theme.js";
import { onParametersChange, readParameters, writeParameters } from "./hash.js";

const WRITE_DELAY = 150; // milliseconds; browsers limit how often an address may change

/** Shows the page and keeps it up to date. */
export async function render() {
  document.documentElement.lang = "en";
  document.title = "Diagnostics";
  await loadStyle();
  const store = new Store(fromParameters(readParameters()));
  keepInAddress(store);
  const root = element("div", { class: "app" });
  document.body.append(root);
  let app = null;
  followTheme(() => app?.redraw());
  app = new App(root, store);
  const visibility = new Visibility();
  onDataReloaded(() => visibility.whenShown(() => app.load()));
  await app.load();
}

function keepInAddress(store) {
  let timer = null;
  store.onChange((state) => {
    clearTimeout(timer);
    timer = setTimeout(() => writeParameters(toParameters(state)), WRITE_DELAY);
  });
  onParametersChange(() => store.set(fromParameters(readParameters())));
}

function loadStyle() {
  const address = new URL("./style.css", import.meta.url).href;
  const link = element("link", { rel: "stylesheet", href: address });
  document.head.append(link);
  return new Promise((resolve) => {
    link.onload = resolve;
    link.onerror = resolve;
  });
}
