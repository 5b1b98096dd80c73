/* Segments: their shares of customers and of value, who moved from which segment to which,
   and what to do for each. */

panel("segments", ["segments", "segment_overview"], (segments, overview) => {
  const MEASURES = ["customers", "past_spend", "predicted_spend", "lifetime_value"];

  chart("segments", () => {
    const rows = chosenRows(segments);
    const measured = MEASURES.map((measure) => totals(rows, "segment", measure, SEGMENTS));
    const found = Object.fromEntries(
      SEGMENTS.map((name, number) => [name, measured.map((values) => values[number])]),
    );
    const names = SEGMENTS.filter((name) => found[name][0]);
    const all = [0, 1, 2, 3].map((place) => sum(names.map((name) => found[name][place])));
    const shares = (place) => names.map((name) => ratio(found[name][place], all[place]));
    const largest = names.toSorted((one, other) => found[other][3] - found[one][3])[0];
    const bars = (name, place, alpha, decal) => ({
      name,
      type: "bar", barMaxWidth: 48,
      data: shares(place).map((value, number) => ({
        value,
        itemStyle: { decal, color: segmentColour(names[number]) + alpha, borderRadius: [0, 3, 3, 0] },
      })),
      itemStyle: { decal, color: colour("quiet") + alpha },
      label: {
        show: true,
        position: "right",
        color: colour("text"),
        formatter: ({ value }) => share.format(value),
      },
    });
    return {
      summary: largest
        ? `${words(largest)} customers hold most: ${share.format(ratio(found[largest][3], all[3]))} of lifetime value with ${share.format(ratio(found[largest][0], all[0]))} of the customers.`
        : "No customer is in this choice.",
      option: {
        grid: { ...base().grid, right: 44 },
        yAxis: { ...categories(names.map(words)), inverse: true, axisLabel: labels({ color: colour("text"), fontSize: 13 }) },
        xAxis: amounts((value) => share.format(value)),
        tooltip: {
          ...base().tooltip,
          formatter: ([{ dataIndex: place }]) =>
            hover(words(names[place]), [
              `${plural(found[names[place]][0], "customer")} (${finely.format(shares(0)[place])})`,
              `Lifetime value: ${whole.format(found[names[place]][3])} (${finely.format(shares(3)[place])})`,
              `Expected spend: ${whole.format(found[names[place]][2])}`,
              `Past spend: ${whole.format(found[names[place]][1])}`,
            ]),
        },
        series: [
          bars("Share of customers", 0, "99"),
          bars("Share of lifetime value", 3, "ff", hatch()),
        ],
      },
      table: {
        head: ["Segment", "Customers", "Past spend", "Expected spend", "Lifetime value"],
        rows: names.map((name) => [
          words(name),
          asCount(found[name][0]),
          ...found[name].slice(1).map(asMoney),
        ]),
      },
    };
  });

  chart("moves", () => {
    const moves = new Map();
    for (const { previous_segment: before, segment: now, customers } of chosenRows(segments)) {
      const key = `${before} ${now}`;
      moves.set(key, (moves.get(key) ?? 0) + customers);
    }
    const of = (before, now) => moves.get(`${before} ${now}`) ?? 0;
    const sources = ["none", ...SEGMENTS].filter((before) => SEGMENTS.some((now) => of(before, now)));
    const targets = SEGMENTS.filter((now) => sources.some((before) => of(before, now)));
    const name = (segment) => (segment === "none" ? "No customer yet" : words(segment));
    const stayed = sum(SEGMENTS.map((segment) => of(segment, segment)));
    const earlier = sum(SEGMENTS.flatMap((before) => SEGMENTS.map((now) => of(before, now))));
    const silent = sum(["new", "active", "loyal"].flatMap((before) => ["at_risk", "lapsed"].map((now) => of(before, now))));
    const back = sum(["at_risk", "lapsed"].flatMap((before) => ["active", "loyal"].map((now) => of(before, now))));
    byId("moves-note").textContent =
      "Left, the segments of some time ago (91 days, unless var active_days says otherwise); right, today's.";
    return {
      summary: `Of ${plural(earlier, "earlier customer")} ${share.format(ratio(stayed, earlier))} are where they were, ${numbers.format(silent)} fell silent (at risk or lapsed) and ${numbers.format(back)} came back.`,
      option: {
        tooltip: {
          ...base().tooltip,
          trigger: "item",
          formatter: ({ dataType, data: move, name: node }) =>
            dataType === "edge"
              ? hover(`${name(move.source.slice(2))} → ${name(move.target.slice(2))}`, [plural(move.value, "customer")])
              : hover(`${name(node.slice(2))}, ${node.startsWith("0") ? "before" : "today"}`, []),
        },
        series: [
          {
            type: "sankey",
            left: 6,
            right: 6,
            top: 8,
            bottom: 8,
            nodeGap: 12,
            nodeWidth: 12,
            draggable: false,
            layoutIterations: 0,
            emphasis: { focus: "adjacency" },
            data: [
              ...sources.map((before) => ({
                name: `0 ${before}`,
                itemStyle: { color: segmentColour(before) },
                label: { position: "right" },
              })),
              ...targets.map((now) => ({
                name: `1 ${now}`,
                itemStyle: { color: segmentColour(now) },
                label: { position: "left" },
              })),
            ],
            links: sources.flatMap((before) =>
              targets
                .filter((now) => of(before, now))
                .map((now) => ({ source: `0 ${before}`, target: `1 ${now}`, value: of(before, now) })),
            ),
            label: {
              color: colour("text"),
              textBorderColor: colour("card"),
              textBorderWidth: 3,
              fontSize: 12,
              formatter: ({ name: node }) => name(node.slice(2)),
            },
            lineStyle: { color: "source", opacity: isDark() ? 0.42 : 0.32, curveness: 0.5 },
          },
        ],
      },
      table: {
        head: ["Before", ...targets.map((now) => `Today ${words(now).toLowerCase()}`)],
        rows: sources.map((before) => [name(before), ...targets.map((now) => asCount(of(before, now)))]),
      },
    };
  });

  const since = overview[0]?.compared_date;
  byId("overview-note").textContent =
    `A segment opens with its customers and a file of them. Beside its shares of all customers and of lifetime value stand ${since ? `who came and left since ${day(since)}, ` : ""}how likely its customers are lost, and what sets their baskets apart.`;
  const listOf = new Map(lists.map((row) => [`${row.list_kind} ${row.list}`, row]));
  const MEANINGS = { lifecycle: "Stages by each customer's own rhythm", rfm: "By how lately, how often and how much customers bought, against all others" };
  for (const kind of Object.keys(MEANINGS)) {
    const rows = overview
      .filter((row) => row.segment_kind === kind)
      .toSorted((one, other) => other.value_share - one.value_share || one.label.localeCompare(other.label));
    always(() =>
      byId(`overview-${kind}`).replaceChildren(
        table({
          caption: MEANINGS[kind] + (isFiltered() ? "; only the customers are of those chosen" : ""),
          head: ["Segment", "Customers", "Of customers", "Of value", ...(since ? ["Came and left"] : []), "Churn risk", "Stands out by", "What to do"],
          textColumns: since ? [0, 6, 7] : [0, 5, 6],
          stack: true,
          rows: rows.map((row) => {
            const list = listOf.get(`${kind} ${row.segment}`);
            const size = list ? sizeOf(list) : row;
            const open = list && size.customers ? listButton(list, row.label) : element("span", {}, row.label);
            open.classList.add("plain");
            return [
              element("span", {}, open, element("span", { class: "range" }, row.meaning)),
              asCount(size.customers),
              asShare(row.customers_share),
              row.value_share === null ? "" : asShare(row.value_share),
              ...(since ? [element("span", { class: "unbroken" }, `+${numbers.format(row.came)} −${numbers.format(row.left_it)}`)] : []),
              row.churn_risk === null ? "" : { value: row.churn_risk, text: share.format(row.churn_risk) },
              row.top_category ?? "",
              row.next_step,
            ];
          }),
        }),
      ),
    );
  }
});
