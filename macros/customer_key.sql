{#
  Turns the shop's customer id, as folded_customer_id gives it, into the customer_key, here
  and nowhere else: HMAC-SHA256 of the id under the shop's secret key. Nobody without
  the secret key can tell whose key it is, not even by trying all ids. 24 hex digits are 96
  bits: the chance that any two of 100 million customers have one key is 6 in 10^14.
#}
{% macro customer_key(customer_id) -%}
    substr({{ keyed_hash('key', customer_id) }}, 1, 24)
{%- endmacro %}

{#
  What is left of an erased customer: a hash of the id, or of the key, under the salt. It
  stays the same under a new secret key.
#}
{% macro tombstone(text) -%}
    {{ keyed_hash('salt', "'erased ' || " ~ text) }}
{%- endmacro %}

{#
  The key of a customer; none of one who was erased and whose rows stay in place, so that
  their orders count as a guest's. What load.py writes has none of their rows.
#}
{% macro key_unless_erased(relation, customer_id) -%}
    {%- set key = customer_key(customer_id) -%}
    {%- set erased = erased_customers(relation) -%}
    {%- if erased -%}
        case when {{ tombstone(customer_id) }} not in ({{ erased }}) then {{ key }} end
    {%- else -%}
        {{ key }}
    {%- endif -%}
{%- endmacro %}

{#
  A query of the tombstones, for a feed whose rows stay in place: a view, or a seed of the
  sample shop. Empty where there is none.
#}
{% macro erased_customers(relation) -%}
    {%- if not execute or target.type != 'duckdb' -%}
        {{ return('') }}
    {%- endif -%}
    {%- set feed = adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
    {%- set erased = adapter.get_relation(relation.database, 'raw', 'erased') -%}
    {%- if feed is none or erased is none or (feed.type != 'view' and target.name != 'sample') -%}
        {{ return('') }}
    {%- endif -%}
    {{ return('select tombstone from ' ~ erased) }}
{%- endmacro %}

{#
  A number from 0 up to 1 for each customer, by which samples and the arms of experiments
  are drawn. It depends on the shop's id and on a salt that never changes, so that a new
  secret key moves nobody from one arm into another.
#}
{% macro sample_point(customer_id) -%}
    (cast({{ hex_value("substr(" ~ keyed_hash('salt', customer_id) ~ ", 1, 7)") }} as double) / 268435456)
{%- endmacro %}

{#
  The shop's customer id, as id_text gives it, in one spelling: one address is one customer
  as Ann@Example.com, <ann@example.com> or mailto:ann@example.com, and so is a phone number.
#}
{% macro folded_customer_id(customer_id) -%}
    case
        when {{ regexp_is(customer_id, plain_id()) }} then {{ customer_id }}
        when {{ email_in(customer_id) }} <> '' then {{ email_in(customer_id) }}
        when {{ is_phone(customer_id) }} then '+' || {{ phone_digits(customer_id) }}
        else {{ customer_id }}
    end
{%- endmacro %}

{# The digits of a phone number; +49 and 0049 are the same. #}
{% macro phone_digits(phone) -%}
    {{ regexp_replaced(
        regexp_replaced('lower(' ~ phone ~ ')', '(x|ext).*$|[^0-9]', ''), '^00', ''
    ) }}
{%- endmacro %}

{#
  The customers that a feed names: each id as the feed gives it (given_id), once, and as
  folded_customer_id gives it (customer_id). Ids of nobody are left out.
#}
{% macro named_customers(relation, column, found, nobody_ids) -%}
    select
        given_id,
        {{ folded_customer_id('customer_id') }} as customer_id
    from (
        select
            {{ adapter.quote(column.name) }} as given_id,
            {{ staged_value(column, found) }} as customer_id
        from (
            select distinct {{ adapter.quote(column.name) }} from {{ relation }}
        ) as given_ids
    ) as tidied_ids
    where not {{ regexp_is(folded_id('customer_id'), nobody_pattern(nobody_ids)) }}
{%- endmacro %}

{#
  A query of the customers that some feeds name, each once: customer_key and sample_point.
#}
{% macro sampled_customers(feeds, nobody_ids) -%}
    {%- set queries = [] -%}
    {%- for feed in feeds -%}
        {%- set relation = feed_relation(feed) -%}
        {%- set found = feed_columns(feed, relation) if execute else {} -%}
        {%- if 'customer_id' in found -%}
            {%- set column = feed_spec(feed).columns.customer_id -%}
            {%- set named -%}
                {{ named_customers(relation, column, found, nobody_ids) }}
                {%- if erased_customers(relation) %}
                    and {{ tombstone(folded_customer_id('customer_id')) }} not in ({{ erased_customers(relation) }})
                {%- endif %}
            {%- endset -%}
            {%- do queries.append(named) -%}
        {%- endif -%}
    {%- endfor -%}
    select
        {{ customer_key('customer_id') }} as customer_key,
        {{ sample_point('customer_id') }} as sample_point
    from (
        -- Two spellings of an id are one customer, within a feed too.
        select distinct customer_id
        from (
            {%- for query in queries %}
            select customer_id from (
                {{ query }}
            ) as named_by_feed
            {{ 'union all' if not loop.last }}
            {%- endfor %}
        ) as named_by_feeds
    ) as named_customers
{%- endmacro %}
