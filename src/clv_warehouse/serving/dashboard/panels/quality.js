/* Data: rows read and rejected, by feed and by reason, and how fresh the warehouse is. */

panel("quality", ["feeds", "rejections"], (feeds, rejections) => {
  const kept = total(feeds, "facts");
  const lost = total(feeds, "rejected");
  const rejected = rejections.toSorted((one, other) => other.records - one.records);
  byId("quality-intro").textContent = lost
    ? `${numbers.format(lost)} of ${plural(kept + lost, "row")} (${finely.format(ratio(lost, kept + lost))}) could not be used; every one is kept with its reason.`
    : `All ${plural(kept, "row")} could be used.`;
  byId("feeds").replaceChildren(
    table({
      caption: "By feed",
      head: ["Feed", "Facts", "Rejected", "Share rejected"],
      rows: feeds
        .toSorted((one, other) => one.position - other.position)
        .map(({ feed, facts, rejected: lostHere }) =>
          facts + lostHere
            ? [words(feed), asCount(facts), asCount(lostHere), asShare(ratio(lostHere, facts + lostHere))]
            : [words(feed), "none given", "", ""],
        ),
    }),
  );
  const facts = [
    ["Scored as of", day(shop.as_of_date)],
    ["Orders", `${day(shop.first_order_date)} to ${day(shop.last_order_date)}`],
    ["Scored by", shop.scored_by === "network" ? "the network" : "the prior, BG/NBD + Gamma-Gamma: no network has been accepted"],
    ...(shop.trained_date ? [["Network trained", `${day(shop.trained_date)} (version ${shop.network_version})`]] : []),
    ...(shop.decision ? [["Decision", words(shop.decision)]] : []),
    ["Warehouse built", built],
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
});
