-- One row per experiment, arm that is no control, and measure: the effect and the verdict in
-- words. The twenty experiments that began last; hold-outs have a table of their own.
with experiments as (
    select
        *,
        row_number() over (
            order by started_date desc nulls last, experiment_id asc
        ) as place
    from {{ ref('experiments') }}
    where not is_hold_out
)

select
    cast(experiments.place as integer) as place,
    experiments.experiment_id,
    coalesce(experiments.experiment_name, experiments.experiment_id) as experiment_name,
    experiments.campaign_id,
    results.arm,
    results.control_arm,
    results.started_date,
    results.ended_date,
    results.is_over,
    results.metric,
    results.customers,
    results.control_customers,
    results.excluded_customers,
    results.mean,
    results.control_mean,
    results.effect,
    case when results.is_over then results.effect_low else results.always_low end as effect_low,
    case when results.is_over then results.effect_high else results.always_high end
        as effect_high,
    results.verdict,
    results.verdict_text,
    results.ratio_p_value,
    case
        when results.verdict = 'arms not as planned' then 'not as planned'
        when
            results.ratio_p_value is null
            or results.verdict in ('not started', 'one arm only', 'an arm with nobody')
            then 'not known'
        else 'as planned'
    end as ratio_verdict
from experiments
inner join {{ ref('experiment_results') }} as results
    on experiments.experiment_id = results.experiment_id
where
    experiments.place <= 20
    and results.segment_kind = 'all'
    and results.metric in ('conversion', 'capped_spend', 'margin')
