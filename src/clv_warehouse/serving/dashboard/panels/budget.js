/* A budget for offers: what it is expected to gain, whom it reaches and what one more unit of
   money would gain; and what each offer is known to add. */

panel("budget", ["budget_frontier", "offers_compared"], (frontier, known) => {
  /* A person may list offers that no experiment has tried: nothing is known of these. */
  const offers = known.filter(({ experiments }) => experiments);
  if (!offers.length) {
    tellInstead("budget", "No experiment has tried an offer yet, so nobody can say what a budget for offers would gain. Offers are learned from experiments alone.");
    return;
  }
  const WAYS = {
    plan: "The plan",
    highest_uplift_first: "Largest effects first",
    best_customers_first: "Best customers first",
    everybody: "One offer to everybody",
    random: "By chance",
  };
  const byBudget = (rows) => rows.toSorted((one, other) => one.budget - other.budget);
  const plan = byBudget(frontier.filter(({ policy }) => policy === "plan"));
  const givable = offers.filter(({ is_offered: isOffered }) => isOffered);
  const reaches = plan.some(({ customers }) => customers > 0);

  byId("frontier-part").hidden = !reaches;
  byId("no-frontier").hidden = reaches;
  byId("no-frontier").textContent = reaches
    ? ""
    : `The plan is empty: nobody gets an offer today, and the best budget is ${whole.format(0)}. ${
        givable.length
          ? `${givable.length === 1 ? "One offer" : `${numbers.format(givable.length)} offers`} that experiments have tried may be given (${givable.map(({ offer }) => offer).sort().join(", ")}), but of none is it sure enough, for any customer whom it may reach, that it brings more than it costs. More customers in experiments make that surer.`
          : "No offer that was tried may be given: seeds/reference/offer_costs.csv says which may, and what they cost."
      }`;

  if (reaches) {
    const slider = byId("budget");
    slider.max = plan.length - 1;
    slider.value = Math.max(plan.findIndex((row) => row.is_planned), 0);
    const place = () => Number(slider.value);
    const ways = Object.keys(WAYS).filter((policy) => frontier.some((row) => row.policy === policy));
    const symbols = ["circle", "rect", "triangle", "diamond", "roundRect"];

    const picture = chart("frontier", () => {
      const colours = isDark() ? ["#56b4e9", "#e69f00", "#3fc89a", "#f0a6d0", "#a5b0bd"] : ["#0072b2", "#c46a00", "#007a58", "#a8457f", "#566170"];
      const best = plan.toSorted((one, other) => other.gain - one.gain)[0];
      return {
        summary: `The plan gains most with a budget of ${cents.format(best.budget)}: ${cents.format(best.gain)} are expected.`,
        option: {
          grid: { ...named(base().grid), top: 60 },
          color: colours,
          xAxis: { ...amounts(short.format.bind(short)), name: "Budget", nameLocation: "middle", nameGap: 26, nameTextStyle: { color: colour("quiet") } },
          yAxis: amounts(short.format.bind(short)),
          tooltip: {
            ...base().tooltip,
            axisPointer: { type: "line" },
            formatter: (found) =>
              hover(`Budget ${cents.format(found[0].data[0])}`, found.filter(({ seriesName }) => seriesName !== "Chosen").map(({ seriesName, data }) => `${seriesName}: ${signedMoney(data[1])}`)),
          },
          series: [
            ...ways.map((policy, number) => ({
              name: WAYS[policy],
              type: "line",
              symbol: symbols[number],
              symbolSize: 6,
              data: byBudget(frontier.filter((row) => row.policy === policy)).map(({ budget, gain }) => [budget, gain]),
              lineStyle: { width: policy === "plan" ? 3 : 1.5, type: policy === "plan" ? "solid" : "dashed" },
            })),
            { name: "Chosen", type: "line", symbol: "circle", symbolSize: 15, data: [[plan[place()].budget, plan[place()].gain]], itemStyle: { color: colour("focus") } },
          ],
        },
        table: {
          head: ["Budget", "Customers", ...ways.map((policy) => WAYS[policy])],
          rows: plan.map((row) => [
            cents.format(row.budget),
            asCount(row.customers),
            ...ways.map((policy) => {
              const found = frontier.find((each) => each.policy === policy && each.budget === row.budget);
              return found ? { value: found.gain, text: signedMoney(found.gain) } : "";
            }),
          ]),
        },
      };
    });

    const facts = () => {
      const row = plan[place()];
      slider.setAttribute("aria-valuetext", cents.format(row.budget));
      const fact = (name, value, text, more) => [
        element("dt", {}, name),
        element("dd", { "data-value": value }, text, ...(more ? [element("span", { class: "range" }, more)] : [])),
      ];
      byId("budget-facts").replaceChildren(
        ...fact("Budget", row.budget, cents.format(row.budget), row.is_planned ? "today's plan" : ""),
        ...fact("Expected gain", row.gain, signedMoney(row.gain), `after the offers' cost; ${signedMoney(row.gain_low)} to ${signedMoney(row.gain_high)} in 95 of 100 cases`),
        ...fact("Customers reached", row.customers, numbers.format(row.customers), `their offers cost ${cents.format(row.cost)}`),
        ...fact("Shadow price", row.shadow_price, cents.format(row.shadow_price), row.shadow_price > 0 ? "what one more unit of money would gain beside itself, counted carefully" : "more money would gain nothing"),
      );
    };
    slider.addEventListener("input", () => {
      facts();
      picture.draw();
    });
    always(facts);
  }

  byId("offers-note").textContent =
    "What an offer adds to a customer's margin before its cost, mean of all customers; below it the range in 95 of 100 cases. Learned from experiments alone, whose customers chance drew. The plan gives an offer only where even a careful estimate is above its cost.";
  byId("offers").replaceChildren(
    scrolling(
      table({
        caption: "Offers that experiments have tried",
        head: ["Offer", "Costs", "Tried on", "Adds", "Expected to pay, for", "Carefully counted, for", "Planned, for"],
        stack: true,
        rows: offers
          .toSorted((one, other) => other.is_offered - one.is_offered || one.offer.localeCompare(other.offer))
          .map((row) => [
            element("span", {}, row.offer, element("span", { class: "range" }, [row.channel, row.is_offered ? null : "may not be given"].filter(Boolean).join(", "))),
            row.cost === null ? "not known" : asMoney(row.cost),
            { ...asCount(row.tried_customers), range: plural(row.experiments, "experiment") },
            row.mean_effect === null ? "not known" : { value: row.mean_effect, text: signedMoney(row.mean_effect), range: `${signedMoney(row.mean_effect_low)} to ${signedMoney(row.mean_effect_high)}` },
            asCount(row.expected_to_pay_customers),
            asCount(row.cautiously_to_pay_customers),
            asCount(row.planned_customers),
          ]),
      }),
      "Table of offers",
    ),
  );
});
