"""The feeds of the made-up shop, and its truths, which no model reads.

models/staging/shop.yml describes the feeds. A truth is not one of them: `truth` has
what each customer will spend on average, `true_effects` what each campaign does to it.
"""

import pyarrow as pa

from clv_warehouse.shop.columns import MONEY, PIECES, TIME

_TEXT, _NUMBER, _DAY, _COUNT = pa.string(), pa.int32(), pa.date32(), pa.int64()

SCHEMAS = {
    feed: pa.schema(columns)
    for feed, columns in {
        "orders": {
            "order_id": _TEXT,
            "customer_id": _TEXT,
            "ordered_at": TIME,
            "status": _TEXT,
            "currency": _TEXT,
            "amount": MONEY,
            "coupon_code": _TEXT,
            "sales_channel": _TEXT,
            "tags": _TEXT,
            "utm_source": _TEXT,
            "utm_medium": _TEXT,
            "utm_campaign": _TEXT,
            "click_id": _TEXT,
        },
        "order_lines": {
            "order_id": _TEXT,
            "line_number": _NUMBER,
            "product_id": _TEXT,
            "quantity": PIECES,
            "unit_price": MONEY,
            "discount": MONEY,
            "line_type": _TEXT,
        },
        "products": {
            "product_id": _TEXT,
            "product_name": _TEXT,
            "category": _TEXT,
            "unit_cost": MONEY,
            "stock": PIECES,
            "launched_at": TIME,
            "withdrawn_at": TIME,
        },
        "customers": {
            "customer_id": _TEXT,
            "email": _TEXT,
            "full_name": _TEXT,
            "phone": _TEXT,
            "country": _TEXT,
            "acquisition_channel": _TEXT,
            "signed_up_at": TIME,
        },
        "events": {
            "event_id": _TEXT,
            "customer_id": _TEXT,
            "session_id": _TEXT,
            "event_type": _TEXT,
            "product_id": _TEXT,
            "occurred_at": TIME,
            "position": _NUMBER,
            "query": _TEXT,
        },
        "reviews": {
            "review_id": _TEXT,
            "order_id": _TEXT,
            "customer_id": _TEXT,
            "product_id": _TEXT,
            "rating": _NUMBER,
            "title": _TEXT,
            "body": _TEXT,
            "written_at": TIME,
        },
        "refunds": {
            "refund_id": _TEXT,
            "order_id": _TEXT,
            "refunded_at": TIME,
            "amount": MONEY,
            "line_number": _NUMBER,
        },
        "marketing_spend": {
            "day": _DAY,
            "channel": _TEXT,
            "campaign_id": _TEXT,
            "amount": MONEY,
            "currency": _TEXT,
            "impressions": _COUNT,
            "clicks": _COUNT,
        },
        "campaigns": {
            "campaign_id": _TEXT,
            "campaign_name": _TEXT,
            "channel": _TEXT,
            "coupon_code": _TEXT,
            "started_at": TIME,
            "ended_at": TIME,
        },
        "campaign_sends": {
            "send_id": _TEXT,
            "campaign_id": _TEXT,
            "customer_id": _TEXT,
            "sent_at": TIME,
            "opened_at": TIME,
            "clicked_at": TIME,
            "cost": MONEY,
        },
        "redemptions": {
            "redemption_id": _TEXT,
            "coupon_code": _TEXT,
            "order_id": _TEXT,
            "customer_id": _TEXT,
            "campaign_id": _TEXT,
            "redeemed_at": TIME,
            "amount": MONEY,
        },
        "experiments": {
            "experiment_id": _TEXT,
            "experiment_name": _TEXT,
            "campaign_id": _TEXT,
            "started_at": TIME,
            "ended_at": TIME,
        },
        "assignments": {
            "experiment_id": _TEXT,
            "customer_id": _TEXT,
            "arm": _TEXT,
            "assigned_at": TIME,
            "exposed_at": TIME,
        },
        "calendar": {"day": _DAY, "name": _TEXT, "kind": _TEXT},
        "subscriptions": {
            "subscription_id": _TEXT,
            "customer_id": _TEXT,
            "plan": _TEXT,
            "amount": MONEY,
            "currency": _TEXT,
            "started_at": TIME,
            "renews_every": _TEXT,
            "ended_at": TIME,
        },
        "consents": {
            "customer_id": _TEXT,
            "purpose": _TEXT,
            "given_at": TIME,
            "withdrawn_at": TIME,
        },
        "product_vectors": {"product_id": _TEXT, "source": _TEXT, "vector": _TEXT},
        "truth": {
            "customer_id": _TEXT,
            "as_of_date": _DAY,
            "horizon_days": _NUMBER,
            "expected_spend": pa.float64(),
        },
        "true_effects": {
            "customer_id": _TEXT,
            "campaign_id": _TEXT,
            "response": _TEXT,
            "spend_without": pa.float64(),
            "effect_of_mail": pa.float64(),
            "effect_of_coupon": pa.float64(),
            "effect_of_postcard": pa.float64(),
        },
    }.items()
}
TRUTHS = ("truth", "true_effects")
# Feeds that are the same for all batches, or know of all people.
OF_SHOP = (
    *("products", "product_vectors", "calendar"),
    *("marketing_spend", "campaigns", "experiments"),
)
