{#
  What is told of groups of customers, in monitoring.generalisation and
  monitoring.fairness.
#}

{# Fewer customers than so many say nothing of their group. #}
{% macro least_group_customers() -%}
    100
{%- endmacro %}

{# Fewer buyers than so many say nothing of what their group spends. #}
{% macro least_group_buyers() -%}
    30
{%- endmacro %}

{#
  An end of Wilson's interval of 99 % for a share, by Wilson (1927), "Probable inference,
  the law of succession, and statistical inference". It stays within 0 and 1, and has a
  width where nobody or everybody is in the part.
#}
{% macro wilson_end(part, whole, sign) -%}
    {%- set z = '2.5758293035489e0' -%}
    least(greatest(
        (
            {{ part }} + {{ z }} * {{ z }} / 2
            {{ sign }} {{ z }} * sqrt(
                cast({{ part }} as double) * ({{ whole }} - {{ part }}) / {{ whole }}
                + {{ z }} * {{ z }} / 4
            )
        ) / ({{ whole }} + {{ z }} * {{ z }}),
        cast(0 as double)
    ), cast(1 as double))
{%- endmacro %}

{#
  The standard error of what a group of customers spends beside `factor` times its
  forecast, where the errors of customers do not depend on each other. It reads the
  columns customers, actual_spend, predicted_spend, the sums of their squares,
  actual_squares and predicted_squares, and that of their products, products. Null for a
  group of one customer.
#}
{% macro total_error_of(factor) -%}
    case when customers > 1 then sqrt(greatest(
        (
            actual_squares - 2 * {{ factor }} * products
            + {{ factor }} * {{ factor }} * predicted_squares
            - power(actual_spend - {{ factor }} * predicted_spend, 2) / customers
        ) * customers / (customers - 1),
        cast(0 as double)
    )) end
{%- endmacro %}
