-- An order's total is the sum of its parts, and its worth what was sold less what came
-- back; neither side is below zero, and no refund takes a sale below nothing.
select *
from {{ ref('fct_orders') }}
where
    total_amount != goods_amount + shipping_amount + tax_amount + tip_amount
    or amount != sold_amount - returned_amount
    or net_amount != case when is_sale then amount - refunded_amount else 0 end
    or least(sold_amount, returned_amount, undone_amount, refunded_amount) < 0
    or undone_amount > sold_amount
    or refunded_amount > greatest(amount, 0)
