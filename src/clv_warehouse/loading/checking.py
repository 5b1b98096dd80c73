"""Says what of a load puts money or customers in doubt, before anyone believes it.

The checks read the tables of schema raw as they were just written, before the load is
committed. They read ids, statuses, times and money by the macros that staging uses.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import duckdb

from clv_warehouse.loading.feeds import Column, Feed
from clv_warehouse.loading.files import listed
from clv_warehouse.loading.findings import Finding, Findings
from clv_warehouse.loading.headings import meant_by
from clv_warehouse.loading.reading import Reader
from clv_warehouse.loading.times import (
    explains,
    offsets_in,
    shop_zone,
    suggested_zones,
)
from clv_warehouse.project import settings
from clv_warehouse.project.macros import sql_of
from clv_warehouse.project.places import ROOT
from clv_warehouse.project.sql import literal, quoted

_SEEDS = ROOT / "seeds" / "reference"
_SEED = "seeds/reference/"

# A cent of rounding per line, or five, is no difference.
_ROUNDING = 0.01

# A hole of so many days, and so many times the next longest, is said.
_DAYS_OF_A_GAP = 28
_TIMES_THE_NEXT_GAP = 3

# A column that would lessen what customers spent must not stay unread.
_WOULD_CHANGE_MONEY = {"status", "refunded_amount", "currency"}

_MOST_NAMED = 12
_MOST_STATUSES = 100

# Ids of several rows, and the rows without an id. Hashes of eight bytes find the few in
# doubt: a set of a million ids as text takes three times the memory.
_REPEATED = """
    create temp table repeated as
    with doubtful as (
        select hash(order_id) as hashed from said_orders
        group by hashed
        having count(*) > 1 or count(order_id) = 0
    )

    select
        order_id,
        count(*) as copies,
        sum(amount) as amount
    from said_orders
    where hash(order_id) in (from doubtful)
    group by order_id
    having count(*) > 1 or order_id is null
"""

_REPEATED_ORDERS = """
    create temp view repeated_orders as
    select said_orders.* from said_orders
    inner join repeated on said_orders.order_id = repeated.order_id
"""

# The version of an order that holds.
_HOLDING = """
    create temp table holding as
    select
        {columns},
        repeated.copies
    from ({marked}) as marked
    inner join repeated using (order_id)
    where duplicate_reason is null
"""

_KEPT_ORDERS = """
    create temp view kept_orders as
    select * from holding
    union all by name
    select *, 1 as copies from said_orders
    where hash(order_id) not in (select hash(order_id) from repeated)
"""

# Where no order has several rows, there is nothing to choose.
_ALL_ORDERS = "create temp view kept_orders as select *, 1 as copies from said_orders"

# The orders by customer. Nobody has no key; people whose ids are spellings of one
# address have one.
_BUYERS = """
    create temp table buyers as
    with said_ids as (
        select
            customer_id,
            count(*) as orders,
            count(*) filter (where meaning = 'sale') as sales,
            sum(money) filter (where meaning = 'sale') as money
        from totals
        group by customer_id
    ),

    nobody_ids as (
        select distinct {folded} as id
        from read_csv({nobody}, header = true, all_varchar = true)
    )

    select
        said_ids.*,
        nobody_ids.id is not null as is_nobody,
        case when nobody_ids.id is null then {key} end as customer_key
    from said_ids
    left join nobody_ids on {folded_customer} = nobody_ids.id
"""

# The orders by day, status and currency.
_DAYS = """
    create temp table days as
    select
        {day} as day,
        status,
        meaning,
        upper(currency) as currency,
        count(*) as orders,
        count(money) as priced,
        sum(money) as money,
        sum(money) filter (where money > 0) as sold,
        sum(back) as back
    from totals
    group by all
"""

_MEANINGS = """
    create temp table meanings as
    with said_statuses as (
        select distinct status from kept_orders
        where status is not null
    )

    select * from ({meanings})
"""

_LINE_TOTALS = """
    create temp {kind} line_totals as
    with codes as (
        from read_csv({codes}, header = true, all_varchar = true)
    ),

    types as (
        from read_csv({types}, header = true, all_varchar = true)
    ),

    lines as (
        select
            order_id,
            line_number,
            quantity,
            unit_price,
            discount,
            amount as total,
            lower(coalesce(said_order_lines.line_type, codes.line_type, 'product'))
                as line_type
        from said_order_lines
        left join codes using (product_id)
        where order_id is not null
    ),

    priced as (
        select
            lines.order_id,
            lines.line_number,
            lines.quantity,
            case when types.counts_as = 'rejected' then 0 else {amount} end as amount
        from lines
        left join types on lines.line_type = types.line_type
    )

    select
        order_id,
        count(*) as lines,
        count(line_number) as numbered,
        sum(amount) as amount,
        sum(amount) filter (where amount < 0 and quantity < 0) as returned
    from priced
    group by order_id
