{# Turns the shop's customer id into the customer_key, here and nowhere else. #}
{% macro customer_key(customer_id) -%}
    {{ customer_id }}
{%- endmacro %}
