/* Data: rows read and rejected, by feed and by reason, how fresh the warehouse is, and
   which orders count, were left out or are in doubt. */

panel("quality", ["feeds", "rejections", "order_summary"], (feeds, rejections, orders) => {
  const kept = total(feeds, "facts");
  const lost = total(feeds, "rejected");
  const rejected = rejections.toSorted((one, other) => other.records - one.records);
  byId("quality-intro").textContent = lost
    ? `${numbers.format(lost)} of ${plural(kept + lost, "row")} (${finely.format(ratio(lost, kept + lost))}) could not be used; every one is kept with its reason.`
    : `All ${plural(kept, "row")} could be used.`;
  const inOrder = feeds.toSorted((one, other) => one.position - other.position);
  const given = inOrder.filter(({ facts, rejected: lostHere }) => facts + lostHere);
  const absent = inOrder.filter((feed) => !given.includes(feed));
  byId("feeds").replaceChildren(
    table({
      caption: absent.length
        ? `By feed; not given: ${absent.map(({ feed }) => words(feed).toLowerCase()).join(", ")}`
        : "By feed",
      head: ["Feed", "Facts", "Rejected", "Share"],
      rows: given.map(({ feed, facts, rejected: lostHere }) => [
        words(feed), asCount(facts), asCount(lostHere), asShare(ratio(lostHere, facts + lostHere)),
      ]),
    }),
  );
  const facts = [
    ["Scored as of", day(shop.as_of_date)],
    ["Orders", `${day(shop.first_order_date)} to ${day(shop.last_order_date)}`],
    ["Scored by", shop.scored_by === "network" ? "the network" : "the prior, BG/NBD + Gamma-Gamma: no network has been accepted"],
    ...(shop.trained_date ? [["Network trained", `${day(shop.trained_date)} (version ${shop.network_version})`]] : []),
    ...(shop.decision ? [["Decision", words(shop.decision)]] : []),
    [
      "Margin",
      shop.margin_known_share
        ? `${finely.format(shop.margin)} of spend; costs are known for ${finely.format(shop.margin_known_share)} of it`
        : `${finely.format(shop.margin)} of spend, as the var margin says; no costs are known`,
    ],
    ...(shop.doubted_products
      ? [["Costs in doubt", `${plural(shop.doubted_products, "product")} sold for less than the cost; these costs are not believed`]]
      : []),
    ["Warehouse built", built ?? "not completely"],
  ];
  byId("fresh").replaceChildren(
    ...facts.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]),
  );
  const kinds = { counted: "Counts", left_out: "Left out", in_doubt: "In doubt" };
  const inDoubt = orders.filter((row) => row.kind === "in_doubt");
  byId("order-summary-note").textContent = inDoubt.length
    ? "What is in doubt is among the other rows too: look at it before you believe the totals."
    : "No order is in doubt.";
  byId("order-summary").replaceChildren(
    scrolling(
      table({
        caption: "Orders by what becomes of them",
        head: ["Orders of", "What becomes of them", "Orders", "Money", "What it means"],
        textColumns: [0, 1, 4],
        rows: Object.keys(kinds).flatMap((kind) =>
          orders
            .filter((row) => row.kind === kind)
            .toSorted((one, other) => Math.abs(other.amount) - Math.abs(one.amount))
            .map((row) => [words(row.name), kinds[kind], asCount(row.orders), row.amount === null ? "" : asMoney(row.amount), row.explanation]),
        ),
      }),
      "Table of the orders that count, were left out or are in doubt",
    ),
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
});
