{# The rule of thumb for a customer's value: frequency times amount times cycle. #}
{% macro formula_value(frequency, amount, cycle_days) -%}
    {{ frequency }} * {{ amount }} * {{ cycle_days }}
{%- endmacro %}
