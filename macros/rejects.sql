{# Why a date cannot be that of an order, an event or a review; null if it can. #}
{% macro date_reason(column) -%}
    case
        when {{ column }} is null then 'unreadable_date'
        when {{ column }} < {{ shop_midnight("date '1970-01-01'") }} then 'date_before_1970'
        when {{ shop_date(column) }} > {{ shop_today() }} then 'date_in_future'
    end
{%- endmacro %}

{# Why a day cannot be one of the past; null if it can. #}
{% macro day_reason(day) -%}
    case
        when {{ day }} is null then 'unreadable_date'
        when {{ day }} < date '1970-01-01' then 'date_before_1970'
        when {{ day }} > {{ shop_today() }} then 'date_in_future'
    end
{%- endmacro %}

{# Why the texts in a row's column `unreadable` could not be read; null if all could. #}
{% macro unread_reason(times) -%}
    case
        {%- for column in times %}
        when unreadable like '%"{{ column }}":"%' then 'unreadable_date'
        {%- endfor %}
        when unreadable is not null then 'unreadable_number'
    end
{%- endmacro %}

{#
  A query of one row: the currency of the shop's money, which var currency names or else
  the orders; null where neither does.
#}
{% macro shop_currency(orders) -%}
    {%- if setting('currency') -%}
    select upper('{{ setting("currency") }}') as currency_of_shop
    {%- else -%}
    select max(currency) as currency_of_shop
    from {{ orders }}
    where rejection_reason is null
    {%- endif -%}
{%- endmacro %}

{#
  Stops the build if most orders lie after today: where a clock was set back, they would
  be rejected one by one, and the few that are left would be forecast.
#}
{% macro check_clock(orders) -%}
    {%- if execute and orders.schema and not flags.EMPTY -%}
        {%- set relation = adapter.get_relation(orders.database, orders.schema, orders.identifier) -%}
        {%- if relation is not none -%}
            {%- set found = run_query(
                "select count(*), count(case when " ~ shop_date('ordered_at') ~ " > "
                ~ shop_today() ~ " then 1 end), " ~ shop_today() ~ " from " ~ relation
            ).rows[0] -%}
            {%- if found[1] * 2 > found[0] -%}
                {{ exceptions.raise_compiler_error(
                    "Feed orders, column ordered_at: " ~ found[1] ~ " of " ~ found[0]
                    ~ " orders lie after today, which is " ~ found[2] ~ " by the clock of"
                    ~ " this machine. Set the clock if it is wrong; else mend the dates and"
                    ~ " load the shop again."
                ) }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
  Stops the build if amounts of several currencies would be added up, or if no order has
  the currency that var currency names: all orders would be rejected.
#}
{% macro check_currency(orders, currency='currency') -%}
    {%- if execute and orders.schema -%}
        {%- set relation = adapter.get_relation(orders.database, orders.schema, orders.identifier) -%}
        {%- if relation is not none -%}
            {%- set found = run_query(
                "select upper(" ~ currency ~ ") as code, count(*) as orders from " ~ relation
                ~ " where " ~ currency ~ " is not null group by upper(" ~ currency ~ ")"
                ~ " order by orders desc, code"
            ).rows -%}
            {%- set counts = [] -%}
            {%- for row in found -%}
                {%- do counts.append(row[0] ~ " (" ~ row[1] ~ ")") -%}
            {%- endfor -%}
            {%- set wanted = setting('currency') -%}
            {%- if not wanted and found | length > 1 -%}
                {{ exceptions.raise_compiler_error(
                    "Feed orders, column currency: orders in " ~ counts | join(', ')
                    ~ ". Amounts of several currencies cannot be added up: convert them before"
                    ~ " loading, or keep one and reject the others with --vars '{currency: "
                    ~ found[0][0] ~ "}'."
                ) }}
            {%- elif wanted and found and wanted | upper not in found | map(attribute=0) -%}
                {{ exceptions.raise_compiler_error(
                    "var currency is '" ~ wanted ~ "', but must be a currency of the orders,"
                    ~ " which are in " ~ counts | join(', ') ~ "."
                ) }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
  The feeds, each with the model that holds its facts and the condition by which these
  are told from other rows of the model; '' where it has none.
#}
{% macro facts_of_feeds() -%}
    {{ return([
        ('orders', 'fct_orders', ''),
        ('order_lines', 'fct_order_lines', ''),
        ('products', 'dim_products', 'is_in_catalogue'),
        ('customers', 'dim_customers', 'has_account'),
        ('events', 'fct_events', ''),
        ('reviews', 'fct_reviews', ''),
        ('refunds', 'fct_refunds', "source = 'refunds'"),
        ('marketing_spend', 'fct_marketing_spend', ''),
        ('campaigns', 'dim_campaigns', ''),
        ('campaign_sends', 'fct_campaign_sends', ''),
        ('redemptions', 'fct_redemptions', ''),
        ('experiments', 'dim_experiments', ''),
        ('assignments', 'fct_assignments', ''),
        ('calendar', 'dim_calendar', ''),
        ('subscriptions', 'fct_subscriptions', ''),
        ('consents', 'fct_consents', ''),
        ('product_vectors', 'dim_product_vectors', ''),
    ]) }}
{%- endmacro %}
