/* At a glance: a tile for each of these metrics, with its definition. A quotient is no
   sum of its groups', so metric_values has a value for every choice. */

const TILES = [
  "customers", "active_customers", "repeat_rate", "average_order_value",
  "predicted_spend", "lifetime_value", "top_decile_share", "value_at_risk",
];

panel("metrics", ["metric_definitions", "metric_values"], (definitions, values) => {
  const definitionOf = new Map(definitions.map((row) => [row.metric, row]));
  const key = (metric, choice) => [metric, ...choice].join("|");
  const valueOf = new Map(
    values.map((row) => [key(row.metric, filters.map((name) => row[COLUMNS[name]])), row.value]),
  );

  always(() => {
    const choice = filters.map((name) => chosen[name] || "all");
    byId("tiles").replaceChildren(
      ...TILES.map((name) => {
        const { label, description, format } = definitionOf.get(name);
        const value = valueOf.get(key(name, choice)) ?? null;
        return element(
          "div",
          { class: "tile", "data-metric": name },
          element("dt", {}, label),
          element(
            "dd",
            { class: "figure", "data-value": value ?? "" },
            value === null ? "–" : formats[format](value),
          ),
          element("dd", { class: "about" }, description.replaceAll("`", "")),
        );
      }),
    );
  });
});
