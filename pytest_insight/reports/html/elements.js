// Elements. Texts from outside become text nodes: there is no innerHTML in this page.

const SVG = "http://www.w3.org/2000/svg";

/** Returns an element with attributes and children; a child that is no node becomes text. */
function element(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name || "div");
  if (classes.length) made.className = classes.join(" ");
  return filled(made, attributes, children);
}

/** Returns an element of a picture. */
function shape(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== "") made.append(child);
  }
  return made;
}

/** Returns a link to a page of a CI service; only text if the URL is of another kind. */
function pageLink(url, text) {
  if (!/^https?:\/\//.test(url)) return document.createTextNode(text);
  return element("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, text);
}
