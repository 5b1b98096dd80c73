"""Reads Stripe's payments export, and beside it the itemized balance report.

A row of the payments export is a charge: also an attempt that failed, an authorization
that was never captured, or a test. Amounts are in major units, times are UTC. There are
no items. The shop's number of the order stands in a column of metadata, if anywhere.

https://docs.stripe.com/payments/dashboard-exports and
https://docs.stripe.com/reports/report-types/balance
"""

import re
from collections.abc import Sequence
from pathlib import Path

from clv_warehouse.loading.connectors.exports import (
    MONEY,
    empty,
    find_kinds,
    read_parts,
)
from clv_warehouse.loading.feeds import Column
from clv_warehouse.loading.problems import LoadError
from clv_warehouse.loading.reading import (
    FIRST_PLACE,
    PLACE,
    PROVENANCE,
    Reader,
)

_METADATA = re.compile(r"(.+) \(metadata\)", re.IGNORECASE)
_ORDER_KEYS = ("orderid", "ordernumber", "orderno", "ordername", "order", "shoporderid")
_EMAIL_KEYS = ("email", "customeremail")

_PAYMENTS = "the payments export"
_BALANCE = "the balance report"
_KINDS = {
    _BALANCE: ("balance_transaction_id", "reporting_category", "charge_id"),
    _PAYMENTS: ("id", "Amount", "Amount Refunded", "Status"),
}


def _optional(name: str, data_type: str = "varchar", *aliases: str) -> Column:
    return Column(name, data_type, is_required=False, aliases=aliases, time_zone="UTC")


def _time(name: str, *aliases: str) -> Column:
    return Column(name, "timestamp", aliases=aliases, time_zone="UTC")


_PAYMENT_COLUMNS = (
    Column("id"),
    _time("Created", "Created date (UTC)", "Created (UTC)"),
    Column("Amount", MONEY),
    Column("Amount Refunded", MONEY),
    Column("Status"),
    _optional("Currency"),
    _optional("Converted Amount", MONEY),
    _optional("Converted Amount Refunded", MONEY),
    _optional("Converted Currency"),
    _optional("Captured"),
    _optional("Mode"),
    _optional("Customer ID"),
    _optional("Customer Email"),
    _optional("Card Name"),
    _optional("Card Address Country"),
    _optional("Refunded date (UTC)", "timestamp", "Refunded (UTC)"),
    _optional("Disputed Amount", MONEY),
    _optional("Dispute Status"),
    _optional("Dispute Date (UTC)", "timestamp", "Disputed date (UTC)"),
)

_BALANCE_COLUMNS = (
    Column("balance_transaction_id"),
    _time("created_utc"),
    Column("gross", MONEY),
    Column("reporting_category"),
    Column("charge_id"),
    _optional("source_id"),
)


def _utc(column: str) -> str:
    return f"make_timestamptz(epoch_us({column}))"


# One row per charge. Amounts are in the currency that Stripe paid out where the export
# says them, so that a shop that sells in several currencies has one. The part of a
# charge that a lost dispute took is lost, whatever Status says. An authorization that
# was given up without a capture bears Status Refunded.
_CHARGES = f"""
    create temp table stripe_charges as
    with read as (
        select
            *,
            nullif(trim("Customer ID"), '') as stripe_customer,
            coalesce(
                nullif(lower(trim("Customer Email")), ''),
                {{metadata_email}}
            ) as email,
            {{metadata_order}} as shop_order_id,
            lower(trim("Status")) as status_word,
            coalesce(lower(trim(cast("Captured" as varchar))), 'true')
                in ('true', 't', '1', 'yes') as is_captured,
            coalesce(lower(trim("Mode")), 'live') = 'test' as is_test,
            lower(trim("Dispute Status")) = 'lost' as is_lost,
            coalesce("Converted Amount", 0) <> 0 as is_converted
        from payments
    ),

    converted as (
        select
            *,
            if(is_converted, "Converted Amount", "Amount") as paid_amount,
            if(is_converted, "Converted Amount Refunded", "Amount Refunded")
                as returned_amount,
            upper(trim(if(is_converted, "Converted Currency", "Currency")))
                as paid_currency,
            case
                when not coalesce(is_lost, false) then 0
                when is_converted and "Amount" <> 0 then
                    "Converted Amount"
                    * cast(coalesce("Disputed Amount", "Amount") as double) / "Amount"
                else coalesce("Disputed Amount", "Amount")
            end as lost_amount,
            case
                when is_test then 'test'
                when
                    status_word in ('refunded', 'canceled', 'cancelled')
                    and not is_captured
                    then 'Canceled'
                when status_word in ('paid', 'succeeded') and not is_captured
                    then 'Uncaptured'
                else "Status"
            end as order_status
        from read
    ),

    persons as (
        select stripe_customer, min(email) as customer_email
        from converted
        where stripe_customer is not null
        group by stripe_customer
        having count(distinct email) = 1
    )

    select
        converted.*,
        coalesce(email, customer_email, stripe_customer) as customer_id,
        is_captured
        and not is_test
        and status_word in (
            'paid', 'succeeded', 'pending', 'refunded', 'partially refunded', 'disputed'
        ) as is_good,
        cast(
            least(coalesce(returned_amount, 0) + lost_amount, paid_amount) as {MONEY}
        ) as money_back,
        dense_rank() over (
            partition by shop_order_id, is_test order by is_good desc, "Created", id
        ) as attempt
    from converted
    left join persons using (stripe_customer)
"""

