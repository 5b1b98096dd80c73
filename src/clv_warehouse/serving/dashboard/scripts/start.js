/* Puts the page together: its contents, its filters, its theme, and what printing needs. */

function applyTheme() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  byId("theme").textContent = `Theme: ${theme}`;
}

function print(isStarting) {
  if (isPrinting === isStarting) return;
  isPrinting = isStarting;
  document.documentElement.classList.toggle("printing", isStarting);
  applyTheme();
  draw();
}

function start() {
  byId("contents").append(
    ...[...document.querySelectorAll("main h2")].map((title) =>
      element("a", { href: `#${title.id}` }, title.textContent),
    ),
  );
  byId("meta").textContent =
    `As of ${day(shop.as_of_date)}${isCurrency ? `, in ${shop.currency}` : ""}`;
  byId("incomplete").hidden = !incomplete;
  byId("incomplete").textContent =
    `These figures are not of one complete, tested build, and may disagree. ${incomplete}`;
  filters.forEach((name) => {
    const known = distinct(tables.segments, COLUMNS[name]);
    const order = (value) =>
      name === "segment" ? SEGMENTS.indexOf(value) : { other: 1, unknown: 2 }[value] ?? 0;
    known.sort((one, other) => order(one) - order(other) || one.localeCompare(other));
    const select = byId(name);
    select.append(
      element("option", { value: "" }, "All"),
      ...known.map((value) => element("option", { value }, words(value))),
    );
    // With one value there is nothing to choose.
    select.parentElement.hidden = known.length < 2;
    select.addEventListener("change", () => {
      chosen[name] = select.value;
      draw();
    });
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => {
    filters.forEach((name) => (chosen[name] = ""));
    draw();
  });
  byId("theme").addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    applyTheme();
    draw();
  });
  prefersDark.addEventListener("change", () => {
    applyTheme();
    draw();
  });
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  matchMedia("print").addEventListener("change", ({ matches }) => print(matches));
  applyTheme();
  draw();
  /* Milliseconds since the page was asked for. */
  document.documentElement.dataset.ready = Math.round(performance.now());
}
start();
