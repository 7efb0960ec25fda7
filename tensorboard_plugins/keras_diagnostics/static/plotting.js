/** Loads Plotly from the server, once. Without it every card shows its table. */

const PAUSE = 100; // milliseconds between charts, in which the page answers the reader

let loading = null;
let drawing = Promise.resolve();

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

/**
 * Draws when all that was to be drawn before has been painted, so that the first
 * chart is seen before the last is ready.
 *
 * @param {function(): Promise} draw
 * @return {Promise} Settles as that of `draw` does.
 */
export function drawInTurn(draw) {
  const drawn = drawing.then(draw);
  drawing = drawn.catch(() => {}).then(painted);
  return drawn;
}

/** A page that is not shown has no frames; its charts shall not wait for one. */
function painted() {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve, PAUSE));
    setTimeout(resolve, 2 * PAUSE);
  });
}
