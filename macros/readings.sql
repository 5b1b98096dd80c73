{#
  How texts of exports are read: ids, statuses, words for nobody. scripts/load.py and
  staging both use these macros.
#}

{#
  A status as words: lower case, without accents, one blank between words, without what
  a platform puts before it. wc-on-hold, OnHold and "Status: ON_HOLD" are all `on hold`.
  `kept` names characters that stay beside letters and digits.
#}
{% macro status_words(status, kept='') -%}
    {%- set words = regexp_replaced(status, '([a-z])([A-Z])', '\\1 \\2') -%}
    {%- set words = without_accents('lower(' ~ words ~ ')') -%}
    {%- set words = 'trim(' ~ regexp_replaced(words, '[^\\p{L}\\p{N}' ~ kept ~ ']+', ' ') ~ ')' -%}
    {%- set words = regexp_replaced(words, '^wc ', '') -%}
    {%- set words = regexp_replaced(
        words, '^(order |payment |financial |fulfillment |sales )*(status|state) ', ''
    ) -%}
    {{ regexp_replaced(words, '^order |^[0-9]+ | [0-9]+$', '') }}
{%- endmacro %}

{#
  Each status of a table `found` with its meaning by a table `described` like
  reference.order_statuses; a status that no row describes has no meaning. A row that
  names the status itself comes before a row with an asterisk. Of those, the row with
  the most letters holds: "refund declined" is a sale although `refund*` says otherwise.
#}
{% macro status_meanings(found, described) -%}
    with found_statuses as (
        select
            status,
            {{ status_words('status') }} as words
        from {{ found }}
    ),

    described_statuses as (
        select
            status as described_as,
            meaning,
            is_doubtful,
            {{ status_words('status', kept='*') }} as words,
            status like '%*%' as is_pattern
        from {{ described }}
    ),

    matched as (
        select
            found_statuses.status,
            described_statuses.*,
            row_number() over (
                partition by found_statuses.status
                order by
                    described_statuses.is_pattern asc,
                    length(translate(described_statuses.words, '* ', '')) desc,
                    case described_statuses.meaning
                        when 'test' then 1
                        when 'never' then 2
                        when 'refunded' then 3
                        when 'not_yet' then 4
                        else 5
                    end asc,
                    described_statuses.described_as asc
            ) as place
        from found_statuses
        inner join described_statuses
            on
                ' ' || found_statuses.words || ' '
                like ' ' || replace(described_statuses.words, '*', '%') || ' '
    )

    select
        found_statuses.status,
        matched.described_as,
        matched.meaning,
        matched.is_doubtful
    from found_statuses
    left join matched on found_statuses.status = matched.status and matched.place = 1
{%- endmacro %}

{# A text in lower case without accents: `annulé` becomes `annule`. #}
{% macro without_accents(text) -%}
    translate(
        {{ text }},
        'àáâãäåāăąçćčďđèéêëēėęěğìíîïīıłñńňòóôõöøőōřśšşșťţțùúûüűůūýÿžźżß',
        'aaaaaaaaacccddeeeeeeeegiiiiiilnnnoooooooorsssstttuuuuuuuyyzzzs'
    )
{%- endmacro %}

{#
  An id as one text, however a file spells it: without blanks around it and marks of no
  width in it, without the apostrophe that Excel puts before it, and without the .0 that
  makes a decimal of a whole number (17850.0, or 17850,0). Leading zeros stay; null if
  nothing is left. The first case is only faster: most ids are plain.
#}
{% macro id_text(text) -%}
    {%- set unseen = '\\x{AD}\\x{200B}-\\x{200F}\\x{202A}-\\x{202E}\\x{2060}\\x{FEFF}' -%}
    {%- set blank = '[\\s\\x{A0}\\x{2000}-\\x{200A}\\x{202F}\\x{3000}\\x27' ~ unseen ~ ']+' -%}
    case
        when {{ regexp_is(text, plain_id()) }} then {{ text }}
        else nullif({{ regexp_replaced(
            regexp_replaced(text, '^' ~ blank ~ '|' ~ blank ~ '$|[' ~ unseen ~ ']+', ''),
            '^(-?[0-9]+)[.,]00?$',
            '\\1'
        ) }}, '')
    end
{%- endmacro %}

{#
  Days, or months, from one renewal to the next, as `week`, `monthly`, `3 months`, `every
  2 years` or `45` say, which are days; null if the text does not say it in that unit.
#}
{% macro renewal_days(text) -%}
    case
        when {{ regexp_is('lower(' ~ text ~ ')', '(every )?([0-9]{1,4} ?)?(days?|daily)|[0-9]{1,4}') }}
            then {{ number_in_period(text) }}
        when {{ is_period(text, 'weeks?|weekly') }} then 7 * {{ number_in_period(text) }}
    end
{%- endmacro %}

{% macro renewal_months(text) -%}
    case
        when {{ is_period(text, 'months?|monthly') }} then {{ number_in_period(text) }}
        when {{ is_period(text, 'quarters?|quarterly') }} then 3 * {{ number_in_period(text) }}
        when {{ is_period(text, 'years?|yearly|annual|annually') }}
            then 12 * {{ number_in_period(text) }}
    end
{%- endmacro %}

{% macro is_period(text, words) -%}
    {{ regexp_is('lower(' ~ text ~ ')', '(every )?([0-9]{1,4} ?)?(' ~ words ~ ')') }}
{%- endmacro %}

{% macro number_in_period(text) -%}
    coalesce(cast(nullif({{ regexp_found(text, '[0-9]+') }}, '') as integer), 1)
{%- endmacro %}

{# Whether a text is a list of numbers in JSON, with one number or more. #}
{% macro is_number_list(text) -%}
    {%- set number = '-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?' -%}
    {{ regexp_is(text, '\\s*\\[\\s*' ~ number ~ '(\\s*,\\s*' ~ number ~ ')*\\s*\\]\\s*') }}
{%- endmacro %}

{# Whether a spreadsheet has cut the digits of an id off, as in 7.41E+12. #}
{% macro is_cut_id(text) -%}
    {{ regexp_is(text, ' *([0-9]+([.,][0-9]+)?[eE][+]|[0-9][.,][0-9]+[eE])[0-9]+ *') }}
{%- endmacro %}

{#
  An id as text from a column of numbers. A double holds whole numbers up to 2^53 alone:
  above, two ids become one, so the id is not read.
#}
{% macro id_number(number, data_type) -%}
    {%- if data_type in ('double', 'float', 'real') -%}
    case
        when isnan({{ number }}) or abs({{ number }}) > {{ 9007199254740992 if data_type == 'double' else 16777216 }}
            then null
        when {{ number }} = floor({{ number }})
            then cast(try_cast({{ number }} as bigint) as string)
        else cast({{ number }} as string)
    end
    {%- elif data_type.startswith('decimal') -%}
    case
        when {{ number }} = floor({{ number }})
            then cast(cast({{ number }} as decimal(38, 0)) as string)
        else cast({{ number }} as string)
    end
    {%- else -%}
    cast({{ number }} as string)
    {%- endif -%}
{%- endmacro %}

{# A row of digits, or letters and digits with hyphens between them. #}
{% macro plain_id() -%}
    [0-9]+|[0-9A-Za-z_-]*[A-Za-z][0-9A-Za-z_-]*
{%- endmacro %}

{# The e-mail address in a text, in lower case; '' if there is none. #}
{% macro email_in(text) -%}
    {%- set text = "replace(lower(" ~ text ~ "), '%40', '@')" -%}
    {{ regexp_found(
        regexp_replaced(text, '\\s*@\\s*', '@'),
        email_name() ~ '@[0-9' ~ letters() ~ '._-]*[0-9' ~ letters() ~ ']'
    ) }}
{%- endmacro %}

{% macro email_name() -%}
    [^\s<>()\[\],;:@=/?&|]+
{%- endmacro %}

{#
  The letters of a class of characters: those of ASCII, and the blocks of Unicode that
  hold letters beyond it. DuckDB needs 3 ms to read a pattern with \p{L}, which lists
  hundreds of ranges, and 0.3 ms for one with these.
#}
{% macro letters() -%}
    A-Za-z\x{AA}-\x{1FFF}\x{3040}-\x{D7FF}\x{20000}-\x{3FFFF}
{%- endmacro %}

{#
  Whether a text is a phone number: 7 to 15 digits with a plus or with separators. A bare
  row of digits is an id.
#}
{% macro is_phone(text) -%}
    (
        not {{ regexp_is(text, plain_id()) }}
        and {{ regexp_is(
            'lower(' ~ text ~ ')',
            '(tel:)?[+ (]*([0-9][ ()./\\x{A0}\\x{2010}-\\x{2015}-]*){7,15}((x|ext)[. ]*[0-9]{1,6})?'
        ) }}
    )
{%- endmacro %}

{# An id as it is compared with those of the seed nobody_ids. #}
{% macro folded_id(id) -%}
    lower({{ id }})
{%- endmacro %}

{#
  Whether an id has so many orders that it may stand for many people: at least 20 orders,
  a twentieth of all, and ten times as many as the other customers have on average.
#}
{% macro is_improbable_id(orders, all_orders, customers) -%}
    (
        {{ orders }} >= 20
        and {{ orders }} * 20 >= {{ all_orders }}
        and {{ orders }} * ({{ customers }} - 1) >= 10 * ({{ all_orders }} - {{ orders }})
    )
{%- endmacro %}
