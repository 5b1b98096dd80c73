{#
  What a line costs; negative for a return, whose discount lessens the refund. Null
  where it cannot be held. Binary floating point is exact here up to a hundred
  billion for whole quantities, and several times faster than wide decimals.
#}
{% macro line_amount(quantity, unit_price, discount) -%}
    {%- set amount -%}
        cast({{ quantity }} as double) * cast({{ unit_price }} as double)
        - case when {{ quantity }} < 0 then -1 else 1 end
        * cast(coalesce({{ discount }}, 0) as double)
    {%- endset -%}
    try_cast({{ rounded(amount, 4) }} as decimal(18, 4))
{%- endmacro %}
