"use strict";

/* Draws the figures that the warehouse gave: they come in groups of segment, country and
   channel, and what is shown is the sum of the groups chosen. A chart is a function from
   the chosen groups to {option, summary, table}; `summary` and `table` are what a screen
   reader, a keyboard and a printer get. */

const data = JSON.parse(document.getElementById("figures").textContent);
const { panels, groups } = data;
const { shop } = panels;
const GUESTS = "-1";
const SEGMENTS = ["new", "active", "loyal", "at_risk", "lapsed"];
const MODELS = {
  clv_network: "The network",
  bgnbd_gamma_gamma: "BG/NBD + Gamma-Gamma",
  gradient_boosting: "Gradient boosting",
  dense_mse: "Dense network, squared error",
  last_year_rate: "Last year's rate",
  past_spend: "Past spend",
  formula: "Frequency × amount × cycle",
  zero: "Nothing for anybody",
};

/* ---- Words and numbers ---- */

const isCurrency = /^[A-Z]{3}$/.test(shop.currency ?? "");
const money = (digits, more = {}) =>
  new Intl.NumberFormat("en", {
    ...(isCurrency ? { style: "currency", currency: shop.currency } : {}),
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    ...more,
  });
const whole = money(0);
const cents = money(2);
const short = money(0, { notation: "compact", maximumFractionDigits: 1 });
const numbers = new Intl.NumberFormat("en");
const share = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 });
const finely = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const decimals = new Intl.NumberFormat("en", {
  minimumFractionDigits: 3,
  maximumFractionDigits: 3,
});
const formats = {
  money: (value) => (Math.abs(value) < 1000 ? cents : whole).format(value),
  count: (value) => numbers.format(value),
  share: (value) => finely.format(value),
};
const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${share.format(Math.abs(value))}`;
const day = (text) =>
  new Intl.DateTimeFormat("en", { dateStyle: "medium", timeZone: "UTC" }).format(
    new Date(`${text}T00:00Z`),
  );
const month = (text) =>
  new Intl.DateTimeFormat("en", { month: "short", year: "numeric", timeZone: "UTC" }).format(
    new Date(`${text}-01T00:00Z`),
  );
const words = (name) => {
  const text = String(name).replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};
const plural = (count, word) => `${numbers.format(count)} ${word}${count === 1 ? "" : "s"}`;
const sum = (values) => values.reduce((total, value) => total + value, 0);
const ratio = (part, all) => (all ? part / all : 0);

/* ---- Elements: text only ever becomes text ---- */

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}
const byId = (id) => document.getElementById(id);
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

/* ---- What is chosen ---- */

const filters = ["segment", "country", "channel"];
const chosen = { segment: "", country: "", channel: "" };
const isFiltered = () => filters.some((name) => chosen[name]);

/* The groups that match; guests, who are in none, count only where nothing is chosen. */
function chosenGroups() {
  const matching = groups.flatMap((group, number) =>
    filters.every((name, place) => !chosen[name] || chosen[name] === group[place])
      ? [String(number)]
      : [],
  );
  return isFiltered() ? matching : [...matching, GUESTS];
}

/* Lists by group, added up over the chosen groups. */
function added(byGroup, length) {
  const total = new Array(length).fill(0);
  for (const group of chosenGroups()) {
    byGroup[group]?.forEach((value, place) => (total[place] += value));
  }
  return total;
}
const addedMeasure = (byGroup, measure, length) =>
  added(
    Object.fromEntries(Object.entries(byGroup).map(([group, lists]) => [group, lists[measure]])),
    length,
  );

/* ---- How sure: what past forecasts of the total missed by ---- */

function pastForecasts() {
  const found = new Map();
  for (const row of panels.trust?.deciles ?? []) {
    const key = `${row.horizon_days} ${row.origin_date}`;
    const total = found.get(key) ?? { ...row, customers: 0, predicted: 0, actual: 0 };
    total.customers += row.customers;
    total.predicted += row.customers * row.predicted_spend;
    total.actual += row.customers * row.actual_spend;
    found.set(key, total);
  }
  return [...found.values()];
}
const judgements = pastForecasts();
/* The factor by which the worst of them was off, up or down; null if none was judged. */
const worstMiss = (() => {
  const misses = judgements
    .filter(({ predicted, actual }) => predicted > 0 && actual > 0)
    .map(({ predicted, actual }) => Math.exp(Math.abs(Math.log(actual / predicted))));
  return misses.length ? Math.max(...misses) : null;
})();
const low = (value) => value / worstMiss;
const high = (value) => value * worstMiss;
const range = (value) =>
  worstMiss === null ? "" : `${whole.format(low(value))} to ${whole.format(high(value))}`;

/* ---- Charts ---- */

const charts = [];
let isPrinting = false;
const themes = ["automatic", "light", "dark"];
let theme = "automatic";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () =>
  !isPrinting && (theme === "dark" || (theme === "automatic" && prefersDark.matches));
const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const segmentColour = (segment) =>
  ({
    light: { new: "#2f8fc4", active: "#005f9e", loyal: "#00825f", at_risk: "#c46a00", lapsed: "#7b8490" },
    dark: { new: "#8fd0f5", active: "#4a9fe0", loyal: "#2fbf92", at_risk: "#e69f00", lapsed: "#8d98a6" },
  })[isDark() ? "dark" : "light"][segment] ?? colour("quiet");
/* What is expected is hatched, so that it differs from what was by more than colour. */
const hatch = () => ({
  color: isDark() ? "rgba(0, 0, 0, .38)" : "rgba(255, 255, 255, .45)",
  symbol: "rect",
  dashArrayX: [1, 0],
  dashArrayY: [2, 4],
  rotation: -Math.PI / 4,
});
const pastStyle = () => ({ color: colour("past"), borderRadius: [3, 3, 0, 0] });
const aheadStyle = () => ({ color: colour("ahead"), borderRadius: [3, 3, 0, 0], decal: hatch() });

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
  charts.push({
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
  });
  new ResizeObserver(() => drawing.resize()).observe(place);
}

/* ---- Panels ---- */

const texts = [];
const always = (draw) => texts.push(draw);

function totals() {
  const [customers, , predicted] = added(panels.totals.by_group, 4);
  return { customers, predicted };
}

const horizons = panels.revenue?.horizons ?? [];
const longest = horizons.at(-1);
const bands = panels.value.deciles;
function byDecile(measure) {
  const values = addedMeasure(panels.value.by_group, measure, bands.length);
  const deciles = new Array(10).fill(0);
  values.forEach((value, band) => (deciles[bands[band] - 1] += value));
  return deciles;
}

function lead() {
  const { customers, predicted } = totals();
  const strong = (text) => element("strong", {}, text);
  const said = [];
  if (!customers) said.push("No customer is in this choice.");
  else {
    said.push(
      strong(plural(customers, "customer")),
      customers === 1 ? " is" : " are",
      " expected to spend ",
      strong(whole.format(predicted)),
      longest ? ` in the next ${longest} days` : "",
    );
    const points = concentration();
    if (predicted > 0 && customers >= 20) {
      said.push("; the best tenth of them brings ", strong(share.format(at(points, 0.1))), " of the value");
    }
    said.push(". ");
    const last = judgements.at(-1);
    if (last && last.actual > 0) {
      const bias = last.predicted / last.actual - 1;
      said.push(
        Math.abs(bias) < 0.005
          ? `The last such forecast, of the whole shop from ${day(last.origin_date)}, came true to the percent.`
          : `The last such forecast, of the whole shop from ${day(last.origin_date)}, was ${share.format(Math.abs(bias))} too ${bias > 0 ? "high" : "low"}.`,
      );
    }
  }
  byId("lead").replaceChildren(...said);
  byId("chosen").textContent = isFiltered()
    ? `${filters.filter((name) => chosen[name]).map((name) => words(chosen[name])).join(", ")}: ${numbers.format(customers)} of ${plural(shop.customers, "customer")}`
    : `All ${plural(shop.customers, "customer")}`;
}
always(lead);

/* Metrics are given for every choice: a quotient is no sum of its groups'. */
function tiles() {
  const values = panels.metrics.values[filters.map((name) => chosen[name]).join("|")];
  const shown = panels.metrics.definitions.map((metric, number) => ({
    ...metric,
    value: values?.[number] ?? null,
  }));
  byId("tiles").replaceChildren(
    ...shown.map((metric) =>
      element(
        "div",
        { class: "tile", "data-metric": metric.name },
        element("dt", {}, metric.label),
        element(
          "dd",
          { class: "figure", "data-value": metric.value ?? "" },
          metric.value === null ? "–" : formats[metric.format](metric.value),
        ),
        element("dd", { class: "about" }, metric.description),
      ),
    ),
  );
}
always(tiles);

/* Expected spend of each calendar month, each increment spread evenly over its days. */
function expectedMonths(expected) {
  const found = new Map();
  let before = 0;
  horizons.forEach((days, number) => {
    const from = number ? horizons[number - 1] : 0;
    const perDay = (expected[number] - before) / (days - from);
    before = expected[number];
    const date = new Date(`${shop.as_of_date}T00:00Z`);
    date.setUTCDate(date.getUTCDate() + from);
    for (let ahead = from; ahead < days; ahead += 1) {
      date.setUTCDate(date.getUTCDate() + 1);
      const key = date.toISOString().slice(0, 7);
      const found_ = found.get(key) ?? { spend: 0, days: 0 };
      found.set(key, { spend: found_.spend + perDay, days: found_.days + 1 });
    }
  });
  return found;
}

if (panels.revenue) {
  const { months, past, expected: expectedBy } = panels.revenue;
  const expected = () => added(expectedBy, horizons.length);

  chart("revenue", () => {
    const history = added(past, months.length);
    const coming = expectedMonths(expected());
    const all = [...new Set([...months, ...coming.keys()])].sort();
    const pastOf = new Map(months.map((name, number) => [name, history[number]]));
    const was = all.map((name) => pastOf.get(name) ?? null);
    const ahead = all.map((name) => coming.get(name)?.spend ?? null);
    const bound = (edge) =>
      all.map((name) => {
        const spend = coming.get(name)?.spend;
        return spend === undefined || worstMiss === null ? null : edge(spend);
      });
    const floor = bound(low);
    const span = bound((spend) => high(spend) - low(spend));
    const year = sum(history.slice(-12));
    const total = expected().at(-1) ?? 0;
    const band = (values, more) => ({
      type: "line",
      stack: "range",
      data: values,
      symbol: "none",
      silent: true,
      lineStyle: { width: 0 },
      tooltip: { show: false },
      ...more,
    });
    const summary = `Revenue was ${whole.format(year)} in the last ${Math.min(12, months.length)} months shown; ${whole.format(total)} is expected from today's customers in the next ${longest} days.`;
    return {
      summary,
      option: {
        legend: {
          ...base().legend,
          data: ["Revenue", "Expected", ...(worstMiss === null ? [] : [{ name: "As far off as at worst", icon: "rect" }])],
        },
        xAxis: categories(all.map(month)),
        yAxis: amounts(short.format.bind(short)),
        tooltip: {
          ...base().tooltip,
          formatter: ([{ dataIndex }]) =>
            hover(month(all[dataIndex]), [
              ...(was[dataIndex] === null ? [] : [`Revenue: ${cents.format(was[dataIndex])}`]),
              ...(ahead[dataIndex] === null
                ? []
                : [
                    `Expected on ${plural(coming.get(all[dataIndex]).days, "day")}: ${whole.format(ahead[dataIndex])}`,
                    ...(worstMiss === null ? [] : [`As far off as at worst: ${range(ahead[dataIndex])}`]),
                  ]),
            ]),
        },
        series: [
          { name: "Revenue", type: "bar", barMaxWidth: 48, stack: "bars", data: was, itemStyle: pastStyle() },
          { name: "Expected", type: "bar", barMaxWidth: 48, stack: "bars", data: ahead, itemStyle: aheadStyle() },
          band(floor, {}),
          band(span, {
            name: "As far off as at worst",
            itemStyle: { color: colour("ahead"), opacity: 0.35 },
            areaStyle: { color: colour("ahead"), opacity: isDark() ? 0.28 : 0.2 },
          }),
        ],
      },
      table: {
        head: ["Month", "Revenue", "Expected", "As far off as at worst"],
        rows: all.map((name, number) => [
          month(name),
          was[number] === null ? "" : asMoney(was[number]),
          ahead[number] === null ? "" : asMoney(ahead[number]),
          ahead[number] === null ? "" : range(ahead[number]),
        ]),
      },
    };
  });

  always(() => {
    const guests = sum(past[GUESTS] ?? []);
    byId("revenue-note").textContent =
      "Expected is what today's customers are expected to spend, spread evenly over each step of the calendar; customers yet to come are not in it." +
      (guests && !isFiltered() ? " Past revenue includes guests' orders." : "") +
      (guests && isFiltered() ? " Guests' orders belong to no segment and are left out." : "");
    byId("calendar-note").textContent =
      worstMiss === null
        ? "No forecast has been judged yet, so nothing says how sure this is."
        : `In brackets: if the total is off by as much as the ${judgements.length === 1 ? "one forecast" : `worst of ${judgements.length} forecasts`} judged so far, up or down by a factor of ${worstMiss.toFixed(2)}. So few give no interval of known chance${isFiltered() ? ", and a part of the shop can be further off than the whole" : ""}.`;
    const totals_ = expected();
    const until = (days) => {
      const date = new Date(`${shop.as_of_date}T00:00Z`);
      date.setUTCDate(date.getUTCDate() + days);
      return day(date.toISOString().slice(0, 10));
    };
    byId("calendar").replaceChildren(
      table({
        caption: `From ${day(shop.as_of_date)}`,
        head: ["Days ahead", "In these days", "In all so far"],
        rows: horizons.map((days, number) => [
          { value: days, text: `${number ? horizons[number - 1] + 1 : 1}–${days}`, range: `to ${until(days)}` },
          asMoney(totals_[number] - (number ? totals_[number - 1] : 0)),
          {
            ...asMoney(totals_[number]),
            range: worstMiss === null ? "" : `(${range(totals_[number])})`,
          },
        ]),
      }),
    );
  });
}

