{#
  The money of an order line: its price times its pieces, less its discount, or its total
  where the price or the pieces are missing. A return is negative, and its discount lessens
  the refund. A discount counts the same with either sign, and so does a line that is one.
  Null if decimal(18, 4) cannot hold the amount. For whole quantities and prices of four
  decimals, binary floating point is exact up to a hundred billion, and several times
  faster than wide decimals.
#}
{% macro line_amount(quantity, unit_price, discount, total, line_type) -%}
    {%- set priced -%}
        cast({{ quantity }} as double) * cast({{ unit_price }} as double)
        - case when {{ quantity }} < 0 then -1 else 1 end
        * abs(cast(coalesce({{ discount }}, 0) as double))
    {%- endset -%}
    {%- set amount -%}
        case
            when {{ total }} is null or ({{ quantity }} <> 0 and {{ unit_price }} is not null)
                then try_cast({{ rounded(priced, 4) }} as decimal(18, 4))
            when {{ quantity }} < 0 then cast(0 - abs({{ total }}) as decimal(18, 4))
            else {{ total }}
        end
    {%- endset -%}
    case
        when {{ line_type }} = 'discount' and coalesce({{ quantity }}, 0) >= 0
            then cast(0 - abs({{ amount }}) as decimal(18, 4))
        else {{ amount }}
    end
{%- endmacro %}

{#
  The number of a line that the shop gave none: negative, which no shop's numbers are. It
  is the line's place in its order by content, so that a load of the same lines gives the
  same numbers.
#}
{% macro made_line_number() -%}
    cast(-row_number() over (
        partition by order_id
        order by
            product_id asc nulls last,
            quantity asc nulls last,
            unit_price asc nulls last,
            discount asc nulls last,
            amount asc nulls last,
            line_type asc nulls last
    ) as integer)
{%- endmacro %}

{# The share of some money that a part of the total bears; all of it from the total on. #}
{% macro share_of(money, part, total) -%}
    {%- set share -%}
        cast({{ money }} as double) * cast({{ part }} as double) / cast({{ total }} as double)
    {%- endset -%}
    case
        when {{ part }} >= {{ total }} then {{ money }}
        else cast({{ rounded(share, 4) }} as decimal(18, 4))
    end
{%- endmacro %}
