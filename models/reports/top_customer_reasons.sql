-- One row per customer of top_customers and reason: the three reasons that move the
-- customer's predicted spend most.
with top_customers as (
    select * from {{ ref('top_customers') }}
),

explanations as (
    select * from {{ ref('clv_explanations') }}
),

reasons as (
    select
        explanations.customer_key,
        explanations.reason_rank,
        explanations.reason,
        explanations.reason_label,
        explanations.contribution
    from explanations
    inner join top_customers
        on explanations.customer_key = top_customers.customer_key
    where explanations.reason_rank <= 3
)

select * from reasons
