{# The days before the scoring date as of which there are features, 0 first. #}
{% macro origin_offsets() -%}
    {%- set offsets = [0] -%}
    {%- for step in range(1, setting('training_origins') + 1) -%}
        {%- do offsets.append(step * setting('origin_step_days')) -%}
    {%- endfor -%}
    {%- for horizon in setting('horizons') -%}
        {%- for earlier in [0] + setting('horizons') -%}
            {%- do offsets.append(horizon + earlier) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(offsets | unique | sort) }}
{%- endmacro %}

{# Stops the build if no customer has bought anything by the as-of date. #}
{% macro check_purchases(days) -%}
    {%- if execute and days.schema and not flags.EMPTY -%}
        {%- set relation = adapter.get_relation(days.database, days.schema, days.identifier) -%}
        {%- if relation is not none -%}
            {%- set first = run_query(
                "select min(activity_date) from " ~ relation ~ " where is_purchase"
            ).rows[0][0] -%}
            {%- if first is none -%}
                {{ exceptions.raise_compiler_error(
                    "No customer has a purchase of more than nothing, so nothing can be"
                    ~ " predicted. Look at orders.fct_orders and, for rows that were left out"
                    ~ " and why, at orders.rejected_records; then load the shop again with"
                    ~ " scripts/load.py."
                ) }}
            {%- elif setting('as_of_date') and setting('as_of_date') | string < first | string -%}
                {{ exceptions.raise_compiler_error(
                    "var as_of_date is " ~ setting('as_of_date') ~ ", but must not lie before the"
                    ~ " first purchase, on " ~ first ~ "."
                ) }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
  The horizons to learn from: those of the var, and shorter ones. Of a long horizon few
  windows are over, or none; what the network learns from shorter ones serves it too.
#}
{% macro learned_horizons() -%}
    {%- set horizons = setting('horizons') -%}
    {%- set shorter = [30, 91, 182] | select('lt', horizons | max) | list -%}
    {{ return((horizons + shorter) | unique | sort) }}
{%- endmacro %}
