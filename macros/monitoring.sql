{#
  How a figure of today is told from one that has drifted: in figures by windows of four
  weeks, of single days, in distributions, and in forecasts whose horizon is over.
  models/monitoring reads the warehouse with these macros, and `python -m benchmarks
  monitoring` simulated shops, so that the rules have one home.

  Each rule asks two things. Is the change large? Its size is compared with the limits of
  reference.alarm_limits, which no number of rows moves. Is it sure? It must be several
  times its error: that of the sampling, and that of the shop's own past, in which the
  same figure moved without anything being wrong.
#}

{#
  A query of how far the newest window of four weeks is from what its own past lets
  expect. `windows` has by `keys` a row per window, 0 the newest: x, on a scale on which
  changes add up, and v, its sampling variance. Expected is the mean of the three windows
  before, and where there is a year more, that with what the same weeks changed a year
  earlier, or two years on average. Of the two the change counts that is nearer to nothing:
  a figure that moves as it does every year, or that moved months ago and stays, is not
  new. With `by_season`, as for volumes, it is the one against a year earlier, where there
  is one; there the same weeks count half, and the four weeks before and after them a
  quarter each: one year's own noise counts less.

  `natural` are two numbers: by how much such a figure moves in four weeks though nothing
  is wrong, against the windows before and against a year earlier. They count as four
  observations beside what the figure's own past shows, as eight with `by_season`.
#}
{% macro judged_windows(windows, keys, natural, by_season=false) -%}
    {%- set by = 'partition by ' ~ keys | join(', ') ~ ' order by window_number' -%}
    {%- set recent = by ~ ' rows between 1 following and 3 following' -%}
    {%- set weight = 8 if by_season else 4 -%}
    with neighbours as (
        select
            {{ keys | join(', ') }},
            window_number,
            x,
            case when count(*) over ({{ recent }}) = 3 then x - avg(x) over ({{ recent }}) end
                as recent_change,
            v + sum(v) over ({{ recent }}) / 9 as recent_variance
        from {{ windows }}
    ),

    -- What the same weeks changed, by year.
    seasons as (
        select
            *,
            {%- for year in [1, 2] %}
            {%- set then = 'lead(recent_change, ' ~ 13 * year ~ ') over (' ~ by ~ ')' %}
            {%- if by_season %}
            {%- set sides = [] %}
            {%- for side in [-1, 1] %}
            {%- do sides.append(
                'coalesce(lead(recent_change, ' ~ (13 * year + side) ~ ') over (' ~ by ~ '), ' ~ then ~ ')'
            ) %}
            {%- endfor %}
            {{ then }} / 2 + ({{ sides | join(' + ') }}) / 4 as change_{{ year }},
            {%- else %}
            {{ then }} as change_{{ year }},
            {%- endif %}
            {{ '0.375e0 * ' if by_season }}lead(recent_variance, {{ 13 * year }}) over ({{ by }})
                as variance_{{ year }}{{ ',' if not loop.last }}
            {%- endfor %}
        from neighbours
    ),

    changes as (
        select
            {{ keys | join(', ') }},
            window_number,
            x,
            recent_change,
            recent_variance,
            recent_change - case
                when change_2 is not null then (change_1 + change_2) / 2
                else change_1
            end as season_change,
            recent_variance + case
                when change_2 is not null then (variance_1 + variance_2) / 4
                else variance_1
            end as season_variance
        from seasons
    ),

    own_past as (
        select
            {{ keys | join(', ') }},
            count(recent_change) as past_windows,
            (
                coalesce({{ steady_sum('power(recent_change, 2) - recent_variance', 'window_number') }}, 0)
                + {{ weight }} * power({{ natural[0] }}, 2)
            ) / (count(recent_change) + {{ weight }}) as recent_natural,
            (
                coalesce({{ steady_sum('power(season_change, 2) - season_variance', 'window_number') }}, 0)
                + {{ weight }} * power({{ natural[1] }}, 2)
            ) / (count(season_change) + {{ weight }}) as season_natural
        from changes
        where window_number > 0
        group by {{ keys | join(', ') }}
    ),

    in_errors as (
        select
            {% for key in keys %}changes.{{ key }}, {% endfor %}
            changes.x,
            changes.recent_change,
            changes.recent_change / sqrt(
                changes.recent_variance + greatest(own_past.recent_natural, cast(0 as double))
            ) as recent_errors,
            changes.season_change,
            changes.season_change / sqrt(
                changes.season_variance + greatest(own_past.season_natural, cast(0 as double))
            ) as season_errors,
            own_past.past_windows
        from changes
        inner join own_past on {{ same_keys('changes', 'own_past', keys) }}
        where changes.window_number = 0 and own_past.past_windows >= 3
    )

    select
        {{ keys | join(', ') }},
        past_windows,
        season_change is not null as is_seasonal,
        x,
        {% for of in ['change', 'errors'] -%}
        {% if by_season -%}
        coalesce(season_{{ of }}, recent_{{ of }}) as {{ of }}
        {%- else -%}
        {{ nearer_to_nothing('recent_' ~ of, 'season_' ~ of) }} as {{ of }}
        {%- endif %}{{ ',' if not loop.last }}
        {% endfor %}
    from in_errors
{%- endmacro %}

{# Of two changes the one nearer to nothing; nothing where they differ in sign. #}
{% macro nearer_to_nothing(one, other) -%}
    case
        when {{ other }} is null then {{ one }}
        when {{ one }} * {{ other }} <= 0 then cast(0 as double)
        when abs({{ one }}) < abs({{ other }}) then {{ one }}
        else {{ other }}
    end
{%- endmacro %}

{# A condition that two relations agree in all keys. #}
{% macro same_keys(one, other, keys) -%}
    {% for key in keys %}{{ one }}.{{ key }} = {{ other }}.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}

{#
  Shares, judged: `windows` has by keys and window `part` and `whole`, in a row also where
  the part is 0. The change is Cohen's h, the difference of 2 asin(sqrt(share)), whose
  sampling variance is 1 / whole whatever the share: 0.2 is from 0 to 1 %, from 10 to
  17 %, or from 50 to 60 %.
#}
{% macro judged_shares(windows, keys) -%}
    {%- set rows -%}
    (
        select
            *,
            2 * asin(sqrt(least(cast(part as double) / whole, 1e0))) as x,
            1e0 / whole as v
        from {{ windows }}
        where whole > 0
    ) as shares
    {%- endset -%}
    {{ judged_windows(rows, keys, ['0.04e0', '0.04e0']) }}
{%- endmacro %}

{#
  Counts of rows, judged: `days` has by keys a `value` for each `activity_date`, 0 too, and
  its `window_number`. The change is that of the logarithm: -0.36 is a fall by 30 %. Of a
  window counts what each weekday usually has in it, the mean of the middle two of its
  four days, so that a holiday, a sale or a day that is missing is no change of volume.
  Feeds of fewer than ten rows a day are judged by all their rows. What a shop's seasons
  do within its first year, nobody knows: a change against the months before is sure there
  only if it is large.
#}
{% macro judged_volumes(days, keys) -%}
    {%- set names = keys | join(', ') -%}
    {%- set around -%}
        partition by {{ names }} order by window_number rows between current row and 3 following
    {%- endset -%}
    {%- set rows -%}
    (
        select
            {{ names }},
            window_number,
            case
                when avg(value) over (partition by {{ names }}) >= 280 then usual_x
                else ln(value + 0.5e0)
            end as x,
            -- The mean of the middle two of four varies a fifth more than that of all.
            1.2e0 / (greatest(cast(value as double), avg(value) over ({{ around }})) + 0.5e0) as v
        from (
            select
                {{ names }},
                window_number,
                ln(28e0) + {{ steady_sum('low_x + high_x', 'weekday') }} / 14 as usual_x,
                cast(sum(value) as bigint) as value
            from (
                select
                    {{ names }},
                    window_number,
                    weekday,
                    max(case when place = 2 then ln(value + 0.5e0) end) as low_x,
                    max(case when place = 3 then ln(value + 0.5e0) end) as high_x,
                    sum(value) as value,
                    count(*) as days
                from (
                    select
                        *,
                        {{ weekday_of('activity_date') }} as weekday,
                        row_number() over (
                            partition by {{ names }}, window_number, {{ weekday_of('activity_date') }}
                            order by value, activity_date
                        ) as place
                    from {{ days }}
                ) as placed
                group by {{ names }}, window_number, weekday
            ) as by_weekday
            group by {{ names }}, window_number
            having sum(days) = 28
        ) as by_window
    ) as volumes
    {%- endset -%}
    {{ judged_windows(rows, keys, ['0.3e0', '0.05e0'], true) }}
{%- endmacro %}

{# The number of a day's weekday, 0 for Monday. #}
{% macro weekday_of(day) -%}
    mod({{ days_between("cast('1970-01-05' as date)", day) }}, 7)
{%- endmacro %}

{#
  Means of logarithms of amounts, judged: `windows` has by keys and window the sum `total`
  of the logarithms, the sum `squares` of their squares, and their number `whole`. A change
  of 4.6 is a factor of 100.
#}
{% macro judged_levels(windows, keys) -%}
    {%- set rows -%}
    (
        select
            *,
            total / whole as x,
            greatest(squares / whole - power(total / whole, 2), 1e-6) / whole as v
        from {{ windows }}
        where whole > 0
    ) as levels
    {%- endset -%}
    {{ judged_windows(rows, keys, ['0.05e0', '0.03e0']) }}
{%- endmacro %}

{#
  Single days, judged: `days` has by keys a `value` for each `activity_date`, 0 too. The
  share of a day that is missing, against the mean of the same weekday in the eight weeks
  before, for the last 28 days. Where a day of the year before was as low, as on a
  holiday, nothing is missing. Days of fewer than ten expected rows say nothing.
#}
{% macro judged_days(days, keys) -%}
    with weekdays as (
        select
            *,
            {{ weekday_of('activity_date') }} as weekday,
            max(activity_date) over (partition by {{ keys | join(', ') }}) as last_date
        from {{ days }}
    ),

    expected as (
        select
            *,
            avg(value) over (
                partition by {{ keys | join(', ') }}, weekday order by activity_date
                rows between 8 preceding and 1 preceding
            ) as expected
        from weekdays
    ),

    in_shares as (
        select
            *,
            value / expected as share_there,
            {{ days_between('activity_date', 'last_date') }} as days_ago
        from expected
        where expected >= 10
    ),

    own_past as (
        select
            {{ keys | join(', ') }},
            min(share_there) as lowest
        from in_shares
        where days_ago between 28 and 400
        group by {{ keys | join(', ') }}
    )

    select
        {% for key in keys %}in_shares.{{ key }}, {% endfor %}
        in_shares.activity_date,
        in_shares.value,
        in_shares.expected,
        case
            when coalesce(own_past.lowest, 1) <= in_shares.share_there + 0.05e0 then 0e0
            else in_shares.share_there - 1
        end as change,
        (in_shares.value - in_shares.expected) / sqrt(in_shares.expected * 9 / 8) as errors
    from in_shares
    left join own_past on {{ same_keys('in_shares', 'own_past', keys) }}
    where in_shares.days_ago < 28
{%- endmacro %}

{#
  How far two distributions are apart: `bins` has by keys and bin the rows `now_rows` and
  `before_rows`. PSI, the population stability index, is the sum over bins of the
  difference of the two shares times that of their logarithms; KS, of Kolmogorov and
  Smirnov, the greatest distance of the two cumulated shares at an edge of a bin. Two
  samples of one distribution are apart too, by (bins - 1) (1 / n + 1 / m) and by 0.87
  sqrt(1 / n + 1 / m) on average. That is taken off, so that the sizes do not depend on
  the number of rows.
#}
{% macro drift_sizes(bins, keys) -%}
    with shares as (
        select
            *,
            count(*) over (partition by {{ keys | join(', ') }}) as bin_count,
            cast(sum(now_rows) over (partition by {{ keys | join(', ') }}) as double) as n,
            cast(sum(before_rows) over (partition by {{ keys | join(', ') }}) as double) as m,
            sum(now_rows) over (
                partition by {{ keys | join(', ') }} order by bin
            ) as now_until,
            sum(before_rows) over (
                partition by {{ keys | join(', ') }} order by bin
            ) as before_until
        from {{ bins }}
    ),

    apart as (
        select
            {{ keys | join(', ') }},
            cast(max(n) as bigint) as now_rows,
            cast(max(m) as bigint) as before_rows,
            max((bin_count - 1) * (1 / n + 1 / m)) as psi_of_samples,
            max(0.8687e0 * sqrt(1 / n + 1 / m)) as ks_of_samples,
            {{ steady_sum(
                '((now_rows + 0.5e0) / (n + 0.5e0 * bin_count)'
                ~ ' - (before_rows + 0.5e0) / (m + 0.5e0 * bin_count))'
                ~ ' * (ln((now_rows + 0.5e0) / (n + 0.5e0 * bin_count))'
                ~ ' - ln((before_rows + 0.5e0) / (m + 0.5e0 * bin_count)))',
                'bin'
            ) }} as psi,
            max(abs(now_until / n - before_until / m)) as ks
        from shares
        where n > 0 and m > 0
        group by {{ keys | join(', ') }}
    )

    select
        *,
        greatest(psi - psi_of_samples, cast(0 as double)) as psi_size,
        greatest(ks - ks_of_samples, cast(0 as double)) as ks_size
    from apart
{%- endmacro %}

{#
  Drifts, judged: `drifts` are those of drift_sizes by keys and pair_number, where pair 0
  compares today with what was learned from, and others compare dates before with each
  other in the same way. A feature that drifts as much from every date to the next, as the
  age of customers does, has not left what the network knows: the mean of the six pairs
  before and their standard deviation are taken off, and 0.1 if they are fewer than three.
#}
{% macro judged_drifts(drifts, keys) -%}
    with moments as (
        select
            {{ keys | join(', ') }},
            count(*) as past_pairs,
            {{ steady_mean('psi_size', 'pair_number') }} as psi_mean,
            {{ steady_mean('psi_size * psi_size', 'pair_number') }} as psi_square,
            {{ steady_mean('ks_size', 'pair_number') }} as ks_mean,
            {{ steady_mean('ks_size * ks_size', 'pair_number') }} as ks_square
        from {{ drifts }}
        where pair_number between 1 and 6
        group by {{ keys | join(', ') }}
    ),

    own_past as (
        select
            drifts.*,
            coalesce(moments.past_pairs, 0) as past_pairs,
            {%- for of in ['psi', 'ks'] %}
            greatest(
                coalesce(
                    moments.{{ of }}_mean + sqrt(greatest(
                        moments.{{ of }}_square - moments.{{ of }}_mean * moments.{{ of }}_mean,
                        cast(0 as double)
                    )),
                    0
                ),
                case when coalesce(moments.past_pairs, 0) < 3 then 0.1e0 else 0e0 end
            ) as usual_{{ of }}{{ ',' if not loop.last }}
            {%- endfor %}
        from {{ drifts }} as drifts
        left join moments on {{ same_keys('drifts', 'moments', keys) }}
        where drifts.pair_number = 0
    )

    select
        {{ keys | join(', ') }},
        now_rows,
        before_rows,
        psi,
        ks,
        past_pairs,
        usual_psi,
        usual_ks,
        greatest(psi_size - usual_psi, cast(0 as double)) as psi_size,
        greatest(ks_size - usual_ks, cast(0 as double)) as ks_size
    from own_past
{%- endmacro %}

{#
  How large a drift is, on the scale of PSI: the larger one of PSI and what KS would be
  there. A normal variable that moves by d standard deviations has a PSI of d squared and
  a KS of 0.4 d. PSI is never less than four times the square of KS, so that this is at
  most 1.6 times PSI: KS says more of a whole distribution that has moved, and less of new
  values.
#}
{% macro drift_size(psi_size, ks_size) -%}
    greatest({{ psi_size }}, 6.283185307179586e0 * {{ ks_size }} * {{ ks_size }})
{%- endmacro %}

{# From so many rows on, on both sides, a drift is judged. #}
{% macro least_drift_rows() -%}
    200
{%- endmacro %}

{#
  The severity of a change: stop, warn, say, or null where there is nothing to say.
  `limits` has the columns say_at, warn_at, stop_at, each null where the check never says
  so, and sure_at, the number of its errors that a change must have.
#}
{% macro severity_of(size, errors, limits='limits') -%}
    case
        when abs({{ errors }}) < {{ limits }}.sure_at then null
        when {{ size }} >= {{ limits }}.stop_at then 'stop'
        when {{ size }} >= {{ limits }}.warn_at then 'warn'
        when {{ size }} >= {{ limits }}.say_at then 'say'
    end
{%- endmacro %}

{# The number of the window of four weeks that a day is in, 0 for the newest. #}
{% macro window_number(day, last_day) -%}
    cast(floor({{ days_between(day, last_day) }} / 28) as integer)
{%- endmacro %}

{# The share that has a place on the scale of Cohen's h. #}
{% macro cohen_share(x) -%}
    power(sin(least(greatest({{ x }}, cast(0 as double)), 3.14159265358979e0) / 2), 2)
{%- endmacro %}

{# A number without decimal places, as text. #}
{% macro whole_text(number) -%}
    cast(cast(round({{ number }}) as bigint) as string)
{%- endmacro %}

{# A share as text, in percent with one decimal place. #}
{% macro figure_text(share) -%}
    cast(cast(100 * ({{ share }}) as decimal(9, 1)) as string) || ' %'
{%- endmacro %}

{# A query of reference.alarm_limits, multiplied by what var alarm_limits sets. #}
{% macro alarm_limits() -%}
    select
        check_name,
        {%- for level in ['say', 'warn', 'stop'] %}
        cast({{ level }}_at as double) * factor as {{ level }}_at,
        {%- endfor %}
        cast(sure_at as double) as sure_at,
        retrains,
        owner,
        look_at,
        what_to_do
    from (
        select
            *,
            case check_name
                when '' then 1e0
                {%- for name, factor in setting('alarm_limits').items() %}
                when '{{ name }}' then cast({{ factor }} as double)
                {%- endfor %}
                else 1e0
            end as factor
        from {{ ref('alarm_limits') }}
    ) as limits_of_table
{%- endmacro %}

{#
  A query of all judged figures of data quality, by keys: figure and what was expected,
  size, and errors. It reads the relations judged_shares, judged_volumes, judged_levels and
  judged_days. Of what should not be, such as missing values, more is an alarm and less is
  none; a day of too many rows is found by its repeats.
#}
{% macro quality_sizes(keys) -%}
    {%- set names = keys | join(', ') -%}
    select
        {{ names }},
        cast(null as date) as activity_date,
        {{ cohen_share('x') }} as figure,
        {{ cohen_share('x - change') }} as expected,
        case when check_name in ('groups', 'statuses', 'distinct_values') then abs(change) else change end as size,
        errors
    from judged_shares
    {%- for relation in ['judged_volumes', 'judged_levels'] %}
    union all
    select
        {{ names }},
        cast(null as date) as activity_date,
        exp(x) as figure,
        exp(x - change) as expected,
        abs(change) as size,
        errors
    from {{ relation }}
    {%- endfor %}
    union all
    select
        {{ names }},
        activity_date,
        cast(value as double) as figure,
        cast(expected as double) as expected,
        cast(0 - change as double) as size,
        errors
    from judged_days
{%- endmacro %}

{# About how many customers, always the same ones, drifts are judged on. #}
{% macro watched_customers() -%}
    4000
{%- endmacro %}

{# The features that the network reads whose drift is watched: those with one value. #}
{% macro watched_features() -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for column in graph.nodes['model.' ~ project_name ~ '.customer_features'].columns.values() -%}
            {%- set meta = column.config.meta -%}
            {%- if meta.reason and not column.data_type.endswith('[]') -%}
                {%- do found.append({
                    'name': column.name, 'label': meta.label,
                    'is_category': column.data_type == 'varchar',
                }) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {%- do found.append({'name': 'frequency', 'label': '', 'is_category': false}) -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{# A query of a row per feature and row of customer_features: a number, or a category. #}
{% macro feature_values(features, columns) -%}
    {%- for feature in watched_features() %}
    select
        {%- for column in columns %}
        {{ column }},
        {%- endfor %}
        '{{ feature.name }}' as feature,
        customer_key,
        as_of_date,
        {{ 'cast(null as double)' if feature.is_category else 'cast(' ~ feature.name ~ ' as double)' }} as value,
        {{ feature.name if feature.is_category else 'cast(null as string)' }} as category
    from {{ features }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# A query of a row per feature: the edges of its bins as columns low_1 to low_9. #}
{% macro edges_of(tops, bin, top) -%}
    select
        feature
        {%- for number in range(1, 10) %},
        max(case when cast({{ bin }} as string) = '{{ number }}' then {{ top }} end) as low_{{ number }}
        {%- endfor %}
    from {{ tops }}
    group by feature
{%- endmacro %}

{#
  The bin of a value: the number of the last edge that it exceeds, 0 below all. Of a
  category it is the category itself, and `none` of what is not known.
#}
{% macro bin_of(given, edges) -%}
    case
        when {{ given }}.category is not null then {{ given }}.category
        when {{ given }}.value is null then 'none'
        {%- for number in range(9, 0, -1) %}
        when {{ given }}.value > {{ edges }}.low_{{ number }} then '{{ number }}'
        {%- endfor %}
        else '0'
    end
{%- endmacro %}

{#
  A query of the dates that are compared with each other: pair 0 is that of the scoring
  date, and the others are of the dates before. A date is compared with that of the same
  season a year before, give or take 20 days. A shop that has none for its scoring date
  compares each date with the last one three weeks before or more.
#}
{% macro pairs_of_dates(binned, scoring) -%}
    with dates as (
        select distinct as_of_date from {{ binned }}
    ),

    candidates as (
        select
            later.as_of_date,
            earlier.as_of_date as compared_with_date,
            abs({{ days_between('earlier.as_of_date', 'later.as_of_date') }} - 364) <= 20
                as is_same_season,
            case
                when abs({{ days_between('earlier.as_of_date', 'later.as_of_date') }} - 364) <= 20
                    then abs({{ days_between('earlier.as_of_date', 'later.as_of_date') }} - 364)
                else {{ days_between('earlier.as_of_date', 'later.as_of_date') }}
            end as days_off
        from dates as later
        cross join dates as earlier
        where {{ days_between('earlier.as_of_date', 'later.as_of_date') }} >= 21
    ),

    told as (
        select candidates.*
        from candidates
        cross join (
            select
                max(case when candidates.is_same_season then 1 else 0 end) = 1 as has_season
            from candidates
            inner join {{ scoring }} on candidates.as_of_date = {{ scoring }}.as_of_date
        ) as kinds
        where candidates.is_same_season = kinds.has_season
    ),

    nearest as (
        select
            *,
            row_number() over (
                partition by as_of_date order by days_off asc, compared_with_date desc
            ) as place
        from told
    )

    select
        nearest.as_of_date,
        nearest.compared_with_date,
        nearest.is_same_season,
        row_number() over (order by nearest.as_of_date desc) - 1 as pair_number
    from nearest
    where nearest.place = 1
{%- endmacro %}

{#
  The error that is expected of a total, as the standard deviation of its logarithm, from
  its range, in which it is in four of five cases; without one, an eighth, as in other
  shops.
#}
{% macro expected_error_of(low, high) -%}
    coalesce(
        ln(cast({{ high }} as double) / nullif(cast({{ low }} as double), 0))
        / (2 * 1.2815515655446e0),
        0.125e0
    )
{%- endmacro %}

{# By how much a total that came differs from what was said, as a logarithm. #}
{% macro total_change(said, came) -%}
    ln(nullif(cast({{ came }} as double), 0) / nullif(cast({{ said }} as double), 0))
{%- endmacro %}

{#
  A total's change in errors. The expected error is itself an estimate, of few past totals:
  0.05 is added to it in squares.
#}
{% macro calibration_errors(change, expected_error) -%}
    {{ change }} / sqrt({{ expected_error }} * {{ expected_error }} + 0.0025e0)
{%- endmacro %}

{# A number with two decimal places, as text. #}
{% macro places_text(number) -%}
    cast(cast({{ number }} as decimal(12, 2)) as string)
{%- endmacro %}

{#
  The error of a coverage in its errors: of sampling, and of what months differ. At the
  quantile of 90 % that is 2 %. At lower ones, of customers most of whom should buy
  nothing, a total that is off by an eighth moves the share by 4 %.
#}
{% macro coverage_errors(error, customers, percent=90) -%}
    {{ error }} / sqrt(
        {{ '0.09e0' if percent == 90 else '0.25e0' }} / {{ customers }}
        + {{ '0.0004e0' if percent == 90 else '0.0016e0' }}
    )
{%- endmacro %}

{#
  In errors, how much less often than in four of five cases totals came within their
  ranges. Totals whose horizons overlap are not told apart: `independent` is how many
  horizons the days from the first to the last one hold.
#}
{% macro held_errors(held_share, independent) -%}
    (0.8e0 - {{ held_share }}) / sqrt(0.16e0 / {{ independent }})
{%- endmacro %}
