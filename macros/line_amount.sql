{#
  The money of an order line. A return is negative, and its discount lessens the refund.
  Null if decimal(18, 4) cannot hold the amount. For whole quantities and prices of four
  decimals, binary floating point is exact up to a hundred billion, and several times
  faster than wide decimals.
#}
{% macro line_amount(quantity, unit_price, discount) -%}
    {%- set amount -%}
        cast({{ quantity }} as double) * cast({{ unit_price }} as double)
        - case when {{ quantity }} < 0 then -1 else 1 end
        * cast(coalesce({{ discount }}, 0) as double)
    {%- endset -%}
    try_cast({{ rounded(amount, 4) }} as decimal(18, 4))
{%- endmacro %}
