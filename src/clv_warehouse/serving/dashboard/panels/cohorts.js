/* Cohorts: what a quarter's new customers have brought so far, and how many of a month's
   buy again in the months after. What may still grow is marked. */

const UNFINISHED = "…";

panel("cohorts", ["cohorts"], (cohortRows) => {
  const cohorts = distinct(cohortRows, "first_purchase_month");
  const segmentNote = () =>
    chosen.segment ? " The segment is not applied here: it is made of just these purchases." : "";

  /* By quarter of the first purchase: the customers and, by months since, what each has
     brought so far and whether all of it is over. A month counts the cohorts that have
     reached it. */
  function quarters() {
    const found = new Map();
    for (const row of chosenRows(cohortRows)) {
      const [year, number] = row.first_purchase_month.split("-").map(Number);
      const name = `${year} Q${Math.ceil(number / 3)}`;
      if (!found.has(name)) found.set(name, { months: new Set(), cells: [] });
      const { months, cells } = found.get(name);
      months.add(row.first_purchase_month);
      const cell = (cells[row.months_since] ??= { customers: 0, revenue: 0, reached: new Set(), isOver: true });
      cell.customers += row.customers;
      cell.revenue += row.revenue;
      cell.reached.add(row.first_purchase_month);
      cell.isOver &&= row.is_over;
    }
    return [...found].sort().map(([name, { months, cells }]) => {
      let soFar = 0;
      return {
        name,
        customers: cells[0].customers,
        values: cells.map((cell) => (soFar += ratio(cell.revenue, cell.customers))),
        isOver: cells.map((cell) => cell.isOver && cell.reached.size === months.size),
      };
    });
  }

  chart("cohort-values", () => {
    const rows = quarters();
    const longest = Math.max(0, ...rows.map(({ values }) => values.length));
    const months = Array.from({ length: longest }, (_, number) => number + 1);
    const strength = (place) => (rows.length < 2 ? 1 : 0.3 + (0.7 * place) / (rows.length - 1));
    const text = ({ values, isOver }, place) =>
      cents.format(values[place]) + (isOver[place] ? "" : UNFINISHED);
    /* A line up to what is over, and a dashed one on from there. */
    const line = (row, place, isOver) => {
      const last = row.isOver.lastIndexOf(true);
      return {
        name: row.name,
        type: "line",
        symbol: isOver ? "circle" : "emptyCircle",
        symbolSize: 5,
        data: row.values.map((value, age) => ((isOver ? age <= last : age >= last) ? value : null)),
        itemStyle: { color: colour("past"), opacity: strength(place) },
        lineStyle: { color: colour("past"), opacity: strength(place), width: 2, type: isOver ? "solid" : "dashed" },
      };
    };
    const shown = [1, 2, 3, 6, 9, 12, 18, 24].filter((age) => age <= longest);
    byId("cohort-values-note").textContent =
      `What a customer has spent on average since the month of the first purchase, net of returns. Darker is newer; ${UNFINISHED} and dashes mark months that are not over for all of them.` +
      segmentNote();
    const newest = rows.findLast((row) => row.isOver[0]);
    byId("cohort-numbers").replaceChildren(
      scrolling(
        table({
          caption: "Spent per customer after so many months",
          head: ["First purchase", "Customers", ...shown.map((age) => (age === 1 ? "1 month" : `${age} months`))],
          rows: rows.map((row) => [
            row.name,
            asCount(row.customers),
            ...shown.map((age) =>
              age > row.values.length
                ? ""
                : element("span", { class: row.isOver[age - 1] ? null : "open", "data-value": row.values[age - 1] }, text(row, age - 1)),
            ),
          ]),
        }),
        "Table of what customers have spent so far",
      ),
    );
    return {
      summary: newest
        ? `Customers who first bought in ${newest.name} have spent ${cents.format(newest.values[newest.isOver.lastIndexOf(true)])} each in their first ${plural(newest.isOver.lastIndexOf(true) + 1, "month")}.`
        : "No month has passed since the first purchases.",
      option: {
        grid: named(base().grid),
        legend: { show: false },
        xAxis: categories(months.map(String), { name: "Months, that of the first purchase included" }),
        yAxis: amounts(short.format.bind(short)),
        tooltip: {
          ...base().tooltip,
          axisPointer: { type: "line" },
          formatter: ([{ dataIndex: place }]) =>
            hover(`After ${plural(place + 1, "month")}`, rows.filter(({ values }) => place < values.length).map((row) => `${row.name}: ${text(row, place)} each`)),
        },
        series: rows.flatMap((row, place) => [line(row, place, true), line(row, place, false)]),
      },
      table: {
        head: ["First purchase", "Customers", ...months.map((age) => `${age}`)],
        rows: rows.map((row) => [
          row.name,
          asCount(row.customers),
          ...months.map((age) => (age > row.values.length ? "" : { value: row.values[age - 1], text: text(row, age - 1) })),
        ]),
      },
    };
  });

  chart("cohorts", (place) => {
    const cells = new Map();
    for (const row of chosenRows(cohortRows)) {
      const key = `${row.first_purchase_month} ${row.months_since}`;
      const cell = cells.get(key) ?? { ...row, customers: 0, buyers: 0 };
      for (const each of ["customers", "buyers"]) cell[each] += row[each];
      cells.set(key, cell);
    }
    const size = cohorts.map((cohort) => cells.get(`${cohort} 0`)?.customers ?? 0);
    const shown = [...cells.values()]
      .filter((cell) => cell.months_since >= 1)
      .map((cell) => ({
        age: cell.months_since,
        row: cohorts.indexOf(cell.first_purchase_month),
        share: cell.buyers / cell.customers,
        buyers: cell.buyers,
        isOver: cell.is_over,
      }))
      .sort((one, other) => one.row - other.row || one.age - other.age);
    const rows = [...new Set(shown.map(({ row }) => row))];
    const width = Math.max(...shown.map(({ age }) => age), 1);
    const most = Math.max(...shown.map((cell) => cell.share), 0);
    const text = (cell) => finely.format(cell.share) + (cell.isOver ? "" : UNFINISHED);
    byId("cohorts-note").textContent =
      `Rows are months of the first purchase, columns months since. Paler cells with a dashed edge are not over.` + segmentNote();
    const mean = (age) => {
      const seen = shown.filter((cell) => cell.age === age);
      return ratio(sum(seen.map(({ buyers }) => buyers)), sum(seen.map(({ row }) => size[row])));
    };
    const columns = Array.from({ length: width }, (_, number) => number + 1);
    const found = new Map(shown.map((cell) => [`${cell.age} ${cell.row}`, cell]));
    place.style.height = `${Math.max(150, 80 + rows.length * 17)}px`;
    return {
      summary: shown.length
        ? `On average ${finely.format(mean(1))} of new customers buy in the month after the first purchase, ${finely.format(mean(Math.min(6, width)))} in month ${Math.min(6, width)}.`
        : "No month has passed since the first purchases.",
      option: {
        legend: { show: false },
        grid: { left: 4, right: 8, top: 8, bottom: 56, containLabel: true },
        xAxis: { ...categories(columns.map(String), { name: "Months since the first purchase" }), splitArea: { show: false } },
        yAxis: { ...categories(rows.map((row) => month(cohorts[row]))), inverse: true },
        visualMap: {
          type: "continuous",
          min: 0,
          max: most || 1,
          dimension: 2,
          calculable: false,
          orient: "horizontal",
          left: "center",
          bottom: 0,
          itemHeight: 120,
          itemWidth: 10,
          text: [finely.format(most), finely.format(0)],
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
          formatter: ({ dataIndex }) => {
            const cell = shown[dataIndex];
            return hover(`${month(cohorts[cell.row])}, ${plural(cell.age, "month")} later`, [
              `${numbers.format(cell.buyers)} of ${plural(size[cell.row], "customer")} bought${cell.isOver ? "" : " so far"}: ${finely.format(cell.share)}`,
            ]);
          },
        },
        series: [
          {
            type: "heatmap",
            data: shown.map((cell) => ({
              value: [cell.age - 1, rows.indexOf(cell.row), cell.share],
              itemStyle: cell.isOver
                ? { borderColor: colour("card"), borderWidth: 1 }
                : { borderColor: colour("quiet"), borderWidth: 1, borderType: "dashed", opacity: 0.55 },
            })),
            emphasis: { itemStyle: { borderColor: colour("text"), borderWidth: 1.5 } },
          },
        ],
      },
      table: {
        head: ["First purchase", "Customers", ...columns.map((age) => `+${age}`)],
        rows: rows.map((row) => [
          month(cohorts[row]),
          asCount(size[row]),
          ...columns.map((age) => {
            const cell = found.get(`${age} ${row}`);
            return cell ? { value: cell.share, text: text(cell) } : "";
          }),
        ]),
      },
    };
  });
});
