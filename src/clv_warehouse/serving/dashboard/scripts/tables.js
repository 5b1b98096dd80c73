"use strict";

/* The tables of the warehouse's schema `reports`, as rows: {column: value}. figures.py
   packs them by column, and texts that repeat as places in a list of texts. */

const { built, incomplete, tables: packed } = JSON.parse(byId("figures").textContent);

function unpacked(columns) {
  const lists = Object.entries(columns).map(([name, column]) => [
    name,
    column.texts ? column.places.map((place) => (place === null ? null : column.texts[place])) : column,
  ]);
  return lists[0][1].map((_, number) =>
    Object.fromEntries(lists.map(([name, values]) => [name, values[number]])),
  );
}

const tables = Object.fromEntries(
  Object.entries(packed).map(([name, columns]) => [name, unpacked(columns)]),
);
const [shop] = tables.shop;

const sum = (values) => values.reduce((total, value) => total + value, 0);
const total = (rows, measure) => sum(rows.map((row) => row[measure]));
const ratio = (part, all) => (all ? part / all : 0);
/* A column's values, each once, in their order. */
const distinct = (rows, column) =>
  [...new Set(rows.map((row) => row[column]))].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
/* A measure's total by the values of a column; a value without rows has 0. */
function totals(rows, column, measure, values) {
  const found = new Map(values.map((value) => [value, 0]));
  for (const row of rows) found.set(row[column], (found.get(row[column]) ?? 0) + row[measure]);
  return values.map((value) => found.get(value));
}
const inPlaces = (rows) => rows.toSorted((one, other) => one.place - other.place);
/* Whether the shop gave any row of a feed. */
const feedIsThere = (name) => (tables.feeds ?? []).some(({ feed, facts, rejected }) => feed === name && facts + rejected);
