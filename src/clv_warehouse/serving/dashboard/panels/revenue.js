/* What is coming: revenue by month, past and expected, and a calendar of what is expected
   up to each horizon. Customers still to come and guests are shown apart, if at all. */

const MONTHS_TABLES = ["revenue_by_month", "expected_by_month", "expected_by_horizon", "months_ahead", "planned_days"];

panel("revenue", MONTHS_TABLES, (past, byMonth, byHorizon, ahead, planned) => {
  const months = monthsFrom(distinct(past, "month"));
  const monthsAhead = distinct(byMonth, "month");
  const daysOf = new Map(byMonth.map((row) => [row.month, row.days]));
  const horizons = distinct(byHorizon, "horizon_days").map((days) =>
    byHorizon.find((row) => row.horizon_days === days),
  );
  const plannedIn = (name) =>
    planned
      .filter((row) => row.month === name)
      .sort((one, other) => one.first_date.localeCompare(other.first_date))
      .map((row) => (row.days > 1 ? `${row.name} (${row.days} days)` : row.name))
      .join(", ");
  const OTHERS = { customers_to_come: "Customers to come", guests: "Guests" };
  const others = Object.keys(OTHERS)
    .map((kind) => [kind, new Map(ahead.filter((row) => row.kind === kind).map((row) => [row.month, row]))])
    .filter(([, rows]) => rows.size);
  const knownOf = new Map(ahead.filter((row) => row.kind === "known_customers").map((row) => [row.month, row]));
  const knownRange = (name) => (isFiltered() ? "" : rangeOf(knownOf.get(name)));
  const isOptional = () => byId("others").checked && !isFiltered();
  const expectedTotals = () =>
    totals(
      chosenRows(byHorizon),
      "horizon_days",
      "expected_spend",
      horizons.map((row) => row.horizon_days),
    );

  chart("revenue", (place) => {
    const history = totals(chosenRows(past), "month", "revenue", months);
    const coming = totals(chosenRows(byMonth), "month", "expected_spend", monthsAhead);
    const all = [...new Set([...months, ...monthsAhead])].sort();
    const pastOf = new Map(months.map((name, number) => [name, history[number]]));
    const aheadOf = new Map(monthsAhead.map((name, number) => [name, coming[number]]));
    const was = all.map((name) => pastOf.get(name) ?? null);
    const known = all.map((name) => aheadOf.get(name) ?? null);
    const kinds = isOptional()
      ? others.map(([kind, rows]) => [kind, all.map((name) => rows.get(name) ?? null)])
      : [];
    const together = all.map((_, place) =>
      known[place] === null ? null : known[place] + sum(kinds.map(([, rows]) => rows[place]?.expected_spend ?? 0)),
    );
    const year = sum(history.slice(-12));
    const expected = expectedTotals().at(-1) ?? 0;
    const said = kinds.map(([kind, rows]) => [OTHERS[kind].toLowerCase(), total(rows.filter(Boolean), "expected_spend")]);
    const style = { customers_to_come: { opacity: 0.55 }, guests: { color: colour("quiet"), opacity: 0.6 } };
    const details = (place) => [
      ...(was[place] === null ? [] : [`Revenue: ${cents.format(was[place])}`]),
      ...(known[place] === null
        ? []
        : [
            `Known customers, on ${plural(daysOf.get(all[place]), "day")}: ${whole.format(known[place])}${knownRange(all[place])}`,
            ...kinds
              .filter(([, rows]) => rows[place])
              .map(([kind, rows]) => `${OTHERS[kind]}: ${whole.format(rows[place].expected_spend)}${rangeOf(rows[place])}`),
            ...(kinds.length ? [`Together: ${whole.format(together[place])}`] : []),
            ...(plannedIn(all[place]) ? [`Planned: ${plannedIn(all[place])}`] : []),
          ]),
    ];
    return {
      summary:
        `Revenue was ${whole.format(year)} in the last ${Math.min(12, months.length)} months shown. In the next ${shop.longest_horizon_days} days ${whole.format(expected)} is expected of today's customers` +
        said.map(([kind, spend]) => `, ${whole.format(spend)} of ${kind}`).join("") +
        (said.length ? `: ${whole.format(expected + sum(said.map(([, spend]) => spend)))} together.` : "."),
      option: {
        // On a phone the legend has two lines.
        grid: { ...base().grid, top: place.clientWidth < 480 ? 54 : base().grid.top },
        xAxis: categories(all.map(month)),
        yAxis: amounts(short.format.bind(short)),
        tooltip: {
          ...base().tooltip,
          formatter: ([{ dataIndex }]) => hover(month(all[dataIndex]), details(dataIndex)),
        },
        series: [
          { name: "Revenue", type: "bar", barMaxWidth: 48, stack: "bars", data: was, itemStyle: pastStyle() },
          { name: "Known customers", type: "bar", barMaxWidth: 48, stack: "bars", data: known, itemStyle: aheadStyle() },
          ...kinds.map(([kind, rows]) => ({
            name: OTHERS[kind],
            type: "bar",
            barMaxWidth: 48,
            stack: "bars",
            data: rows.map((row) => row?.expected_spend ?? null),
            itemStyle: { ...aheadStyle(), ...style[kind] },
          })),
        ],
      },
      table: {
        head: ["Month", "Revenue", "Known customers", ...kinds.map(([kind]) => OTHERS[kind]), ...(kinds.length ? ["Together"] : []), "Planned"],
        textColumns: [0, kinds.length ? 4 + kinds.length : 3],
        rows: all.map((name, place) => [
          month(name),
          was[place] === null ? "" : asMoney(was[place]),
          known[place] === null ? "" : { ...asMoney(known[place]), range: knownRange(name) },
          ...kinds.map(([, rows]) => (rows[place] ? { ...asMoney(rows[place].expected_spend), range: rangeOf(rows[place]) } : "")),
          ...(kinds.length ? [together[place] === null ? "" : asMoney(together[place])] : []),
          plannedIn(name),
        ]),
      },
    };
  });

  /* The sums of the kinds, for whoever plans with them. */
  function budget() {
    const [spend, least, most] = ["expected_spend", "low_spend", "high_spend"].map((measure) => (rows) => total(rows, measure));
    const of = (kind) => ahead.filter((row) => row.kind === kind);
    const toCome = of("customers_to_come");
    const range = toCome.some((row) => row.low_spend === null) ? "" : ` (${rough.format(least(toCome))} to ${rough.format(most(toCome))})`;
    return (
      `Of known customers ${rough.format(spend(of("known_customers")))} is expected, of those to come ${rough.format(spend(toCome))}${range}` +
      (of("guests").length ? ` and of guests ${rough.format(spend(of("guests")))}` : "") +
      `: ${rough.format(spend(ahead))} together.`
    );
  }

  byId("others-label").textContent = `With ${others.map(([kind]) => OTHERS[kind].toLowerCase()).join(" and ")}`;
  byId("others").addEventListener("change", draw);

  always(() => {
    byId("others-choice").hidden = !others.length || isFiltered();
    const guests = total(past.filter((row) => row.segment === "guest"), "revenue");
    const toCome = ahead.filter((row) => row.kind === "customers_to_come");
    byId("revenue-note").textContent =
      "Known customers are today's; the year's season is in their months. " +
      (isFiltered()
        ? "Customers still to come belong to no choice and are left out." + (guests ? " So are guests." : "")
        : toCome.length
          ? `Customers to come are ${numbers.format(Math.round(total(toCome, "new_customers")))} who will buy for the first time, at the rate of the last year. ${budget()}`
          : "The shop is too young to say how many customers are still to come.");
    const spend = expectedTotals();
    const ranges = horizons.map(({ horizon_days: days }, number) => rangeAt(days, spend[number]));
    byId("calendar-note").textContent = ranges.every((each) => each === null)
      ? "No forecast has been judged yet, so nothing says how sure this is."
      : `In brackets: where the total lies in 8 of 10 cases, by how far off such forecasts were at past dates.${isFiltered() ? " A part of the shop can be further off than the whole." : ""}`;
    byId("calendar").replaceChildren(
      table({
        caption: `Of today's customers, from ${day(shop.as_of_date)}`,
        head: ["Days ahead", "In these days", "In all so far"],
        rows: horizons.map(({ horizon_days: days, first_day: first, last_date: last }, number) => [
          { value: days, text: `${first}–${days}`, range: `to ${day(last)}` },
          asMoney(spend[number] - (number ? spend[number - 1] : 0)),
          {
            ...asMoney(spend[number]),
            range: ranges[number] ? `(${between(ranges[number])})` : "",
          },
        ]),
      }),
    );
  });
});

function rangeOf({ low_spend: least, high_spend: most }) {
  return least === null ? "" : ` (${whole.format(least)} to ${whole.format(most)})`;
}

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
