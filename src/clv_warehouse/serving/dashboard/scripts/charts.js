/* Charts and texts that are drawn anew whenever the choice or the theme changes. A chart
   is a function to {option, summary, table}: what ECharts draws, and what a screen
   reader, a keyboard and a printer get. It can be drawn alone, too. */

const charts = [];

function base() {
  const quiet = colour("quiet");
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("text") },
    grid: { left: 4, right: 12, top: 36, bottom: 4, containLabel: true },
    legend: {
      top: 0,
      left: 0,
      itemWidth: 16,
      itemHeight: 11,
      textStyle: { color: colour("text"), fontSize: 12 },
    },
    tooltip: {
      trigger: "axis",
      confine: true,
      axisPointer: { type: "shadow" },
      backgroundColor: colour("card"),
      borderColor: colour("line"),
      textStyle: { color: colour("text"), fontSize: 13 },
      extraCssText: "max-width: 320px; white-space: normal;",
    },
    quiet,
  };
}
const labels = (more = {}) => ({ color: colour("quiet"), fontSize: 12, hideOverlap: true, ...more });
const categories = (names, more = {}) => ({
  type: "category",
  data: names,
  axisTick: { show: false },
  axisLine: { lineStyle: { color: colour("line") } },
  axisLabel: labels(more.axisLabel),
  ...(more.name
    ? { name: more.name, nameLocation: "middle", nameGap: 26, nameTextStyle: { color: colour("quiet") } }
    : {}),
});
const amounts = (format, more = {}) => ({
  type: "value",
  axisLabel: labels({ formatter: format }),
  splitLine: { lineStyle: { color: colour("line") } },
  splitNumber: 4,
  ...more,
});
const hover = (title, lines) =>
  `<strong>${escaped(title)}</strong><br>${lines.map(escaped).join("<br>")}`;
/* Room below the axis for its name. */
const named = (grid) => ({ ...grid, bottom: 24 });

function chart(id, describe) {
  const place = byId(id);
  if (!place) return;
  place.setAttribute("role", "img");
  const title = place.closest("article").querySelector("h3").textContent;
  const details = element("details", {}, element("summary", {}, "Figures as a table"));
  place.after(details);
  const drawing = echarts.init(place, null, { renderer: "svg" });
  const made = {
    draw() {
      const { option, summary, table: figures } = describe(place);
      drawing.resize();
      drawing.setOption({ ...base(), ...option }, { notMerge: true });
      place.setAttribute("aria-label", summary);
      const wasOpen = details.open;
      details.replaceChildren(
        details.firstChild,
        scrolling(table({ caption: summary, ...figures }), `${title}, as a table`),
      );
      details.open = wasOpen;
    },
  };
  charts.push(made);
  new ResizeObserver(() => drawing.resize()).observe(place);
  return made;
}

const texts = [];
const always = (draw) => texts.push(draw);

function draw() {
  texts.forEach((each) => each());
  charts.forEach((each) => each.draw());
}

/* A part of the page. It is left out where the warehouse lacks one of its tables;
   `describe` gets their rows. */
function panel(name, needed, describe) {
  const found = needed.map((table) => tables[table]);
  if (found.every(Boolean)) describe(...found);
  else document.querySelector(`[data-panel=${name}]`).remove();
}
/* One line in the place of a part for which the shop lacks a feed. */
function tellInstead(name, why) {
  const part = document.querySelector(`[data-panel=${name}]`);
  part.replaceChildren(part.querySelector("h2"), element("p", { class: "note" }, why));
}
/* A table in its place; without rows its card goes, unless a note there says why. */
function showOrHide(id, hasRows, make) {
  if (hasRows) byId(id).replaceChildren(scrolling(make(), byId(id).closest("article").querySelector("h3").textContent));
  else byId(`${id}-card`)?.remove();
}