"""

# One row per order that counts as a sale or not, with its money.
_TOTALS = f"""
    create temp {{kind}} totals as
    with refunds as (
        select
            order_id,
            sum(abs(amount)) as amount
        from said_refunds
        group by order_id
    ),

    summed as (
        select
            kept_orders.*,
            coalesce(meanings.meaning, 'sale') as meaning,
            line_totals.lines,
            line_totals.amount as of_lines,
            line_totals.returned as returned_lines,
            line_totals.amount
            + coalesce(shipping_amount, 0)
            + coalesce(tip_amount, 0) as charged,
            coalesce(tax_amount, 0) as tax,
            abs(coalesce(discount_amount, 0)) as discount,
            -- Two copies of an order may have brought its lines twice.
            case
                when copies > 1 and line_totals.numbered = 0
                    then line_totals.amount / copies
            end as of_one_copy,
            {_ROUNDING} * greatest(line_totals.lines, 5) as rounding,
            greatest(abs(coalesce(refunded_amount, 0)), coalesce(refunds.amount, 0))
                as refunded
        from kept_orders
        left join meanings on kept_orders.status = meanings.status
        left join line_totals on kept_orders.order_id = line_totals.order_id
        left join refunds on kept_orders.order_id = refunds.order_id
    ),

    compared as (
        select
            *,
            charged + tax - discount as expected,
            amount is not null and not least(
                abs(amount - (charged + tax - discount)),
                abs(amount - (charged - discount)),
                abs(amount - (charged + tax)),
                abs(amount - charged),
                abs(amount - of_lines),
                coalesce(abs(amount - of_one_copy), abs(amount - of_lines))
            ) <= rounding as is_different
        from summed
    ),

    -- What the customer paid.
    paid as (
        select
            *,
            case
                when of_lines is null or (amount is not null and not is_different)
                    then amount
                else expected
            end as money
        from compared
    )

    select
        order_id,
        customer_id,
        ordered_at,
        status,
        meaning,
        currency,
        amount,
        refunded_amount,
        lines,
        returned_lines,
        expected,
        is_different,
        money,
        case
            when meaning = 'sale' and money < 0 then abs(money)
            when meaning = 'sale' then least(refunded, money)
            when meaning = 'refunded' then money
        end as back
    from paid
"""


def find_all(connection: duckdb.DuckDBPyConnection, reader: Reader) -> Findings:
    """Check the tables of warehouse.raw as `reader` and a load just wrote them."""
    check = _Check(connection, reader)
    return Findings(
        check.head(), [*check.findings(), *_of_files(reader), *_of_zones(reader)]
    )


def _of_files(reader: Reader) -> Iterator[Finding]:
    for problem in (*reader.problems, *reader.doubts):
        yield Finding(problem.message, is_doubt=True, amount=float("inf"))
    for note in reader.notes:
        yield Finding(note)
    for label, names in reader.unread.items():
        feed = _feed_of(label, reader.feeds)
        meant = {name: meant_by(name, feed) if feed else None for name in names}
        listed = _named(
            f"{name} ({column}?)" if column else name for name, column in meant.items()
        )
        yield Finding(
            f"{label}: columns not read: {listed}",
            "Rename a column to what stands behind it, if it is that."
            if any(meant.values())
            else "",
            is_doubt=not _WOULD_CHANGE_MONEY.isdisjoint(meant.values()),
        )


def _of_zones(reader: Reader) -> Iterator[Finding]:
    """Say which zone the offsets of the times suggest, if it is not the shop's."""
    zone = shop_zone()
    counts: Counter[tuple[str, str]] = Counter()
    for named in reader.zones.values():
        counts.update(named)
    # Many systems write UTC wherever the shop is.
    if explains(zone, counts) or explains("UTC", counts):
        return
    offsets = f"times bear the offsets {_named(offsets_in(counts))}"
    suggested = suggested_zones(counts, most=1)
    if suggested:
        yield Finding(
            f"{offsets}, as in {suggested[0]}, but days are counted in {zone}",
            "Set var time_zone in dbt_project.yml to the shop's zone, and load again.",
            is_doubt=True,
        )
    else:
        yield Finding(
            f"{offsets}, which no one zone has: days are counted in {zone}",
            "Set var time_zone in dbt_project.yml to the shop's zone.",
            is_doubt=True,
        )


