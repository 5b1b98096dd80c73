-- One row per customer at the scoring date: when the next order is expected, and the
-- chances that none comes within the customer's own usual time and within active_days.
{%- set horizons = [0] + (setting('horizons') | sort) %}
with predictions as (
    select * from {{ ref('clv_predictions') }}
),

features as (
    select * from {{ ref('customer_features') }}
),

-- Only customers who buy at a rhythm have a day of their own. It is that of the prior, so it
-- counts as far as their chances agree.
days_of_rhythm as (
    select
        customer_key,
        next_order_days
    from {{ ref('clv_scores') }}
    where is_longest_horizon and next_order_days is not null
),

-- A chance of exactly 1 has no logarithm.
chances as (
    select
        customer_key,
        as_of_date,
        max(case when is_longest_horizon then chance_of_buying end) as chance_of_buying,
        {%- for horizon in horizons[1:] %}
        max(
            case
                when horizon_days = {{ horizon }}
                    then -ln(1 - least(chance_of_buying, 1 - 1e-9))
            end
        ) as quiet_{{ horizon }},
        {%- endfor %}
        0e0 as quiet_0
    from predictions
    group by
        customer_key,
        as_of_date
),

rhythms as (
    select
        chances.*,
        features.recency_days,
        cast(features.tenure_days - features.recency_days as double) as span_days,
        features.frequency,
        {{ patience_days(
            'features.first_purchase_date',
            'features.last_purchase_date',
            'features.frequency',
        ) }} as patience_days,
        -ln(1 - least(chances.chance_of_buying, 1 - 1e-9) / 2) as quiet_at_half
    from chances
    inner join features
        on
            chances.customer_key = features.customer_key
            and chances.as_of_date = features.as_of_date
),

-- Each customer who came back counts once, however many orders they made.
shop as (
    select
        cast(
            sum(cast({{ rounded('span_days / (frequency - 1)', 4) }} as decimal(38, 4)))
            as double
        ) / count(*) as usual_gap_days
    from rhythms
    where frequency > 1
),

timed as (
    select
        rhythms.*,
        days_of_rhythm.next_order_days as days_of_rhythm,
        -- Half of the chance comes after so many days, and by so many.
        {%- for name, sides in {'half_after': horizons[1:], 'half_by': horizons[:-1]}.items() %}
        0
        {%- for side in sides %}
        + case
            when rhythms.quiet_at_half > rhythms.quiet_{{ side }}
                then {{ horizons[loop.index] - horizons[loop.index0] }}
            else 0
        end
        {%- endfor %} as {{ name }},
        {%- endfor %}
        (rhythms.span_days + 3 * shop.usual_gap_days) / (rhythms.frequency + 2)
            as usual_gap_days,
        {%- for end in horizons[1:] %}
        {%- set start = horizons[loop.index0] %}
        {{ '+ ' if not loop.first -}}
        {{ end - start }} * case
            when rhythms.quiet_at_half >= rhythms.quiet_{{ end }} then 1e0
            when rhythms.quiet_at_half <= rhythms.quiet_{{ start }} then 0e0
            else
                (rhythms.quiet_at_half - rhythms.quiet_{{ start }})
                / (rhythms.quiet_{{ end }} - rhythms.quiet_{{ start }})
        end
        {%- endfor %} as next_order_days,
        exp(-({{ quiet_after('rhythms.patience_days') }})) as churn_risk,
        {%- for days in [30, 91, 182, 365] %}
        exp(-({{ quiet_after(days) }})) as churn_risk_{{ days }}d,
        {%- endfor %}
        exp(-({{ quiet_after(setting('active_days')) }})) as churn_risk_active_days
    from rhythms
    cross join shop
    left join days_of_rhythm on rhythms.customer_key = days_of_rhythm.customer_key
),

agreed as (
    select
        *,
        case
            when days_of_rhythm is not null
                then least(greatest(ceil(days_of_rhythm), half_after + 1), half_by)
        end as days_by_rhythm
    from timed
)

select
    customer_key,
    as_of_date,
    usual_gap_days,
    patience_days,
    case
        when chance_of_buying >= 0.5
            then
                {{ plus_days(
                    'as_of_date',
                    'cast(greatest(1, coalesce(days_by_rhythm, ceil(next_order_days))) as integer)',
                ) }}
    end as next_order_date,
    churn_risk,
    churn_risk_active_days,
    churn_risk_30d,
    churn_risk_91d,
    churn_risk_182d,
    churn_risk_365d,
    case
        when churn_risk < 1e0 / 3 then 'low'
        when churn_risk < 2e0 / 3 then 'middle'
        else 'high'
    end as churn_risk_level
from agreed
