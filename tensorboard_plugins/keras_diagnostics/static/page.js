/** Puts the page together and connects it with TensorBoard around it. */

import { App } from "./app.js";
import { Store, fromParameters, toParameters } from "./state.js";
import { Visibility, onDataReloaded } from "./host.js";
import { element } from "./dom.js";
import { followTheme } from "./theme.js";
import { onParametersChange, readParameters, writeParameters } from "./hash.js";

const WRITE_DELAY = 150; // milliseconds; browsers limit how often an address may change

/**
 * Shows the page and keeps it up to date.
 *
 * @param {Promise<Object>} runs The first answer of the route `runs`.
 */
export async function showPage(runs) {
  const store = new Store(fromParameters(readParameters()));
  keepInAddress(store);
  const root = element("div", { class: "app" });
  document.body.append(root);
  let app = null;
  followTheme(() => app?.redraw());
  app = new App(root, store);
  const visibility = new Visibility();
  onDataReloaded(() => visibility.whenShown(() => app.load()));
  await app.load(runs);
}

function keepInAddress(store) {
  let timer = null;
  store.onChange((state) => {
    clearTimeout(timer);
    timer = setTimeout(() => writeParameters(toParameters(state)), WRITE_DELAY);
  });
  onParametersChange(() => store.set(fromParameters(readParameters())));
}
