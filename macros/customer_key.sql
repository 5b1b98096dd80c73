{# The one place where the shop's customer id becomes the customer_key. #}
{% macro customer_key(customer_id) -%}
    {{ customer_id }}
{%- endmacro %}
