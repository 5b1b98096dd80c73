/* What a new customer is worth, by channel, beside what one costs today; and what follows
   from a cost that a manager types. */

panel("worth", ["new_customers", "new_customer_curves"], (channels, curves) => {
  if (!curves.length) {
    tellInstead("worth", "Fewer than 20 customers have bought, so nobody can say yet what a new one is worth.");
    return;
  }
  const nameOf = (row) => (row.is_shop ? "All customers" : words(row.channel));
  /* A single channel would say the same as the whole shop. */
  const rows = channels.filter((row) => row.is_shop || channels.length > 2).toSorted(
    (one, other) => one.is_shop - other.is_shop || other.value_lifetime - one.value_lifetime || one.channel.localeCompare(other.channel),
  );
  const shopRow = rows.find((row) => row.is_shop);
  const shopPlace = rows.indexOf(shopRow);
  const curveOf = new Map(
    rows.map((row) => [
      row,
      curves
        .filter((each) => each.channel === row.channel && each.is_shop === row.is_shop)
        .toSorted((one, other) => one.age_days - other.age_days),
    ]),
  );
  const hasCosts = rows.some((row) => row.cac !== null);
  const behind = (count) => `${numbers.format(count)} behind it`;
  const worth = (value, customers) => (value === null ? "not known yet" : { value, text: cents.format(value), range: behind(customers) });

  byId("worth-note").textContent =
    `What the shop earns from a new customer within so many days of the first order, that order included. Below each figure: how many customers that old stand behind it; channels with few of them are drawn to the shop's mean. Lifetime adds the forecast. Filters do not act here. ${
      hasCosts
        ? `Costs are those of ${month(shopRow.cost_from_month)} to ${month(shopRow.cost_to_month)}, over all customers who came in these months. LTV:CAC is lifetime value over cost.`
        : "What a customer costs is not known: load the feed marketing_spend."
    }`;
  byId("worth").replaceChildren(
    scrolling(
      table({
        caption: "By the channel that won the customer, the highest lifetime value first",
        head: ["Channel", "Customers", "30 days", "90 days", "365 days", "Lifetime", ...(hasCosts ? ["Costs today (CAC)", "LTV:CAC"] : [])],
        stack: true,
        ours: shopPlace,
        rows: rows.map((row) => [
          nameOf(row),
          asCount(row.customers),
          worth(row.value_30_days, row.customers_behind_30_days),
          worth(row.value_90_days, row.customers_behind_90_days),
          worth(row.value_365_days, row.customers_behind_365_days),
          row.value_lifetime === null
            ? "not known yet"
            : { value: row.value_lifetime, text: cents.format(row.value_lifetime), range: row.value_lifetime_low === null ? behind(row.customers_behind_lifetime) : `${whole.format(row.value_lifetime_low)} to ${whole.format(row.value_lifetime_high)}` },
          ...(hasCosts
            ? [
                row.cac === null ? "no cost known" : { value: row.cac, text: cents.format(row.cac), range: plural(row.recent_customers, "new customer") },
                row.ltv_to_cac === null ? "" : { value: row.ltv_to_cac, text: `${tenths.format(row.ltv_to_cac)} : 1` },
              ]
            : []),
        ]),
      }),
      "Table of what a new customer of each channel is worth",
    ),
  );

  /* The what-if: the same arithmetic as the query of docs/marketing.md. */
  const payback = (row, cac) => curveOf.get(row).find(({ value }) => value >= cac);
  const afterYear = (row) => curveOf.get(row).find(({ age_days: days }) => days === 365)?.value ?? null;
  const comesBack = (row, cac) => {
    const found = payback(row, cac);
    if (!found) return `not within ${plural(curveOf.get(row).at(-1)?.age_months ?? 0, "month")}`;
    return { value: found.age_days, text: found.age_months ? `in month ${found.age_months}` : "with the first order", range: found.age_months ? `by day ${found.age_days}` : "" };
  };
  const target = shopRow.target_payback_days;
  const cacField = byId("cac");
  cacField.value = shopRow.cac || Math.round(shopRow.most_to_pay ?? curveOf.get(shopRow)[0].value);
  byId("cac-currency").textContent = isCurrency ? shop.currency : "";
  byId("cac-note").textContent =
    `Type a cost. Most to pay is what a customer brings back within ${target} days; the setting target_payback_days changes that.`;
  const typed = () => (cacField.value === "" ? NaN : Number(cacField.value));

  const lines = chart("worth-curves", () => {
    const cac = typed();
    const shown = [shopRow, ...rows.filter((row) => !row.is_shop).toSorted((one, other) => other.customers - one.customers).slice(0, 6)];
    const ages = distinct(curves, "age_days");
    const symbols = ["circle", "rect", "triangle", "diamond", "roundRect", "pin", "arrow"];
    const colours = isDark()
      ? ["#e8ecf1", "#56b4e9", "#e69f00", "#3fc89a", "#f0a6d0", "#f0e442", "#ff9466"]
      : ["#1b2430", "#0072b2", "#c46a00", "#007a58", "#a8457f", "#7a6a00", "#b3400a"];
    const valueAt = (row, days) => curveOf.get(row).find(({ age_days: each }) => each === days)?.value ?? null;
    const last = curveOf.get(shopRow).at(-1);
    return {
      summary: `A new customer has brought ${cents.format(last.value)} on average after ${last.age_days} days.`,
      option: {
        grid: { ...named(base().grid), top: 60 },
        color: colours,
        xAxis: categories(ages.map(String), { name: "Days since the first order" }),
        yAxis: amounts(short.format.bind(short)),
        tooltip: {
          ...base().tooltip,
          axisPointer: { type: "line" },
          formatter: ([{ dataIndex: place }]) =>
            hover(`After ${plural(ages[place], "day")}`, shown.filter((row) => valueAt(row, ages[place]) !== null).map((row) => `${nameOf(row)}: ${cents.format(valueAt(row, ages[place]))}`)),
        },
        series: [
          ...shown.map((row, place) => ({
            name: nameOf(row),
            type: "line",
            symbol: symbols[place],
            symbolSize: 5,
            data: ages.map((days) => valueAt(row, days)),
            lineStyle: { width: row.is_shop ? 3 : 1.6 },
          })),
          ...(cac > 0
            ? [{ name: "The cost typed", type: "line", symbol: "none", data: ages.map(() => cac), itemStyle: { color: colour("quiet") }, lineStyle: { color: colour("quiet"), type: "dashed", width: 1.5 } }]
            : []),
        ],
      },
      table: {
        head: ["Days", ...shown.map(nameOf)],
        rows: ages.map((days) => [String(days), ...shown.map((row) => (valueAt(row, days) === null ? "" : asMoney(valueAt(row, days))))]),
      },
    };
  });

  function answer() {
    const cac = typed();
    const isUsable = cac > 0;
    const back = isUsable ? payback(shopRow, cac) : null;
    byId("cac-answer").textContent = !isUsable
      ? "Type what a new customer costs: a number above 0."
      : `A customer who costs ${cents.format(cac)} ${
          back ? (back.age_months ? `pays back in month ${back.age_months}` : "pays back with the first order") : `does not pay back within ${plural(curveOf.get(shopRow).at(-1).age_months, "month")}`
        }, over all channels.${
          shopRow.most_to_pay === null ? "" : ` The most to pay is ${cents.format(shopRow.most_to_pay)}, if it is to come back within ${target} days.`
        }`;
    byId("cac-channels").hidden = !isUsable;
    if (!isUsable) return;
    byId("cac-channels").replaceChildren(
      scrolling(
        table({
          caption: `If a new customer costs ${cents.format(cac)}`,
          head: ["Channel", "Comes back", "After a year", "Most to pay", "That leaves"],
          stack: true,
          ours: shopPlace,
          rows: rows.map((row) => {
            const year = afterYear(row);
            const left = row.most_to_pay === null ? null : row.most_to_pay - cac;
            return [
              nameOf(row),
              comesBack(row, cac),
              year === null ? "not known yet" : { value: year / cac, text: `${hundredths.format(year / cac)} ×` },
              row.most_to_pay === null ? "not known yet" : { value: row.most_to_pay, text: cents.format(row.most_to_pay), range: behind(row.customers_behind_most_to_pay) },
              left === null ? "" : element("span", { class: left < 0 ? "down" : "up" }, `${left < 0 ? "−" : "+"}${cents.format(Math.abs(left))}`),
            ];
          }),
        }),
        "Table of when a new customer pays back",
      ),
    );
  }
  cacField.addEventListener("input", () => {
    answer();
    lines.draw();
  });
  always(answer);
});