/* Points of the concentration curve of the chosen customers: [share of customers, of value]. */
function concentration() {
  const count = addedMeasure(panels.value.by_group, 0, bands.length);
  const value = addedMeasure(panels.value.by_group, 3, bands.length);
  const [customers, total] = [sum(count), sum(value)];
  let [soFar, valueSoFar] = [0, 0];
  const points = [[0, 0]];
  count.forEach((each, band) => {
    soFar += each;
    valueSoFar += value[band];
    if (each) points.push([ratio(soFar, customers), ratio(valueSoFar, total)]);
  });
  return points;
}
/* The curve's height at a share of customers, on straight lines between its points. */
function at(points, place) {
  const after = points.findIndex(([x]) => x >= place);
  if (after <= 0) return points.at(-1)[1];
  const [[x0, y0], [x1, y1]] = [points[after - 1], points[after]];
  return y0 + ((place - x0) / (x1 - x0)) * (y1 - y0);
}

chart("deciles", () => {
  const [customers, past, predicted, value] = [0, 1, 2, 3].map(byDecile);
  const names = customers.map((_, number) => String(number + 1));
  return {
    summary: `The best tenth of the shop holds ${finely.format(ratio(value[0], sum(value)))} of the lifetime value shown, the best half ${finely.format(ratio(sum(value.slice(0, 5)), sum(value)))}.`,
    option: {
      grid: named(base().grid),
      xAxis: categories(names, { name: "Tenth of customers by value" }),
      yAxis: amounts(short.format.bind(short)),
      tooltip: {
        ...base().tooltip,
        formatter: ([{ dataIndex: place }]) =>
          hover(`Tenth ${names[place]}`, [
            plural(customers[place], "customer"),
            `Lifetime value: ${whole.format(value[place])} (${finely.format(ratio(value[place], sum(value)))})`,
            `Expected spend: ${whole.format(predicted[place])}`,
            `Past spend: ${whole.format(past[place])}`,
          ]),
      },
      series: [
        { name: "Past spend", type: "bar", barMaxWidth: 48, data: past, itemStyle: pastStyle() },
        { name: "Expected spend", type: "bar", barMaxWidth: 48, data: predicted, itemStyle: aheadStyle() },
      ],
    },
    table: {
      head: ["Tenth", "Customers", "Past spend", "Expected spend", "Lifetime value"],
      rows: names.map((name, place) => [
        name,
        asCount(customers[place]),
        asMoney(past[place]),
        asMoney(predicted[place]),
        asMoney(value[place]),
      ]),
    },
  };
});

