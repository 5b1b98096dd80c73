{#
  With var reload_days a run keeps the old rows of large tables and builds only the last
  days anew. A row is settled if its date lies more than reload_days before the newest date
  of its table. A run builds the rows that are not settled and puts them in the place of
  those in the table. docs/scale.md says which changes such a run sees, and which only a
  full refresh sees.
#}

{# Configures a model for this. The column `date` settles a row. If a row is built anew,
   all rows with its `key` are replaced, settled or not. #}
{% macro reloaded(date, key=none) -%}
    {{ config(
        materialized='incremental' if keeps_settled_rows() else 'table',
        incremental_strategy='reload',
        on_schema_change='fail',
        meta={'reload_date': date, 'reload_key': key}
    ) }}
{%- endmacro %}

{# Spark tables without Delta or Iceberg cannot have rows deleted. #}
{% macro keeps_settled_rows() -%}
    {{ return(setting('reload_days') is not none and target.type == 'duckdb') }}
{%- endmacro %}

{# From when on rows are built, a time for a column of times and a date for one of dates;
   none if all are. Dates that
   lie in the future, or too far out to be believed, settle nothing. #}
{% macro reload_from(date) -%}
    {#- A unit test has no table of its own. -#}
    {%- if not this or not is_incremental() -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set day = shop_date(date) if date.endswith('_at') else date -%}
    {%- set past = "(select * from " ~ this ~ " where " ~ day ~ " <= " ~ shop_today() ~ ")" -%}
    {%- set newest = run_query(
        "select coalesce("
        ~ "(select min(last_date) from (" ~ doubted_days(past, day, 0) ~ ") as doubted),"
        ~ " (select max(" ~ day ~ ") from " ~ past ~ " as past))"
    ).rows[0][0] -%}
    {%- set first = "date '1970-01-01'" -%}
    {%- if newest is not none -%}
        {%- set first = plus_days("date '" ~ newest ~ "'", -setting('reload_days')) -%}
    {%- endif -%}
    {{ return(shop_midnight(first) if date.endswith('_at') else first) }}
{%- endmacro %}

{# Whether a row is to be built: a row without a date never settles. #}
{% macro is_unsettled(date, since) -%}
    {{ '(' ~ date ~ ' is null or ' ~ date ~ ' >= ' ~ since ~ ')' if since else 'true' }}
{%- endmacro %}

{# A settled row that shares its key with an unsettled one is marked with it. #}
{% macro marked_feed(relation, content_columns, key, date) -%}
    {%- set since = reload_from(date) -%}
    {%- if since -%}
    unsettled as (
        select * from {{ relation }}
        where
            {{ is_unsettled(date, since) }}
            or {{ key }} in (
                select {{ key }} from {{ relation }}
                where {{ is_unsettled(date, since) }}
            )
    ),

    {% endif -%}
    marked as (
        {{ mark_duplicates('unsettled' if since else relation, content_columns, [key]) }}
    )
{%- endmacro %}

{# Replaces, in one transaction, what a run has built anew. #}
{% macro get_incremental_reload_sql(arguments) -%}
    {%- set date, key = config.meta_get('reload_date'), config.meta_get('reload_key') -%}
    {%- set columns = arguments.dest_columns | map(attribute='quoted') | join(', ') -%}
    delete from {{ arguments.target_relation }}
    where
        {{ is_unsettled(date, reload_from(date)) }}
        {%- if key %}
        or {{ key }} in (select {{ key }} from {{ arguments.temp_relation }})
        {%- endif %};
    insert into {{ arguments.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arguments.temp_relation }}
{%- endmacro %}
