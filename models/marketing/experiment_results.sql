{%- set keys = ['experiment_id', 'metric', 'segment_kind', 'segment'] %}
{%- set metrics = {
    'conversion': ['case when orders > 0 then 1 else 0 end', '1'],
    'orders': ['orders', '1'],
    'spend': ['spend', '1'],
    'capped_spend': ['least(greatest(spend, lowest), highest)', '1'],
    'margin': ['margin', '1'],
    'return_rate': ['returned_amount', 'bought_amount'],
    'later_value': ['later_value', '1'],
} %}
{%- set quantiles = {'spend_p50': '0.5e0', 'spend_p90': '0.9e0', 'spend_p99': '0.99e0'} %}
{%- set segment_kinds = ['country', 'acquisition_channel', 'history'] %}
-- One row per experiment, arm that is no control, metric and segment: the arm's effect, how
-- sure it is, and the verdict.
with experiments as (
    select * from {{ ref('experiments') }}
),

scoring as (
    select as_of_date from {{ ref('as_of_dates') }}
    where is_scoring_date
),

-- Spend has a heavy tail: of those who spent something, the lowest and the highest
-- hundredth are capped for capped_spend, at the same sums in all arms.
placed as (
    select
        *,
        row_number() over (
            partition by experiment_id, spend != 0 order by spend asc, customer_key asc
        ) as place,
        count(*) over (partition by experiment_id, spend != 0) as customers
    from {{ ref('experiment_outcomes') }}
),

caps as (
    select
        experiment_id,
        min(case when place >= customers * 0.01 then spend end) as lowest,
        max(case when place <= ceil(customers * 0.99) then spend end) as highest
    from placed
    where spend != 0
    group by experiment_id
),

outcomes as (
    select
        placed.experiment_id,
        placed.arm,
        placed.is_control,
        placed.orders,
        placed.spend,
        placed.margin,
        placed.bought_amount,
        placed.returned_amount,
        placed.later_value,
        least(coalesce(caps.lowest, 0), 0) as lowest,
        coalesce(caps.highest, 0) as highest,
        coalesce(placed.country, 'unknown') as country,
        coalesce(placed.acquisition_channel, 'unknown') as acquisition_channel,
        case when placed.has_history then 'has bought before' else 'had not bought' end
            as history,
        coalesce(placed.forecast_spend, placed.past_spend) as covariate,
        case
            when placed.covariate != 'none' then placed.covariate
            else
                coalesce(placed.acquisition_channel, 'unknown')
                || ' / ' || coalesce(placed.country, 'unknown')
        end as stratum,
        case when placed.covariate = 'forecast' then 1 else 0 end as is_forecast,
        placed.last_date
    from placed
    left join caps on placed.experiment_id = caps.experiment_id
),

told as (
    select
        experiment_id,
        sum(is_forecast) as forecast_customers,
        count(*) as customers,
        max(last_date) as last_date
    from outcomes
    group by experiment_id
),

