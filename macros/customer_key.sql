{#
  Turns the shop's customer id, as id_text gives it, into the customer_key, here and
  nowhere else. An id that is an e-mail address or a phone number names a person to
  everybody: a hash takes its place, and only schema raw knows which is whose. One address
  is one customer in any spelling: Ann@Example.com, <ann@example.com>, mailto:ann@example.com.
#}
{% macro customer_key(customer_id) -%}
    case
        when {{ regexp_is(customer_id, plain_id()) }} then {{ customer_id }}
        when {{ email_in(customer_id) }} <> '' then 'email-' || md5({{ email_in(customer_id) }})
        when {{ is_phone(customer_id) }}
            then 'phone-' || md5({{ phone_digits(customer_id) }})
        else {{ customer_id }}
    end
{%- endmacro %}

{# The digits of a phone number; +49 and 0049 are the same. #}
{% macro phone_digits(phone) -%}
    {{ regexp_replaced(
        regexp_replaced('lower(' ~ phone ~ ')', '(x|ext).*$|[^0-9]', ''), '^00', ''
    ) }}
{%- endmacro %}
