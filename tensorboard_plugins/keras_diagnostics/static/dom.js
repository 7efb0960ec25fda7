/**
 * Makes elements. Names of runs and layers come from files that anyone may have
 * written, and this page shares TensorBoard's origin: all text becomes text nodes.
 */

/**
 * Returns a new element.
 *
 * @param {string} tag Name, such as "div".
 * @param {Object} attributes Attributes; `on` maps events to listeners, `class` may
 *     be a string; those that are null, undefined or false are left out.
 * @param {...(Node|string|number|null|undefined|Array)} children What it contains.
 * @return {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) {
        made.addEventListener(event, listener);
      }
    } else if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  made.append(...toNodes(children));
  return made;
}

/**
 * Replaces all that `parent` contains.
 *
 * @param {Element} parent
 * @param {...(Node|string|number|null|undefined|Array)} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...toNodes(children));
}

/**
 * Returns an icon drawn with the current text colour, hidden from screen readers.
 *
 * @param {string} path The `d` of an SVG path in a box of 24 by 24.
 * @return {SVGElement}
 */
export function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(space, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

function toNodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}
