/* Experiments: what they have shown, what all marketing together has earned, and what was
   sent: by chance, or to whom somebody chose. */

panel("experiments", ["experiments_judged", "hold_outs", "campaigns_compared"], (judged, holdOuts, campaigns) => {
  if (!judged.length && !holdOuts.length && !campaigns.length) {
    tellInstead("experiments", "The shop gave no experiments and no campaigns, so nobody can say what marketing changes: load the feeds experiments, assignments and campaign_sends, or plan an experiment in seeds/reference/planned_experiments.csv.");
    return;
  }
  const KINDS = { won: "good", lost: "poor" };
  const said = (verdict) => element("span", { class: `verdict ${KINDS[verdict] ?? "unknown"}` }, words(verdict));
  /* The verdict's reason; that of too few customers is the same in all rows. */
  const reason = (text) => (text.includes(": ") ? text.slice(text.indexOf(": ") + 2) : "");
  const asInterval = (low, high, format) => `${format(low)} to ${format(high)}`;

  const arms = Map.groupBy(judged, (row) => `${row.experiment_id}\n${row.arm}`);
  const inOrder = [...arms.values()]
    .map((rows) => Object.fromEntries(rows.map((row) => [row.metric, row])))
    .toSorted((one, other) => one.margin.place - other.margin.place || one.margin.arm.localeCompare(other.margin.arm));
  const tooFew = inOrder.find(({ margin }) => margin.verdict === "too few")?.margin;
  byId("experiments-note").textContent = inOrder.length
    ? `Chance gave each customer an arm, so a difference beyond chance is what the arm has caused. The verdict is on the margin per customer, after the cost of messages.${tooFew ? ` “Too few”: ${reason(tooFew.verdict_text)}.` : ""}`
    : "No experiment has been run beside hold-outs. Without one, nobody can say what a message or an offer changes.";
  const unchecked = inOrder.some(({ margin }) => margin.ratio_verdict === "not known");
  byId("experiments-check").textContent = inOrder.length
    ? `The sizes of the arms are held against the planned shares: if they differ by more than chance, something keeps customers out of an arm and no effect can be believed.${unchecked ? " “Not checked”: nobody said which shares were planned." : ""}`
    : "";
  const CHECKS = { "as planned": "as planned", "not as planned": "not as planned", "not known": "not checked" };
  const experimentsTable = (rows, caption) =>
    scrolling(
      table({
        caption,
        head: ["Experiment", "State", "Customers", "Bought", "Margin each", "Changed by", "Sizes of the arms", "Verdict"],
        textColumns: [0, 1, 6, 7],
        stack: true,
        rows: rows.map(({ conversion, margin }) => {
          const control = margin.control_arm ?? "nobody";
          const isSure = margin.effect_low !== null && margin.effect !== null;
          const beside = (mean, other, format) =>
            mean === null || other === null ? "" : { value: mean, text: format(mean), range: `${control}: ${format(other)}` };
          return [
            element("span", {}, margin.experiment_name, element("span", { class: "range" }, `${margin.arm} against ${control}`)),
            element("span", {}, margin.is_over ? "finished" : "running", element("span", { class: "range" }, margin.started_date ? `${day(margin.started_date)}${margin.ended_date ? ` to ${day(margin.ended_date)}` : ""}` : "not started")),
            { ...asCount(margin.customers), range: `${control}: ${numbers.format(margin.control_customers)}` },
            beside(conversion.mean, conversion.control_mean, finely.format),
            beside(margin.mean, margin.control_mean, cents.format),
            isSure ? { value: margin.effect, text: signedMoney(margin.effect), range: asInterval(margin.effect_low, margin.effect_high, signedMoney) } : "cannot be told",
            element("span", { class: margin.ratio_verdict === "not as planned" ? "down" : null }, CHECKS[margin.ratio_verdict]),
            element("span", {}, said(margin.verdict), element("span", { class: "range" }, margin.verdict === "too few" ? "" : reason(margin.verdict_text))),
          ];
        }),
      }),
      caption,
    );
  newestFirst("experiments", inOrder, experimentsTable, "experiments");

  const margins = holdOuts.filter(({ metric }) => metric === "margin");
  byId("hold-outs").replaceChildren(
    ...(margins.length
      ? margins.flatMap((row) => {
          const isSure = row.total_low !== null;
          const earned = isSure
            ? `Since ${day(row.started_date)} all marketing together has ${row.total_effect < 0 ? "lost" : "earned"} ${rough.format(Math.abs(row.total_effect))} of margin, after the cost of messages: ${asInterval(row.total_low, row.total_high, (value) => rough.format(value))} in 95 of 100 cases.`
            : row.started_date
              ? `What marketing has earned since ${day(row.started_date)} cannot be told: ${reason(row.verdict_text) || row.verdict}.`
              : "The hold-out has not started.";
          return [
            element("p", {}, said(row.verdict), ` ${row.experiment_name}`),
            element("p", { class: "earned", ...(isSure ? { "data-value": row.total_effect } : {}) }, earned),
            element("p", { class: "note" }, `${plural(row.customers, "customer")} may be contacted and got ${plural(row.messages, "message")} for ${cents.format(row.message_cost)}; ${numbers.format(row.held_out_customers)} are held out.`),
            element("p", { class: row.messages_to_held_out ? "note down" : "note" }, row.messages_to_held_out ? `${plural(row.messages_to_held_out, "message")} went to customers who are held out: the hold-out was broken, and the comparison with it.` : "No message went to a customer who is held out."),
          ];
        })
      : [element("p", {}, "There is no hold-out. Without customers whom nobody writes to, nobody can say what marketing as a whole earns. A row per arm in seeds/reference/planned_experiments.csv starts one.")]),
  );

  const EVIDENCE = {
    randomised: "chance chose: see the experiment",
    "partly randomised": "chance chose some of them",
    observed: "somebody chose: no effect is known",
  };
  byId("campaigns-note").textContent =
    "What people did who got a message. That is no effect of the message: those whom somebody chose may have bought anyway. Only where chance chose (randomised) can an experiment say what the campaign changed.";
  if (!campaigns.length) byId("campaigns-card").remove();
  const opened = (row, part) => (row.opened_customers ? asShare(ratio(row[part], row.customers)) : "");
  newestFirst("campaigns", inPlaces(campaigns), (rows, caption) =>
    scrolling(
      table({
        caption,
        head: ["Campaign", "Evidence", "Customers", "Opened", "Clicked", "Bought within 28 days", "Cost"],
        textColumns: [0, 1],
        stack: true,
        rows: rows.map((row) => [
          element("span", {}, row.campaign_name, element("span", { class: "range" }, `${row.channel ? `${row.channel}, ` : ""}${day(row.first_sent_date)}`)),
          element("span", {}, words(row.evidence), element("span", { class: "range" }, EVIDENCE[row.evidence])),
          asCount(row.customers),
          opened(row, "opened_customers"),
          opened(row, "clicked_customers"),
          { ...asShare(ratio(row.bought_customers, row.customers)), range: row.is_over ? "" : "so far" },
          row.cost === null ? "not known" : asMoney(row.cost),
        ]),
      }),
      caption,
    ),
    "campaigns",
  );
});

/* The newest rows in a table, and older ones where a reader asks for them. */
function newestFirst(id, rows, make, what) {
  const SHOWN = 6;
  if (!rows.length) return;
  const older = rows.slice(SHOWN);
  byId(id).replaceChildren(
    make(rows.slice(0, SHOWN), `The newest ${what} first`),
    ...(older.length ? [element("details", {}, element("summary", {}, `${numbers.format(older.length)} older`), make(older, `Older ${what}`))] : []),
  );
}
