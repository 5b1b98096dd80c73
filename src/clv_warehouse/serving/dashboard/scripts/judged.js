/* How sure a forecast is: what past forecasts of the shop's total missed by. */

const judgements = (tables.judged_forecasts ?? []).toSorted(
  (one, other) => one.horizon_days - other.horizon_days || one.origin_date.localeCompare(other.origin_date),
);
/* The factor by which the worst of them was off, up or down; null if none was judged. */
const misses = judgements.map((each) => each.miss_factor).filter((miss) => miss !== null);
const worstMiss = misses.length ? Math.max(...misses) : null;
const low = (value) => value / worstMiss;
const high = (value) => value * worstMiss;
const range = (value) =>
  worstMiss === null ? "" : `${whole.format(low(value))} to ${whole.format(high(value))}`;
