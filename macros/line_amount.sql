{# What a line costs; negative for a return, whose discount lessens the refund. #}
{% macro line_amount(quantity, unit_price, discount) -%}
    cast(
        {{ quantity }} * {{ unit_price }}
        - case when {{ quantity }} < 0 then -1 else 1 end * coalesce({{ discount }}, 0)
        as decimal(18, 4)
    )
{%- endmacro %}
