/* Can I trust it: verdicts in words, and what they rest on: what was predicted at past
   dates against what came, by tenth of customers, in total, and beside simpler ways to
   forecast. */

panel("trust", ["trust", "judged_forecasts", "judged_deciles", "models_compared"], (verdicts, _, deciles, models) => {
  const inOrder = verdicts.toSorted((one, other) => one.place - other.place);
  const said = ({ verdict }) =>
    element("span", { class: `verdict ${{ good: "good", fair: "fair", poor: "poor" }[verdict] ?? "unknown"}` }, verdict);
  byId("verdicts").replaceChildren(
    ...inOrder.map((row) =>
      element(
        "article",
        { class: "card half" },
        element("h3", {}, row.label),
        element("p", {}, said(row)),
        element("p", { class: "note" }, row.statement),
        ...(row.would_help ? [element("p", { class: "note" }, `What would help: ${row.would_help}`)] : []),
      ),
    ),
  );
  byId("trusted").replaceChildren(
    element("a", { href: "#trust-title" }, "Can I trust it?"),
    ...inOrder.flatMap((row, place) => [`${place ? "," : ""} ${place ? row.question : words(row.question)}: `, said(row)]),
  );
  if (!judgements.length) {
    byId("trust-intro").textContent =
      "No forecast has been judged yet: the shop's history is too short to look back from its end.";
    byId("trust-horizon").remove();
    byId("judged").closest(".cards").remove();
    return;
  }
  const judged = distinct(models, "horizon_days");
  let horizon = judged.at(-1);
  byId("trust-horizon").append(
    ...judged.map((days) =>
      element(
        "label",
        {},
        element("input", { type: "radio", name: "judged", value: days, ...(days === horizon ? { checked: "" } : {}) }),
        ` ${days}`,
      ),
    ),
  );
  byId("trust-horizon").hidden = judged.length < 2;
  byId("trust-horizon").addEventListener("change", (event) => {
    horizon = Number(event.target.value);
    draw();
  });
  byId("trust-intro").textContent =
    "The same forecast, made at a past date with what was known then, against what customers went on to spend. This is of the whole shop: filters do not act here, as today's segments know what came.";

  chart("judged", () => {
    const rows = deciles
      .filter((row) => row.horizon_days === horizon)
      .sort((one, other) => one.decile - other.decile);
    const best = rows[0];
    byId("judged-note").textContent = best
      ? `Mean spend per customer in the ${horizon} days after ${day(best.origin_date)}, tenths by prediction. ${plural(sum(rows.map((row) => row.customers)), "customer")}.`
      : "";
    return {
      summary: best
        ? `Of the tenth with the highest predictions ${whole.format(best.predicted_spend)} each was predicted and ${whole.format(best.actual_spend)} was spent.`
        : "",
      option: {
        grid: named(base().grid),
        xAxis: categories(rows.map((row) => String(row.decile)), { name: "Tenth of customers by prediction" }),
        yAxis: amounts(short.format.bind(short)),
        tooltip: {
          ...base().tooltip,
          formatter: ([{ dataIndex: place }]) =>
            hover(`Tenth ${rows[place].decile}`, [
              `Predicted: ${cents.format(rows[place].predicted_spend)} each`,
              `Actual: ${cents.format(rows[place].actual_spend)} each`,
              plural(rows[place].customers, "customer"),
            ]),
        },
        series: [
          { name: "Predicted", type: "bar", barMaxWidth: 48, data: rows.map((row) => row.predicted_spend), itemStyle: aheadStyle() },
          { name: "Actual", type: "bar", barMaxWidth: 48, data: rows.map((row) => row.actual_spend), itemStyle: pastStyle() },
        ],
      },
      table: {
        head: ["Tenth", "Customers", "Predicted each", "Actual each"],
        rows: rows.map((row) => [String(row.decile), asCount(row.customers), asMoney(row.predicted_spend), asMoney(row.actual_spend)]),
      },
    };
  });

  chart("origins", () => {
    const names = judgements.map((each) => `${plural(each.horizon_days, "day")} from ${day(each.origin_date)}`);
    const off = (each) => each.total_bias ?? 0;
    const worst = judgements.toSorted((one, other) => Math.abs(off(other)) - Math.abs(off(one)))[0];
    return {
      summary: worst
        ? `The total was off by ${share.format(Math.abs(off(worst)))} at most, over ${worst.horizon_days} days from ${day(worst.origin_date)}.`
        : "",
      option: {
        xAxis: categories(names, { axisLabel: {
            interval: 0,
            hideOverlap: false,
            fontSize: 11,
            lineHeight: 14,
            formatter: (name) => name.replace(" from ", "\n").replace(", ", "\n"),
          } }),
        yAxis: amounts(short.format.bind(short)),
        tooltip: {
          ...base().tooltip,
          formatter: ([{ dataIndex: place }]) =>
            hover(names[place], [
              `Predicted: ${whole.format(judgements[place].predicted_spend)}`,
              `Actual: ${whole.format(judgements[place].actual_spend)}`,
              `Off by ${offBy(off(judgements[place]))}`,
              plural(judgements[place].customers, "customer"),
            ]),
        },
        series: [
          { name: "Predicted", type: "bar", barMaxWidth: 48, data: judgements.map((each) => each.predicted_spend), itemStyle: aheadStyle(),
            label: { show: true, position: "top", color: colour("text"), formatter: ({ dataIndex }) => offBy(off(judgements[dataIndex])) } },
          { name: "Actual", type: "bar", barMaxWidth: 48, data: judgements.map((each) => each.actual_spend), itemStyle: pastStyle() },
        ],
      },
      table: {
        head: ["Forecast", "Customers", "Predicted", "Actual", "Off by"],
        rows: judgements.map((each, place) => [names[place], asCount(each.customers), asMoney(each.predicted_spend), asMoney(each.actual_spend), { value: off(each), text: offBy(off(each)) }]),
      },
    };
  });

  always(() => {
    const shown = models
      .filter((row) => row.horizon_days === horizon && row.normalised_gini !== null)
      .sort((one, other) => other.normalised_gini - one.normalised_gini);
    const cell = (value, text) => (value === null ? "" : { value, text: text(value) });
    byId("models").replaceChildren(
      scrolling(
        table({
          caption: `${horizon} days ahead, best first`,
          head: ["Model", "Gini", "Spearman", "Best tenth", "Total off by", "Mean error"],
          ours: shown.findIndex((row) => row.is_scoring),
          rows: shown.map((row) => [
            row.is_scoring ? `${row.model_label} (scores today)` : row.model_label,
            cell(row.normalised_gini, decimals.format),
            cell(row.spearman, decimals.format),
            cell(row.top_decile_capture, finely.format),
            cell(row.total_bias, offBy),
            cell(row.mae, cents.format),
          ]),
        }),
        "Table of the ways to forecast",
      ),
    );
    const missed = models.find((row) => row.horizon_days === horizon && row.is_scoring)?.coverage_error_p90 ?? null;
    byId("models").append(
      element(
        "p",
        { class: "note" },
        missed === null
          ? ""
          : `A customer's "at most, in nine cases out of ten" held for ${finely.format(Math.abs(missed))} ${missed < 0 ? "fewer" : "more"} of the customers than it should have.`,
      ),
    );
  });
});
