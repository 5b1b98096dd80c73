/* Cohorts: how many of a month's new customers buy again in the months after, and what
   they spend. */

panel("cohorts", ["cohorts"], (cohortRows) => {
  const cohorts = distinct(cohortRows, "first_purchase_month");
  let measure = "retention";

  chart("cohorts", (place) => {
    const isRetention = measure === "retention";
    const first = isRetention ? 1 : 0;
    const cells = new Map();
    for (const row of chosenRows(cohortRows)) {
      const key = `${row.first_purchase_month} ${row.months_since}`;
      const cell = cells.get(key) ?? { ...row, customers: 0, buyers: 0, revenue: 0 };
      for (const each of ["customers", "buyers", "revenue"]) cell[each] += row[each];
      cells.set(key, cell);
    }
    const size = cohorts.map((cohort) => cells.get(`${cohort} 0`)?.customers ?? 0);
    const shown = [...cells.values()]
      .filter((cell) => cell.months_since >= first)
      .map((cell) => [
        cell.months_since,
        cohorts.indexOf(cell.first_purchase_month),
        (isRetention ? cell.buyers : cell.revenue) / cell.customers,
        isRetention ? cell.buyers : cell.revenue,
      ])
      .sort(([age, row], [otherAge, otherRow]) => row - otherRow || age - otherAge);
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
});
