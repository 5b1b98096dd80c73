/* Elements of the page. Text only ever becomes text, never HTML. */

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}
function byId(id) {
  return document.getElementById(id);
}
const escaped = (text) =>
  String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/* A table. A cell is text, an element, or {value, text}: the number and how it reads. */
function table({ caption, head, rows, textColumns = [0], stack = false, ours = -1 }) {
  const kind = (column) => (textColumns.includes(column) ? "text" : null);
  const cell = (tag, content, column) => {
    const made = element(tag, { class: kind(column), "data-label": head[column] });
    if (tag === "th") made.setAttribute("scope", "row");
    if (content instanceof Node) made.append(content);
    else if (content && typeof content === "object") {
      made.append(element("span", {}, content.text));
      made.dataset.value = content.value;
      if (content.range) {
        made.firstChild.append(element("span", { class: "range" }, content.range));
      }
    } else made.textContent = content ?? "";
    return made;
  };
  return element(
    "table",
    { class: stack ? "stack" : null },
    element("caption", {}, caption),
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        ...head.map((text, column) => element("th", { scope: "col", class: kind(column) }, text)),
      ),
    ),
    element(
      "tbody",
      {},
      ...rows.map((row, number) =>
        element(
          "tr",
          { class: number === ours ? "ours" : null },
          ...row.map((content, column) => cell(column ? "td" : "th", content, column)),
        ),
      ),
    ),
  );
}
const asMoney = (value) => ({ value, text: formats.money(value) });
const asCount = (value) => ({ value, text: numbers.format(value) });
const asShare = (value) => ({ value, text: finely.format(value) });
const scrolling = (made, label) =>
  element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, made);
