/* What is coming: revenue by month, past and expected, and a calendar of what is expected
   up to each horizon. */

panel("revenue", ["revenue_by_month", "expected_by_month", "expected_by_horizon"], (past, byMonth, byHorizon) => {
  const months = monthsFrom(distinct(past, "month"));
  const monthsAhead = distinct(byMonth, "month");
  const daysOf = new Map(byMonth.map((row) => [row.month, row.days]));
  const horizons = distinct(byHorizon, "horizon_days").map((days) =>
    byHorizon.find((row) => row.horizon_days === days),
  );
  const expectedTotals = () =>
    totals(
      chosenRows(byHorizon),
      "horizon_days",
      "expected_spend",
      horizons.map((row) => row.horizon_days),
    );

  chart("revenue", () => {
    const history = totals(chosenRows(past), "month", "revenue", months);
    const coming = totals(chosenRows(byMonth), "month", "expected_spend", monthsAhead);
    const all = [...new Set([...months, ...monthsAhead])].sort();
    const pastOf = new Map(months.map((name, number) => [name, history[number]]));
    const aheadOf = new Map(monthsAhead.map((name, number) => [name, coming[number]]));
    const was = all.map((name) => pastOf.get(name) ?? null);
    const ahead = all.map((name) => aheadOf.get(name) ?? null);
    const bound = (edge) =>
      ahead.map((spend) => (spend === null || worstMiss === null ? null : edge(spend)));
    const floor = bound(low);
    const span = bound((spend) => high(spend) - low(spend));
    const year = sum(history.slice(-12));
    const expected = expectedTotals().at(-1) ?? 0;
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
    const summary = `Revenue was ${whole.format(year)} in the last ${Math.min(12, months.length)} months shown; ${whole.format(expected)} is expected from today's customers in the next ${shop.longest_horizon_days} days.`;
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
                    `Expected on ${plural(daysOf.get(all[dataIndex]), "day")}: ${whole.format(ahead[dataIndex])}`,
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
    const guests = total(past.filter((row) => row.segment === "guest"), "revenue");
    byId("revenue-note").textContent =
      "Expected is what today's customers are expected to spend, spread evenly over each step of the calendar; customers yet to come are not in it." +
      (guests && !isFiltered() ? " Past revenue includes guests' orders." : "") +
      (guests && isFiltered() ? " Guests' orders belong to no segment and are left out." : "");
    byId("calendar-note").textContent =
      worstMiss === null
        ? "No forecast has been judged yet, so nothing says how sure this is."
        : `In brackets: if the total is off by as much as the ${judgements.length === 1 ? "one forecast" : `worst of ${judgements.length} forecasts`} judged so far, up or down by a factor of ${worstMiss.toFixed(2)}. So few give no interval of known chance${isFiltered() ? ", and a part of the shop can be further off than the whole" : ""}.`;
    const spend = expectedTotals();
    byId("calendar").replaceChildren(
      table({
        caption: `From ${day(shop.as_of_date)}`,
        head: ["Days ahead", "In these days", "In all so far"],
        rows: horizons.map(({ horizon_days: days, first_day: first, last_date: last }, number) => [
          { value: days, text: `${first}–${days}`, range: `to ${day(last)}` },
          asMoney(spend[number] - (number ? spend[number - 1] : 0)),
          {
            ...asMoney(spend[number]),
            range: worstMiss === null ? "" : `(${range(spend[number])})`,
          },
        ]),
      }),
    );
  });
});

/* Every month from the first to the last: one without an order is a month all the same. */
function monthsFrom(known) {
  const all = [];
  for (let at = known[0]; at <= known.at(-1); ) {
    all.push(at);
    const next = new Date(`${at}T00:00Z`);
    next.setUTCMonth(next.getUTCMonth() + 1);
    at = next.toISOString().slice(0, 10);
  }
  return all;
}
