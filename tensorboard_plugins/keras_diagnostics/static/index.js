/**
 * The entry: TensorBoard calls `render` in a page of our own.
 *
 * What takes time is asked for at once: Plotly, the runs, our other files. Left to
 * themselves they would wait for each other.
 */

import { ask } from "./api.js";
import { loadPlotly } from "./plotting.js";

// All that `page.js` imports, directly or not.
const MODULES = [
  "app", "card", "chart", "compare", "context", "dom", "export", "figure_card", "findings",
  "format", "hash", "host", "icons", "layer_choice", "marks", "missing", "page", "pages",
  "panel", "panel_view", "panels", "pieces", "raster", "run_menu", "selection", "state",
  "tables", "theme", "toolbar",
];

/** Shows the page and keeps it up to date. */
export async function render() {
  document.documentElement.lang = "en";
  document.title = "Diagnostics";
  const here = new URL(import.meta.url);
  loadPlotly(here.searchParams.get("plotly"));
  const runs = ask("runs", {}, "runs");
  runs.catch(() => {}); // the page tells it
  const styled = load("stylesheet", "./style.css");
  for (const name of MODULES) load("modulepreload", `./${name}.js`);
  const [{ showPage }] = await Promise.all([import("./page.js"), styled]);
  await showPage(runs);
}

function load(rel, file) {
  const link = document.createElement("link");
  link.rel = rel;
  link.href = new URL(file, import.meta.url).href;
  document.head.append(link);
  return new Promise((resolve) => {
    link.onload = resolve;
    link.onerror = resolve;
  });
}
