{#
  Where a customer is in their life with the shop, by purchases known on a date alone:
  silent for active_days is at_risk, for twice as long lapsed; of the others loyal is who
  has bought on loyal_purchases days, new who came within active_days, active the rest.
#}
{% macro segment(first_purchase_date, last_purchase_date, frequency, on_date) -%}
    {%- set silent_days = days_between(last_purchase_date, on_date) -%}
    case
        when {{ silent_days }} >= {{ 2 * setting('active_days') }} then 'lapsed'
        when {{ silent_days }} >= {{ setting('active_days') }} then 'at_risk'
        when {{ frequency }} >= {{ setting('loyal_purchases') }} then 'loyal'
        when {{ days_between(first_purchase_date, on_date) }} < {{ setting('active_days') }} then 'new'
        when {{ frequency }} > 0 then 'active'
    end
{%- endmacro %}
