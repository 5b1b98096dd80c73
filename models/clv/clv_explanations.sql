-- One row per customer and reason: how much the reason adds to the customer's expected
-- spend, in the shop's currency.
with contributions as (
    select * from {{ ref('clv_contributions') }}
),

reasons as (
    select * from {{ ref('clv_reasons') }}
),

labelled as (
    select
        contributions.*,
        reasons.label as reason_label
    from contributions
    inner join reasons on contributions.reason = reasons.reason
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
    from labelled
)

select * from ranked
