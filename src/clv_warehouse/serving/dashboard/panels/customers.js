/* Best customers: the best of those chosen, what is expected of each, why, and what would change it. */

panel("customers", ["top_customers", "top_customer_reasons", "top_customer_changes"], (customers, reasons, changes) => {
  /* top_customers has as many of every group. */
  const SHOWN = 10;
  const reasonsOf = Map.groupBy(reasons, (row) => row.customer_key);
  const changesOf = Map.groupBy(changes, (row) => row.customer_key);
  const otherwise = (rows) => {
    const list = element("ul", { class: "chips" });
    for (const row of rows.toSorted((one, other) => (one.direction < other.direction ? 1 : -1))) {
      const isUp = row.direction === "up";
      list.append(
        element(
          "li",
          {},
          `${row.scenario_label}: `,
          element("span", { class: isUp ? "up" : "down" }, `${isUp ? "▲" : "▼"} tenth ${row.other_value_decile}, ${whole.format(row.other_lifetime_value)}`),
        ),
      );
    }
    return rows.length ? [list] : [];
  };
  const why = (rows) => {
    const list = element("ul", { class: "chips" });
    for (const row of rows.toSorted((one, other) => one.reason_rank - other.reason_rank)) {
      const amount = Math.round(row.contribution * 100) / 100;
      list.append(
        element(
          "li",
          {},
          `${row.reason_label} `,
          element("span", { class: amount < 0 ? "down" : "up" }, `${amount < 0 ? "▼ −" : "▲ +"}${(Math.abs(amount) < 10 ? cents : whole).format(Math.abs(amount))}`),
        ),
      );
    }
    return rows.length ? list : element("span", {}, "not explained");
  };

  always(() => {
    const best = chosenRows(customers)
      .sort((one, other) => one.value_rank - other.value_rank)
      .slice(0, SHOWN);
    const made = table({
      caption: isFiltered() ? "Of those chosen, by lifetime value" : "Of the whole shop, by lifetime value",
      head: ["Customer", "Segment", "Purchases", "Past spend", `Expected, ${shop.longest_horizon_days} days *`, "Buys again", "Lifetime value", "Why, and what would change it †"],
      textColumns: [0, 1, 7],
      stack: true,
      rows: best.map((row) => [
        element("span", { class: "key" }, row.customer_key, element("span", { class: "range" }, `rank ${numbers.format(row.value_rank)}`)),
        element("span", {}, pill(row.segment), element("span", { class: "range" }, [row.country, row.acquisition_channel].filter((name) => name !== "unknown").map(words).join(", "))),
        { ...asCount(row.frequency), range: row.last_purchase_date ? `last ${day(row.last_purchase_date)}` : "" },
        asMoney(row.past_spend),
        { ...asMoney(row.predicted_spend), range: row.spend_p10 === null ? "" : `${whole.format(row.spend_p10)} to ${whole.format(row.spend_p90)}` },
        asShare(row.chance_of_buying),
        asMoney(row.lifetime_value),
        element("div", {}, why(reasonsOf.get(row.customer_key) ?? []), ...otherwise(changesOf.get(row.customer_key) ?? [])),
      ]),
    });
    made.querySelectorAll("tbody tr > :last-child").forEach((cell) => cell.classList.add("whole"));
    byId("customers").replaceChildren(
      scrolling(made, "Table of the most valuable customers"),
      element("p", { class: "note" }, "* The mean, and below it the range in which the spend lies in 8 of 10 cases. † The smallest change of behaviour that would move the customer to another tenth by lifetime value, and the value then. It is what would be forecast, not what a message would bring about."),
    );
  });
});

function pill(segment) {
  return element("span", { class: "pill", style: `--colour: ${segmentColour(segment)}` }, words(segment));
}
