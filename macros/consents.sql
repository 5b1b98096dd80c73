{#
  A query of the customers and purposes whose consent stands: nothing was withdrawn, or the
  newest giving is later than the newest withdrawal. So a withdrawal ends whatever was given
  before it, in whichever row that stands.
#}
{% macro standing_consents(consents) -%}
    select
        customer_key,
        purpose
    from {{ consents }}
    group by customer_key, purpose
    having max(withdrawn_at) is null or max(given_at) > max(withdrawn_at)
{%- endmacro %}