chart("concentration", () => {
  const points = concentration();
  const shown = [0.01, 0.05, 0.1, 0.2, 0.5];
  byId("concentration-note").textContent =
    `Share of lifetime value that the best so many percent hold. The further from the straight line, the more hangs on few.`;
  const axis = (name) => ({
    ...amounts((value) => share.format(value)),
    min: 0,
    max: 1,
    interval: 0.2,
    name,
    nameLocation: "middle",
    nameGap: 26,
    nameTextStyle: { color: colour("quiet") },
  });
  return {
    summary: `The best 1 % of customers hold ${finely.format(at(points, 0.01))} of lifetime value, the best 10 % ${finely.format(at(points, 0.1))}, the best half ${finely.format(at(points, 0.5))}.`,
    option: {
      grid: named({ ...base().grid, right: 20 }),
      xAxis: axis("Best share of customers"),
      yAxis: { ...axis(), name: undefined },
      tooltip: {
        ...base().tooltip,
        axisPointer: { type: "line" },
        formatter: ([{ data: point }]) =>
          hover(`Best ${finely.format(point[0])} of customers`, [`${finely.format(point[1])} of lifetime value`]),
      },
      series: [
        {
          name: "Lifetime value",
          type: "line",
          data: points,
          symbol: "circle",
          symbolSize: 5,
          itemStyle: { color: colour("ahead") },
          lineStyle: { color: colour("ahead"), width: 2.5 },
          areaStyle: { color: colour("ahead"), opacity: 0.12 },
        },
        {
          name: "If all were worth the same",
          type: "line",
          data: [[0, 0], [1, 1]],
          symbol: "none",
          itemStyle: { color: colour("quiet") },
          lineStyle: { color: colour("quiet"), type: "dashed", width: 1.5 },
          tooltip: { show: false },
        },
      ],
    },
    table: {
      head: ["Best share of customers", "Share of lifetime value"],
      rows: shown.map((place) => [share.format(place), asShare(at(points, place))]),
    },
  };
});

