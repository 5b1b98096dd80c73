-- Ranks run from 1 to the number of customers, and no worse rank or decile has a higher
-- lifetime value.
with neighbours as (
    select
        value_rank,
        value_decile,
        lifetime_value,
        lag(value_rank, 1, 0) over by_rank as previous_rank,
        lag(value_decile) over by_rank as previous_decile,
        lag(lifetime_value) over by_rank as previous_value
    from {{ ref('customer_lifetime_value') }}
    window by_rank as (order by value_rank)
)

select * from neighbours
where
    value_rank <> previous_rank + 1
    or value_decile < previous_decile
    or lifetime_value > previous_value
