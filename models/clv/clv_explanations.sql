-- One row per customer and reason: how much the reason adds to the customer's expected
-- spend, in the shop's currency.
{%- set reasons = [
    'baseline', 'how_often', 'how_recently', 'how_much', 'rhythm', 'returns', 'breadth',
    'season', 'channel', 'browsing', 'reviews',
] %}
with contributions as (
    select * from {{ ref('clv_contributions') }}
),

reasons as (
    select * from {{ ref('clv_reasons') }}
),

by_reason as (
    select
        contributions.customer_key,
        contributions.as_of_date,
        contributions.horizon_days,
        reasons.reason,
        reasons.label as reason_label,
        case reasons.reason
            {%- for reason in reasons %}
            when '{{ reason }}' then contributions.{{ reason }}
            {%- endfor %}
        end as contribution,
        contributions.network_version
    from contributions
    cross join reasons
),

ranked as (
    select
        customer_key,
        as_of_date,
        horizon_days,
        reason,
        reason_label,
        contribution,
        case
            when reason <> 'baseline'
                then
                    cast(
                        row_number() over (
                            partition by customer_key, reason = 'baseline'
                            order by abs(contribution) desc, reason asc
                        ) as integer
                    )
        end as reason_rank,
        network_version
    from by_reason
)

select * from ranked