function bySegment() {
  const found = Object.fromEntries(SEGMENTS.map((name) => [name, [0, 0, 0, 0]]));
  for (const group of chosenGroups()) {
    const name = groups[group]?.[0];
    panels.totals.by_group[group]?.forEach((value, place) => (found[name][place] += value));
  }
  return found;
}

chart("segments", () => {
  const found = bySegment();
  const names = SEGMENTS.filter((name) => found[name][0]);
  const all = [0, 1, 2, 3].map((place) => sum(names.map((name) => found[name][place])));
  const shares = (place) => names.map((name) => ratio(found[name][place], all[place]));
  const largest = names.toSorted((one, other) => found[other][3] - found[one][3])[0];
  const bars = (name, place, alpha, decal) => ({
    name,
    type: "bar", barMaxWidth: 48,
    data: shares(place).map((value, number) => ({
      value,
      itemStyle: { decal, color: segmentColour(names[number]) + alpha, borderRadius: [0, 3, 3, 0] },
    })),
    itemStyle: { decal, color: colour("quiet") + alpha },
    label: {
      show: true,
      position: "right",
      color: colour("text"),
      formatter: ({ value }) => share.format(value),
    },
  });
  return {
    summary: largest
      ? `${words(largest)} customers hold most: ${share.format(ratio(found[largest][3], all[3]))} of lifetime value with ${share.format(ratio(found[largest][0], all[0]))} of the customers.`
      : "No customer is in this choice.",
    option: {
      grid: { ...base().grid, right: 44 },
      yAxis: { ...categories(names.map(words)), inverse: true, axisLabel: labels({ color: colour("text"), fontSize: 13 }) },
      xAxis: amounts((value) => share.format(value)),
      tooltip: {
        ...base().tooltip,
        formatter: ([{ dataIndex: place }]) =>
          hover(words(names[place]), [
            `${plural(found[names[place]][0], "customer")} (${finely.format(shares(0)[place])})`,
            `Lifetime value: ${whole.format(found[names[place]][3])} (${finely.format(shares(3)[place])})`,
            `Expected spend: ${whole.format(found[names[place]][2])}`,
            `Past spend: ${whole.format(found[names[place]][1])}`,
          ]),
      },
      series: [
        bars("Share of customers", 0, "99"),
        bars("Share of lifetime value", 3, "ff", hatch()),
      ],
    },
    table: {
      head: ["Segment", "Customers", "Past spend", "Expected spend", "Lifetime value"],
      rows: names.map((name) => [
        words(name),
        asCount(found[name][0]),
        ...found[name].slice(1).map(asMoney),
      ]),
    },
  };
});

