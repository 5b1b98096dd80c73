/* The site: how far visits come on the way to a purchase, where they break off more often
   than elsewhere, and what people search for. */

panel("site", ["site_steps", "search_terms"], (steps, terms) => {
  const all = steps
    .filter(({ dimension }) => dimension === "all")
    .toSorted((one, other) => one.step_number - other.step_number);
  if (!all.length) {
    tellInstead("site", feedIsThere("events")
      ? "The shop's events of the last 365 days tell of no visits, so there is no way to a purchase to show."
      : "The shop gave no events, so the page cannot say where visits break off or what people search for: load the feed events.");
    return;
  }
  /* Not every shop tells what its lists showed, so the way begins at the view. */
  const way = all.filter(({ step }) => step !== "impression");
  const names = { impression: "Saw a list", view: "Viewed a product", cart: "Filled a cart", checkout: "Went to checkout", purchase: "Bought" };
  const [first, last] = [way[0], way.at(-1)];
  chart("funnel", () => ({
    summary: `Of ${plural(first.visits, "visit")} that viewed a product ${finely.format(ratio(last.visits, first.visits))} ended in a purchase.`,
    option: {
      legend: { show: false },
      grid: { ...base().grid, top: 4, right: 64 },
      xAxis: amounts((value) => numbers.format(value), { minInterval: 1 }),
      yAxis: { ...categories(way.map(({ step }) => names[step])), inverse: true, axisLabel: labels({ color: colour("text"), fontSize: 13 }) },
      tooltip: {
        ...base().tooltip,
        formatter: ([{ dataIndex: place }]) =>
          hover(names[way[place].step], [
            plural(way[place].visits, "visit"),
            ...(way[place].share_going_on === null ? [] : [`${finely.format(way[place].share_going_on)} of them went on`]),
          ]),
      },
      series: [
        {
          type: "bar", barMaxWidth: 40,
          data: way.map(({ visits }) => visits),
          itemStyle: { color: colour("past"), borderRadius: [0, 3, 3, 0] },
          label: {
            show: true,
            position: "right",
            color: colour("text"),
            formatter: ({ dataIndex: place, value }) => `${numbers.format(value)}${place ? ` (${share.format(ratio(value, way[place - 1].visits))})` : ""}`,
          },
        },
      ],
    },
    table: {
      head: ["Step", "Visits", "Went on", "Share"],
      rows: way.map((row) => [names[row.step], asCount(row.visits), row.went_on === null ? "" : asCount(row.went_on), row.went_on === null ? "" : asShare(row.share_going_on)]),
    },
  }));

  const breaks = steps
    .filter((row) => row.break_place !== null)
    .toSorted((one, other) => one.break_place - other.break_place);
  byId("breaks-note").textContent = breaks.length
    ? "Groups of visits that go on less often than others do, by more than chance explains."
    : "No channel, segment or category breaks off more often than others do.";
  showOrHide("breaks", breaks.length, () =>
    table({
      caption: "Most lost visits first",
      head: ["Visits of", "after they", "Go on", "Usual", "Visits lost"],
      textColumns: [0, 1],
      stack: true,
      rows: breaks.map((row) => [
        element("span", {}, words(row.value), element("span", { class: "range" }, row.dimension)),
        lowered(names[row.step]), asShare(row.share_going_on), asShare(row.usual_share),
        { value: row.visits_lost, text: numbers.format(Math.round(row.visits_lost)) },
      ]),
    }),
  );

  const missing = terms.filter((row) => row.products_found === 0);
  byId("searches-note").textContent = terms.length
    ? `What people searched for within the last 365 days${missing.length ? `, and what they sought in vain: the shop has no ${missing.slice(0, 3).map(({ term }) => `“${term}”`).join(", ")}` : ""}.`
    : "The events tell of no searches.";
  showOrHide("searches", terms.length, () =>
    table({
      caption: "The most frequent terms; at the end those of which the shop has nothing",
      head: ["Term", "Searches", "Products that have it", "Bought one of them", "Most looked at", "Bought instead"],
      textColumns: [0, 4, 5],
      stack: true,
      rows: terms
        .toSorted((one, other) => (one.products_found === 0) - (other.products_found === 0) || one.search_rank - other.search_rank)
        .map((row) => [
          row.term, asCount(row.searches), asCount(row.products_found),
          asShare(ratio(row.searches_bought, row.searches)), row.clicked_product ?? "", row.bought_instead ?? "",
        ]),
    }),
  );
});
