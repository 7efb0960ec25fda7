/** What TensorBoard, around this page, lets us know: its window, reloads, tabs. */

const DATA_RELOADED = "experimental.DataReloaded";

/**
 * Returns TensorBoard's window, or our own where that is out of reach.
 *
 * @return {Window}
 */
export function topWindow() {
  try {
    void window.parent.location.hash; // throws if it is of another origin
    return window.parent;
  } catch {
    return window;
  }
}

/**
 * Calls the listener whenever TensorBoard has reloaded its data.
 *
 * TensorBoard talks to plugins over a channel that the plugin opens, in JSON messages
 * `{type, id, payload, error, isReply}`; each wants an answer with the same id.
 *
 * @param {function()} listener
 */
export function onDataReloaded(listener) {
  if (window.parent === window) return;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message.isReply) return;
    const { type, id } = message;
    const reply = { type, id, payload: null, error: null, isReply: true };
    port1.postMessage(JSON.stringify(reply));
    if (type === DATA_RELOADED) listener();
  };
  window.parent.postMessage("experimental.bootstrap", "*", [port2]);
}

/** Knows whether our tab is shown: TensorBoard hides the others by height 0. */
export class Visibility {
  constructor() {
    this._shown = true;
    this._waiting = null;
    new IntersectionObserver((entries) => {
      this._shown = entries[entries.length - 1].isIntersecting;
      this._runWaiting();
    }).observe(document.body);
    document.addEventListener("visibilitychange", () => this._runWaiting());
  }

  /** @return {boolean} */
  get shown() {
    return this._shown && !document.hidden;
  }

  /**
   * Calls the action now, or once we are shown again; only the latest waits.
   *
   * @param {function()} action
   */
  whenShown(action) {
    this._waiting = action;
    this._runWaiting();
  }

  _runWaiting() {
    if (!this.shown || !this._waiting) return;
    const action = this._waiting;
    this._waiting = null;
    action();
  }
}