chart("moves", () => {
  const inChoice = new Set(chosenGroups());
  const moves = new Map();
  for (const [group, before, customers] of panels.segments.moves) {
    if (!inChoice.has(String(group))) continue;
    const key = `${before} ${groups[group][0]}`;
    moves.set(key, (moves.get(key) ?? 0) + customers);
  }
  const of = (before, now) => moves.get(`${before} ${now}`) ?? 0;
  const sources = ["", ...SEGMENTS].filter((before) => SEGMENTS.some((now) => of(before, now)));
  const targets = SEGMENTS.filter((now) => sources.some((before) => of(before, now)));
  const name = (segment) => (segment ? words(segment) : "No customer yet");
  const stayed = sum(SEGMENTS.map((segment) => of(segment, segment)));
  const earlier = sum(SEGMENTS.flatMap((before) => SEGMENTS.map((now) => of(before, now))));
  const silent = sum(["new", "active", "loyal"].flatMap((before) => ["at_risk", "lapsed"].map((now) => of(before, now))));
  const back = sum(["at_risk", "lapsed"].flatMap((before) => ["active", "loyal"].map((now) => of(before, now))));
  byId("moves-note").textContent =
    "From the segment some time ago (left; var active_days, 91 unless changed) to today's (right).";
  return {
    summary: `Of ${plural(earlier, "earlier customer")} ${share.format(ratio(stayed, earlier))} are where they were, ${numbers.format(silent)} fell silent (at risk or lapsed) and ${numbers.format(back)} came back.`,
    option: {
      tooltip: {
        ...base().tooltip,
        trigger: "item",
        formatter: ({ dataType, data: move, name: node }) =>
          dataType === "edge"
            ? hover(`${name(move.source.slice(2))} → ${name(move.target.slice(2))}`, [plural(move.value, "customer")])
            : hover(`${name(node.slice(2))}, ${node.startsWith("0") ? "before" : "today"}`, []),
      },
      series: [
        {
          type: "sankey",
          left: 6,
          right: 6,
          top: 8,
          bottom: 8,
          nodeGap: 12,
          nodeWidth: 12,
          draggable: false,
          layoutIterations: 0,
          emphasis: { focus: "adjacency" },
          data: [
            ...sources.map((before) => ({
              name: `0 ${before}`,
              itemStyle: { color: segmentColour(before) },
              label: { position: "right" },
            })),
            ...targets.map((now) => ({
              name: `1 ${now}`,
              itemStyle: { color: segmentColour(now) },
              label: { position: "left" },
            })),
          ],
          links: sources.flatMap((before) =>
            targets
              .filter((now) => of(before, now))
              .map((now) => ({ source: `0 ${before}`, target: `1 ${now}`, value: of(before, now) })),
          ),
          label: {
            color: colour("text"),
            textBorderColor: colour("card"),
            textBorderWidth: 3,
            fontSize: 12,
            formatter: ({ name: node }) => name(node.slice(2)),
          },
          lineStyle: { color: "source", opacity: isDark() ? 0.42 : 0.32, curveness: 0.5 },
        },
      ],
    },
    table: {
      head: ["Before", ...targets.map((now) => `Today ${words(now).toLowerCase()}`)],
      rows: sources.map((before) => [name(before), ...targets.map((now) => asCount(of(before, now)))]),
    },
  };
});

