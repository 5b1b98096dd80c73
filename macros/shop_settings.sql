{#
  Stops a run before it changes a table if a setting has a fitting form, but cannot be one
  of this shop: no order has that currency or is that old, or its history leaves no past
  date to learn from. It reads the raw orders, for staging may not be there yet.
#}
{% macro check_settings_of_shop() -%}
    {#- dbt must know of the table when it reads the project. -#}
    {%- set orders = feed_relation('orders') -%}
    {%- if execute and flags.WHICH in ['build', 'run'] and load_relation(orders) is not none -%}
        {%- set found = feed_columns('orders', orders) -%}
        {%- set columns = feed_spec('orders').columns -%}
        {%- do check_currency(orders, staged_value(columns.currency, found)) -%}
        {%- set ordered = shop_date(staged_value(columns.ordered_at, found)) -%}
        {%- set first, last = run_query(
            "select min(" ~ ordered ~ "), max(" ~ ordered ~ ") from " ~ orders
        ).rows[0].values() -%}
        {%- if first is not none -%}
            {%- do check_as_of_date(first, last) -%}
            {%- do check_history(first, last) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro check_as_of_date(first, last) -%}
    {%- set date = setting('as_of_date') | string -%}
    {%- if setting('as_of_date') and date < first | string -%}
        {{ exceptions.raise_compiler_error(
            "var as_of_date is " ~ date ~ ", but must not lie before the first order, on "
            ~ first ~ ". The last one is on " ~ last ~ "; leave the var out to score as of"
            ~ " then."
        ) }}
    {%- endif -%}
{%- endmacro %}

{#
  A young shop has no past date to learn from, and gets the forecasts of the prior. One of
  a year or more lacks it only if settings ask for it.
#}
{% macro check_history(first, last) -%}
    {%- set date = (setting('as_of_date') or last) | string -%}
    {%- set scored = modules.datetime.datetime.strptime(date, '%Y-%m-%d').date() -%}
    {%- set days = (scored - first).days -%}
    {%- set step = origin_offsets()[1] -%}
    {%- if days >= 365 and setting('min_history_days') + step > days -%}
        {{ exceptions.raise_compiler_error(
            "var min_history_days is " ~ setting('min_history_days') ~ ", and the shortest of"
            ~ " origin_step_days and horizons is " ~ step ~ ", but there are " ~ days
            ~ " days from the first order, on " ~ first ~ ", to " ~ scored ~ ": no past date"
            ~ " is left to learn from. The two must add up to at most " ~ days ~ "."
        ) }}
    {%- endif -%}
{%- endmacro %}
