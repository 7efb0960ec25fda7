/**
 * The entry: TensorBoard calls `render` in a page of our own.
 *
 * What takes time is asked for at once: Plotly, the runs, our other files, which would
 * wait for each other if each were asked for where it is needed first.
 */

// All that `page.js` imports, directly or not, and itself.
const MODULES = [
  "api", "plotting", "page", "app", "card", "chart", "compare", "context", "dom", "export",
  "figure_card", "findings", "format", "hash", "host", "icons", "layer_choice", "marks",
  "missing", "pages", "panel", "panel_view", "panels", "pieces", "raster", "run_menu",
  "selection", "state", "tables", "theme", "toolbar",
];

/** Shows the page and keeps it up to date. */
export async function render() {
  document.documentElement.lang = "en";
  document.title = "Diagnostics";
  const plotly = new URL(import.meta.url).searchParams.get("plotly");
  if (plotly) link({ rel: "preload", as: "script", href: plotly });
  const styled = link({ rel: "stylesheet", href: ours("style.css") });
  for (const name of MODULES) link({ rel: "modulepreload", href: ours(`${name}.js`) });
  import("./plotting.js").then(({ loadPlotly }) => loadPlotly(plotly));
  const runs = import("./api.js").then(({ ask }) => ask("runs", {}, "runs"));
  runs.catch(() => {}); // the page will tell
  const [{ showPage }] = await Promise.all([import("./page.js"), styled]);
  await showPage(runs);
}

function ours(file) {
  return new URL(file, import.meta.url).href;
}

function link(attributes) {
  const made = Object.assign(document.createElement("link"), attributes);
  document.head.append(made);
  return new Promise((resolve) => {
    made.onload = resolve;
    made.onerror = resolve;
  });
}
