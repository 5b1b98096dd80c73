/* This week: whom to care about, and what changed since last time. */

panel("week", ["customer_lists", "list_members", "changes"], (known, _, changes) => {
  const toDo = known
    .filter((row) => ["action", "to_do"].includes(row.list_kind) && row.customers)
    .sort((one, other) => one.list_kind.localeCompare(other.list_kind) || one.place - other.place);

  always(() => {
    const made = table({
      caption: isFiltered() ? "Of those chosen; a customer may be on several lists" : "A customer may be on several lists",
      head: ["List", "Customers", "Money at stake", "Expected gain", "What to do"],
      textColumns: [0, 4],
      stack: true,
      rows: toDo.map((row) => {
        const size = sizeOf(row);
        const open = size.customers ? listButton(row, row.label) : element("span", {}, row.label);
        open.classList.add("plain");
        return [
          element("span", {}, open, element("span", { class: "range" }, row.meaning)),
          { ...asCount(size.customers), range: size.isPart ? `of the first ${numbers.format(LISTED)}` : "" },
          { ...asMoney(size.money), range: lowered(row.money) },
          size.gain === null ? "" : asMoney(size.gain),
          row.next_step,
        ];
      }),
    });
    byId("to-do").replaceChildren(made);
  });

  const [{ since_date: since, days, is_since_forecast: isForecast }] = changes.length ? changes : [{}];
  if (!since) {
    byId("changes-card").remove();
    return;
  }
  byId("changes-title").textContent = isForecast ? `What changed since ${day(since)}` : `What happened in the last ${days} days`;
  byId("changes-note").textContent =
    `Of the whole shop${isForecast ? ", since the last forecast that is at least a week old" : "; no earlier forecast is remembered yet"}. Below a figure stands that of the ${days} days before.`;
  const figure = (row) => {
    const before = row.value_before;
    const change = before > 0 ? row.value / before - 1 : null;
    return element(
      "span",
      { "data-value": row.value },
      formats[row.format](row.value),
      element(
        "span",
        { class: "range" },
        before === null
          ? ""
          : element("span", {}, change === null ? "" : element("span", { class: change < 0 ? "down" : "up" }, `${change < 0 ? "▼" : "▲"} ${signed(change)} `), `on ${formats[row.format](before)}`),
      ),
    );
  };
  byId("changes").replaceChildren(
    table({
      caption: `Up to ${day(shop.as_of_date)}`,
      head: ["Figure", isForecast ? "Since then" : `${days} days`],
      rows: changes
        .toSorted((one, other) => one.place - other.place)
        .map((row) => [row.figure === "expected_spend" ? `${row.label}, next ${shop.longest_horizon_days} days` : row.label, figure(row)]),
    }),
  );
});