if (panels.cohorts) {
  const { cohorts, places, sizes, cells } = panels.cohorts;
  let measure = "retention";

  chart("cohorts", (place) => {
    const inChoice = places.flatMap(([country, channel], number) =>
      (!chosen.country || chosen.country === country) && (!chosen.channel || chosen.channel === channel)
        ? [String(number)]
        : [],
    );
    const size = cohorts.map((_, row) => sum(inChoice.map((each) => sizes[each]?.[row] ?? 0)));
    const last = shop.as_of_date.slice(0, 7);
    const ages = (row) => {
      const [year, number] = cohorts[row].split("-").map(Number);
      const [lastYear, lastNumber] = last.split("-").map(Number);
      return Math.min((lastYear - year) * 12 + lastNumber - number, 23);
    };
    const first = measure === "retention" ? 1 : 0;
    const isRetention = measure === "retention";
    const shown = [];
    cohorts.forEach((_, row) => {
      if (!size[row]) return;
      for (let age = first; age <= ages(row); age += 1) {
        const amount = sum(inChoice.map((each) => cells[each]?.[row]?.[isRetention ? 0 : 1]?.[age] ?? 0));
        shown.push([age, row, amount / size[row], amount]);
      }
    });
    const rows = [...new Set(shown.map(([, row]) => row))];
    const width = Math.max(...shown.map(([age]) => age), first);
    const values = shown.map(([, , value]) => value);
    const format = (value) => (isRetention ? finely.format(value) : cents.format(value));
    byId("cohorts-heading").textContent = isRetention ? "Who buys again" : "What they spend";
    byId("cohorts-note").textContent =
      `Rows are months of the first purchase, columns months since. The newest month may be cut short.` +
      (chosen.segment ? " The segment is not applied here: it is made of just these purchases." : "");
    const mean = (age) => {
      const seen = shown.filter(([each]) => each === age);
      return ratio(sum(seen.map(([, , , amount]) => amount)), sum(seen.map(([, row]) => size[row])));
    };
    const columns = Array.from({ length: width - first + 1 }, (_, number) => number + first);
    const value = new Map(shown.map(([age, row, each]) => [`${age} ${row}`, each]));
    place.style.height = `${Math.max(150, 80 + rows.length * 17)}px`;
    return {
      summary: shown.length
        ? isRetention
          ? `On average ${finely.format(mean(1))} of new customers buy in the month after the first purchase, ${finely.format(mean(Math.min(6, width)))} in month ${Math.min(6, width)}.`
          : `On average a new customer spends ${cents.format(mean(0))} in the first month and ${cents.format(mean(Math.min(6, width)))} in month ${Math.min(6, width)}.`
        : "No month has passed since the first purchases.",
      option: {
        legend: { show: false },
        grid: { left: 4, right: 8, top: 8, bottom: 56, containLabel: true },
        xAxis: { ...categories(columns.map(String), { name: "Months since the first purchase" }), splitArea: { show: false } },
        yAxis: { ...categories(rows.map((row) => month(cohorts[row]))), inverse: true },
        visualMap: {
          type: "continuous",
          min: 0,
          max: Math.max(...values, 0) || 1,
          dimension: 2,
          calculable: false,
          orient: "horizontal",
          left: "center",
          bottom: 0,
          itemHeight: 120,
          itemWidth: 10,
          text: [format(Math.max(...values, 0)), format(0)],
          textStyle: { color: colour("quiet") },
          inRange: {
            color: isDark()
              ? ["#1d2733", "#1f4a6b", "#2f83b7", "#7cc4f5", "#d9f0ff"]
              : ["#f0f5f9", "#bcdcef", "#62aeda", "#0072b2", "#023e66"],
          },
        },
        tooltip: {
          ...base().tooltip,
          trigger: "item",
          formatter: ({ value: [, , each, row, age, amount] }) =>
            hover(`${month(cohorts[row])}, ${age === 0 ? "same month" : plural(age, "month") + " later"}`, [
              isRetention
                ? `${numbers.format(amount)} of ${plural(size[row], "customer")} bought: ${format(each)}`
                : `${format(each)} each, ${whole.format(amount)} of ${plural(size[row], "customer")}`,
            ]),
        },
        series: [
          {
            type: "heatmap",
            data: shown.map(([age, row, each, amount]) => [age - first, rows.indexOf(row), each, row, age, amount]),
            itemStyle: { borderColor: colour("card"), borderWidth: 1 },
            emphasis: { itemStyle: { borderColor: colour("text"), borderWidth: 1.5 } },
          },
        ],
      },
      table: {
        head: ["First purchase", "Customers", ...columns.map((age) => `+${age}`)],
        rows: rows.map((row) => [
          month(cohorts[row]),
          asCount(size[row]),
          ...columns.map((age) =>
            value.has(`${age} ${row}`)
              ? { value: value.get(`${age} ${row}`), text: format(value.get(`${age} ${row}`)) }
              : "",
          ),
        ]),
      },
    };
  });
  byId("cohort-measure").addEventListener("change", (event) => {
    measure = event.target.value;
    draw();
  });
}

if (panels.customers) {
  always(() => {
    const inChoice = new Set(chosenGroups());
    const best = panels.customers.rows
      .filter(([group]) => inChoice.has(String(group)))
      .slice(0, panels.customers.shown);
    const why = (reasons) => {
      const list = element("ul", { class: "chips" });
      for (let place = 0; place < reasons.length; place += 2) {
        const [label, amount] = [panels.customers.labels[reasons[place]], reasons[place + 1]];
        list.append(
          element(
            "li",
            {},
            `${label} `,
            element("span", { class: amount < 0 ? "down" : "up" }, `${amount < 0 ? "▼ −" : "▲ +"}${(Math.abs(amount) < 10 ? cents : whole).format(Math.abs(amount))}`),
          ),
        );
      }
      return reasons.length ? list : element("span", {}, "not explained");
    };
    const made = table({
      caption: isFiltered() ? "Of those chosen, by lifetime value" : "Of the whole shop, by lifetime value",
      head: ["Customer", "Segment", "Purchases", "Past spend", `Expected, ${longest ?? ""} days *`, "Buys again", "Lifetime value", "Why"],
      textColumns: [0, 1, 7],
      stack: true,
      rows: best.map(([group, key, rank, frequency, lastDate, past, predicted, p10, p90, chance, value, reasons]) => [
        element("span", { class: "key" }, key, element("span", { class: "range" }, `rank ${numbers.format(rank)}`)),
        element("span", {}, pill(groups[group][0]), element("span", { class: "range" }, [groups[group][1], groups[group][2]].filter((name) => name !== "unknown").map(words).join(", "))),
        { ...asCount(frequency), range: lastDate ? `last ${day(lastDate)}` : "" },
        asMoney(past),
        { ...asMoney(predicted), range: p10 === null ? "" : `${whole.format(p10)} to ${whole.format(p90)}` },
        asShare(chance),
        asMoney(value),
        why(reasons),
      ]),
    });
    made.querySelectorAll("tbody tr > :last-child").forEach((cell) => cell.classList.add("whole"));
    byId("customers").replaceChildren(
      scrolling(made, "Table of the most valuable customers"),
      element("p", { class: "note" }, "* The mean, and below it the range in which the spend lies in 8 of 10 cases."),
    );
  });
}
function pill(segment) {
  return element("span", { class: "pill", style: `--colour: ${segmentColour(segment)}` }, words(segment));
}

