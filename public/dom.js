/** Two words for the DOM. */

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {any} the element, whose kind the page knows
 * @throws Error when the page and its script do not fit together
 */
export function one(root, selector) {
  const found = root.querySelector(selector);
  if (!found) throw new Error(`No ${selector} on this page`);
  return found;
}

/**
 * An element; an attribute that is undefined is left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | undefined>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
