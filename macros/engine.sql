{# What differs between engines: one macro per difference, one version per engine. #}

{# Whole days from one date to a later one. #}
{% macro days_between(from_date, to_date) -%}
    {{ return(adapter.dispatch('days_between')(from_date, to_date)) }}
{%- endmacro %}

{% macro default__days_between(from_date, to_date) -%}
    ({{ to_date }} - {{ from_date }})
{%- endmacro %}

{% macro spark__days_between(from_date, to_date) -%}
    datediff({{ to_date }}, {{ from_date }})
{%- endmacro %}

{# A date, so many days later; negative days for earlier. #}
{% macro plus_days(date, days) -%}
    {{ return(adapter.dispatch('plus_days')(date, days)) }}
{%- endmacro %}

{% macro default__plus_days(date, days) -%}
    ({{ date }} + cast({{ days }} as integer))
{%- endmacro %}

{% macro spark__plus_days(date, days) -%}
    date_add({{ date }}, cast({{ days }} as int))
{%- endmacro %}

{# A row's columns as one JSON object: {name: expression}. #}
{% macro json_object(columns) -%}
    {{ return(adapter.dispatch('json_object')(columns)) }}
{%- endmacro %}

{% macro default__json_object(columns) -%}
    cast(to_json(struct_pack(
        {%- for name, expression in columns.items() %}
        {{ name }} := {{ expression }}{{ "," if not loop.last }}
        {%- endfor %}
    )) as varchar)
{%- endmacro %}

{% macro spark__json_object(columns) -%}
    to_json(named_struct(
        {%- for name, expression in columns.items() %}
        '{{ name }}', {{ expression }}{{ "," if not loop.last }}
        {%- endfor %}
    ))
{%- endmacro %}

{# A group's values where a condition holds, as an array in order, the last n of it. #}
{% macro last_values(value, order_by, n, condition) -%}
    {{ return(adapter.dispatch('last_values')(value, order_by, n, condition)) }}
{%- endmacro %}

{% macro default__last_values(value, order_by, n, condition) -%}
    list_reverse(max_by({{ value }}, {{ order_by }}, {{ n }}) filter (where {{ condition }}))
{%- endmacro %}

{% macro spark__last_values(value, order_by, n, condition) -%}
    transform(
        slice(
            array_sort(collect_list(
                case when {{ condition }}
                    then struct({{ order_by }} as position, {{ value }} as value)
                end
            )),
            greatest(1, count(case when {{ condition }} then 1 end) - {{ n - 1 }}),
            {{ n }}
        ),
        pair -> pair.value
    )
{%- endmacro %}

{# The last element of an array. #}
{% macro last_element(array) -%}
    {{ return(adapter.dispatch('last_element')(array)) }}
{%- endmacro %}

{% macro default__last_element(array) -%}
    {{ array }}[-1]
{%- endmacro %}

{% macro spark__last_element(array) -%}
    element_at({{ array }}, -1)
{%- endmacro %}

{# A number for the values of several columns, the same for the same values. #}
{% macro key_hash(columns) -%}
    {{ return(adapter.dispatch('key_hash')(columns)) }}
{%- endmacro %}

{% macro default__key_hash(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__key_hash(columns) -%}
    xxhash64({{ columns | join(', ') }})
{%- endmacro %}
