{# The article's rule of thumb: how often, times how much, times how long between. #}
{% macro formula_value(frequency, amount, cycle_days) -%}
    {{ frequency }} * {{ amount }} * {{ cycle_days }}
{%- endmacro %}
