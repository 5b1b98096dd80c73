/* How sure a total is: what past forecasts of the whole shop missed by. */

const judgements = (tables.judged_forecasts ?? []).toSorted(
  (one, other) => one.horizon_days - other.horizon_days || one.origin_date.localeCompare(other.origin_date),
);
/* How sure the total of each horizon is: expected_by_horizon says it in every group. */
const sureness = new Map((tables.expected_by_horizon ?? []).map((row) => [row.horizon_days, row]));
/* The range in which a total lies in 8 of 10 cases; null where nothing was judged. */
function rangeAt(days, value) {
  const { low_factor: least = null, high_factor: most = null } = sureness.get(days) ?? {};
  return least === null ? null : [value * least, value * most];
}
const between = ([least, most]) => `${whole.format(least)} to ${whole.format(most)}`;