def _feed_of(label: str, feeds: Sequence[Feed]) -> Feed | None:
    """The feed that a file is named after; a connector knows its columns itself."""
    named = [feed for feed in feeds if label.casefold().startswith(feed.name)]
    return named[-1] if named else None


class _Check:
    """The checks of one load; each method yields what it finds."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, reader: Reader) -> None:
        self.connection = connection
        self.settings = settings.values()
        # What a file lacks because it could not be read is said once.
        self.is_read = not reader.problems
        self.cast: dict[str, dict[str, tuple[str, str]]] = {}
        for feed in reader.feeds:
            self._view(feed)
        self._run(_REPEATED)
        self.has_repeated = bool(self._rows("from repeated limit 1"))
        if self.has_repeated:
            self._run(_REPEATED_ORDERS)
            said = [name for name, *_ in self._rows("describe said_orders")]
            said.remove("loaded_order")
            self._run(
                _HOLDING.format(
                    columns=listed(f"marked.{name}" for name in said),
                    marked=sql_of(
                        "mark_duplicates", "repeated_orders", said, ["order_id"]
                    ),
                )
            )
        self._run(_KEPT_ORDERS if self.has_repeated else _ALL_ORDERS)
        self._run(
            _MEANINGS.format(
                meanings=sql_of(
                    "status_meanings",
                    "said_statuses",
                    f"read_csv({_seed('order_statuses')}, header = true)",
                )
            )
        )
        # A view of orders alone is read faster than a table is made of it.
        self.has_lines = self._has_rows("order_lines")
        kind = "table" if self.has_lines else "view"
        self._run(
            _LINE_TOTALS.format(
                kind=kind,
                amount=_line_amount(),
                codes=_seed("non_product_codes"),
                types=_seed("line_types"),
            )
        )
        self._run(_TOTALS.format(kind=kind))
        self._run(
            _BUYERS.format(
                folded=sql_of("folded_id", "id"),
                nobody=_seed("nobody_ids"),
                key=sql_of("folded_customer_id", "said_ids.customer_id"),
                folded_customer=sql_of("folded_id", "said_ids.customer_id"),
            )
        )
        self._run(_DAYS.format(day=sql_of("shop_date", "ordered_at")))
        self.currencies = self._rows(
            "select currency, sum(orders)::bigint, sum(money) from days"
            " where meaning = 'sale' group by all order by 2 desc, 1"
        )
        named = [code for code, *_ in self.currencies if code]
        self.currency = f"{named[0]} " if len(named) == 1 else ""

    def head(self) -> str:
        """One line: how many orders of how many customers, when, and their money."""
        ((first, last, sold, back),) = self._rows(
            "select min(day), max(day),"
            " sum(sold) filter (where meaning in ('sale', 'refunded')), sum(back)"
            " from days"
        )
        ((orders, customers, guests),) = self._rows(
            "select sum(orders)::bigint, count(distinct customer_key),"
            " sum(orders) filter (where customer_key is null)::bigint from buyers"
        )
        if not orders:
            return "No orders."
        parts = [
            _counted(orders, "order"),
            _counted(customers, "customer"),
            f"{first} to {last}" if first else "no day that can be read",
            f"{self._money(sold or Decimal(0))} sold",
        ]
        if guests:
            parts.insert(2, f"{_counted(guests, 'order')} of guests")
        if back and sold:
            back = min(back, sold)
            # The build matches money back order by order, which may take off less.
            parts.append(f"up to {self._money(back)} of it went back")
        return f"{', '.join(parts)}."

    def findings(self) -> Iterator[Finding]:
        """All findings, in no order."""
        checks: Iterable[Callable[[], Iterator[Finding]]] = (
            self._values,
            self._cut_ids,
            self._keys,
            self._statuses,
            self._customers,
            self._repeats,
            self._lines,
            self._money_back,
            self._days,
            self._currencies,
            self._spend,
            self._subscriptions,
            self._redemptions,
            self._words,
        )
        for check in checks:
            yield from check()

    def _values(self) -> Iterator[Finding]:
        """Say what staging will not be able to read of tables that stay in place."""
        for feed, columns in self.cast.items():
            counts = [
                f"count(*) filter (where {given} is not null and {typed} is null),"
                f" min({given}) filter (where {given} is not null and {typed} is null)"
                for given, typed in columns.values()
            ]
            if not counts:
                continue
            (found,) = self._rows(
                f"select {', '.join(counts)} from warehouse.raw.{quoted(feed)}"
            )
            for name, count, example in zip(
                columns, found[::2], found[1::2], strict=True
            ):
                if count:
                    yield Finding(
                        f"{feed}, column {name}: {_counted(count, 'value')} cannot be "
                        f"read, such as {example!r}: the rows are rejected",
                        is_doubt=True,
                        amount=float("inf"),
                    )

    def _cut_ids(self) -> Iterator[Finding]:
        """Say which ids a spreadsheet has cut in data that stay in place.

        The reading of files ends a load that has one.
        """
        for feed, name in self._rows(
            "select table_name, column_name from duckdb_columns()"
            " inner join duckdb_views() on table_name = view_name"
            " and duckdb_columns.schema_name = duckdb_views.schema_name"
            " and duckdb_columns.database_name = duckdb_views.database_name"
            " where duckdb_columns.database_name = 'warehouse'"
            " and duckdb_columns.schema_name = 'raw'"
            " and column_name like '%\\_id' escape '\\' and data_type = 'VARCHAR'"
            " order by all"
        ):
            column = quoted(name)
            ((count, example),) = self._rows(
                f"select count(*), min({column}) from warehouse.raw.{quoted(feed)}"
                f" where {sql_of('is_cut_id', column)}"
            )
            if count:
                yield Finding(
                    f"{feed}, column {name}: {_counted(count, 'id')} without all "
                    f"digits, such as {example!r}: rows of several ids become one",
                    "A spreadsheet or a float has cut them off: export them again.",
                    is_doubt=True,
                    amount=float("inf"),
                )

    def _keys(self) -> Iterator[Finding]:
        for rows, money in self._rows(
            "select copies, amount from repeated where order_id is null"
        ):
            yield Finding(
                f"orders: {_counted(rows, 'row')} without order_id: rejected "
                f"({self._money(money)})",
                is_doubt=True,
                amount=_size(money),
            )

    def _statuses(self) -> Iterator[Finding]:
        found = self._rows(
            "select status, meanings.meaning, is_doubtful, described_as,"
            " sum(orders)::bigint, sum(money)"
            " from days left join meanings using (status) where status is not null"
            " group by all order by abs(sum(money)) desc nulls last, status"
        )
        if not found:
            yield Finding(
                "orders have no status: each counts as a sale",
                "If the export has cancelled, refunded or test orders, name its column "
                "status.",
            )
        way_out = f"Say what it means with a row of {_SEED}order_statuses.csv."
        for meaning, text in (
            ("sale", "count as sales"),
            ("refunded", "count as sales that were refunded"),
            ("not_yet", "are no sale yet and count nothing"),
            ("never", "never become a sale and count nothing"),
            ("test", "are tests and count nothing"),
        ):
            each = [row for row in found if row[1] == meaning]
            if each:
                named = _named(
                    (
                        f"{status} ({orders:,}: {self._money(money)})"
                        for status, *_, orders, money in each
                    ),
                    _MOST_STATUSES,
                )
                yield Finding(
                    f"statuses that {text}: {named}",
                    amount=sum(_size(money) for *_, money in each),
                )
        for status, meaning, is_doubtful, _, orders, money in found:
            that = f"{_counted(orders, 'order')}, {self._money(money)}"
            if meaning is None:
                yield Finding(
                    f"status {status!r} is described nowhere and counts as a sale: "
                    f"{that}",
                    way_out,
                    is_doubt=bool(money),
                    amount=_size(money),
                )
            elif is_doubtful:
                yield Finding(
                    f"status {status!r} is read as {meaning.replace('_', ' ')}, but "
                    f"shops differ in what they mean by it: {that}",
                    f"If your shop means something else: {way_out}",
                    is_doubt=bool(money),
                    amount=_size(money),
                )

    def _customers(self) -> Iterator[Finding]:
        ((orders, guests, money, all_money),) = self._rows(
            "select sum(sales)::bigint,"
            " sum(sales) filter (where customer_key is null)::bigint,"
            " sum(money) filter (where customer_key is null), sum(money) from buyers"
        )
        if guests:
            named = _named(
                f"{customer!r} ({count:,})"
                for customer, count in self._rows(
                    "select customer_id, sales from buyers"
                    " where is_nobody and sales > 0 order by sales desc, customer_id"
                )
            )
            yield Finding(
                f"{guests:,} of {orders:,} orders are guests', with "
                f"{self._money(money)} of {self._money(all_money)}"
                + (f"; ids that stand for nobody: {named}" if named else ""),
                f"{_SEED}nobody_ids.csv lists ids that stand for nobody."
                if named
                else "",
                amount=_size(money),
            )
        known = (orders or 0) - (guests or 0)
        ((people,),) = self._rows("select count(distinct customer_key) from buyers")
        improbable = sql_of("is_improbable_id", "orders", str(known), str(people))
        for customer, own, spent in self._rows(
            "select * from (select min(customer_id) filter (where sales > 0),"
            " sum(sales)::bigint as orders, sum(money)"
            " from buyers where customer_key is not null"
            f" group by customer_key) where {improbable} order by orders desc"
        ):
            yield Finding(
                f"customer {customer!r} has {own / known:.0%} of all orders "
                f"({own:,}, {self._money(spent)}): is it one person?",
                f"If it stands for nobody, add it to {_SEED}nobody_ids.csv.",
                is_doubt=True,
                amount=_size(spent),
            )

    def _repeats(self) -> Iterator[Finding]:
        if not self.has_repeated:
            return
        versions = """
            select
                said_orders.order_id,
                count(*) as rows,
                count(distinct (
                    said_orders.status,
                    said_orders.amount,
                    said_orders.customer_id,
                    said_orders.ordered_at
                )) as contents,
                count(distinct said_orders.customer_id) as customers,
                count(said_orders.updated_at) as updates,
                max(said_orders.amount) - min(said_orders.amount) as difference
            from repeated_orders as said_orders
            where not (said_orders.amount is null and said_orders.status is null)
            group by said_orders.order_id
            having count(*) > 1
        """
        ((alike, edited, unordered, difference, mixed, example),) = self._rows(
            "select count(*) filter (where contents = 1),"
            " count(*) filter (where contents > 1 and customers <= 1),"
            " count(*) filter (where contents > 1 and updates < rows),"
            " sum(difference) filter (where customers <= 1),"
            " count(*) filter (where customers > 1),"
            " min(order_id) filter (where customers > 1)"
            f" from ({versions})"
        )
        if alike:
            yield Finding(
                f"orders: several rows of {_counted(alike, 'order')} say the same; one "
                "of them is kept"
            )
        if edited:
            which = (
                "the row with the newest updated_at holds"
                if not unordered
                else "the newest updated_at holds, and of rows without one the last "
                "of the file"
            )
            yield Finding(
                f"orders: the rows of {_counted(edited, 'order')} differ, by "
                f"{self._money(difference)} in all: {which}",
                amount=_size(difference),
            )
        if mixed:
            yield Finding(
                f"orders: rows of one order_id name different customers "
                f"({_counted(mixed, 'order_id')}, such as {example}): only the last "
                "row holds",
                "If the shop numbers its orders anew each year, put the year before "
                "the number.",
                is_doubt=True,
                amount=_size(difference),
            )

    def _lines(self) -> Iterator[Finding]:
        ((empty,),) = self._rows("select sum(orders - priced)::bigint from days")
        if empty and self.is_read:
            yield Finding(
                f"{_counted(empty, 'order')} with neither an amount nor lines: "
                "rejected",
                is_doubt=True,
            )
        if not self.has_lines:
            return
        ((lined, unlined, money),) = self._rows(
            "select count(lines), count(*) - count(lines),"
            " sum(amount) filter (where lines is null) from totals"
            " where meaning in ('sale', 'refunded')"
        )
        if lined and unlined:
            yield Finding(
                f"{_counted(unlined, 'order')} without lines in order_lines: their own "
                f"amount counts ({self._money(money)}), and no product",
                amount=_size(money),
            )
        ((different, difference, example, amount, expected),) = self._rows(
            "select count(*), sum(abs(amount - expected)), arg_max(order_id, size),"
            " arg_max(amount, size), arg_max(expected, size) from ("
            " select *, abs(amount - expected) as size from totals"
            " where is_different and meaning in ('sale', 'refunded'))"
        )
        if different:
            yield Finding(
                f"{different:,} of {lined:,} orders have an amount that their lines do "
                f"not explain, by {self._money(difference)} in all: the lines of order "
                f"{example} come to {expected:,.2f}, its amount is {amount:,.2f}",
                "The lines hold. Overlapping exports, missing lines, or shipping and "
                "tax in no column are the usual causes; orders.money_checks lists all "
                "after a build.",
                is_doubt=True,
                amount=_size(difference),
            )
        ((lines, orders, money),) = self._rows(
            "select sum(lines), count(*), sum(amount) from line_totals"
            " where order_id not in (select order_id from kept_orders)"
        )
        if orders:
            yield Finding(
                f"order_lines: {_counted(lines, 'line')} of "
                f"{_counted(orders, 'order')} that the feed orders lacks: rejected "
                f"({self._money(money)})",
                "Export orders and lines for the same days.",
                is_doubt=True,
                amount=_size(money),
            )

    def _money_back(self) -> Iterator[Finding]:
        ((refunds, undated, refunded, unknown, of_unknown),) = self._rows(
            "select count(*), count(*) filter (where refunded_at is null),"
            " sum(abs(said_refunds.amount)),"
            " count(*) filter (where kept_orders.order_id is null),"
            " sum(abs(said_refunds.amount)) filter (where kept_orders.order_id is null)"
            " from said_refunds left join kept_orders using (order_id)"
        )
        too_much = f"abs(refunded_amount) > greatest(amount, money) + {_ROUNDING}"
        too_much += " and greatest(amount, money) >= 0"
        ((negative, of_negative, noted, of_noted, lines, of_lines, over, by),) = (
            self._rows(
                "select count(*) filter (where money < 0),"
                " sum(money) filter (where money < 0),"
                " count(*) filter (where refunded_amount <> 0),"
                " sum(abs(refunded_amount)),"
                " count(*) filter (where returned_lines < 0 and money >= 0),"
                " sum(returned_lines) filter (where money >= 0),"
                f" count(*) filter (where {too_much}),"
                " sum(abs(refunded_amount) - greatest(amount, money))"
                f" filter (where {too_much}) from totals"
            )
        )
        back = [
            (refunds - unknown, refunded, "refund", "in the feed refunds"),
            (noted, of_noted, "order", "with a refunded_amount"),
            (negative, of_negative, "order", "below zero"),
            (lines, of_lines, "order", "with lines below zero"),
        ]
        named = [
            f"{_counted(count, thing)} {where} ({self._money(abs(money or 0))})"
            for count, money, thing, where in back
            if count
        ]
        if named:
            yield Finding(
                f"money back: {'; '.join(named)}",
                amount=sum(_size(money) for _, money, *_ in back),
            )
        if undated:
            yield Finding(
                f"refunds: {undated:,} of {refunds:,} have no refunded_at and count on "
                "their order's last change or day"
            )
        if unknown:
            yield Finding(
                f"refunds: {_counted(unknown, 'refund')} of orders that the feed "
                f"orders lacks: rejected ({self._money(of_unknown)})",
                "Export orders and refunds for the same days.",
                is_doubt=True,
                amount=_size(of_unknown),
            )
        if over:
            yield Finding(
                f"{_counted(over, 'order')} with a refunded_amount above what was "
                f"paid, by {self._money(by)}: no more than was paid counts",
                is_doubt=True,
                amount=_size(by),
            )

    def _days(self) -> Iterator[Finding]:
        today = sql_of("shop_today")
        ((missing, early, future, of_future, last),) = self._rows(
            "select coalesce(sum(orders) filter (where day is null), 0)::bigint,"
            " coalesce(sum(orders) filter (where day < date '1970-01-01'), 0)::bigint,"
            f" sum(orders) filter (where day > {today})::bigint,"
            f" sum(money) filter (where day > {today}), max(day) from days"
        )
        if (missing and self.is_read) or early:
            yield Finding(
                f"{_counted(missing + early, 'order')} without a date, or with one "
                "before 1970: rejected",
                is_doubt=True,
            )
        if future:
            yield Finding(
                f"{_counted(future, 'order')} dated after today, up to {last} "
                f"({self._money(of_future)}): rejected",
                "Mend the dates; if today's orders are meant, set var time_zone.",
                is_doubt=True,
                amount=_size(of_future),
            )
        yield from self._gaps(today)

    def _gaps(self, today: str) -> Iterator[Finding]:
        """Say where orders are missing, and which last days lie too far out."""
        # Orders before 1970 or after today are rejected, and make no gap.
        past = "day between date '1970-01-01' and"
        dated = f"(select * from days where {past} {today})"
        doubted = self._rows(
            sql_of("doubted_days", dated, "day", "money", "sum(orders)::bigint")
        )
        for late, orders, money, last in sorted(doubted):
            yield Finding(
                f"the day {late}, with {_counted(orders, 'order')} "
                f"({self._money(money)}), lies {(late - last).days:,} days after "
                f"{last}: is its date mistyped? Customers are scored as of {last}",
                "Mend it in the file; if it is right, set var as_of_date to it.",
                is_doubt=True,
                amount=_size(money),
            )
        if doubted:
            today = f"date '{doubted[0][-1]}'"
        gaps = self._rows(
            "select before, day, day - before as days from ("
            " select day, lag(day) over (order by day) as before"
            f" from days where {past} {today} group by day)"
            " where before is not null order by days desc, day limit 2"
        )
        ((days,),) = self._rows(
            f"select count(distinct day) from days where {past} {today}"
        )
        if days < _DAYS_OF_A_GAP or len(gaps) < 2:
            return
        before, after, longest = gaps[0]
        if longest >= max(_DAYS_OF_A_GAP, _TIMES_THE_NEXT_GAP * gaps[1][2]):
            yield Finding(
                f"no order from {before} to {after}, {longest:,} days, while no other "
                f"gap is above {gaps[1][2]:,} days: is a part of the export missing?",
                is_doubt=True,
            )

    def _currencies(self) -> Iterator[Finding]:
        named = [row for row in self.currencies if row[0]]
        blank = [row for row in self.currencies if not row[0]]
        wanted = self.settings["currency"]
        listed = _named(
            f"{code} ({_counted(orders, 'order')}, {money or 0:,.2f})"
            for code, orders, money in named
        )
        others = [row for row in named if wanted and row[0] != wanted.upper()]
        if len(named) > 1 and not wanted:
            yield Finding(
                f"orders in several currencies cannot be added up: {listed}",
                "Convert them before loading, or keep one and reject the others with "
                f"--vars '{{currency: {named[0][0]}}}'.",
                is_doubt=True,
                amount=sum(_size(money) for *_, money in named[1:]),
            )
        elif others:
            yield Finding(
                f"orders are in {listed}; only {wanted.upper()} counts (var currency)"
            )
        if named and blank:
            _, orders, money = blank[0]
            yield Finding(
                f"{_counted(orders, 'order')} of no currency beside others that have "
                f"one: read as {wanted or named[0][0]} ({money or 0:,.2f})",
                "Fill the column currency.",
                is_doubt=True,
                amount=_size(money),
            )

    def _spend(self) -> Iterator[Finding]:
        if not self._has_rows("marketing_spend"):
            return
        ((rows, money),) = self._rows(
            "select count(*), sum(amount) from (select *, row_number() over ("
            " partition by day, lower(channel), coalesce(campaign_id, '')"
            " order by loaded_order desc) as place"
            " from said_marketing_spend where day is not null) where place > 1"
        )
        if rows:
            yield Finding(
                f"marketing_spend: {_counted(rows, 'row')} of a day, channel and "
                "campaign that a later row has too: only the later one counts "
                f"({self._money(money)} left out)",
                "If they are parts, add them up before loading, or fill campaign_id.",
                is_doubt=True,
                amount=_size(money),
            )
        yield from self._in_another_currency("marketing_spend")

    def _subscriptions(self) -> Iterator[Finding]:
        if not self._has_rows("subscriptions"):
            return
        days, months = (
            sql_of(macro, "renews_every")
            for macro in ("renewal_days", "renewal_months")
        )
        ((rows, example),) = self._rows(
            "select count(*), min(renews_every) from said_subscriptions"
            " where renews_every is not null"
            f" and coalesce({days}, {months}, 0) = 0"
        )
        if rows:
            yield Finding(
                f"subscriptions, column renews_every: {_counted(rows, 'value')} that "
                f"name no period, such as {example!r}: rejected",
                "Write week, month, quarter, year or a number of days.",
                is_doubt=True,
            )
        yield from self._in_another_currency("subscriptions")

    def _in_another_currency(self, feed: str) -> Iterator[Finding]:
        """Say what is rejected because it is not in the currency of the orders."""
        named = [code for code, *_ in self.currencies if code]
        shops = self.settings["currency"] or (named[0] if named else None)
        if shops is None:
            return
        for code, rows, money in self._rows(
            f"select upper(currency), count(*), sum(amount) from said_{feed}"
            f" where upper(currency) <> {literal(shops.upper())}"
            " group by all order by 2 desc, 1"
        ):
            yield Finding(
                f"{feed}: {_counted(rows, 'row')} in {code}, while the shop's money is "
                f"{shops.upper()}: rejected ({code} {money or 0:,.2f})",
                "Convert them before loading.",
                is_doubt=True,
                amount=_size(money),
            )

    def _redemptions(self) -> Iterator[Finding]:
        if not self._has_rows("redemptions"):
            return
        ((rows, money),) = self._rows(
            "select count(*), sum(abs(said_redemptions.amount)) from said_redemptions"
            " left join kept_orders using (order_id)"
            " where said_redemptions.order_id is not null"
            " and kept_orders.order_id is null"
        )
        if rows:
            yield Finding(
                f"redemptions: {_counted(rows, 'redemption')} for orders that the feed "
                f"orders lacks: rejected ({self._money(money)})",
                "Export orders and redemptions for the same days.",
                is_doubt=True,
                amount=_size(money),
            )

    def _words(self) -> Iterator[Finding]:
        """Say which words of events and of the calendar nobody has described."""
        if self._has_rows("events"):
            unknown = self._rows(
                "select coalesce(event_type, 'no type'), count(*) from said_events"
                " where coalesce(translate(lower(event_type), ' -', '__'), '') not in"
                f" (select event_type from read_csv({_seed('event_types')},"
                " header = true, all_varchar = true)) group by 1 order by 2 desc, 1"
            )
            if unknown:
                named = _named(f"{word} ({count:,})" for word, count in unknown)
                yield Finding(
                    f"events of types that no row describes are rejected: {named}",
                    f"Say what they mean with rows of {_SEED}event_types.csv.",
                )
        if self._has_rows("calendar"):
            unknown = self._rows(
                "select coalesce(kind, 'no kind'), count(*) from said_calendar"
                " where coalesce(lower(kind), '') not in ('sale', 'holiday')"
                " group by 1 order by 2 desc, 1"
            )
            if unknown:
                named = _named(f"{word} ({count:,})" for word, count in unknown)
                yield Finding(
                    "calendar: days that are neither sale nor holiday are rejected: "
                    f"{named}"
                )

    def _view(self, feed: Feed) -> None:
        """Make a view of a feed's table with the types that staging gives it."""
        table = f"warehouse.raw.{quoted(feed.name)}"
        found = {
            name.casefold(): _raw_column(kind)
            for name, kind, *_ in self._rows(f"describe {table}")
        }
        typed = {
            column.name: sql_of("staged_value", column, found)
            for column in (*feed.columns, Column("loaded_order", "bigint"))
        }
        self.cast[feed.name] = {
            column.name: (
                f"nullif(trim(cast({quoted(column.name)} as varchar)), '')",
                typed[column.name],
            )
            for column in feed.columns
            if "try_cast" in typed[column.name]
        }
        select = ", ".join(f"{sql} as {quoted(name)}" for name, sql in typed.items())
        # DuckDB leaves out joins with what has no rows for certain.
        rows = "" if self._has_rows(feed.name) else " where false"
        self._run(
            f"create or replace temp view said_{feed.name} as"
            f" select {select} from {table}{rows}"
        )

    def _has_rows(self, feed: str) -> bool:
        return bool(self._rows(f"select 1 from warehouse.raw.{quoted(feed)} limit 1"))

    def _money(self, amount: Decimal | None) -> str:
        return f"{self.currency}{amount or 0:,.2f}"

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def _run(self, sql: str) -> None:
        self.connection.execute(sql)


def _raw_column(kind: str) -> SimpleNamespace:
    """A column of a raw table, as dbt shows it to the macros."""
    return SimpleNamespace(
        data_type=kind, dtype=kind, is_string=lambda: kind == "VARCHAR"
    )


def _line_amount() -> str:
    return sql_of(
        "line_amount", "quantity", "unit_price", "discount", "total", "lines.line_type"
    )


def _seed(name: str) -> str:
    return literal(str(_SEEDS / f"{name}.csv"))


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _named(things: Iterable[str], most: int = _MOST_NAMED) -> str:
    named = list(things)
    rest = [f"and {len(named) - most:,} more"] if len(named) > most else []
    return ", ".join([*named[:most], *rest])


def _size(amount: Decimal | None) -> float:
    return abs(float(amount or 0))
