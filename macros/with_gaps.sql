{#
  What follows from a customer's days: what came back, which days are purchases, and the
  days from one to the next. customer_days says so of all customers, and clv/now.py of one
  whose newest order no build has seen. Histories of one customer differ by a column `scenario`.
#}
{% macro with_gaps(days, scenario=none) -%}
    {%- set keys = ['customer_key', scenario] | select | join(', ') %}
    select
        {{ keys }},
        activity_date,
        orders,
        items,
        purchase_amount,
        cast(purchase_amount - net_amount as decimal(38, 4)) as returned_amount,
        net_amount,
        new_products,
        is_purchase,
        cast(
            case when is_purchase then {{ days_between('previous_date', 'activity_date') }} end
            as integer
        ) as gap_days,
        is_purchase and previous_date is null as is_first_purchase
    from (
        select
            *,
            purchase_amount > 0 as is_purchase,
            lag(activity_date) over (
                partition by {{ keys }}, purchase_amount > 0 order by activity_date
            ) as previous_date
        from {{ days }}
    ) as in_order
{%- endmacro %}
