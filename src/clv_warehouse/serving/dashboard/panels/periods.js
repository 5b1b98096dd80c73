/* Year on year: what was bought in the newest days, and in the same days a
   year before. */

panel("periods", ["periods_compared"], (periods) => {
  const MEASURES = [
    ["revenue", "Revenue", formats.money],
    ["orders", "Orders", formats.count],
    ["buyers", "Customers who bought", formats.count],
    ["new_customers", "New customers", formats.count],
  ];
  const lengths = distinct(periods, "period_days").sort((one, other) => one - other);

  always(() => {
    const rows = chosenRows(periods);
    const cell = (days, measure, format) => {
      const of = rows.filter((row) => row.period_days === days);
      const [now, before] = [total(of, measure), total(of, `${measure}_before`)];
      const isWhole = of.some((row) => row.has_year_before);
      const change = before > 0 ? now / before - 1 : null;
      return element(
        "span",
        { "data-value": now },
        format(now),
        element(
          "span",
          { class: "range" },
          !isWhole
            ? "no year before"
            : element("span", {}, change === null ? "" : element("span", { class: change < 0 ? "down" : "up" }, `${change < 0 ? "▼" : "▲"} ${signed(change)} `), `on ${format(before)}`),
        ),
      );
    };
    byId("periods-note").textContent = chosen.segment
      ? "The segment is not applied here: it is made of just these purchases."
      : "";
    byId("periods").replaceChildren(
      table({
        caption: `Up to ${day(shop.as_of_date)}, and the change on the same days of the year before`,
        head: ["Figure", ...lengths.map((days) => `Last ${days} days`)],
        stack: true,
        rows: MEASURES.map(([measure, label, format]) => [label, ...lengths.map((days) => cell(days, measure, format))]),
      }),
    );
  });
});
