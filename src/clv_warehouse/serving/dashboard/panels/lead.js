/* The sentence at the top: how many customers are chosen, what they are expected to
   spend, and how far off the last such forecast was. */

function lead() {
  const rows = chosenRows(tables.segments);
  const [customers, predicted] = [total(rows, "customers"), total(rows, "predicted_spend")];
  const strong = (text) => element("strong", {}, text);
  const said = [];
  if (!customers) said.push("No customer is in this choice.");
  else {
    said.push(
      strong(plural(customers, "customer")),
      customers === 1 ? " is" : " are",
      " expected to spend ",
      strong(whole.format(predicted)),
      ` in the next ${shop.longest_horizon_days} days`,
    );
    const points = concentration();
    if (predicted > 0 && customers >= 20) {
      said.push("; the best tenth of them brings ", strong(share.format(at(points, 0.1))), " of the value");
    }
    said.push(". ");
    const last = judgements.at(-1);
    if (last && last.actual_spend > 0) {
      const bias = last.total_bias;
      said.push(
        Math.abs(bias) < 0.005
          ? `The last such forecast, of the whole shop from ${day(last.origin_date)}, came true to the percent.`
          : `The last such forecast, of the whole shop from ${day(last.origin_date)}, was ${share.format(Math.abs(bias))} too ${bias > 0 ? "high" : "low"}.`,
      );
    }
  }
  byId("lead").replaceChildren(...said);
  byId("chosen").textContent = isFiltered()
    ? `${filters.filter((name) => chosen[name]).map((name) => words(chosen[name])).join(", ")}: ${numbers.format(customers)} of ${plural(shop.customers, "customer")}`
    : `All ${plural(shop.customers, "customer")}`;
}
always(lead);
