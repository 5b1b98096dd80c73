{#
  A feed's rows, renamed and cast as models/staging/shop.yml says: text is trimmed
  and empty text is null, what cannot be cast is null, a column that the feed lacks
  is null, a feed that the shop lacks has no rows. `unreadable_column` names the
  first column that holds something other than its type; `record` is the row as
  JSON, without what names a person.
#}
{% macro staged_feed(feed) -%}
    {%- set relation = feed_relation(feed) -%}
    {%- if not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- set found = feed_columns(feed, relation) -%}
    {%- set spec = feed_spec(feed) -%}
    {%- set record = {} -%}
    {%- set unreadable = [] -%}
    select
    {%- for name, column in spec.columns.items() %}
        {%- set is_customer = name == 'customer_id' -%}
        {%- set alias = 'customer_key' if is_customer else name -%}
        {%- set value = staged_value(name, column.data_type, found) -%}
        {%- if is_customer and name in found -%}
            {%- set value = customer_key(value) -%}
        {%- endif %}
        {{ value }} as {{ alias }},
        {%- if 'try_cast' in value and found[name].is_string() -%}
            {%- do unreadable.append(
                "when nullif(trim(" ~ adapter.quote(name) ~ "), '') is not null and "
                ~ value ~ " is null then '" ~ name ~ "'"
            ) -%}
        {%- endif -%}
        {%- if name in found and not column.config.meta.get('personal') -%}
            {%- set original = value if is_customer else adapter.quote(name) -%}
            {%- do record.update({alias: original}) -%}
        {%- endif %}
    {%- endfor %}
        {% if unreadable -%}
        case
            {%- for condition in unreadable %}
            {{ condition }}
            {%- endfor %}
        end
        {%- else -%}
        cast(null as varchar)
        {%- endif %} as unreadable_column,
        {% if found %}{{ json_object(record) }}{% else %}cast(null as varchar){% endif %} as record
    {% if found -%}
    from {{ relation }}
    {%- else -%}
    where 1 = 0
    {%- endif %}
{%- endmacro %}

{# One column of a feed, cast; null where the feed lacks it. #}
{% macro staged_value(name, data_type, found) -%}
    {%- if name not in found -%}
        cast(null as {{ data_type }})
    {%- else -%}
        {%- set value = adapter.quote(name) -%}
        {%- if found[name].is_string() -%}
            {%- set value = "nullif(trim(" ~ value ~ "), '')" -%}
        {%- endif -%}
        {%- if found[name].data_type | lower | replace(' ', '') == data_type -%}
            {{ value }}
        {%- elif found[name].is_string() and data_type == 'varchar' -%}
            {{ value }}
        {%- else -%}
            try_cast({{ value }} as {{ data_type }})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Where a feed's rows are: the sample shop's seeds, or the tables of schema raw. #}
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
  The columns that a feed's table has, by lower-case name; none where an optional
  feed is absent. A required feed or column that is absent is an error.
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
