{# The reason why a date cannot be one of an order, an event or a review; else null. #}
{% macro date_reason(column) -%}
    case
        when {{ column }} is null then 'unreadable_date'
        when {{ column }} < timestamp '1970-01-01 00:00:00' then 'date_before_1970'
        when cast({{ column }} as date) > current_date then 'date_in_future'
    end
{%- endmacro %}

{# Stops the build where amounts of several currencies would be added up. #}
{% macro check_currency(orders) -%}
    {%- if execute and orders.schema and not var('currency') -%}
        {%- set relation = adapter.get_relation(orders.database, orders.schema, orders.identifier) -%}
        {%- if relation is not none -%}
            {%- set found = run_query(
                "select currency, count(*) as orders from " ~ relation
                ~ " where currency is not null group by currency order by orders desc, currency"
            ) -%}
            {%- if found.rows | length > 1 -%}
                {%- set counts = [] -%}
                {%- for row in found.rows -%}
                    {%- do counts.append(row[0] ~ " (" ~ row[1] ~ ")") -%}
                {%- endfor -%}
                {{ exceptions.raise_compiler_error(
                    "Feed orders, column currency: orders in " ~ counts | join(', ')
                    ~ ". Amounts of several currencies cannot be added up: convert them before"
                    ~ " loading, or keep one and reject the others with --vars '{currency: "
                    ~ found.rows[0][0] ~ "}'."
                ) }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
