{#
  The segment of a customer as of a date, from purchases up to that date alone. After
  active_days without a purchase a customer is at_risk, after twice as many lapsed. All
  others are loyal if they bought on loyal_purchases days or more, new if they first bought
  within active_days, and active otherwise.
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
