// Make elements. Texts of models become text nodes only, never markup.

const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "onclick") made.addEventListener("click", value);
    else if (key === "value") made.value = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

// Return nodes for a text. Characters that would be invisible, or turn the direction of others, are shown by their code.
export function textNodes(text) {
  if (!CONTROLS.test(text)) return text === "" ? [] : [document.createTextNode(text)];
  const nodes = [];
  let plain = "";
  for (const character of String(text)) {
    if (!CONTROLS.test(character)) {
      plain += character;
      continue;
    }
    if (plain) nodes.push(document.createTextNode(plain));
    plain = "";
    const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    nodes.push(element("span", { class: "control", dir: "ltr" }, `U+${code}`));
  }
  if (plain) nodes.push(document.createTextNode(plain));
  return nodes;
}

// Replace what an element says. A text without such characters, as almost all are, needs no new nodes.
export function setText(node, text) {
  if (CONTROLS.test(text)) node.replaceChildren(...textNodes(text));
  else node.textContent = text;
}

// A text of a model in a box of its own, whose direction follows its first letter.
export function modelText(text, name = "div") {
  return element(name, { class: "text", dir: "auto" }, ...textNodes(String(text).trim()));
}

export function decimals(...values) {
  return Math.max(...values.map(Math.abs)) > 1 ? 2 : 4;
}

export function signed(value, digits) {
  return (value < 0 ? "-" : "+") + Math.abs(value).toFixed(digits);
}

export function number(value, digits) {
  return (value < 0 ? "-" : "") + Math.abs(value).toFixed(digits);
}

export function pValue(value) {
  return value < 0.0001 ? "<0.0001" : value.toFixed(4);
}

export async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = copyOldWay(text) ? "Copied" : "Copying failed";
  }
  setTimeout(() => { button.textContent = before; }, 1500);
}

// Pages that are opened from disk may have no clipboard.
function copyOldWay(text) {
  const area = element("textarea", { class: "offscreen", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

export function option(value, label) {
  return element("option", { value }, ...textNodes(label));
}

// A labelled choice. `choices` are pairs of a value and a label.
export function choice(label, choices, onChange) {
  const select = element("select", {}, ...choices.map(([value, name]) => option(value, name)));
  select.addEventListener("change", onChange);
  return { box: element("label", {}, element("span", {}, label), select), select };
}
