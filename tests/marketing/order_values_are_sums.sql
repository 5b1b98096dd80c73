-- What an order was worth is its margin, and more only for a first order of which something
-- was said by what was known before it.
select
    order_id,
    known_until,
    order_margin,
    expected_value
from {{ ref('order_values') }}
where
    expected_value < order_margin - 0.01 and expected_later_spend >= 0
    or expected_value <> order_margin and (not is_new_customer or known_until is null)
    or known_until >= ordered_date
