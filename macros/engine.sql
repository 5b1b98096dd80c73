{#
  What differs between engines: one macro per difference, one version per engine.
  Where possible, models use SQL that all engines understand: `string` for text, `1e0` for
  a double (1.0 is a decimal), `nulls last` wherever a null may be sorted, and no minus
  sign before a decimal column, because Sail changes its type.
#}

{# Whole days from one date to a later one. #}
{% macro days_between(from_date, to_date) -%}
    {{ return(adapter.dispatch('days_between')(from_date, to_date)) }}
{%- endmacro %}

{% macro default__days_between(from_date, to_date) -%}
    ({{ to_date }} - {{ from_date }})
{%- endmacro %}

{% macro spark__days_between(from_date, to_date) -%}
    datediff({{ to_date }}, {{ from_date }})
{%- endmacro %}

{# The date some days after a date; before it for negative days. #}
{% macro plus_days(date, days) -%}
    {{ return(adapter.dispatch('plus_days')(date, days)) }}
{%- endmacro %}

{% macro default__plus_days(date, days) -%}
    ({{ date }} + cast({{ days }} as integer))
{%- endmacro %}

{% macro spark__plus_days(date, days) -%}
    date_add({{ date }}, cast({{ days }} as int))
{%- endmacro %}

{#
  Months from the month of one date to that of a later one, whatever the days: 1 from
  31 January to 1 February.
#}
{% macro months_between(from_date, to_date) -%}
    (
        12 * (extract(year from {{ to_date }}) - extract(year from {{ from_date }}))
        + extract(month from {{ to_date }}) - extract(month from {{ from_date }})
    )
{%- endmacro %}

{# The same day of the month some months after a date, or the month's last; before it for
   negative months. #}
{% macro months_after(date, months) -%}
    {{ return(adapter.dispatch('months_after')(date, months)) }}
{%- endmacro %}

{% macro default__months_after(date, months) -%}
    cast({{ date }} + to_months(cast({{ months }} as integer)) as date)
{%- endmacro %}

{% macro spark__months_after(date, months) -%}
    add_months({{ date }}, cast({{ months }} as int))
{%- endmacro %}

{# A row for each day from one date to another, as a column of a select. #}
{% macro each_day(from_date, to_date) -%}
    {{ return(adapter.dispatch('each_day')(from_date, to_date)) }}
{%- endmacro %}

{% macro default__each_day(from_date, to_date) -%}
    cast(unnest(generate_series({{ from_date }}, {{ to_date }}, interval 1 day)) as date)
{%- endmacro %}

{% macro spark__each_day(from_date, to_date) -%}
    explode(sequence({{ from_date }}, {{ to_date }}, interval 1 day))
{%- endmacro %}

{# A row for each whole number from 1 up to another, as a column of a select. #}
{% macro each_number(last) -%}
    {{ return(adapter.dispatch('each_number')(last)) }}
{%- endmacro %}

{% macro default__each_number(last) -%}
    unnest(generate_series(1, {{ last }}))
{%- endmacro %}

{% macro spark__each_number(last) -%}
    explode(sequence(1, {{ last }}))
{%- endmacro %}

{# A row for each part of a text, as a column of a select. #}
{% macro each_part(text, separator) -%}
    {{ return(adapter.dispatch('each_part')(text, separator)) }}
{%- endmacro %}

{% macro default__each_part(text, separator) -%}
    unnest(string_split({{ text }}, '{{ separator }}'))
{%- endmacro %}

{% macro spark__each_part(text, separator) -%}
    explode(split(cast({{ text }} as string), '{{ separator }}'))
{%- endmacro %}

{# Whether a column of a table holds text. #}
{% macro is_text(column) -%}
    {{ return(column.is_string() or column.dtype | lower == 'string') }}
{%- endmacro %}

{# Whether a column of a table holds lists. #}
{% macro is_list(column) -%}
    {{ return(column.data_type.endswith(']') or column.data_type.lower().startswith('array')) }}
{%- endmacro %}

{# A list of numbers as a JSON text. #}
{% macro list_text(value) -%}
    {{ return(adapter.dispatch('list_text')(value)) }}
{%- endmacro %}

{% macro default__list_text(value) -%}
    cast(to_json({{ value }}) as varchar)
{%- endmacro %}

{% macro spark__list_text(value) -%}
    to_json({{ value }})
{%- endmacro %}

{# The numbers of a list in JSON that is_number_list has found to be one. #}
{% macro numbers_in(text) -%}
    {{ return(adapter.dispatch('numbers_in')(text)) }}
{%- endmacro %}

{% macro default__numbers_in(text) -%}
    cast({{ text }} as double[])
{%- endmacro %}

{% macro spark__numbers_in(text) -%}
    transform(
        split(regexp_replace({{ text }}, '[^-+.0-9eE,]', ''), ','),
        number -> cast(number as double)
    )
{%- endmacro %}

{# Reads a number from a text; null where the text holds none. #}
{% macro read_text(text, data_type) -%}
    {{ return(adapter.dispatch('read_text')(text, data_type)) }}
{%- endmacro %}

{% macro default__read_text(text, data_type) -%}
    try_cast({{ text }} as {{ data_type }})
{%- endmacro %}

{# DuckDB rounds 2.5 to a whole number, and Spark gives null. Both now do as DuckDB. #}
{% macro spark__read_text(text, data_type) -%}
    {%- if data_type in ('integer', 'bigint') -%}
        try_cast(try_cast({{ text }} as decimal(38, 0)) as {{ data_type }})
    {%- else -%}
        {{ default__read_text(text, data_type) }}
    {%- endif -%}
{%- endmacro %}

{# Spark's varchar needs a length, so the types of a contract become its string. #}
{% macro spark__get_empty_schema_sql(columns) -%}
    {%- set renamed = {} -%}
    {%- for name, column in columns.items() -%}
        {%- set data_type = modules.re.sub("^(.+)\\[\\]$", "array<\\1>", column.data_type) -%}
        {%- set data_type = data_type | replace("varchar", "string") -%}
        {%- do renamed.update({name: dict(column, data_type=data_type)}) -%}
    {%- endfor -%}
    {{ return(default__get_empty_schema_sql(renamed)) }}
{%- endmacro %}

{# Spark writes the list of a unit test array(...), not [...]. #}
{% macro spark__safe_cast(field, type) -%}
    {%- set text = (field | string).strip("'") -%}
    {%- if type.startswith('array') and text.startswith('[') -%}
        cast(array({{ text[1:-1] }}) as {{ type }})
    {%- else -%}
        cast({{ field }} as {{ type }})
    {%- endif -%}
{%- endmacro %}

{# dbt-spark's session method does not escape quotes in the texts of a seed; this does. #}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set types = model.config.column_types -%}
    {%- set rows = [] -%}
    {%- for row in agate_table.rows -%}
        {%- set values = [] -%}
        {%- for name in agate_table.column_names -%}
            {%- set text = row[name] | string | replace("\\", "\\\\") | replace("'", "\\'") -%}
            {%- set value = "null" if row[name] is none else "'" ~ text ~ "'" -%}
            {%- do values.append("cast(" ~ value ~ " as " ~ types.get(name, "string") ~ ")") -%}
        {%- endfor -%}
        {%- do rows.append("(" ~ values | join(", ") ~ ")") -%}
    {%- endfor -%}
    {%- if not rows -%}
        {{ return('') }}
    {%- endif -%}
    {%- set statement = "insert into " ~ this.render() ~ " values " ~ rows | join(", ") -%}
    {%- do adapter.add_query(statement, abridge_sql_log=True) -%}
    {{ return(statement) }}
{%- endmacro %}

{#
  Rounds a double that a cast will turn into a decimal with some places. DuckDB multiplies
  and rounds to a whole number; Spark would round the decimal digits. The two differ for
  4620.025: as a double it is a little less, so DuckDB gives 4620.02 and Spark 4620.03.
#}
{% macro rounded(value, places) -%}
    {{ return(adapter.dispatch('rounded')(value, places)) }}
{%- endmacro %}

{% macro default__rounded(value, places) -%}
    {{ value }}
{%- endmacro %}

{% macro spark__rounded(value, places) -%}
    round(({{ value }}) * 1e{{ places }}) / 1e{{ places }}
{%- endmacro %}

{# Columns of a row as one JSON object, from {name: expression}. #}
{% macro json_object(columns) -%}
    {{ return(adapter.dispatch('json_object')(columns)) }}
{%- endmacro %}

{% macro default__json_object(columns) -%}
    cast(to_json(struct_pack(
        {%- for name, expression in columns.items() %}
        {{ name }} := {{ expression }}{{ "," if not loop.last }}
        {%- endfor %}
    )) as varchar)
{%- endmacro %}

{# Spark's to_json keeps the nulls of a map, but drops those of a struct. #}
{% macro spark__json_object(columns) -%}
    to_json(map(
        {%- for name, expression in columns.items() %}
        '{{ name }}', cast({{ expression }} as string){{ "," if not loop.last }}
        {%- endfor %}
    ))
{%- endmacro %}

{#
  The sum, or the mean, of doubles, the same in every build. The last bit of a sum of
  doubles depends on the order of the rows, and threads hand rows over in any order. So
  DuckDB adds them up in the order of `by`. Spark cannot do that.
#}
{% macro steady_sum(value, by) -%}
    {{ return(adapter.dispatch('steady_sum')(value, by)) }}
{%- endmacro %}

{% macro default__steady_sum(value, by) -%}
    sum({{ value }} order by {{ by }})
{%- endmacro %}

{% macro spark__steady_sum(value, by) -%}
    sum({{ value }})
{%- endmacro %}

{% macro steady_mean(value, by) -%}
    {{ steady_sum(value, by) }} / nullif(count({{ value }}), 0)
{%- endmacro %}

{# The last n values of a group that meet a condition, as an array in order. #}
{% macro last_values(value, order_by, n, condition) -%}
    {{ return(adapter.dispatch('last_values')(value, order_by, n, condition)) }}
{%- endmacro %}

{% macro default__last_values(value, order_by, n, condition) -%}
    list_reverse(max_by({{ value }}, {{ order_by }}, {{ n }}) filter (where {{ condition }}))
{%- endmacro %}

{% macro spark__last_values(value, order_by, n, condition) -%}
    transform(
        slice(
            array_sort(collect_list(
                case when {{ condition }}
                    then named_struct('position', {{ order_by }}, 'value', {{ value }})
                end
            )),
            greatest(1, count(case when {{ condition }} then 1 end) - {{ n - 1 }}),
            {{ n }}
        ),
        pair -> pair.value
    )
{%- endmacro %}

{#
  The first n values of a group that meet a condition, as an array. `order_by` lists what
  puts the rows in order, the first expression before the second.
#}
{% macro first_values(value, order_by, n, condition) -%}
    {{ return(adapter.dispatch('first_values')(value, order_by, n, condition)) }}
{%- endmacro %}

{% macro default__first_values(value, order_by, n, condition) -%}
    min_by({{ value }}, row({{ order_by | join(', ') }}), {{ n }})
        filter (where {{ condition }})
{%- endmacro %}

{% macro spark__first_values(value, order_by, n, condition) -%}
    transform(
        slice(
            array_sort(collect_list(
                case when {{ condition }}
                    then named_struct(
                        {%- for expression in order_by %}
                        'place_{{ loop.index }}', {{ expression }},
                        {%- endfor %}
                        'value', {{ value }}
                    )
                end
            )),
            1,
            {{ n }}
        ),
        pair -> pair.value
    )
{%- endmacro %}

{# An array without any text. #}
{% macro no_texts() -%}
    {{ return(adapter.dispatch('no_texts')()) }}
{%- endmacro %}

{% macro default__no_texts() -%}
    cast([] as varchar[])
{%- endmacro %}

{% macro spark__no_texts() -%}
    cast(array() as array<string>)
{%- endmacro %}

{# The last value of a window that is not null. #}
{% macro last_told(value, window) -%}
    {{ return(adapter.dispatch('last_told')(value, window)) }}
{%- endmacro %}

{% macro default__last_told(value, window) -%}
    last_value({{ value }} ignore nulls) over ({{ window }})
{%- endmacro %}

{% macro spark__last_told(value, window) -%}
    last({{ value }}, true) over ({{ window }})
{%- endmacro %}

{# The last element of an array. #}
{% macro last_element(array) -%}
    {{ return(adapter.dispatch('last_element')(array)) }}
{%- endmacro %}

{% macro default__last_element(array) -%}
    {{ array }}[-1]
{%- endmacro %}

{% macro spark__last_element(array) -%}
    element_at({{ array }}, -1)
{%- endmacro %}

{# A number for the values of several columns; equal values have equal numbers. #}
{% macro key_hash(columns) -%}
    {{ return(adapter.dispatch('key_hash')(columns)) }}
{%- endmacro %}

{% macro default__key_hash(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__key_hash(columns) -%}
    xxhash64({{ columns | join(', ') }})
{%- endmacro %}

{#
  Regular expressions, in the syntax that RE2, Java and Rust share. Spark reads a
  backslash in a literal as an escape, and calls the first group $1 and not \1.
#}

{# A text with every match replaced. #}
{% macro regexp_replaced(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('regexp_replaced')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro default__regexp_replaced(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro spark__regexp_replaced(text, pattern, replacement) -%}
    regexp_replace(
        {{ text }},
        '{{ pattern | replace("\\", "\\\\") }}',
        '{{ replacement | replace("\\", "$") }}'
    )
{%- endmacro %}

{# A pattern as an SQL text, for patterns that are put together in SQL. #}
{% macro pattern(text) -%}
    {{ return(adapter.dispatch('pattern')(text)) }}
{%- endmacro %}

{% macro default__pattern(text) -%}
    '{{ text }}'
{%- endmacro %}

{% macro spark__pattern(text) -%}
    '{{ text | replace("\\", "\\\\") }}'
{%- endmacro %}

{# A text with every match of an SQL expression's pattern replaced. #}
{% macro regexp_replaced_by(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('regexp_replaced_by')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro default__regexp_replaced_by(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ pattern }}, '{{ replacement }}', 'g')
{%- endmacro %}

{% macro spark__regexp_replaced_by(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ pattern }}, '{{ replacement | replace("\\", "$") }}')
{%- endmacro %}

{# A text in which every match that meets a condition, of `found`, is replaced. #}
{% macro matches_replaced(text, pattern, condition, replacement) -%}
    {{ return(adapter.dispatch('matches_replaced')(text, pattern, condition, replacement)) }}
{%- endmacro %}

{# DuckDB takes 0.5 ms to start the lambdas for 2,048 texts, so it does where there is a match. #}
{% macro default__matches_replaced(text, pattern, condition, replacement) -%}
    case
        when {{ regexp_found(text, pattern) }} <> ''
            then list_reduce(
                list_filter(
                    regexp_extract_all({{ text }}, '{{ pattern }}'),
                    lambda found: {{ condition }}
                ),
                lambda told, found: replace(told, found, '{{ replacement }}'),
                {{ text }}
            )
        else {{ text }}
    end
{%- endmacro %}

{% macro spark__matches_replaced(text, pattern, condition, replacement) -%}
    aggregate(
        filter(
            regexp_extract_all({{ text }}, '{{ pattern | replace("\\", "\\\\") }}', 0),
            found -> {{ condition }}
        ),
        {{ text }},
        (told, found) -> replace(told, found, '{{ replacement }}')
    )
{%- endmacro %}

{# The first match in a text; '' if there is none. #}
{% macro regexp_found(text, pattern) -%}
    {{ return(adapter.dispatch('regexp_found')(text, pattern)) }}
{%- endmacro %}

{% macro default__regexp_found(text, pattern) -%}
    regexp_extract({{ text }}, '{{ pattern }}', 0)
{%- endmacro %}

{% macro spark__regexp_found(text, pattern) -%}
    regexp_extract({{ text }}, '{{ pattern | replace("\\", "\\\\") }}', 0)
{%- endmacro %}

{# Whether the whole of a text matches. #}
{% macro regexp_is(text, pattern) -%}
    {{ return(adapter.dispatch('regexp_is')(text, pattern)) }}
{%- endmacro %}

{% macro default__regexp_is(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__regexp_is(text, pattern) -%}
    {{ text }} rlike '^({{ pattern | replace("\\", "\\\\") }})$'
{%- endmacro %}

{# The values of a group as an array, in the order of `order_by`. #}
{% macro ordered_values(value, order_by) -%}
    {{ return(adapter.dispatch('ordered_values')(value, order_by)) }}
{%- endmacro %}

{% macro default__ordered_values(value, order_by) -%}
    list({{ value }} order by {{ order_by }})
{%- endmacro %}

{% macro spark__ordered_values(value, order_by) -%}
    transform(
        array_sort(collect_list(
            named_struct('position', {{ order_by }}, 'value', {{ value }})
        )),
        pair -> pair.value
    )
{%- endmacro %}

{# The texts of a group as one, in the order of `order_by`, with spaces between them. #}
{% macro joined_texts(text, order_by) -%}
    {{ return(adapter.dispatch('joined_texts')(text, order_by)) }}
{%- endmacro %}

{% macro default__joined_texts(text, order_by) -%}
    string_agg({{ text }}, ' ' order by {{ order_by }})
{%- endmacro %}

{% macro spark__joined_texts(text, order_by) -%}
    array_join({{ spark__ordered_values(text, order_by) }}, ' ')
{%- endmacro %}

{#
  The sum of the values that fit, after each value of an array of whole numbers and
  before the first: a value fits if the sum does not exceed `most` with it. Of 3, 3 and 2,
  with 5 as the most, the sums are 0, 3, 3 and 5.
#}
{% macro sums_that_fit(values, most) -%}
    {{ return(adapter.dispatch('sums_that_fit')(values, most)) }}
{%- endmacro %}

{% macro default__sums_that_fit(values, most) -%}
    list_reduce(
        list_transform({{ values }}, lambda value: [value]),
        lambda sums, value: list_append(
            sums,
            case
                when sums[-1] + value[1] <= {{ most }} then sums[-1] + value[1]
                else sums[-1]
            end
        ),
        [cast(0 as bigint)]
    )
{%- endmacro %}

{% macro spark__sums_that_fit(values, most) -%}
    aggregate(
        {{ values }},
        array(cast(0 as bigint)),
        (sums, value) -> concat(sums, array(
            case
                when element_at(sums, -1) + value <= {{ most }}
                    then element_at(sums, -1) + value
                else element_at(sums, -1)
            end
        ))
    )
{%- endmacro %}

{# The element of an array at a place, 1 for the first. #}
{% macro element(array, place) -%}
    {{ return(adapter.dispatch('element')(array, place)) }}
{%- endmacro %}

{% macro default__element(array, place) -%}
    {{ array }}[{{ place }}]
{%- endmacro %}

{% macro spark__element(array, place) -%}
    element_at({{ array }}, cast({{ place }} as int))
{%- endmacro %}

{#
  HMAC-SHA256 of a text under one of the shop's two secrets, `key` or `salt`, as hex. dbt's
  connections to DuckDB hold the two pads of the secret in variables, which no file, log or
  view ever shows; project/secrets.py makes them. Without them a query stops: a null
  would make all customers one. The stop is a cast that fails, because error() is volatile:
  DuckDB evaluates it, and keeps the joins under it, for columns that nobody reads.
#}
{% macro keyed_hash(secret, text) -%}
    {{ return(adapter.dispatch('keyed_hash')(secret, text)) }}
{%- endmacro %}

{% macro default__keyed_hash(secret, text) -%}
    {%- set pads = {} -%}
    {%- for pad in ('inner', 'outer') -%}
        {%- do pads.update({pad: "coalesce(
            cast(getvariable('clv_" ~ secret ~ "_" ~ pad ~ "') as blob),
            encode(cast(cast('" ~ no_secret(secret) ~ "' as integer) as string))
        )"}) -%}
    {%- endfor -%}
    sha256({{ pads.outer }} || unhex(sha256({{ pads.inner }} || encode({{ text }}))))
{%- endmacro %}

{# On Spark a function of the session holds the secret: engines/spark/secrets.py. #}
{% macro spark__keyed_hash(secret, text) -%}
    clv_{{ secret }}_hash({{ text }})
{%- endmacro %}

{% macro no_secret(secret) -%}
    {{ return(
        "The secret " ~ secret ~ " of the shop is missing, which dbt alone hands to DuckDB."
        ~ " Read the tables of schema orders, which need none; if dbt says this, set CLV_"
        ~ secret | upper ~ " or run: python scripts/customers.py secrets"
    ) }}
{%- endmacro %}

{# SHA-256 of a text or of bytes, as 64 hex digits. #}
{% macro sha256_of(value) -%}
    {{ return(adapter.dispatch('sha256_of')(value)) }}
{%- endmacro %}

{% macro default__sha256_of(value) -%}
    sha256({{ value }})
{%- endmacro %}

{% macro spark__sha256_of(value) -%}
    sha2({{ value }}, 256)
{%- endmacro %}

{% macro hex_value(text) -%}
    {{ return(adapter.dispatch('hex_value')(text)) }}
{%- endmacro %}

{% macro default__hex_value(text) -%}
    cast('0x' || {{ text }} as integer)
{%- endmacro %}

{% macro spark__hex_value(text) -%}
    cast(conv({{ text }}, 16, 10) as int)
{%- endmacro %}

{# A value cast to a type of a contract, on every engine. #}
{% macro cast_to(value, data_type) -%}
    cast({{ value }} as {{ data_type | replace('varchar', 'string') | replace('blob', 'binary') }})
{%- endmacro %}

{# A null of a type of a contract, on every engine. #}
{% macro null_of(data_type) -%}
    {{ cast_to('null', data_type) }}
{%- endmacro %}

{# A text as a literal of SQL. #}
{% macro text_literal(text) -%}
    {{ return(adapter.dispatch('text_literal')(text)) }}
{%- endmacro %}

{% macro default__text_literal(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}

{% macro spark__text_literal(text) -%}
    '{{ text | replace("\\", "\\\\") | replace("'", "\\'") }}'
{%- endmacro %}

{# The first rows of a query, each as JSON, as a query of one column. #}
{% macro row_texts(query, rows) -%}
    {{ return(adapter.dispatch('row_texts')(query, rows)) }}
{%- endmacro %}

{% macro default__row_texts(query, rows) -%}
    select cast(to_json(found) as varchar) as row_text from ({{ query }}) as found limit {{ rows }}
{%- endmacro %}

{% macro spark__row_texts(query, rows) -%}
    select to_json(struct(found.*)) as row_text from ({{ query }}) as found limit {{ rows }}
{%- endmacro %}

{# The rows of a group as an array of structs, in the order of one column. #}
{% macro rows_in_order(columns, order_by) -%}
    {{ return(adapter.dispatch('rows_in_order')(columns, order_by)) }}
{%- endmacro %}

{% macro default__rows_in_order(columns, order_by) -%}
    list(
        struct_pack(
            {%- for column in columns %}
            {{ column }} := {{ column }}{{ "," if not loop.last }}
            {%- endfor %}
        ) order by {{ order_by }}
    )
{%- endmacro %}

{# Structs are sorted by their first field, so that is the one that orders. #}
{% macro spark__rows_in_order(columns, order_by) -%}
    array_sort(collect_list(named_struct(
        {%- for column in [order_by] + (columns | reject('equalto', order_by) | list) %}
        '{{ column }}', {{ column }}{{ "," if not loop.last }}
        {%- endfor %}
    )))
{%- endmacro %}
