/** Loads Plotly from the server, once. Without it every card shows its table. */

let loading = null;

/**
 * Returns Plotly, or null if it is not installed or does not load.
 *
 * @param {?string} url Where the server has it, null if nowhere.
 * @return {Promise<?Object>}
 */
export function loadPlotly(url) {
  if (!url) return Promise.resolve(null);
  loading ??= new Promise((resolve) => {
    const script = document.createElement("script");
    script.src = `./${url}`;
    script.onload = () => resolve(window.Plotly ?? null);
    script.onerror = () => {
      loading = null;
      script.remove();
      resolve(null);
    };
    document.head.append(script);
  });
  return loading;
}
