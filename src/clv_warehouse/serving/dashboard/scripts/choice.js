/* What is chosen in the filters, and the rows of a table that match it. */

const SEGMENTS = ["new", "active", "loyal", "at_risk", "lapsed"];
/* The filters, and the columns that they are about. */
const COLUMNS = { segment: "segment", country: "country", channel: "acquisition_channel" };
const filters = Object.keys(COLUMNS);
const chosen = { segment: "", country: "", channel: "" };
const isFiltered = () => filters.some((name) => chosen[name]);

/* A filter does not act on a table without its column. Guests match no filter. */
const chosenRows = (rows) =>
  rows.filter((row) =>
    filters.every((name) => !chosen[name] || [chosen[name], undefined].includes(row[COLUMNS[name]])),
  );
