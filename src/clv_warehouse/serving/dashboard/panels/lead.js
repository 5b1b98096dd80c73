/* The sentence at the top: how many customers are chosen, what they are expected to
   spend, and whether past forecasts erred to one side. */

function lead() {
  const rows = chosenRows(tables.segments);
  const [customers, predicted] = [total(rows, "customers"), total(rows, "predicted_spend")];
  const strong = (text) => element("strong", {}, text);
  const days = shop.longest_horizon_days;
  // A part of the shop can be further off than the whole.
  const range = isFiltered() ? null : rangeAt(days, predicted);
  const said = [];
  if (!customers) said.push("No customer is in this choice.");
  else {
    said.push(strong(plural(customers, "customer")));
    said.push(
      ...(range && predicted > 0
        ? [" will spend ", strong(`${rough.format(range[0])} to ${rough.format(range[1])}`), ` in the next ${days} days in 8 of 10 cases; ${rough.format(predicted)} is expected`]
        : [customers === 1 ? " is" : " are", " expected to spend ", strong(rough.format(predicted)), ` in the next ${days} days`]),
    );
    const points = concentration();
    if (predicted > 0 && customers >= 20) {
      said.push(`${range ? ", and" : ";"} the best tenth of them brings `, strong(share.format(at(points, 0.1))), " of the value");
    }
    said.push(".");
    const errors = sureness.get(days)?.past_errors ?? "";
    if (errors.startsWith("always")) said.push(` Past forecasts of so many days were ${errors}.`);
  }
  byId("lead").replaceChildren(...said);
  byId("chosen").textContent = isFiltered()
    ? `${filters.filter((name) => chosen[name]).map((name) => words(chosen[name])).join(", ")}: ${numbers.format(customers)} of ${plural(shop.customers, "customer")}`
    : `All ${plural(shop.customers, "customer")}`;
}
always(lead);
