/* Products: what sells together, what rises, what to show first, and how often the
   recommendations would have named what customers then bought. */

panel("products", ["products_sold_together", "products_rising", "front_page", "recommenders_compared"], (pairs, rising, frontPage, compared) => {
  if (!frontPage.length) {
    tellInstead("products", feedIsThere("order_lines")
      ? "No order line names a product, so there is nothing to recommend or to put in order: load product_id in order_lines."
      : "The shop gave no order lines, so the warehouse knows no products to recommend or to put in order: load the feed order_lines.");
    return;
  }
  const ofProduct = (row) =>
    element("span", {}, row.product_name, element("span", { class: "range" }, row.category ?? ""));
  showOrHide("pairs", pairs.length, () =>
    table({
      caption: "Orders of the last 365 days",
      head: ["Products", "Orders with both", "Of its orders", "Against chance"],
      stack: true,
      rows: inPlaces(pairs).map((row) => [
        element("span", {}, row.product_name, element("span", { class: "range" }, `with ${row.other_product_name}`)),
        asCount(row.orders), asShare(row.share_of_orders),
        { value: row.lift, text: `${tenths.format(row.lift)} ×` },
      ]),
    }),
  );
  showOrHide("rising", rising.length, () =>
    table({
      caption: "Customers who bought it",
      head: ["Product", "Last 28 days", "28 days before"],
      rows: inPlaces(rising).map((row) => [ofProduct(row), asCount(row.customers), asCount(row.customers_before)]),
    }),
  );

  const [{ basis }] = frontPage;
  byId("front-page-note").textContent = {
    impression: "By what a look at the product in a list is expected to leave: how often it is clicked, how often a view leads to a purchase, and the margin.",
    view: "By what a view is expected to leave: how often it leads to a purchase, and the margin. The events do not say what lists showed.",
    day: "By what a day on sale leaves: the events do not say what customers looked at.",
  }[basis];
  always(() => {
    const rows = frontPage
      .filter(({ segment }) => segment === (chosen.segment || "all"))
      .toSorted((one, other) => one.place - other.place);
    byId("front-page").replaceChildren(
      table({
        caption: chosen.segment ? `To customers of the segment ${words(chosen.segment).toLowerCase()}` : "To everybody; choose a segment above for its own",
        head: ["Place", "Product", basis === "day" ? "A day leaves" : "A look leaves"],
        textColumns: [0, 1],
        rows: rows.map((row) => [
          numbers.format(row.place),
          element("span", {}, row.product_name, element("span", { class: "range" }, row.is_explored ? "drawn by chance, to learn how it does" : row.category ?? "")),
          row.expected_margin === null ? "not known" : { value: row.expected_margin, text: cents.format(row.expected_margin) },
        ]),
      }),
    );
  });

  const ways = compared.toSorted((one, other) => other.recall - one.recall);
  const ours = ways.find((row) => row.is_ranking);
  const popular = ways.find((row) => row.model === "popular");
  byId("recommenders-note").textContent = ours
    ? `${share.format(ours.hit_rate)} of the ${plural(ours.customers, "customer")} who bought within ${ours.horizon_days} days of ${day(ours.origin_date)} bought something that a list of ${ours.list_length}, made before, recommends to them${popular && popular !== ours ? `; a list of what is popular names it for ${share.format(popular.hit_rate)}` : ""}. No list knew what came later.`
    : "No recommendation has been judged yet: the shop is too young, or no model has been trained.";
  showOrHide("recommenders", ways.length, () =>
    table({
      caption: "The marked one recommends today",
      head: ["Way to recommend", "Customers it helped", "Of what they bought", "Helped to something new"],
      stack: true,
      rows: ways.map((row) => [row.model_label, ...[row.hit_rate, row.recall, row.new_hit_rate].map((value) => (value === null ? "" : asShare(value)))]),
      ours: ways.indexOf(ours),
    }),
  );
});
