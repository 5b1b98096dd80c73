/* Where the value is: spend and value by tenth of customers, and how far the value hangs
   on few of them. */

panel("value", ["value_bands"], (bands) => {
  const deciles = Array.from({ length: 10 }, (_, number) => number + 1);

  chart("deciles", () => {
    const rows = chosenRows(bands);
    const [customers, past, predicted, value] = [
      "customers", "past_spend", "predicted_spend", "lifetime_value",
    ].map((measure) => totals(rows, "value_decile", measure, deciles));
    const names = deciles.map(String);
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
});
