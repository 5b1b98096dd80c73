/* Can the numbers be trusted today: what raises an alarm, since when, and what to do. */

panel("alarms", ["alarms_today"], (alarms) => {
  const inOrder = alarms.toSorted((one, other) => one.place - other.place);
  const loud = inOrder.filter(({ severity }) => severity !== "say");
  const stops = inOrder.filter(({ severity }) => severity === "stop");
  const follows = {
    stop: "Stop: until it is mended, nothing is published unless by force",
    warn: "Warning: look at it within days",
    say: "For your information",
  };
  const historyDays = (new Date(shop.as_of_date) - new Date(shop.first_order_date)) / 864e5;
  byId("alarms-intro").textContent = stops.length
    ? "No. What stands first is wrong with the data, and the figures of this page are drawn from it."
    : loud.length
      ? "Not all of them. See what stands first before you act on a figure that it touches."
      : inOrder.length
        ? "Yes. Nothing is out of bounds; what has moved is below."
        : "Yes: nothing raises an alarm, neither the data nor the forecasts.";
  /* Seven windows of four weeks: one to judge, three before it, and three of its past. */
  if (historyDays < 196) {
    byId("alarms-intro").append(" The shop is too young for most checks, which need 28 weeks of orders.");
  }
  byId("alarms").replaceChildren(
    ...inOrder.map((row) =>
      element(
        "article",
        { class: "card half", "data-severity": row.severity },
        element("p", {}, element("span", { class: `verdict ${{ stop: "poor", warn: "fair" }[row.severity] ?? "unknown"}` }, follows[row.severity])),
        element("h3", {}, row.statement),
        element("p", { class: "note" }, `Since ${day(row.since_date)}. Look at: ${row.look_at}.`),
        element("p", { class: "note" }, `What to do: ${row.what_to_do} (${row.owner})`),
        ...(row.retrains ? [element("p", { class: "note" }, "The next build trains the network again.")] : []),
      ),
    ),
  );
  byId("alarmed").hidden = !loud.length;
  byId("alarmed").replaceChildren(
    element("a", { href: "#alarms-title" }, stops.length ? "The data cannot be trusted today" : "A warning stands"),
    ...(loud.length ? [`: ${loud[0].statement}`] : []),
    ...(loud.length > 1 ? [` And ${plural(loud.length - 1, "other")}.`] : []),
  );
});
