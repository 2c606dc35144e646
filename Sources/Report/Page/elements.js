"use strict";

// Elements of the page. Text from the document only ever becomes text nodes and attribute values.

/** An HTML element. `on…` attributes are listeners, true and false switch an attribute. */
function element(name, attributes = {}, ...children) {
  return furnish(document.createElement(name), attributes, children);
}

/** An SVG element. The attribute `colour` sets the CSS colour, which strokes and fills follow. */
function shape(name, attributes = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function furnish(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "colour") node.style.color = value;
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** Words for screen readers alone. */
function spoken(text) {
  return element("span", { class: "spoken" }, text);
}

/** A check box in its label. */
function checkbox(text, checked, onchange, colour) {
  const input = element("input", { type: "checkbox", onchange: () => onchange(input.checked) });
  input.checked = checked;
  const swatch = colour ? element("span", { class: "swatch", colour }) : null;
  return element("label", { class: "choice" }, input, swatch, text);
}

/** A group of radio buttons that look like buttons; `options` are {value, text}. */
function radios(name, legend, options, chosen, onchange) {
  const buttons = options.map(({ value, text }) => {
    const input = element("input", { type: "radio", name, value, onchange: () => onchange(value) });
    input.checked = value === chosen;
    return element("label", { class: "pill" }, input, element("span", {}, text));
  });
  return element("fieldset", { class: "pills" }, element("legend", {}, legend), buttons);
}

/** Names with their values; `pairs` are [name, value]. */
function definitions(pairs) {
  return element("dl", { class: "facts" }, pairs.map(([name, value]) =>
    element("div", {}, element("dt", {}, String(name)), element("dd", {}, textOf(value)))));
}

/** A legend; `items` are {name, colour, dash}. */
function legend(items) {
  return element("ul", { class: "legend" }, items.map(({ name, colour, dashed }) =>
    element("li", {},
      element("span", { class: dashed ? "swatch dashed" : "swatch", colour }), name)));
}
