{#
  The rows of a feed, renamed and cast as models/staging/shop.yml says. Text is trimmed,
  and empty text becomes null. A value that cannot be cast is null, and so is a column that
  the feed lacks; a feed that the shop lacks has no rows. `unreadable` keeps the texts that
  could not be cast, by column, as JSON; it is null if all could.
#}
{% macro staged_feed(feed) -%}
    {%- set relation = feed_relation(feed) -%}
    {%- if not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- set found = feed_columns(feed, relation) -%}
    {%- set texts = {} -%}
    select
    {%- for name, column in feed_spec(feed).columns.items() %}
        {%- set value = staged_value(name, column.data_type, found) -%}
        {%- if 'try_cast' in value and is_text(found[name]) -%}
            {%- set text = "nullif(trim(" ~ adapter.quote(name) ~ "), '')" -%}
            {%- do texts.update({name: "case when " ~ value ~ " is null then " ~ text ~ " end"}) -%}
        {%- endif %}
        {% if name == 'customer_id' -%}
        {{ customer_key(value) }} as customer_key,
        {%- else -%}
        {{ value }} as {{ name }},
        {%- endif %}
    {%- endfor %}
        {{ staged_value('loaded_order', 'bigint', found) }} as loaded_order,
        {% if texts -%}
        case
            when coalesce({{ texts.values() | join(', ') }}) is not null
                then {{ json_object(texts) }}
        end
        {%- else -%}
        cast(null as string)
        {%- endif %} as unreadable
    {% if found -%}
    from {{ relation }}
    {%- else -%}
    where 1 = 0
    {%- endif %}
{%- endmacro %}

{# One column of a feed, cast; null if the feed lacks it. #}
{% macro staged_value(name, data_type, found) -%}
    {%- if name not in found -%}
        cast(null as {{ 'string' if data_type == 'varchar' else data_type }})
    {%- else -%}
        {%- set value = adapter.quote(name) -%}
        {%- if is_text(found[name]) -%}
            {%- set value = "nullif(trim(" ~ value ~ "), '')" -%}
        {%- endif -%}
        {%- if data_type == 'timestamp' -%}
            {{ utc_time(value, found[name]) }}
        {%- elif found[name].data_type | lower | replace(' ', '') == data_type -%}
            {{ value }}
        {%- elif is_text(found[name]) and data_type == 'varchar' -%}
            {{ value }}
        {%- elif is_text(found[name]) -%}
            {{ read_text(value, data_type) }}
        {%- else -%}
            try_cast({{ value }} as {{ data_type }})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The table of a feed: a seed of the sample shop, or a table of schema raw. #}
{% macro feed_relation(feed) -%}
    {%- if target.name == 'sample' -%}
        {{ return(ref('sample_' ~ feed)) }}
    {%- endif -%}
    {{ return(source('shop', feed)) }}
{%- endmacro %}

{# What shop.yml says of a feed. #}
{% macro feed_spec(feed) -%}
    {%- for spec in graph.sources.values() if spec.source_name == 'shop' and spec.name == feed -%}
        {{ return(spec) }}
    {%- endfor -%}
{%- endmacro %}

{#
  The columns of a feed's table, by lower-case name; none if an optional feed is absent.
  Stops the build if a required feed or column is absent.
#}
{% macro feed_columns(feed, relation) -%}
    {%- set spec = feed_spec(feed) -%}
    {%- set table = adapter.get_relation(relation.database, relation.schema, relation.identifier) -%}
    {%- set found = {} -%}
    {%- if table is none -%}
        {%- if spec.config.meta.get('required') -%}
            {{ exceptions.raise_compiler_error(
                "No table " ~ relation.schema ~ "." ~ relation.identifier ~ " in " ~ (target.path or target.name)
                ~ ": the feed '" ~ feed ~ "' is required. Load a shop first: "
                ~ "python scripts/load.py --help"
            ) }}
        {%- endif -%}
        {{ return(found) }}
    {%- endif -%}
    {%- for column in adapter.get_columns_in_relation(table) -%}
        {%- do found.update({column.name | lower: column}) -%}
    {%- endfor -%}
    {%- for name, column in spec.columns.items() if column.config.meta.get('required') and name not in found -%}
        {{ exceptions.raise_compiler_error(
            "Table " ~ relation.schema ~ "." ~ relation.identifier ~ " has no column '" ~ name
            ~ "', which the feed '" ~ feed ~ "' needs. It has: " ~ found.keys() | join(', ')
            ~ ". Rename or add the column, then run dbt again."
        ) }}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