if (panels.trust && !judgements.length) {
  byId("trust-intro").textContent =
    "No forecast has been judged yet: the shop's history is too short to look back from its end.";
  byId("trust-horizon").remove();
  byId("judged").closest(".cards").remove();
}
if (panels.trust && judgements.length) {
  const { model, deciles, measures } = panels.trust;
  const judged = [...new Set(measures.map((row) => row.horizon_days))].sort((one, other) => one - other);
  let horizon = judged.at(-1);
  byId("trust-horizon").append(
    ...judged.map((days) =>
      element(
        "label",
        {},
        element("input", { type: "radio", name: "judged", value: days, ...(days === horizon ? { checked: "" } : {}) }),
        ` ${days}`,
      ),
    ),
  );
  byId("trust-horizon").hidden = judged.length < 2;
  byId("trust-horizon").addEventListener("change", (event) => {
    horizon = Number(event.target.value);
    draw();
  });
  byId("trust-intro").textContent =
    "The same forecast, made at a past date with what was known then, against what customers went on to spend. This is of the whole shop: filters do not act here, as today's segments know what came.";
  const ofModel = MODELS[model] ?? words(model);

  chart("judged", () => {
    const origin = deciles.filter((row) => row.horizon_days === horizon).map((row) => row.origin_date).sort().at(-1);
    const rows = deciles.filter((row) => row.horizon_days === horizon && row.origin_date === origin);
    const best = rows[0];
    byId("judged-note").textContent = origin
      ? `Mean spend per customer in the ${horizon} days after ${day(origin)}, tenths by prediction. ${plural(sum(rows.map((row) => row.customers)), "customer")}.`
      : "";
    return {
      summary: best
        ? `Of the tenth with the highest predictions ${whole.format(best.predicted_spend)} each was predicted and ${whole.format(best.actual_spend)} was spent.`
        : "",
      option: {
        grid: named(base().grid),
        xAxis: categories(rows.map((row) => String(row.decile)), { name: "Tenth of customers by prediction" }),
        yAxis: amounts(short.format.bind(short)),
        tooltip: {
          ...base().tooltip,
          formatter: ([{ dataIndex: place }]) =>
            hover(`Tenth ${rows[place].decile}`, [
              `Predicted: ${cents.format(rows[place].predicted_spend)} each`,
              `Actual: ${cents.format(rows[place].actual_spend)} each`,
              plural(rows[place].customers, "customer"),
            ]),
        },
        series: [
          { name: "Predicted", type: "bar", barMaxWidth: 48, data: rows.map((row) => row.predicted_spend), itemStyle: aheadStyle() },
          { name: "Actual", type: "bar", barMaxWidth: 48, data: rows.map((row) => row.actual_spend), itemStyle: pastStyle() },
        ],
      },
      table: {
        head: ["Tenth", "Customers", "Predicted each", "Actual each"],
        rows: rows.map((row) => [String(row.decile), asCount(row.customers), asMoney(row.predicted_spend), asMoney(row.actual_spend)]),
      },
    };
  });

  chart("origins", () => {
    const names = judgements.map((each) => `${plural(each.horizon_days, "day")} from ${day(each.origin_date)}`);
    const off = (each) => (each.actual > 0 ? each.predicted / each.actual - 1 : 0);
    const worst = judgements.toSorted((one, other) => Math.abs(off(other)) - Math.abs(off(one)))[0];
    return {
      summary: worst
        ? `The total was off by ${share.format(Math.abs(off(worst)))} at most, over ${worst.horizon_days} days from ${day(worst.origin_date)}.`
        : "",
      option: {
        xAxis: categories(names, { axisLabel: {
            interval: 0,
            hideOverlap: false,
            fontSize: 11,
            lineHeight: 14,
            formatter: (name) => name.replace(" from ", "\n").replace(", ", "\n"),
          } }),
        yAxis: amounts(short.format.bind(short)),
        tooltip: {
          ...base().tooltip,
          formatter: ([{ dataIndex: place }]) =>
            hover(names[place], [
              `Predicted: ${whole.format(judgements[place].predicted)}`,
              `Actual: ${whole.format(judgements[place].actual)}`,
              `Off by ${signed(off(judgements[place]))}`,
              plural(judgements[place].customers, "customer"),
            ]),
        },
        series: [
          { name: "Predicted", type: "bar", barMaxWidth: 48, data: judgements.map((each) => each.predicted), itemStyle: aheadStyle(),
            label: { show: true, position: "top", color: colour("text"), formatter: ({ dataIndex }) => signed(off(judgements[dataIndex])) } },
          { name: "Actual", type: "bar", barMaxWidth: 48, data: judgements.map((each) => each.actual), itemStyle: pastStyle() },
        ],
      },
      table: {
        head: ["Forecast", "Customers", "Predicted", "Actual", "Off by"],
        rows: judgements.map((each, place) => [names[place], asCount(each.customers), asMoney(each.predicted), asMoney(each.actual), { value: off(each), text: signed(off(each)) }]),
      },
    };
  });

  always(() => {
    const of = (name, measure) =>
      measures.filter((row) => row.horizon_days === horizon && row.model === name && row.measure === measure).at(-1)?.value;
    const cell = (value, text) => (value === undefined ? "" : { value, text: text(value) });
    const names = [...new Set(measures.map((row) => row.model))]
      .filter((name) => of(name, "normalised_gini") !== undefined)
      .sort((one, other) => of(other, "normalised_gini") - of(one, "normalised_gini"));
    byId("models").replaceChildren(
      scrolling(
        table({
          caption: `${horizon} days ahead, best first`,
          head: ["Model", "Gini", "Spearman", "Best tenth", "Total off by", "Mean error"],
          ours: names.indexOf(model),
          rows: names.map((name) => [
            name === model ? `${ofModel} (scores today)` : MODELS[name] ?? words(name),
            cell(of(name, "normalised_gini"), decimals.format),
            cell(of(name, "spearman"), decimals.format),
            cell(of(name, "top_decile_capture"), finely.format),
            cell(of(name, "total_bias"), signed),
            cell(of(name, "mae"), cents.format),
          ]),
        }),
        "Table of the ways to forecast",
      ),
    );
    const coverage = of(model, "interval_coverage_randomised");
    byId("models").append(
      element(
        "p",
        { class: "note" },
        coverage === undefined
          ? ""
          : `Of customers, ${finely.format(coverage)} spent what their range of 8 in 10 cases allowed for.`,
      ),
    );
  });
}

