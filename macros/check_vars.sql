{# Stops a run whose settings make no sense, before it has written anything. #}
{% macro check_vars() -%}
    {%- do check_number('margin', above=0, up_to=1) -%}
    {%- do check_number('discount_rate', above=-1, up_to=10) -%}
    {%- do check_whole('training_customers', at_least=1) -%}
    {%- do check_whole('training_origins', at_least=1) -%}
    {%- do check_whole('origin_step_days', at_least=1) -%}
    {%- do check_whole('min_history_days', at_least=1) -%}
    {%- do check_whole('retrain_after_days', at_least=0) -%}
    {%- do check_whole('explain_customers', at_least=1) -%}
    {%- do check_whole('active_days', at_least=1) -%}
    {%- do check_whole('loyal_purchases', at_least=1) -%}
    {%- do check_whole('published_copies_kept', at_least=0) -%}
    {%- if var('reload_days') is not none -%}
        {%- do check_whole('reload_days', at_least=0) -%}
    {%- endif -%}
    {%- do check_horizons() -%}
    {%- do check_date('as_of_date') -%}
    {%- for name in ['retrain', 'hints'] -%}
        {%- if var(name) is not boolean -%}
            {{ wrong_var(name, 'is not true or false') }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro wrong_var(name, problem) -%}
    {{ exceptions.raise_compiler_error(
        "var " ~ name ~ ": " ~ (var(name) | string) ~ " " ~ problem
        ~ ". Set it in dbt_project.yml or with --vars '{" ~ name ~ ": ...}'."
    ) }}
{%- endmacro %}

{% macro check_number(name, above, up_to) -%}
    {%- if var(name) is not number or var(name) is boolean -%}
        {{ wrong_var(name, 'is not a number') }}
    {%- elif var(name) <= above or var(name) > up_to -%}
        {{ wrong_var(name, 'is not above ' ~ above ~ ' and at most ' ~ up_to) }}
    {%- endif -%}
{%- endmacro %}

{% macro check_whole(name, at_least) -%}
    {%- if var(name) is not integer or var(name) is boolean or var(name) < at_least -%}
        {{ wrong_var(name, 'is not a whole number of at least ' ~ at_least) }}
    {%- endif -%}
{%- endmacro %}

{% macro check_horizons() -%}
    {%- set horizons = var('horizons') -%}
    {%- if horizons is string or horizons is not sequence or horizons | length == 0 -%}
        {{ wrong_var('horizons', 'is not a list of days such as [91, 365]') }}
    {%- endif -%}
    {%- for horizon in horizons -%}
        {%- if horizon is not integer or horizon is boolean or horizon < 1 or horizon > 3650 -%}
            {{ wrong_var('horizons', 'has ' ~ horizon ~ ', which is not a whole number of days from 1 to 3650') }}
        {%- endif -%}
    {%- endfor -%}
    {%- if horizons | unique | list | length != horizons | length -%}
        {{ wrong_var('horizons', 'names a horizon twice') }}
    {%- endif -%}
{%- endmacro %}

{% macro check_date(name) -%}
    {%- set value = var(name) -%}
    {%- if value is not none
        and not modules.re.fullmatch('\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])', value | string) -%}
        {{ wrong_var(name, 'is not a date such as 2025-12-31') }}
    {%- endif -%}
{%- endmacro %}