# Attempts at one order are versions of it. The first good charge holds, and is the only
# one with a time of change; the attempts that failed are passed over. Further good
# charges of the order, such as a second instalment, are orders of their own.
_ORDER_IDS = """
    create temp table stripe_orders as
    select
        *,
        case
            when shop_order_id is null or is_test then id
            when is_good and attempt > 1 then id
            else shop_order_id
        end as order_id,
        case when is_good then "Created" end as held_at
    from stripe_charges
"""

_ORDERS = f"""
    select
        order_id,
        customer_id,
        {_utc('"Created"')} as ordered_at,
        {_utc("held_at")} as updated_at,
        order_status as status,
        paid_currency as currency,
        paid_amount as amount,
        money_back as refunded_amount,
        {PLACE}
    from stripe_orders
"""

# Money back whose day is known. What Amount Refunded says beyond it has no day. A
# refund that failed, or a dispute that was won, takes its first record back.
_REFUNDS = f"""
    with records as (
        select
            *,
            sum(gross) over (
                partition by charge_id, coalesce(source_id, balance_transaction_id)
            ) as left_amount
        from balance
        where
            reporting_category in (
                'refund', 'refund_failure', 'dispute', 'dispute_reversal'
            )
    ),

    named_days as (
        select
            id || '-refund' as refund_id,
            order_id,
            "Refunded date (UTC)" as refunded_at,
            returned_amount as amount,
            {PLACE}
        from stripe_orders
        where "Refunded date (UTC)" is not null and returned_amount <> 0 and is_good
        union all
        select
            id || '-dispute' as refund_id,
            order_id,
            "Dispute Date (UTC)" as refunded_at,
            money_back - returned_amount as amount,
            {PLACE}
        from stripe_orders
        where "Dispute Date (UTC)" is not null and lost_amount > 0 and is_good
    )

    select
        records.balance_transaction_id as refund_id,
        stripe_orders.order_id,
        {_utc("records.created_utc")} as refunded_at,
        abs(records.gross) as amount,
        {", ".join(f"records.{name}" for name in PROVENANCE)}
    from records
    inner join stripe_orders on records.charge_id = stripe_orders.id
    where records.gross < 0 and records.left_amount < 0 and stripe_orders.is_good
    union all
    select
        refund_id,
        order_id,
        {_utc("refunded_at")} as refunded_at,
        amount,
        {", ".join(f"named_days.{name}" for name in PROVENANCE)}
    from named_days
    where (select count(*) from balance) = 0
"""

_CUSTOMERS = f"""
    select
        customer_id,
        any_value(email order by "Created" desc) as email,
        any_value("Card Name" order by "Created" desc) as full_name,
        any_value("Card Address Country" order by "Created" desc) as country,
        {FIRST_PLACE}
    from stripe_orders
    where customer_id is not null and not is_test
    group by customer_id
"""


def read(reader: Reader, source: Path) -> dict[str, str]:
    """Return a query of each feed, by the feed's name.

    `source` is the payments export, or a folder with it, in parts, and with the
    itemized balance report, which says when money went back. Raises LoadError if there
    is no payments export, or if it names no customers.
    """
    kinds = find_kinds(reader, source, _KINDS)
    payments = kinds.get(_PAYMENTS)
    if payments is None:
        raise LoadError(
            f"{source} holds no payments export: no file has the columns "
            f"{', '.join(_KINDS[_PAYMENTS])}. Export the payments too."
        )
    orders = _metadata(reader, payments, _ORDER_KEYS)
    emails = _metadata(reader, payments, _EMAIL_KEYS)
    columns = [*_PAYMENT_COLUMNS, *map(_optional, [*orders, *emails])]
    found = read_parts(reader, payments, columns, "payments")
    if not found & {"Customer Email", "Customer ID", *emails}:
        raise LoadError(
            f"{payments[0].name} has neither Customer Email nor Customer ID: nothing "
            "says who bought. Choose one of them when you export."
        )
    if _BALANCE in kinds:
        read_parts(reader, kinds[_BALANCE], _BALANCE_COLUMNS, "balance")
    else:
        empty(reader, _BALANCE_COLUMNS, "balance")
    reader.connection.execute(
        _CHARGES.format(
            metadata_order=_first_filled(orders), metadata_email=_first_filled(emails)
        )
    )
    reader.connection.execute(_ORDER_IDS)
    _report_left_out(reader)
    return {"orders": _ORDERS, "refunds": _REFUNDS, "customers": _CUSTOMERS}


def _metadata(reader: Reader, paths: Sequence[Path], keys: Sequence[str]) -> list[str]:
    """Return the columns of metadata with one of the keys, the likeliest first."""
    found: dict[str, str] = {}
    for path in paths:
        for name in reader.columns_of(path):
            if match := _METADATA.fullmatch(name):
                key = re.sub(r"[^a-z]", "", match[1].casefold())
                found.setdefault(key, name)
    return [found[key] for key in keys if key in found]


def _first_filled(columns: Sequence[str]) -> str:
    texts = ", ".join(f"nullif(trim(\"{name}\"), '')" for name in columns)
    return f"coalesce({texts})" if texts else "cast(null as varchar)"


def _report_left_out(reader: Reader) -> None:
    ((converted, currencies, lost, lost_amount),) = reader.connection.execute(
        """
        select
            count_if(is_converted and lower("Currency") <> lower("Converted Currency")),
            list(distinct paid_currency) filter (where is_converted),
            count_if(lost_amount > 0 and is_good),
            sum(lost_amount) filter (where is_good)
        from stripe_orders
        """
    ).fetchall()
    if converted:
        reader.note(
            f"{converted:,} payments in other currencies count as what Stripe paid out "
            f"for them, in {', '.join(sorted(currencies))}"
        )
    if lost:
        reader.note(
            f"{lost:,} payments were lost in disputes and count as refunded: "
            f"{lost_amount:,.2f}"
        )
