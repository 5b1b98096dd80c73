{#
  Times and days: what an export's times mean, and which day it is in the shop's zone.
  All times after staging are in UTC. A time with an offset is an instant; one without
  is a time of the shop's clock, whose zone is the var time_zone. scripts/load.py reads
  files by these macros too.
#}

{#
  The UTC time that a text stands for; null if it stands for none. A time without an
  offset is a time of the clock in `zone`.

  The order of day and month must be plain: 2024-01-05, 5 Jan 2024 and Jan 5, 2024 are
  read, and 05/01/2024 is not. A year has four digits. Offsets may be spelled +0100,
  +01:00, +01, Z, UTC, GMT+1, EST or America/New_York, with or without a space before
  them. Of 14:05:09 PM, as Magento writes it, the PM is superfluous.
#}
{% macro read_time(text, zone=none) -%}
    {{ return(adapter.dispatch('read_time')(text, zone)) }}
{%- endmacro %}

{# The first two cases are only faster than the third: most exports have such times. #}
{% macro default__read_time(text, zone) -%}
    case
        when regexp_full_match({{ text }}, '{{ iso_time() }}')
            then {{ clock_to_utc("try_cast(" ~ text ~ " as timestamp)", zone) }}
        when regexp_full_match({{ text }}, '{{ iso_time() }} ?[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?')
            then make_timestamp(epoch_us(
                try_cast(replace(replace({{ text }}, ' +', '+'), ' -', '-') as timestamptz)
            ))
        when {{ zone_in(text) }} <> ''
            then make_timestamp(epoch_us(
                try_cast({{ rewritten_time(text) }} as timestamptz)
            ))
        else {{ clock_to_utc("try_cast(" ~ rewritten_time(text) ~ " as timestamp)", zone) }}
    end
{%- endmacro %}

{% macro spark__read_time(text, zone) -%}
    case
        when {{ zone_in(text) }} <> ''
            then try_cast({{ rewritten_time(text) }} as timestamp)
        else {{ clock_to_utc("try_cast(" ~ rewritten_time(text) ~ " as timestamp)", zone) }}
    end
{%- endmacro %}

{# The patterns need no backslash, which Spark's texts would have to double. #}
{% macro iso_time() -%}
    [1-9][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?
{%- endmacro %}

{#
  A time of day at the end of a text; its one group is the offset or zone. JavaScript and
  Java write the name of the zone in brackets after the offset. Words for zones are those
  that stand for one offset: BST and IST stand for two or three.
#}
{% macro time_of_day() -%}
    [ ,:t]+(?:at +)?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)? *(?:[ap][.]?m[.]?(?: |$))? *(?:(z|ut|utc|gmt|[ecmp][sd]t|ces?t|(?:utc|gmt)? ?[+-](?:0?[0-9]|1[0-4])(?::?[0-5][0-9])?|[a-z]+/[a-z_/+-]+[0-9]*)(?: ?[(].*|.[a-z]+/[a-z_/]+.)?)?$
{%- endmacro %}

{# The offset or zone that a text names after its time of day; '' if it names none. #}
{% macro zone_in(text) -%}
    regexp_extract({{ text }}, '(?i)[0-9]{{ time_of_day() }}', 1)
{%- endmacro %}

{# The same time as both engines read it, such as 2024-01-05 10:00:00+01:00; null if the
   text has no form that is read. #}
{% macro rewritten_time(text) -%}
    {%- set month = '(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*' -%}
    {%- set day, year = '[0-9]{1,2}', '[1-9][0-9]{3}' -%}
    {%- set form -%}
        (?i)^(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[.]?,? +)?(?:{{ year }}[-/.]{{ day }}[-/.]{{ day }}|{{ day }}(?:st|nd|rd|th)?[ ./-]+{{ month }}[ .,/-]+{{ year }}|{{ month }}[.]? +{{ day }}(?:st|nd|rd|th)?,? +{{ year }})(?:{{ time_of_day()[:-1] }})?$
    {%- endset -%}
    {%- set offset = ':[0-9.,]+[^0-9+-]*([+-])(0?[0-9]|1[0-4]):?([0-5][0-9])?(?:[^0-9].*)?$' -%}
    case when regexp_extract({{ text }}, '{{ form }}', 0) <> '' then
        regexp_extract({{ text }}, '[0-9]{4}', 0)
        || '-' || coalesce(
            nullif({{ two_digits(text, '^[^0-9]*[0-9]{4}[-/.]([0-9]{1,2})') }}, '00'),
            lpad(cast(cast((instr(
                'janfebmaraprmayjunjulaugsepoctnovdec',
                lower(regexp_extract({{ text }}, '(?i){{ month[:51] }}', 0))
            ) + 2) / 3 as integer) as string), 2, '0')
        )
        || '-'
        || {{ two_digits(text, '^[^0-9]*(?:[0-9]{4}[-/.][0-9]+[-/.])?([0-9]{1,2})') }}
        || ' ' || case lower(regexp_extract({{ text }}, '(?i):[0-9.,:]+ *([ap])[.]?m[.]?(?: |$)', 1))
            when 'a' then case
                when {{ two_digits(text, clock_hour()) }} = '12' then '00'
                when {{ two_digits(text, clock_hour()) }} < '12'
                    then {{ two_digits(text, clock_hour()) }}
            end
            when 'p' then case
                when {{ two_digits(text, clock_hour()) }} < '12'
                    then cast(12 + cast({{ two_digits(text, clock_hour()) }} as integer) as string)
                else {{ two_digits(text, clock_hour()) }}
            end
            else {{ two_digits(text, clock_hour()) }}
        end
        || ':' || {{ two_digits(text, '[^0-9][0-9]{1,2}:([0-9]{2})') }}
        || ':' || {{ two_digits(text, '[^0-9][0-9]{1,2}:[0-9]{2}:([0-9]{2})') }}
        || replace(regexp_extract({{ text }}, ':[0-9]{2}([.,][0-9]+)', 1), ',', '.')
        || case lower({{ zone_in(text) }})
            when '' then ''
            when 'z' then '+00:00'
            when 'ut' then '+00:00'
            when 'utc' then '+00:00'
            when 'gmt' then '+00:00'
            when 'est' then '-05:00'
            when 'edt' then '-04:00'
            when 'cst' then '-06:00'
            when 'cdt' then '-05:00'
            when 'mst' then '-07:00'
            when 'mdt' then '-06:00'
            when 'pst' then '-08:00'
            when 'pdt' then '-07:00'
            when 'cet' then '+01:00'
            when 'cest' then '+02:00'
            else coalesce(
                nullif(' ' || regexp_extract({{ text }}, '[A-Za-z]+/[A-Za-z_/+-]+[0-9]*$', 0), ' '),
                regexp_extract({{ text }}, '{{ offset }}', 1)
                || {{ two_digits(text, offset, 2) }} || ':' || {{ two_digits(text, offset, 3) }}
            )
        end
    end
{%- endmacro %}

{# A group of a pattern as two digits; 00 if the text lacks it. #}
{% macro two_digits(text, pattern, group=1) -%}
    lpad(regexp_extract({{ text }}, '{{ pattern }}', {{ group }}), 2, '0')
{%- endmacro %}

{% macro clock_hour() -%}
    [^0-9]([0-9]{1,2}):[0-9]{2}
{%- endmacro %}

{# The UTC time of a column of a table, whatever the type of its times. #}
{% macro utc_time(value, column) -%}
    {%- if is_text(column) -%}
        {{ read_time(value) }}
    {%- else -%}
        {{ return(adapter.dispatch('utc_time')(value, column.data_type | lower)) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__utc_time(value, data_type) -%}
    {%- if data_type.startswith('timestamptz') or data_type.endswith('with time zone') -%}
        make_timestamp(epoch_us(cast({{ value }} as timestamptz)))
    {%- elif data_type == 'timestamp' -%}
        {{ clock_to_utc(value) }}
    {%- else -%}
        {{ clock_to_utc("try_cast(" ~ value ~ " as timestamp)") }}
    {%- endif -%}
{%- endmacro %}

{# Spark's timestamp is an instant, which a session in UTC shows in UTC. #}
{% macro spark__utc_time(value, data_type) -%}
    {%- if data_type == 'timestamp' -%}
        {{ value }}
    {%- else -%}
        {{ clock_to_utc("try_cast(" ~ value ~ " as timestamp)") }}
    {%- endif -%}
{%- endmacro %}

{# The UTC time at which the clock of a zone, by default the shop's, shows a time. #}
{% macro clock_to_utc(value, zone=none) -%}
    {%- if is_utc(zone or setting('time_zone')) -%}
        {{ value }}
    {%- else -%}
        {{ adapter.dispatch('clock_to_utc')(value, zone or setting('time_zone')) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__clock_to_utc(value, zone) -%}
    make_timestamp(epoch_us(timezone('{{ zone }}', {{ value }})))
{%- endmacro %}

{% macro spark__clock_to_utc(value, zone) -%}
    to_utc_timestamp({{ value }}, '{{ zone }}')
{%- endmacro %}

{# What the shop's clock shows at a UTC time. #}
{% macro shop_clock(at) -%}
    {%- if is_utc(setting('time_zone')) -%}
        {{ at }}
    {%- else -%}
        {{ adapter.dispatch('utc_to_clock')(at, setting('time_zone')) }}
    {%- endif -%}
{%- endmacro %}

{# The shop's day of a UTC time. #}
{% macro shop_date(at) -%}
    cast({{ shop_clock(at) }} as date)
{%- endmacro %}

{% macro default__utc_to_clock(at, zone) -%}
    timezone('{{ zone }}', timezone('UTC', {{ at }}))
{%- endmacro %}

{% macro spark__utc_to_clock(at, zone) -%}
    from_utc_timestamp({{ at }}, '{{ zone }}')
{%- endmacro %}

{# The UTC time at which a day begins in the shop. #}
{% macro shop_midnight(day) -%}
    {{ clock_to_utc("cast(" ~ day ~ " as timestamp)") }}
{%- endmacro %}

{# Today in the shop. The sessions are in UTC. #}
{% macro shop_today() -%}
    {%- if is_utc(setting('time_zone')) -%}
        current_date
    {%- else -%}
        {{ adapter.dispatch('today_in')(setting('time_zone')) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__today_in(zone) -%}
    cast(timezone('{{ zone }}', now()) as date)
{%- endmacro %}

{% macro spark__today_in(zone) -%}
    cast(from_utc_timestamp(current_timestamp(), '{{ zone }}') as date)
{%- endmacro %}

{% macro is_utc(zone) -%}
    {{- 'yes' if zone in ['UTC', 'Etc/UTC', 'GMT', 'Etc/GMT'] -}}
{%- endmacro %}

{#
  The last days of a table of orders that are too far out to be believed, with the last
  day that is. One mistyped year would otherwise move the as-of date, and with it every
  forecast, by years.

  They come after a pause of more than 90 days that is more than three times as long as
  any before it, and they are at most three days with at most three orders, or 1 % of
  all. So a shop that closes each winter is believed from its second spring on, and one
  that opens again after a long pause from its fourth day on. A shop whose orders were
  on fewer than five days before the pause has no usual pause to compare with.
#}
{% macro doubted_days(orders, day, amount, count='count(*)') -%}
    with order_days as (
        select
            {{ day }} as order_date,
            {{ count }} as orders,
            sum({{ amount }}) as amount
        from {{ orders }}
        group by {{ day }}
    ),

    neighbours as (
        select
            *,
            lag(order_date) over (order by order_date) as date_before,
            row_number() over (order by order_date) - 1 as days_before,
            row_number() over (order by order_date desc) as days_left,
            sum(orders) over (
                order by order_date desc
                rows between unbounded preceding and current row
            ) as orders_left,
            sum(orders) over () as all_orders
        from order_days
        where order_date is not null
    ),

    pauses as (
        select
            *,
            {{ days_between('date_before', 'order_date') }} as pause_days
        from neighbours
    ),

    compared as (
        select
            *,
            max(pause_days) over (
                order by order_date
                rows between unbounded preceding and 1 preceding
            ) as longest_pause_days
        from pauses
    ),

    first_doubted as (
        select
            min(order_date) as order_date,
            min(date_before) as date_before
        from compared
        where
            pause_days > 90
            and pause_days > 3 * longest_pause_days
            and days_before >= 5
            and days_left <= 3
            and (orders_left <= 3 or orders_left <= 0.01 * all_orders)
    )

    select
        compared.order_date,
        compared.orders,
        compared.amount,
        first_doubted.date_before as last_date
    from compared
    inner join first_doubted on compared.order_date >= first_doubted.order_date
{%- endmacro %}
