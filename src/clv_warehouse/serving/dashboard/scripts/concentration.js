/* The concentration curve of the chosen customers: how much of the value the best hold. */

/* Its points, [share of customers, share of value], at the ends of the bands of
   value_bands. */
function concentration() {
  const rows = chosenRows(tables.value_bands);
  const bands = distinct(tables.value_bands, "band");
  const counts = totals(rows, "band", "customers", bands);
  const values = totals(rows, "band", "lifetime_value", bands);
  const [customers, all] = [sum(counts), sum(values)];
  let [soFar, valueSoFar] = [0, 0];
  const points = [[0, 0]];
  counts.forEach((count, band) => {
    soFar += count;
    valueSoFar += values[band];
    if (count) points.push([ratio(soFar, customers), ratio(valueSoFar, all)]);
  });
  return points;
}
/* The curve's height at a share of customers, on straight lines between its points. */
function at(points, place) {
  const after = points.findIndex(([x]) => x >= place);
  if (after <= 0) return points.at(-1)[1];
  const [[x0, y0], [x1, y1]] = [points[after - 1], points[after]];
  return y0 + ((place - x0) / (x1 - x0)) * (y1 - y0);
}
