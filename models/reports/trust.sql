-- One row per question that a reader may have before trusting the forecasts: a verdict in
-- a word, the figures that it rests on, and what would improve it.
with shop as (
    select
        *,
        {{ days_between('first_order_date', 'last_order_date') }} as history_days
    from {{ ref('shop') }}
),

calendar as (
    select count(*) as days from {{ ref('dim_calendar') }}
),

metrics as (
    select * from {{ ref('backtest_metrics') }}
),

-- The longest horizon that judged the model of today's scores.
longest as (
    select max(metrics.horizon_days) as horizon_days
    from metrics
    inner join shop on metrics.model = shop.scoring_model
),

ranking as (
    select
        longest.horizon_days,
        max(
            case
                when metrics.model = shop.scoring_model and metrics.measure = 'normalised_gini'
                    then metrics.value
            end
        ) as gini,
        max(
            case
                when
                    metrics.model in ('last_year_rate', 'past_spend')
                    and metrics.measure = 'normalised_gini'
                    then metrics.value
            end
        ) as simple_gini,
        max(
            case
                when
                    metrics.model = shop.scoring_model
                    and metrics.measure = 'top_decile_capture'
                    then metrics.value
            end
        ) as captured
    from longest
    cross join shop
    left join metrics on longest.horizon_days = metrics.horizon_days
    group by longest.horizon_days
),

ranges as (
    select max(abs(metrics.value)) as most_off
    from metrics
    inner join shop on metrics.model = shop.scoring_model
    where metrics.measure in ('coverage_error_p50', 'coverage_error_p90')
),

totals as (
    select
        expected_totals.*,
        expected_totals.high_spend / nullif(expected_totals.expected_spend, 0) as factor
    from {{ ref('expected_totals') }} as expected_totals
    inner join shop on expected_totals.horizon_days = shop.longest_horizon_days
),

verdicts as (
    select
        1 as place,
        'ranking' as question,
        'Who will be worth more than whom?' as label,
        case
            when ranking.gini is null then 'too young to say'
            when ranking.gini < 0.3 then 'poor'
            when ranking.gini < coalesce(ranking.simple_gini, 0) - 0.005 then 'fair'
            else 'good'
        end as verdict,
        case
            when ranking.gini is null
                then 'No forecast of the model that scores could be judged yet.'
            else
                'The tenth of the customers with the highest forecasts brought '
                || {{ percent_text('ranking.captured') }} || ' of what was spent in the '
                || cast(ranking.horizon_days as string) || ' days after.'
                || ' The order scores '
                || cast(cast(ranking.gini as decimal(4, 2)) as string)
                || ' of 1'
                || coalesce(
                    ', by past spend alone '
                    || cast(cast(ranking.simple_gini as decimal(4, 2)) as string),
                    ''
                ) || '.'
        end as statement,
        case
            when ranking.gini is null
                then
                    'A longer history: enough to learn from, and a whole horizon after it'
                    || ' to judge by. A shorter one in var horizons is judged sooner.'
            when shop.customers < 1000 then 'More customers to learn from.'
            else 'Feeds that tell customers apart: events, reviews, campaigns.'
        end as would_help
    from ranking
    cross join shop

    union all

    select
        2 as place,
        'totals' as question,
        'How much will all of them spend?' as label,
        case
            when totals.past_forecasts is null or totals.past_forecasts < 3
                then 'too young to say'
            when totals.factor <= 1.25 then 'good'
            when totals.factor <= 1.6 then 'fair'
            else 'poor'
        end as verdict,
        case
            when totals.factor is null then 'No past total has been looked at yet.'
            else
                'In four cases of five the total of '
                || cast(shop.longest_horizon_days as string) || ' days lies between '
                || {{ percent_text('1 - 1 / totals.factor') }} || ' below and '
                || {{ percent_text('totals.factor - 1') }} || ' above the forecast.'
                || case
                    when totals.past_forecasts = 0
                        then ' That is what other shops had; none of this shop is over.'
                    when totals.past_errors = 'always too high'
                        then
                            ' All ' || cast(totals.past_forecasts as string)
                            || ' past forecasts were too high, by '
                            || {{ percent_text('totals.lowest_error') }} || ' to '
                            || {{ percent_text('totals.highest_error') }} || '.'
                    when totals.past_errors = 'always too low'
                        then
                            ' All ' || cast(totals.past_forecasts as string)
                            || ' past forecasts were too low, by '
                            || {{ percent_text('-totals.highest_error') }} || ' to '
                            || {{ percent_text('-totals.lowest_error') }} || '.'
                    else
                        ' It rests on '
                        || {{ counted('totals.past_forecasts', 'past forecast') }} || '.'
                end
        end as statement,
        case
            when shop.history_days < shop.longest_horizon_days + 730
                then 'A longer history, in which each season is seen at least twice'
            else 'A plan of what will change'
        end
        || case
            when calendar.days = 0
                then ', and the feed calendar with past and planned sales days.'
            else '.'
        end as would_help
    from shop
    cross join calendar
    left join totals on shop.longest_horizon_days = totals.horizon_days

    union all

    select
        3 as place,
        'ranges' as question,
        'How far may a customer differ from the forecast?' as label,
        case
            when ranges.most_off is null then 'too young to say'
            when ranges.most_off <= 0.03 then 'good'
            when ranges.most_off <= 0.08 then 'fair'
            else 'poor'
        end as verdict,
        case
            when ranges.most_off is null then 'No range could be judged yet.'
            else
                'The median and the "at most, in nine cases of ten" of customers held for'
                || ' as many as they should, give or take '
                || {{ percent_text('ranges.most_off') }} || ' of the customers.'
        end as statement,
        'A longer history: ranges are set by what came of earlier forecasts.' as would_help
    from ranges

    union all

    select
        4 as place,
        'value' as question,
        'What is left of the spend?' as label,
        case
            when shop.margin_known_share >= 0.8 then 'good'
            when shop.margin_known_share >= 0.3 then 'fair'
            else 'poor'
        end as verdict,
        case
            when coalesce(shop.margin_known_share, 0) = 0
                then 'No costs are known: the margin is an assumption (var margin).'
            else
                'The costs of ' || {{ percent_text('shop.margin_known_share') }}
                || ' of the spend are known.'
        end
        || case
            when shop.extrapolated_share > 0
                then
                    ' Of lifetime value ' || {{ percent_text('shop.extrapolated_share') }}
                    || ' lies after the longest forecast and is extrapolated.'
            else ''
        end as statement,
        'Costs of products (column unit_cost of the feed products).' as would_help
    from shop
)

select
    place,
    question,
    label,
    verdict,
    statement,
    case when verdict != 'good' then would_help end as would_help
from verdicts
