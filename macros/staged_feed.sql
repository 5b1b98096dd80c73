{#
  The rows of a feed, renamed and cast as models/staging/shop.yml says. Text is trimmed,
  and empty text becomes null. A value that cannot be cast is null, and so is a column that
  the feed lacks; a feed that the shop lacks has no rows. `unreadable` keeps the values
  that could not be cast, by column, as JSON; it is null if all could.

  Ids are tidied, and what names a person ends here: columns of names and addresses are
  skipped, the customer's id becomes a key, null
  for those of `nobody_ids`, and what names a person in other texts is masked.
#}
{% macro staged_feed(feed, nobody_ids=none) -%}
    {%- set relation = feed_relation(feed) -%}
    {#- Names of customers are masked in their rows: dbt must know of it when it parses. -#}
    {%- set customers = feed_relation('customers') if nobody_ids -%}
    {%- if not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- set found = feed_columns(feed, relation) -%}
    {%- set columns = {} -%}
    {%- for name, column in feed_spec(feed).columns.items()
        if column.config.meta.get('pii') != 'contact' -%}
        {%- do columns.update({name: column}) -%}
    {%- endfor -%}
    {%- if not found -%}
        {{ return(no_rows(columns)) }}
    {%- endif -%}
    {%- set customer = columns.get('customer_id') -%}
    {%- set names_customers = customer is not none and 'customer_id' in found -%}
    {%- set people = 'keyed_customers' if names_customers and knows_people() -%}
    {%- set unread = {} -%}
    with rows_in as (
        select
    {%- for name, column in columns.items() %}
        {%- set value = staged_value(column, found) -%}
        {%- if 'try_cast' in value %}
            {%- do unread.update({name: unread_value(name, value, found)}) -%}
        {%- endif %}
            {{ adapter.quote(name) if name == 'customer_id' and names_customers else value }} as {{ name }},
    {%- endfor %}
            {{ staged_value({'name': 'loaded_order', 'data_type': 'bigint'}, found) }} as loaded_order,
            {% if unread -%}
            case
                when coalesce({{ unread.values() | join(', ') }}) is not null
                    then {{ json_object(unread) }}
            end
            {%- else -%}
            cast(null as string)
            {%- endif %} as unreadable
        from {{ relation }}
    )
    {%- if names_customers %},

    -- A feed names a customer many times, and a key costs as much as reading a row does.
    -- DuckDB leaves the join out of an aggregate that reads no key, but not of CTEs in a row.
    keyed_customers as (
        select
            named_customers.given_id,
            {{ key_unless_erased(relation, 'named_customers.customer_id') }} as customer_key
            {%- if people %},
            people.full_name,
            people.first_word,
            people.last_word,
            people.words,
            people.phone_end,
            people.phone
            {%- endif %}
        from (
            {{ named_customers(relation, customer, found, nobody_ids) }}
        ) as named_customers
        {%- if people %}
        left join (
            {{ named_people() }}
        ) as people on named_customers.customer_id = people.customer_id
        {%- endif %}
    )
    {%- endif %}

    select
    {%- for name, column in columns.items() %}
        {%- set value = 'rows_in.' ~ name %}
        {% if name == 'customer_id' -%}
        {{ 'keyed_customers.customer_key' if names_customers else 'cast(null as string) as customer_key' }},
        {%- elif column.data_type != 'varchar' -%}
        {{ value }},
        {%- elif name.endswith('_id') -%}
        {{ anonymous_id(value) }} as {{ name }},
        {%- else -%}
        {{ staged_text(value, people, column.config.meta.get('pii')) }} as {{ name }},
        {%- endif %}
    {%- endfor %}
        rows_in.loaded_order,
        {{ staged_text('rows_in.unreadable', people, 'text') if unread else 'rows_in.unreadable' }} as unreadable
    from rows_in
    {%- if names_customers %}
    left join keyed_customers on rows_in.customer_id = keyed_customers.given_id
    {%- endif %}
{%- endmacro %}

{#
  A text without what names a person. `people` names what tells the names of customers, and
  `pii` is the kind of the text, as docs/privacy.md lists them.
#}
{% macro staged_text(text, people, pii) -%}
    {%- set found = masked_code(text) if pii == 'code' else masked_text(text) -%}
    {{ own_names_masked(text, found, people, pii == 'text') if people else found }}
{%- endmacro %}

{# The columns of a feed as staging has them, without rows. #}
{% macro no_rows(columns) -%}
    select
    {%- for column in columns.values() %}
        {{ staged_value(column, {}) }} as {{ 'customer_key' if column.name == 'customer_id' else column.name }},
    {%- endfor %}
        cast(null as bigint) as loaded_order,
        cast(null as string) as unreadable
    where 1 = 0
{%- endmacro %}

{#
  The regular expression of the ids of a seed. A pattern is read in a quarter of the time
  that a join takes, and not at all where a query does not read the customer.
#}
{% macro nobody_pattern(nobody_ids) -%}
    {%- if load_relation(nobody_ids) is none -%}
        {{ exceptions.raise_compiler_error(
            "No table " ~ nobody_ids ~ ", which says which customer ids name nobody. Run"
            ~ " `dbt seed --select reference` first."
        ) }}
    {%- endif -%}
    {%- set ids = [] -%}
    {%- for row in run_query(
        'select distinct ' ~ folded_id('trim(id)') ~ ' as id from ' ~ nobody_ids ~ ' order by id'
    ).rows -%}
        {#- dbt takes the word null of a seed for no text. -#}
        {%- do ids.append(modules.re.escape(row[0] or 'null') | replace("'", "\\x27")) -%}
    {%- endfor -%}
    {{ return(ids | join('|')) }}
{%- endmacro %}

{# One column of a feed, cast; null if the feed lacks it. #}
{% macro staged_value(column, found) -%}
    {%- set value, data_type = adapter.quote(column.name), column.data_type -%}
    {%- set raw = found.get(column.name) -%}
    {%- if raw is none -%}
        {{ null_of(data_type) }}
    {%- elif column.name.endswith('_id') -%}
        {{ id_text(value) if is_text(raw) else id_number(value, raw.data_type | lower) }}
    {%- else -%}
        {%- if is_text(raw) -%}
            {%- set value = "nullif(trim(" ~ value ~ "), '')" -%}
        {%- endif -%}
        {%- if data_type == 'timestamp' -%}
            {{ utc_time(value, raw) }}
        {%- elif data_type == 'date' -%}
            {{ value if raw.data_type | lower == 'date' else shop_date(utc_time(value, raw)) }}
        {%- elif is_list(raw) and data_type == 'varchar' -%}
            {{ list_text(value) }}
        {%- elif is_text(raw) and data_type == 'varchar' -%}
            {{ value }}
        {%- elif raw.data_type | lower | replace(' ', '') == data_type -%}
            {{ value }}
        {%- elif is_text(raw) -%}
            {{ read_text(value, data_type) }}
        {%- else -%}
            try_cast({{ value }} as {{ data_type }})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# What a column holds where it could not be cast, as text; null where it could. #}
{% macro unread_value(name, value, found) -%}
    {%- set text = adapter.quote(name) -%}
    {%- if name == 'customer_id' -%}
        {#- Whose id it is, not even a record of a rejected row may say. -#}
        {%- set text = "'[customer]'" -%}
    {%- elif is_text(found[name]) -%}
        {%- set text = "nullif(trim(" ~ text ~ "), '')" -%}
    {%- else -%}
        {%- set text = "cast(" ~ text ~ " as string)" -%}
    {%- endif -%}
    {#- A pipeline writes NaN where there is no id. -#}
    case
        when {{ value }} is null
        {%- if name.endswith('_id') %} and not isnan({{ adapter.quote(name) }}) {%- endif %}
            then {{ text }}
    end
{%- endmacro %}

{# How many rows the table of a feed has: 0 where there is no table. #}
{% macro raw_rows(feed) -%}
    {%- set relation = feed_relation(feed) -%}
    {%- if execute and adapter.get_relation(relation.database, relation.schema, relation.identifier) is none -%}
        0
    {%- else -%}
        (select count(*) from {{ relation }})
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
  The columns of a feed's table, by lower-case name; none if an optional feed is absent
  or has no rows.
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
    {#- DuckDB takes 0.1 s to plan how texts are read as times, even where there are none. -#}
    {%- if not spec.config.meta.get('required')
        and not run_query('select 1 as has_row from ' ~ table ~ ' limit 1').rows -%}
        {{ return({}) }}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}
