/** Two helpers for the DOM. */

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {any} the element; the caller knows its type
 * @throws Error if the page has no such element
 */
export function one(root, selector) {
  const found = root.querySelector(selector);
  if (!found) throw new Error(`No ${selector} on this page`);
  return found;
}

/**
 * Creates an element. Attributes that are undefined are left out.
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
