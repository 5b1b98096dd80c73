"""Compares the feeds of the made-up shop with each other and with the sources."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa

from clv_warehouse.loading.feeds import read_feeds
from clv_warehouse.shop.schemas import OF_SHOP, SCHEMAS, TRUTHS
from clv_warehouse.shop.settings import Settings
from clv_warehouse.shop.words import TITLES
from clv_warehouse.shop.writing import write_shop

SETTINGS = Settings(seed=31)
FEEDS = tuple(SCHEMAS)


def test_an_orders_amount_is_that_of_its_lines(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    ((orders, wrong, refunds),) = shop.sql(
        """
        with totals as (
            select
                order_id,
                sum(quantity * unit_price - sign(quantity) * discount) as amount
            from order_lines
            group by order_id
        )
        select
            count(*),
            count_if(totals.amount is distinct from orders.amount),
            count_if(orders.amount < 0)
        from orders
        full join totals using (order_id)
        """
    ).fetchall()
    assert orders > 80_000
    assert refunds > 1000
    assert wrong == 0


def test_reviews_say_what_their_rating_says(shop: duckdb.DuckDBPyConnection) -> None:
    reviews = shop.sql("select rating, title, product_id from reviews").fetchall()
    assert {rating for rating, *_ in reviews} == {1, 2, 3, 4, 5}
    assert all(title in TITLES[rating - 1] for rating, title, _ in reviews)
    ((spread,),) = shop.sql(
        """
        select stddev(mean) from (
            select avg(rating) as mean from reviews
            group by product_id having count(*) >= 30
        )
        """
    ).fetchall()
    # Noise alone would leave 1.1 / sqrt(30) at most.
    assert spread > 0.35


def test_coupons_sends_and_clicks_agree_with_orders(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    wrong = shop.sql(
        """
        select 'redemption without its order' as what, count(*) as n
        from redemptions anti join orders using (order_id, coupon_code)
        union all
        select 'coupon without a redemption', count(*)
        from orders anti join redemptions using (order_id)
        where coupon_code is not null
        union all
        select 'amount that is not the discount', count(*)
        from redemptions inner join (
            select order_id, sum(discount) as discount
            from order_lines group by order_id
        ) as lines using (order_id)
        where redemptions.amount != lines.discount
        union all
        select 'coupon of a campaign that did not write', count(*)
        from redemptions
        where campaign_id is not null and not exists (
            select 1 from campaign_sends as sends
            where sends.campaign_id = redemptions.campaign_id
                and sends.customer_id = redemptions.customer_id
                and sends.sent_at < redemptions.redeemed_at
        )
        union all
        select 'first order from another channel', count(*)
        from customers inner join orders using (customer_id)
        where utm_campaign in (select campaign_id from marketing_spend)
            and acquisition_channel != (
                select any_value(channel) from marketing_spend
                where campaign_id = utm_campaign
            )
        union all
        select 'click that no campaign paid for', count(*)
        from orders
        where click_id is not null
            and utm_campaign not in (select campaign_id from marketing_spend)
        union all
        select 'refund of more than its line', count(*)
        from refunds left join order_lines using (order_id, line_number)
        where refunds.amount is distinct from quantity * unit_price - discount
        union all
        select 'renewal without its subscription', count(*)
        from orders anti join subscriptions using (customer_id)
        where tags = 'subscription'
        """
    ).fetchall()
    assert {what: n for what, n in wrong if n} == {}
    ((coupons, clicks, renewals),) = shop.sql(
        "select count(coupon_code), count(click_id), count_if(tags = 'subscription')"
        " from orders"
    ).fetchall()
    assert min(coupons, clicks, renewals) > 1000


def test_nobody_is_written_to_against_their_will(
    shop: duckdb.DuckDBPyConnection,
) -> None:
    ((sends, unwanted, held_out, controls),) = shop.sql(
        """
        select
            count(*),
            count_if(not exists (
                select 1 from consents
                where consents.customer_id = sends.customer_id
                    and purpose = 'email'
                    and given_at < sent_at
                    and (withdrawn_at is null or withdrawn_at > sent_at)
            )),
            count_if(customer_id in (
                select customer_id from assignments where arm = 'held out'
            )),
            count_if(exists (
                select 1 from assignments inner join experiments using (experiment_id)
                where experiments.campaign_id = sends.campaign_id
                    and assignments.customer_id = sends.customer_id
                    and assignments.exposed_at is distinct from sends.sent_at
            ))
        from campaign_sends as sends
        """
    ).fetchall()
    assert sends > 20_000
    assert (unwanted, held_out, controls) == (0, 0, 0)


def test_feeds_have_the_columns_of_the_sources() -> None:
    names = {
        pa.string(): "varchar",
        pa.int32(): "integer",
        pa.int64(): "bigint",
        pa.timestamp("us"): "timestamp",
        pa.date32(): "date",
    }
    made = [feed for feed in read_feeds() if feed.name in SCHEMAS]
    assert {feed.name for feed in made} == SCHEMAS.keys() - set(TRUTHS)
    for feed in made:
        schema = SCHEMAS[feed.name]
        columns = [column for column in feed.columns if column.name in schema.names]
        assert schema.names == [column.name for column in columns]
        for column in columns:
            arrow = schema.field(column.name).type
            if pa.types.is_decimal(arrow):
                name = f"decimal({arrow.precision},{arrow.scale})"
            else:
                name = names[arrow]
            assert name == column.data_type


def test_a_person_is_the_same_in_a_shop_of_any_size(tmp_path: Path) -> None:
    settings = replace(SETTINGS, people_per_batch=400, days=500)
    told: list[tuple[int, int]] = []
    for people in (1000, 3000):
        folder = tmp_path / str(people)
        rows = write_shop(
            settings, people, folder, FEEDS, [300], lambda *done: told.append(done)
        )
        assert set(rows) == set(FEEDS)
    assert [people for people, _ in told[:3]] == [400, 800, 1000]
    for feed in FEEDS:
        small, large = (
            duckdb.read_parquet(str(tmp_path / size / f"{feed}.parquet"))
            for size in ("1000", "3000")
        )
        # A larger shop spends more.
        if feed != "marketing_spend":
            assert len(small.except_(large)) == 0
        if "customer_id" in SCHEMAS[feed].names:
            mine = "customer_id is not null and cast(customer_id[2:] as int) <= 1000"
            named = small.filter("customer_id is not null")
            assert len(named) == len(large.filter(mine)) > 0
        if SCHEMAS[feed].names[0] == f"{feed[:-1]}_id" and feed not in OF_SHOP:
            ids = large.project(large.columns[0])
            assert len(ids.distinct()) == len(ids)


def test_leaving_feeds_out_changes_no_other(tmp_path: Path) -> None:
    settings = replace(SETTINGS, people_per_batch=300)
    for name, feeds in (("all", FEEDS), ("few", ("orders", "order_lines"))):
        write_shop(settings, 300, tmp_path / name, feeds, [10], lambda *_: None)
    assert len(list((tmp_path / "few").iterdir())) == 2
    for feed in ("orders", "order_lines"):
        name = f"{feed}.parquet"
        written = [(tmp_path / folder / name).read_bytes() for folder in ("all", "few")]
        assert written[0] == written[1]
