/* Lists of customers: a button opens one, with what to do, its first thousand customers
   and a file of them. */

const LISTED = 1000;
const lists = tables.customer_lists ?? [];
const membersOf = Map.groupBy(tables.list_members ?? [], (row) => `${row.list_kind} ${row.list}`);
const LIST_COLUMNS = [
  ["position", "Position"],
  ["customer_key", "Customer"],
  ["segment", "Segment"],
  ["country", "Country"],
  ["acquisition_channel", "Channel"],
  ["money_at_stake", "Money at stake"],
  ["lifetime_value", "Lifetime value"],
  ["last_purchase_date", "Last order"],
  ["next_order_date", "Next order by"],
  ["top_recommendation", "Offer first"],
  ["reason", "Why"],
];

/* Those of a list who are chosen, the most money first. Where the page has not all of
   them, a choice is of those that it has. */
function chosenMembers({ list_kind: kind, list }) {
  return chosenRows(membersOf.get(`${kind} ${list}`) ?? []).sort((one, other) => one.position - other.position);
}
/* How many they are, the money at stake, and what a planned action is expected to gain. */
function sizeOf(row) {
  if (!isFiltered()) return { customers: row.customers, money: row.money_at_stake, gain: row.expected_gain };
  const members = chosenMembers(row);
  const gain = row.expected_gain === null ? null : total(members, "expected_gain");
  return { customers: members.length, money: total(members, "money_at_stake"), gain, isPart: row.customers > LISTED };
}
const countText = ({ customers, isPart }) =>
  isPart ? `${numbers.format(customers)} of the first ${numbers.format(LISTED)}` : plural(customers, "customer");

function listButton(row, text) {
  const made = element("button", { type: "button", class: "button", "data-list": `${row.list_kind} ${row.list}`, "aria-haspopup": "dialog" }, text);
  made.addEventListener("click", () => openList(row));
  return made;
}

function openList(row) {
  const members = chosenMembers(row);
  const size = sizeOf(row);
  byId("list-title").textContent = row.label;
  byId("list-about").textContent = `${row.meaning}. ${countText(size)}, ${whole.format(size.money)} at stake: ${lowered(row.money)}. What to do: ${lowered(row.next_step)}.`;
  byId("list-note").textContent =
    row.customers > LISTED
      ? `The page has the first ${numbers.format(LISTED)} of ${plural(row.customers, "customer")}; reports.list_members has all.`
      : "";
  byId("list-note").hidden = !byId("list-note").textContent;
  byId("list-members").replaceChildren(
    table({
      caption: isFiltered() ? "Of those chosen, the most money first" : "The most money first",
      head: ["Customer", "Segment", "Money at stake", "Lifetime value", "Last order", "Next order by", "Offer first", "Why"],
      textColumns: [0, 1, 6, 7],
      stack: true,
      rows: members.map((member) => [
        element("span", { class: "key" }, member.customer_key),
        pill(member.segment),
        asMoney(member.money_at_stake),
        asMoney(member.lifetime_value),
        day(member.last_purchase_date),
        member.next_order_date ? day(member.next_order_date) : "not expected",
        member.top_recommendation ?? "",
        member.reason,
      ]),
    }),
  );
  byId("list-file").onclick = () => save(`${row.list_kind}_${row.list}_${shop.as_of_date}.csv`, asCsv(members));
  byId("list").showModal();
  byId("list").scrollTop = 0;
}
const lowered = (text) => text.charAt(0).toLowerCase() + text.slice(1);

/* Rows as CSV. A spreadsheet takes a text for a formula if it begins like one. */
function asCsv(rows) {
  const cell = (value) => {
    const text = value === null ? "" : typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const names = LIST_COLUMNS.map(([name]) => name);
  return [names, ...rows.map((row) => names.map((name) => row[name]))].map((values) => `${values.map(cell).join(",")}\r\n`).join("");
}
function save(name, text) {
  /* Excel takes a file for UTF-8 if it begins with a byte order mark. */
  const address = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/* Places of the page that open lists: data-lists names kinds, or lists of a kind. */
for (const place of document.querySelectorAll("[data-lists]")) {
  const wanted = place.dataset.lists.split(", ");
  const found = lists
    .filter((row) => wanted.includes(row.list_kind) || wanted.includes(`${row.list_kind} ${row.list}`))
    .sort((one, other) => one.place - other.place);
  if (!found.length) place.remove();
  else
    always(() => {
      place.replaceChildren(
        `${place.dataset.label ?? "Lists"}: `,
        ...found.map((row) => {
          const made = listButton(row, `${row.label} (${numbers.format(sizeOf(row).customers)})`);
          made.disabled = !sizeOf(row).customers;
          return made;
        }),
      );
    });
}
