-- One row per feature: how much it moves predicted spend, over all customers.
with contributions as (
    select * from {{ ref('feature_contributions') }}
),

reasons as (
    select * from {{ ref('clv_reasons') }}
),

weighed as (
    select
        contributions.feature,
        contributions.feature_label,
        contributions.reason,
        reasons.label as reason_label,
        cast(
            row_number() over (
                order by
                    contributions.mean_absolute_contribution desc,
                    contributions.feature asc
            ) as integer
        ) as importance_rank,
        contributions.mean_absolute_contribution,
        coalesce(
            contributions.mean_absolute_contribution
            / nullif(sum(contributions.mean_absolute_contribution) over (
                order by contributions.feature
                rows between unbounded preceding and unbounded following
            ), 0),
            0
        ) as share,
        contributions.mean_contribution,
        contributions.customers,
        contributions.as_of_date,
        contributions.horizon_days,
        contributions.network_version
    from contributions
    inner join reasons on contributions.reason = reasons.reason
)

select * from weighed
