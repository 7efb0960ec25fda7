/**
 * Keeps parameters in the address of TensorBoard's page, so that a view can be sent.
 *
 * TensorBoard keeps its tab there as `#tab&key=value`, and keys that it does not know.
 * Ours start with `p.keras_diagnostics.`; all else is left as it is.
 */

import { topWindow } from "./host.js";

const PREFIX = "p.keras_diagnostics.";

/**
 * Returns our parameters from the address.
 *
 * @return {Object<string, string>}
 */
export function readParameters() {
  const parameters = {};
  for (const [key, value] of parts().map(split)) {
    if (key.startsWith(PREFIX)) parameters[key.slice(PREFIX.length)] = value;
  }
  return parameters;
}

/**
 * Writes our parameters into the address, without a new entry in the history.
 *
 * @param {Object<string, string>} parameters
 */
export function writeParameters(parameters) {
  const others = parts().filter((part) => !split(part)[0].startsWith(PREFIX));
  const ours = Object.entries(parameters).map(
    ([key, value]) => `${encodeURIComponent(PREFIX + key)}=${encodeURIComponent(value)}`,
  );
  const { history, location } = topWindow();
  const hash = `#${[...others, ...ours].join("&")}`;
  if (hash === location.hash || (hash === "#" && !location.hash)) return;
  history.replaceState(history.state, "", location.pathname + location.search + hash);
}

/** @param {function()} listener Called when the reader edits the address. */
export function onParametersChange(listener) {
  topWindow().addEventListener("hashchange", listener);
}

function parts() {
  return topWindow().location.hash.slice(1).split("&").filter(Boolean);
}

function split(part) {
  const at = part.indexOf("=");
  if (at < 0) return [part, ""];
  return [decode(part.slice(0, at)), decode(part.slice(at + 1))];
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
