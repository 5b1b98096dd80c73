{#
  How chance assigns customers. A customer's sample point never changes, and a new secret
  key leaves it as it is. Hashed with the experiment's id it is the customer's unit in that
  experiment. Units of two experiments are independent.
#}

{# A customer's unit in an experiment, or in a layer, as 64 hex digits. #}
{% macro experiment_unit(name, sample_point) -%}
    {{ sha256_of(
        name ~ " || ':' || cast(cast(" ~ sample_point ~ " * 268435456 as bigint) as string)"
    ) }}
{%- endmacro %}

{# The number from 0 up to 1 that a unit draws. #}
{% macro unit_draw(unit) -%}
    (cast({{ hex_value("substr(" ~ unit ~ ", 1, 7)") }} as double) / 268435456)
{%- endmacro %}

{#
  What experiments are measured by. The rows of a relation are customers: the keys of a
  comparison, arm, is_control, stratum, value, divisor (1 for a mean) and covariate, which
  was known before the start. moments_of_arms adds them up, effects_of_arms compares arms
  from these sums alone, and judged_effects says how sure each effect is. The sums are of
  decimals, so they are exact, add up over segments, and are the same in every build.
#}

{# Customers, sums, squares and products of an arm's customers, as columns of a select. #}
{% macro moment_columns() -%}
    count(*) as customers,
    sum(case when value != 0 then 1 else 0 end) as nonzero,
    {%- for name, factors in {
        'value_sum': ['value'],
        'divisor_sum': ['divisor'],
        'covariate_sum': ['covariate'],
        'value_squares': ['value', 'value'],
        'divisor_squares': ['divisor', 'divisor'],
        'covariate_squares': ['covariate', 'covariate'],
        'value_divisors': ['value', 'divisor'],
        'value_covariates': ['value', 'covariate'],
        'divisor_covariates': ['divisor', 'covariate'],
    }.items() %}
    sum(
        {%- for factor in factors -%}
        cast({{ factor }} as decimal({{ 18 if loop.first else 19 }}, 4)){{ ' * ' if not loop.last }}
        {%- endfor -%}
    ) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The names of the columns that moment_columns makes, with commas between them. #}
{% macro moment_names() -%}
    customers, nonzero, value_sum, divisor_sum, covariate_sum, value_squares, divisor_squares, covariate_squares, value_divisors, value_covariates, divisor_covariates
{%- endmacro %}

{# Sums of the moments of some groups are those of all of them together. #}
{% macro summed_moments(prefix='') -%}
    {%- for name in moment_names().split(', ') %}
    sum({{ prefix }}{{ name }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# A query of one row per comparison, arm and stratum: the moments of its customers. #}
{% macro moments_of_arms(relation, keys) -%}
    select
        {{ keys | join(', ') }},
        arm,
        is_control,
        stratum,
        {{ moment_columns() }}
    from {{ relation }}
    group by {{ keys | join(', ') }}, arm, is_control, stratum
{%- endmacro %}

{#
  A query of one row per comparison and arm that is no control: its effect, which is its
  mean less the control's, plain and with the variance reduced. `moments` has one row per
  comparison, arm and stratum.

  A ratio of two sums, y over d, is read as a mean by the delta method (Deng, Knoblich and
  Lu 2018): of r + (y - r d) / mean(d) per customer, where r is the arm's ratio. Where the
  divisor is 1, that is y.

  The variance is reduced within strata by CUPED (Deng, Xu, Kohavi and Walker 2013): of each
  customer's value goes theta times the covariate's distance from its mean, where theta is
  the slope within the arms. The strata's effects are averaged by their customers. A stratum
  with fewer than 20 customers in an arm joins the others of its kind; if they are too few
  together, they join the largest.
#}
{% macro effects_of_arms(moments, keys) -%}
    {%- set least = 20 -%}
    {%- set group = keys | join(', ') -%}
    {%- set sides = {'t': 'not is_control_side', 'c': 'is_control_side'} -%}
    {#- The customers of the smaller arm of a stratum. -#}
    {%- set fewest -%}
        least(
            sum(case when is_control_side then customers else 0 end) over one_stratum,
            sum(case when is_control_side then 0 else customers end) over one_stratum
        )
    {%- endset -%}
    with sides as (
        select
            {{ group }},
            arm,
            false as is_control_side,
            stratum,
            {{ moment_names() }}
        from {{ moments }}
        where not is_control
        union all
        select
            {% for key in keys %}controls.{{ key }}, {% endfor %}
            treated.arm,
            true as is_control_side,
            controls.stratum,
            {% for name in moment_names().split(', ') -%}
            controls.{{ name }}{{ ', ' if not loop.last }}
            {%- endfor %}
        from {{ moments }} as controls
        inner join (
            select distinct {{ group }}, arm from {{ moments }}
            where not is_control
        ) as treated
            on {% for key in keys -%}
            controls.{{ key }} = treated.{{ key }}{{ ' and ' if not loop.last }}
            {%- endfor %}
        where controls.is_control
    ),

    sized as (
        select
            *,
            {{ fewest }} as fewest
        from sides
        window one_stratum as (partition by {{ group }}, arm, stratum)
    ),

    joined_small as (
        select
            *,
            case when fewest >= {{ least }} then stratum else 'the rest' end as joined_stratum
        from sized
    ),

    sized_again as (
        select
            *,
            {{ fewest }} as fewest_joined
        from joined_small
        window one_stratum as (partition by {{ group }}, arm, joined_stratum)
    ),

    settled as (
        select
            *,
            case
                when fewest_joined >= {{ least }} then joined_stratum
                else first_value(joined_stratum) over (
                    partition by {{ group }}, arm order by fewest_joined desc, joined_stratum asc
                )
            end as settled_stratum
        from sized_again
    ),

    strata as (
        select
            {{ group }},
            arm,
            settled_stratum,
            {%- for side, condition in sides.items() %}
            {%- for name in moment_names().split(', ') %}
            cast(coalesce(sum(case when {{ condition }} then {{ name }} end), 0) as double)
                as {{ side }}_{{ name }}{{ ',' if not loop.last }}
            {%- endfor %}{{ ',' if not loop.last }}
            {%- endfor %}
        from settled
        group by {{ group }}, arm, settled_stratum
    ),

    totals as (
        select
            *,
            {%- for side in sides %}
            sum({{ side }}_customers) over one_pair as {{ side }}_all,
            sum({{ side }}_nonzero) over one_pair as {{ side }}_all_nonzero,
            sum({{ side }}_value_sum) over one_pair
            / nullif(sum({{ side }}_divisor_sum) over one_pair, 0) as {{ side }}_ratio,
            sum({{ side }}_divisor_sum) over one_pair
            / nullif(sum({{ side }}_customers) over one_pair, 0) as {{ side }}_divisor,
            {%- endfor %}
            (t_customers + c_customers)
            / sum(t_customers + c_customers) over one_pair as weight
        from strata
        window one_pair as (partition by {{ group }}, arm)
    ),

    -- Sums about the mean, of values read as means, within stratum and arm. Where all is
    -- alike, rounding must not leave a variance, or one below zero.
    centred as (
        select
            *,
            {%- for side in sides %}
            {{ side }}_ratio + (
                {{ side }}_value_sum - {{ side }}_ratio * {{ side }}_divisor_sum
            ) / nullif({{ side }}_customers, 0) / {{ side }}_divisor as {{ side }}_mean,
            {{ side }}_covariate_sum / nullif({{ side }}_customers, 0) as {{ side }}_covariate,
            greatest(
                0e0,
                (
                    {{ side }}_value_squares
                    - 2e0 * {{ side }}_ratio * {{ side }}_value_divisors
                    + {{ side }}_ratio * {{ side }}_ratio * {{ side }}_divisor_squares
                    - ({{ side }}_value_sum - {{ side }}_ratio * {{ side }}_divisor_sum)
                    * ({{ side }}_value_sum - {{ side }}_ratio * {{ side }}_divisor_sum)
                    / nullif({{ side }}_customers, 0)
                ) / ({{ side }}_divisor * {{ side }}_divisor)
            ) as {{ side }}_squares,
            (
                {{ side }}_value_covariates
                - {{ side }}_ratio * {{ side }}_divisor_covariates
                - ({{ side }}_value_sum - {{ side }}_ratio * {{ side }}_divisor_sum)
                * {{ side }}_covariate_sum / nullif({{ side }}_customers, 0)
            ) / {{ side }}_divisor as {{ side }}_products,
            greatest(
                0e0,
                {{ side }}_covariate_squares
                - {{ side }}_covariate_sum * {{ side }}_covariate_sum
                / nullif({{ side }}_customers, 0)
            ) as {{ side }}_covariate_spread,
            {%- endfor %}
            (t_covariate_sum + c_covariate_sum) / (t_customers + c_customers) as covariate
        from totals
    ),

    sloped as (
        select
            *,
            case
                when
                    t_covariate_spread + c_covariate_spread
                    > 1e-9 * (t_covariate_squares + c_covariate_squares)
                    then (t_products + c_products) / (t_covariate_spread + c_covariate_spread)
                else 0e0
            end as theta
        from centred
    ),

    -- The plain variance of an arm, from within its strata and between them.
    compared as (
        select
            {{ group }},
            arm,
            {%- for side in sides %}
            max({{ side }}_all) as {{ side }}_customers,
            max({{ side }}_all_nonzero) as {{ side }}_nonzero,
            max({{ side }}_ratio) as {{ side }}_plain_mean,
            sum(
                {{ side }}_squares
                + {{ side }}_customers
                * ({{ side }}_mean - {{ side }}_ratio) * ({{ side }}_mean - {{ side }}_ratio)
            ) / nullif(max({{ side }}_all) - 1, 0) / max({{ side }}_all)
                as {{ side }}_plain_variance,
            sum(weight * ({{ side }}_mean - theta * ({{ side }}_covariate - covariate)))
                as {{ side }}_mean,
            sum(
                weight * weight * greatest(
                    0e0,
                    {{ side }}_squares - 2 * theta * {{ side }}_products
                    + theta * theta * {{ side }}_covariate_spread
                ) / nullif({{ side }}_customers - 1, 0) / {{ side }}_customers
            ) as {{ side }}_variance{{ ',' if not loop.last }}
            {%- endfor %}
        from sloped
        group by {{ group }}, arm
    ),

    sure as (
        select
            *,
            {{ pooled_variance('t_variance', 'c_variance') }} as variance,
            {{ pooled_variance('t_plain_variance', 'c_plain_variance') }} as plain_variance
        from compared
    )

    select
        {{ group }},
        arm,
        t_customers as customers,
        c_customers as control_customers,
        least(t_nonzero, c_nonzero) as fewest_nonzero,
        t_plain_mean as mean,
        c_plain_mean as control_mean,
        t_plain_mean - c_plain_mean as plain_effect,
        sqrt(plain_variance) as plain_error,
        t_mean - c_mean as effect,
        sqrt(variance) as standard_error,
        case when plain_variance > 0 then 1e0 - variance / plain_variance end
            as variance_reduction,
        case when c_mean != 0 then (t_mean - c_mean) / abs(c_mean) end as relative_effect,
        {{ relative_error('t_mean', 'c_mean', 't_variance', 'c_variance', 'variance') }}
            as relative_error
    from sure
{%- endmacro %}

{#
  The variance of an effect, from the variances of the two means: each customer's variance
  is that of both arms together. In arms of one size that is the sum of the two. In a small
  arm of customers with a heavy tail the own variance is too small just where the mean is:
  of 1,800 and 200 customers with lognormal spend, 95 % intervals from the arms' own
  variances hold the truth in 84 %, from the pooled one in 95 % (`python -m benchmarks
  experiments`). An effect of 30 % of the mean makes it 92 to 97 %.
#}
{% macro pooled_variance(treated, control) -%}
    (t_customers * t_customers * {{ treated }} + c_customers * c_customers * {{ control }})
    / (t_customers * c_customers)
{%- endmacro %}

{# The error of the ratio of two means, by the delta method. #}
{% macro relative_error(mean, control_mean, own, control_own, variance) -%}
    case
        when {{ control_mean }} != 0 and {{ own }} + {{ control_own }} > 0
            then
                sqrt(
                    ({{ own }} + {{ mean }} * {{ mean }} / ({{ control_mean }} * {{ control_mean }})
                    * {{ control_own }}) * {{ variance }} / ({{ own }} + {{ control_own }})
                ) / abs({{ control_mean }})
    end
{%- endmacro %}


{#
  A query of one row per comparison and arm: quantile `share` of the values, beside the
  control's. Its variance is read from the width of an interval of order statistics
  (Woodruff 1952): between the ranks n p ± 1.96 sqrt(n p (1 - p)). `relation` has a row
  per customer. The columns are those of effects_of_arms.
#}
{% macro quantile_effects(relation, keys, share) -%}
    {%- set group = keys | join(', ') -%}
    {%- set reach = '1.96e0 * sqrt(customers * ' ~ share ~ ' * (1 - ' ~ share ~ '))' -%}
    with ranked as (
        select
            {{ group }},
            arm,
            is_control,
            cast(value as double) as value,
            cast(row_number() over (
                partition by {{ group }}, arm order by value
            ) as double) as place,
            cast(count(*) over (partition by {{ group }}, arm) as double) as customers,
            cast(sum(case when value != 0 then 1 else 0 end) over (
                partition by {{ group }}, arm
            ) as double) as nonzero
        from {{ relation }}
    ),

    arms as (
        select
            {{ group }},
            arm,
            is_control,
            max(customers) as customers,
            max(nonzero) as nonzero,
            max(case when place = ceil(customers * {{ share }}) then value end) as quantile,
            (
                max(case when place = least(customers, ceil(customers * {{ share }} + {{ reach }}))
                        then value end)
                - max(case when place = greatest(1e0, floor(customers * {{ share }} - {{ reach }}))
                        then value end)
            ) / 3.92e0 as standard_error
        from ranked
        group by {{ group }}, arm, is_control
    ),

    compared as (
        select
            {% for key in keys %}treated.{{ key }}, {% endfor %}
            treated.arm,
            treated.customers as t_customers,
            controls.customers as c_customers,
            least(treated.nonzero, controls.nonzero) as fewest_nonzero,
            treated.quantile as t_quantile,
            controls.quantile as c_quantile,
            treated.standard_error * treated.standard_error as t_variance,
            controls.standard_error * controls.standard_error as c_variance
        from arms as treated
        inner join arms as controls
            on {% for key in keys -%}
            treated.{{ key }} = controls.{{ key }} and {% endfor %} controls.is_control
        where not treated.is_control
    ),

    sure as (
        select
            *,
            {{ pooled_variance('t_variance', 'c_variance') }} as variance
        from compared
    )

    select
        {{ group }},
        arm,
        t_customers as customers,
        c_customers as control_customers,
        fewest_nonzero,
        t_quantile as mean,
        c_quantile as control_mean,
        t_quantile - c_quantile as plain_effect,
        sqrt(variance) as plain_error,
        t_quantile - c_quantile as effect,
        sqrt(variance) as standard_error,
        cast(null as double) as variance_reduction,
        case when c_quantile != 0 then (t_quantile - c_quantile) / abs(c_quantile) end
            as relative_effect,
        {{ relative_error('t_quantile', 'c_quantile', 't_variance', 'c_variance', 'variance') }}
            as relative_error
    from sure
{%- endmacro %}

{#
  The fewest customers in an arm, and the fewest of them with a value other than 0, from
  which an interval is given. `python -m benchmarks experiments` shows why: of 2,000 drawn
  experiments of this size, their 95 % intervals held the truth in 93.5 to 96.5 %.
#}
{% macro least_customers() -%}
    1000
{%- endmacro %}

{% macro least_nonzero() -%}
    100
{%- endmacro %}

{#
  Half the width, in standard errors, of the 95 % interval that holds however often people
  look while customers come: an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha,
  Kennedy and Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence
  sequences", theorem 2.2). It is tightest at 5,000 customers: 3.0, and 3.3 at 100,000.
#}
{% macro always_errors(customers) -%}
    {%- set time = '(' ~ customers ~ ' * (7.9364e0 / 5000e0))' -%}
    sqrt(2e0 * ({{ time }} + 1e0) / {{ time }} * ln(sqrt({{ time }} + 1e0) / 0.05e0))
{%- endmacro %}

{#
  The same for one bound: how many standard errors below the estimate the lower bound lies that
  holds in 95 % however often people look (appendix B there). Who only acts on one side needs
  no more: 2.8 at 5,000 customers, 3.0 at 40,000.
#}
{% macro always_bound_errors(customers) -%}
    {%- set time = '(' ~ customers ~ ' * (7.9364e0 / 5000e0))' -%}
    sqrt(2e0 * ({{ time }} + 1e0) / {{ time }} * ln(1e0 + sqrt({{ time }} + 1e0) / 0.1e0))
{%- endmacro %}

{#
  A query of the effects with their intervals of 95 %: one for whoever looks once, and one
  that holds however often people look. Where customers are too few, or all alike, there is
  none.
#}
{% macro judged_effects(effects, keys) -%}
    with sure as (
        select
            *,
            least(customers, control_customers) >= {{ least_customers() }}
            and fewest_nonzero >= {{ least_nonzero() }} as is_enough,
            standard_error > 0 as varies,
            customers + control_customers as both_customers
        from {{ effects }}
    ),

    usable as (
        select
            *,
            case when is_enough and varies then standard_error end as error,
            case when is_enough and varies then relative_error end as error_share,
            case when is_enough and varies then abs(effect) / standard_error end as errors,
            {{ always_errors('both_customers') }} as always_errors
        from sure
    )

    select
        {{ keys | join(', ') }},
        arm,
        customers,
        control_customers,
        mean,
        control_mean,
        plain_effect,
        plain_error,
        effect,
        error,
        effect - {{ normal_quantile('0.975e0') }} * error as effect_low,
        effect + {{ normal_quantile('0.975e0') }} * error as effect_high,
        relative_effect,
        relative_effect - {{ normal_quantile('0.975e0') }} * error_share as relative_low,
        relative_effect + {{ normal_quantile('0.975e0') }} * error_share as relative_high,
        {{ two_sided_p('errors') }} as p_value,
        effect - always_errors * error as always_low,
        effect + always_errors * error as always_high,
        variance_reduction,
        is_enough,
        varies
    from usable
{%- endmacro %}

{#
  How many customers an arm needs, of two arms of one size, so that an effect is found with
  a chance of 80 % by a test at 5 %.
#}
{% macro customers_needed(variance, effect) -%}
    ceil(
        2e0 * power({{ normal_quantile('0.975e0') }} + {{ normal_quantile('0.8e0') }}, 2)
        * {{ variance }} / ({{ effect }} * {{ effect }})
    )
{%- endmacro %}