customer_values as (
    {% for metric, (value, divisor) in metrics.items() -%}
    select
        experiment_id,
        '{{ metric }}' as metric,
        {{ segment_kinds | join(', ') }},
        arm,
        is_control,
        stratum,
        cast({{ value }} as decimal(18, 4)) as value,
        cast({{ divisor }} as decimal(18, 4)) as divisor,
        cast(covariate as decimal(18, 4)) as covariate
    from outcomes
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

moments as (
    {{ moments_of_arms(
        'customer_values', ['experiment_id', 'metric'] + segment_kinds
    ) | indent(4) }}
),

segment_moments as (
    {% for kind in ['all'] + segment_kinds -%}
    select
        experiment_id,
        metric,
        '{{ kind }}' as segment_kind,
        {{ "'all'" if kind == 'all' else kind }} as segment,
        arm,
        is_control,
        stratum,
        {{ summed_moments() }}
    from moments
    group by
        experiment_id,
        metric,
        {% if kind != 'all' -%}
        {{ kind }},
        {% endif -%}
        arm,
        is_control,
        stratum
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

spends as (
    select
        experiment_id,
        'all' as segment_kind,
        'all' as segment,
        arm,
        is_control,
        spend as value
    from outcomes
),

{% for metric, share in quantiles.items() -%}
{{ metric }} as (
    {{ quantile_effects(
        'spends', ['experiment_id', 'segment_kind', 'segment'], share
    ) | indent(4) }}
),

{% endfor -%}
mean_effects as (
    {{ effects_of_arms('segment_moments', keys) | indent(4) }}
),

{% set measured = [
    'arm', 'customers', 'control_customers', 'fewest_nonzero', 'mean', 'control_mean',
    'plain_effect', 'plain_error', 'effect', 'standard_error', 'variance_reduction',
    'relative_effect', 'relative_error',
] -%}
effects as (
    select
        {{ (keys + measured) | join(', ') }}
    from mean_effects
    {% for metric in quantiles -%}
    union all
    select
        experiment_id,
        '{{ metric }}' as metric,
        segment_kind,
        segment,
        {{ measured | join(', ') }}
    from {{ metric }}
    {% endfor %}
),

judged as (
    {{ judged_effects('effects', keys) | indent(4) }}
),

-- Who looks at twenty segments finds one by chance. Holm's correction keeps the chance of
-- any false find among the segments of a kind and the arms at 5 %, however they hang
-- together.
counted as (
    select
        *,
        count(p_value) over family as tests,
        row_number() over (
            partition by experiment_id, metric, segment_kind
            order by p_value asc nulls last, segment asc, arm asc
        ) as place
    from judged
    window family as (partition by experiment_id, metric, segment_kind)
),

corrected as (
    select
        *,
        case
            when p_value is not null
                then max(least(1e0, p_value * (tests - place + 1))) over (
                    partition by experiment_id, metric, segment_kind
                    order by place
                    rows between unbounded preceding and current row
                )
        end as corrected_p_value
    from counted
),

arms as (
    select
        experiment_id,
        arm,
        max(case when is_control then 1 else 0 end) = 1 as is_control,
        count(*) as assigned
    from {{ ref('experiment_assignments') }}
    group by experiment_id, arm
),

planned_arms as (
    select
        experiment_id,
        lower(arm) as arm,
        share
    from {{ ref('planned_experiments') }}
),

-- Each experiment has a row per metric and arm that is no control, be there nobody in it.
-- If it has one arm only, that arm stands there.
all_arms as (
    select
        experiment_id,
        arm
    from arms
    union
    select
        experiment_id,
        arm
    from planned_arms
),

expected as (
    select
        experiments.experiment_id,
        experiments.control_arm,
        all_arms.arm,
        experiments.started_date,
        experiments.ended_date,
        count(all_arms.arm) over (partition by experiments.experiment_id) as arms
    from experiments
    left join all_arms on experiments.experiment_id = all_arms.experiment_id
),

frame as (
    {% for metric in (metrics.keys() | list) + (quantiles.keys() | list) -%}
    select
        experiment_id,
        '{{ metric }}' as metric,
        'all' as segment_kind,
        'all' as segment,
        coalesce(arm, 'nobody') as arm
    from expected
    where arms <= 1 or arm != control_arm
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Whether the arms have the customers that were planned: the chance of a difference as
-- large as this one.
ratios as (
    select
        treated.experiment_id,
        treated.arm,
        abs(
            treated.assigned - (treated.assigned + controls.assigned) * cast(
                treated_share.share / (treated_share.share + control_share.share) as double
            )
        ) / sqrt(
            (treated.assigned + controls.assigned)
            * cast(treated_share.share / (treated_share.share + control_share.share) as double)
            * cast(control_share.share / (treated_share.share + control_share.share) as double)
        ) as errors
    from arms as treated
    inner join arms as controls
        on treated.experiment_id = controls.experiment_id and controls.is_control
    inner join planned_arms as treated_share
        on
            treated.experiment_id = treated_share.experiment_id
            and treated.arm = treated_share.arm
    inner join planned_arms as control_share
        on
            controls.experiment_id = control_share.experiment_id
            and controls.arm = control_share.arm
    where not treated.is_control
),

-- Who was in two arms, or was assigned after the end, is counted here and nowhere else.
in_two_arms as (
    select
        experiment_id,
        count(distinct customer_key) as customers
    from {{ ref('checked_assignments') }}
    where rejection_reason = 'two_arms'
    group by experiment_id
),

too_late as (
    select
        experiment_id,
        count(*) as customers
    from {{ ref('experiment_assignments') }}
    where assigned_date > ended_date
    group by experiment_id
),

rows_of_results as (
    select
        coalesce(corrected.experiment_id, frame.experiment_id) as experiment_id,
        coalesce(corrected.metric, frame.metric) as metric,
        coalesce(corrected.segment_kind, frame.segment_kind) as segment_kind,
        coalesce(corrected.segment, frame.segment) as segment,
        coalesce(corrected.arm, frame.arm) as arm,
        corrected.customers,
        corrected.control_customers,
        corrected.mean,
        corrected.control_mean,
        corrected.plain_effect,
        corrected.effect,
        corrected.error,
        corrected.effect_low,
        corrected.effect_high,
        corrected.relative_effect,
        corrected.relative_low,
        corrected.relative_high,
        corrected.p_value,
        corrected.corrected_p_value,
        corrected.always_low,
        corrected.always_high,
        corrected.variance_reduction,
        coalesce(corrected.is_enough, false) as is_enough,
        coalesce(corrected.varies, false) as varies
    from frame
    full outer join corrected
        on
            frame.experiment_id = corrected.experiment_id
            and frame.metric = corrected.metric
            and frame.segment_kind = corrected.segment_kind
            and frame.segment = corrected.segment
            and frame.arm = corrected.arm
),

described as (
    select
        results.*,
        experiments.control_arm,
        experiments.is_hold_out,
        experiments.started_date,
        experiments.ended_date,
        coalesce(experiments.ended_date < scoring.as_of_date, false) as is_over,
        told.customers as experiment_customers,
        told.forecast_customers / cast(told.customers as double) as forecast_share,
        coalesce(in_two_arms.customers, 0) + coalesce(too_late.customers, 0)
            as excluded_customers,
        {{ two_sided_p('ratios.errors') }} as ratio_p_value,
        coalesce(results.customers, 0) > 0 as has_treated,
        coalesce(results.control_customers, 0) > 0 as has_control,
        arms_of.arms,
        case when results.metric = 'return_rate' then 0e0 - results.effect else results.effect end
            as gain,
        case
            -- 2.8016 errors: 1.96 of the test, .8416 for a chance of 80 % to find the effect.
            when results.error > 0 and results.effect != 0
                then
                    (results.customers + results.control_customers) * greatest(
                        0e0,
                        power(2.8016e0 * results.error / results.effect, 2) - 1
                    )
        end as customers_more
    from rows_of_results as results
    inner join experiments on results.experiment_id = experiments.experiment_id
    cross join scoring
    left join told on results.experiment_id = told.experiment_id
    left join (
        select
            experiment_id,
            max(arms) as arms
        from expected
        group by experiment_id
    ) as arms_of on results.experiment_id = arms_of.experiment_id
    left join in_two_arms on results.experiment_id = in_two_arms.experiment_id
    left join too_late on results.experiment_id = too_late.experiment_id
    left join ratios
        on results.experiment_id = ratios.experiment_id and results.arm = ratios.arm
),

-- While an experiment runs, people look at it every day, so the interval that always holds
-- decides; after its end the corrected p-value does.
verdicts as (
    select
        *,
        case
            when experiment_customers is null then 'not started'
            when arms < 2 then 'one arm only'
            when not has_treated or not has_control then 'an arm with nobody'
            when ratio_p_value < 0.001 then 'arms not as planned'
            when not is_enough then 'too few'
            when not varies then 'all alike'
            when
                is_over and corrected_p_value < 0.05
                or not is_over and (always_low > 0 or always_high < 0)
                then case when gain > 0 then 'won' else 'lost' end
            else 'not yet'
        end as verdict
    from described
)

select
    experiment_id,
    arm,
    control_arm,
    metric,
    segment_kind,
    segment,
    verdict,
    case verdict
        when 'won' then 'won: ' || metric || ' is better than in arm ' || control_arm
        when 'lost' then 'lost: ' || metric || ' is worse than in arm ' || control_arm
        when 'not yet'
            then
                case
                    when customers_more < 1e9
                        then
                            'not yet: if the effect is what it looks like, '
                            || cast(cast(ceil(customers_more) as bigint) as string)
                            || ' customers more would show it'
                    else 'not yet: there is no effect to be seen'
                end
        when 'too few'
            then
                'too few: each arm needs {{ least_customers() }} customers, '
                || '{{ least_nonzero() }} of them with something to count'
        when 'all alike' then 'all alike: the metric has no variance'
        when 'arms not as planned'
            then 'arms not as planned: their sizes differ from the shares by more than chance'
        when 'not started' then 'not started: nobody has a day that counts'
        else verdict
    end as verdict_text,
    cast(coalesce(customers, 0) as bigint) as customers,
    cast(coalesce(control_customers, 0) as bigint) as control_customers,
    cast(excluded_customers as bigint) as excluded_customers,
    mean,
    control_mean,
    plain_effect,
    effect,
    effect_low,
    effect_high,
    relative_effect,
    relative_low,
    relative_high,
    p_value,
    corrected_p_value,
    always_low,
    always_high,
    variance_reduction,
    forecast_share,
    ratio_p_value,
    case
        when verdict = 'not yet' and customers_more < 1e9
            then cast(ceil(customers_more) as bigint)
    end
        as customers_more,
    started_date,
    ended_date,
    is_over,
    is_hold_out
from verdicts
where
    {{ is_shown_group('coalesce(customers, 0)') }}
    and {{ is_shown_group('coalesce(control_customers, 0)') }}
