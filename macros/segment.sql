{#
  Days without a purchase after which a customer is at risk: three times the mean of the
  customer's own gaps, drawn towards active_days, which count like three gaps. A customer
  who bought once has active_days; after five purchases in 60 days it is 3 * (60 + 91) / 7
  = 65 days.
#}
{% macro patience_days(first_purchase_date, last_purchase_date, frequency) -%}
    (
        3 * ({{ days_between(first_purchase_date, last_purchase_date) }} + {{ setting('active_days') }})
        / ({{ frequency }} + 2e0)
    )
{%- endmacro %}

{#
  The segment of a customer as of a date, from purchases up to that date alone. After the
  customer's own patience_days without a purchase a customer is at_risk, after twice as many
  lapsed. All others are loyal if they bought on loyal_purchases days or more, new if they
  first bought within active_days, and active otherwise.
#}
{% macro segment(first_purchase_date, last_purchase_date, frequency, on_date) -%}
    {%- set silent_days = days_between(last_purchase_date, on_date) -%}
    {%- set patience = patience_days(first_purchase_date, last_purchase_date, frequency) -%}
    case
        when {{ silent_days }} >= 2 * {{ patience }} then 'lapsed'
        when {{ silent_days }} >= {{ patience }} then 'at_risk'
        when {{ frequency }} >= {{ setting('loyal_purchases') }} then 'loyal'
        when {{ days_between(first_purchase_date, on_date) }} < {{ setting('active_days') }} then 'new'
        when {{ frequency }} > 0 then 'active'
    end
{%- endmacro %}
