-- All customers together have brought what their goods left after cost, and the margin of
-- all other spend; half a cent a customer allows for rounding.
with brought as (
    select
        count(*) as customers,
        sum(past_spend) as past_spend,
        sum(historic_value) as historic_value
    from {{ ref('customer_lifetime_value') }}
),

known as (
    select
        coalesce(sum(margins.known_spend), 0) as spend,
        coalesce(sum(margins.known_cost), 0) as cost
    from {{ ref('monthly_margins') }} as margins
    inner join {{ ref('customer_lifetime_value') }} as customers
        on margins.customer_key = customers.customer_key
)

select *
from brought
cross join known
where
    abs(
        cast(brought.historic_value as double)
        - cast(known.spend - known.cost as double)
        - cast(brought.past_spend - known.spend as double) * {{ setting('margin') }}
    ) > 0.01 * (brought.customers + 1)