if (panels.quality) {
  const { feeds, rejected, last_order: lastOrder, first_order: firstOrder } = panels.quality;
  const rejectedIn = (feed) => sum(rejected.filter((row) => row.feed === feed).map((row) => row.records));
  const kept = sum(feeds.map((row) => row.kept));
  const lost = sum(rejected.map((row) => row.records));
  byId("quality-intro").textContent = lost
    ? `${numbers.format(lost)} of ${plural(kept + lost, "row")} (${finely.format(ratio(lost, kept + lost))}) could not be used; every one is kept with its reason.`
    : `All ${plural(kept, "row")} could be used.`;
  byId("feeds").replaceChildren(
    table({
      caption: "By feed",
      head: ["Feed", "Facts", "Rejected", "Share rejected"],
      rows: feeds.map(({ feed, kept: rows }) =>
        rows + rejectedIn(feed)
          ? [words(feed), asCount(rows), asCount(rejectedIn(feed)), asShare(ratio(rejectedIn(feed), rows + rejectedIn(feed)))]
          : [words(feed), "none given", "", ""],
      ),
    }),
  );
  const network = panels.network ?? {};
  const facts = [
    ["Scored as of", day(shop.as_of_date)],
    ["Orders", `${day(firstOrder)} to ${day(lastOrder)}`],
    ["Scored by", shop.scored_by === "network" ? "the network" : "the prior, BG/NBD + Gamma-Gamma: no network has been accepted"],
    ...(network.trained_on ? [["Network trained", `${day(network.trained_on)} (version ${network.version})`]] : []),
    ...(network.decision ? [["Decision", words(network.decision)]] : []),
    ["Warehouse built", data.built],
  ];
  byId("fresh").replaceChildren(
    ...facts.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]),
  );
  byId("rejections-card").hidden = !lost;
  if (lost) {
    chart("rejections", (place) => {
      const reasons = new Map();
      for (const row of rejected) {
        const found = reasons.get(row.reason) ?? { ...row, records: 0, feeds: [] };
        found.records += row.records;
        found.feeds.push(`${words(row.feed)}: ${numbers.format(row.records)}`);
        reasons.set(row.reason, found);
      }
      const rows = [...reasons.values()].sort((one, other) => other.records - one.records);
      place.style.height = `${40 + rows.length * 24}px`;
      return {
        summary: `Most often: ${words(rows[0].reason).toLowerCase()}, ${plural(rows[0].records, "row")}.`,
        option: {
          legend: { show: false },
          grid: { ...base().grid, top: 4, right: 40 },
          xAxis: amounts((value) => numbers.format(value), { minInterval: 1 }),
          yAxis: { ...categories(rows.map((row) => words(row.reason))), inverse: true, axisLabel: labels({ color: colour("text") }) },
          tooltip: {
            ...base().tooltip,
            formatter: ([{ dataIndex: at_ }]) => hover(words(rows[at_].reason), [rows[at_].explanation, ...rows[at_].feeds]),
          },
          series: [
            {
              type: "bar", barMaxWidth: 48,
              data: rows.map((row) => row.records),
              itemStyle: { color: colour("past"), borderRadius: [0, 3, 3, 0] },
              label: { show: true, position: "right", color: colour("text") },
            },
          ],
        },
        table: {
          head: ["Feed", "Reason", "Rows", "Money", "What it means"],
          textColumns: [0, 1, 4],
          rows: rejected.map((row) => [words(row.feed), words(row.reason), asCount(row.records), row.amount ? asMoney(row.amount) : "", row.explanation]),
        },
      };
    });
  }
}

/* ---- The page ---- */

function draw() {
  texts.forEach((each) => each());
  charts.forEach((each) => each.draw());
}

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
  for (const section of document.querySelectorAll("[data-panel]")) {
    if (!panels[section.dataset.panel]) section.remove();
  }
  byId("contents").append(
    ...[...document.querySelectorAll("main h2")].map((title) =>
      element("a", { href: `#${title.id}` }, title.textContent),
    ),
  );
  byId("meta").textContent =
    `As of ${day(shop.as_of_date)}${isCurrency ? `, in ${shop.currency}` : ""}`;
  filters.forEach((name, place) => {
    const known = [...new Set(groups.map((group) => group[place]))];
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
