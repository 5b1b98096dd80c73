{#
  What names a person ends in staging: these macros mask it in texts and hide it in ids.
  Names and phone numbers of customers come from the feed customers. docs/feeds.md says what
  is found.
#}

{#
  A text without e-mail addresses and numbers of phones, cards, accounts and persons. Most
  texts are short or hold no two digits, and cost no more than to see that. No text is
  masked among the 5,699 product names of Online Retail II, and of 7,626 reviews of Olist
  one is: it holds a phone number.
#}
{% macro masked_text(text) -%}
    {%- set found = regexp_replaced(text, email_pattern(), '[e-mail]') -%}
    {%- set found = regexp_replaced(found, person_number_pattern(), '[number]') -%}
    {%- set found = matches_replaced(
        found, card_number_pattern(), is_card_number('found'), '[card]'
    ) -%}
    {%- set found = regexp_replaced(found, phone_pattern(), '\\1[phone]') -%}
    {%- set found = regexp_replaced(found, local_phone_pattern(), '[phone]') -%}
    case
        when
            {{ text }} like '%@%'
            or (length({{ text }}) > 8 and {{ regexp_found(text, '[0-9][^a-z]{0,3}[0-9]') }} <> '')
            then {{ found }}
        else {{ text }}
    end
{%- endmacro %}

{#
  A code such as a country or a channel, masked as a whole where it is none: a phone number
  or an account is seven digits and more, however it is written, and no code has so many.
#}
{% macro masked_code(code) -%}
    case
        when {{ regexp_found(code, '[0-9]([^0-9]{0,3}[0-9]){6}') }} <> '' then '[number]'
        when {{ code }} like '%@%' then '[e-mail]'
        else {{ masked_text(code) }}
    end
{%- endmacro %}

{#
  A masked text without the names and the phone number of the customer of its row, which
  the columns of named_people tell. In a text that people write each name counts; in other
  texts the full name does, because Jordan may be a country there.
#}
{% macro own_names_masked(text, found, people, is_free) -%}
    {%- if is_free -%}
    case
        when
            position({{ people }}.first_word in lower({{ text }})) > 0
            or position({{ people }}.last_word in lower({{ text }})) > 0
            or position({{ people }}.phone_end in {{ regexp_replaced(text, '[^0-9]', '') }}) > 0
            then {{ regexp_replaced_by(
                regexp_replaced_by(found, people ~ '.words', '\\1[name]\\2'),
                people ~ '.phone',
                '[phone]'
            ) }}
        else replace({{ found }}, coalesce({{ people }}.full_name, chr(1)), '[name]')
    end
    {%- else -%}
    replace({{ found }}, coalesce({{ people }}.full_name, chr(1)), '[name]')
    {%- endif -%}
{%- endmacro %}

{#
  A query of the customers whose names or phone numbers the feed customers tells, each once.
  `words` and `phone` are regular expressions, of the names of three letters and more in any
  case, and of the last eight digits; where there are none they match nothing. Text without
  the first or last word, or without those digits, needs no expression: most does not.
#}
{% macro named_people() -%}
    {%- set relation = feed_relation('customers') -%}
    {%- set found = feed_columns('customers', relation) -%}
    {%- set columns = feed_spec('customers').columns -%}
    {%- set given -%}
    (
        select
            {{ folded_customer_id('staged_id') }} as customer_id,
            full_name,
            phone
        from (
            select
                {{ staged_value(columns.customer_id, found) }} as staged_id,
                {{ staged_value(columns.full_name, found) }} as full_name,
                {{ staged_value(columns.phone, found) }} as phone
            from {{ relation }}
        ) as staged_customers
        where full_name is not null or phone is not null
    )
    {%- endset -%}
    {{ people_of(given) }}
{%- endmacro %}

{#
  The query of named_people from rows of customer_id, full_name and phone. A load hands
  names over to the vault, and masks by it what it writes.
#}
{% macro people_of(given) -%}
    {%- set letter = '[\\x27' ~ letters() ~ ']' -%}
    {%- set other = '[^0-9' ~ letters() ~ ']' -%}
    select
        customer_id,
        max(full_name) as full_name,
        max(split_part(name_words, '|', 1)) as first_word,
        max(split_part(name_words, '|', -1)) as last_word,
        coalesce(max(
            {{ pattern('(?i)(^|' ~ other ~ ')(?:') }} || name_words
            || {{ pattern(')(?:' ~ other ~ '+(?:') }} || name_words
            || {{ pattern('))*($|' ~ other ~ ')') }}
        ), '[^ -~]{99}') as words,
        max(last_digits) as phone_end,
        coalesce(max(
            '[+(]?([0-9][ ()./-]*){0,7}'
            || {{ regexp_replaced('left(last_digits, 7)', '([0-9])', '\\1[ ()./-]*') }}
            || right(last_digits, 1)
        ), '[^ -~]{99}') as phone
    from (
        select
            customer_id,
            case when length(full_name) > 3 then full_name end as full_name,
            nullif({{ regexp_replaced(
                regexp_replaced(
                    regexp_replaced(
                        'lower(full_name)',
                        '\\b(van|von|der|den|del|des|dos|das|the|and|und|mrs|miss|herr|frau)\\b',
                        ' '
                    ),
                    '(' ~ letter ~ '{3,})|.',
                    '\\1|'
                ),
                '^[|]+|[|]+$|([|])[|]+',
                '\\1'
            ) }}, '') as name_words,
            case
                when length({{ regexp_replaced('phone', '[^0-9]', '') }}) > 7
                    then right({{ regexp_replaced('phone', '[^0-9]', '') }}, 8)
            end as last_digits
        from {{ given }} as given_names
    ) as people
    group by customer_id
{%- endmacro %}

{# Whether the feed customers tells names or phone numbers. #}
{% macro knows_people() -%}
    {%- set found = feed_columns('customers', feed_relation('customers')) -%}
    {{ return('customer_id' in found and ('full_name' in found or 'phone' in found)) }}
{%- endmacro %}

{# Whether a text holds an e-mail address, or a phone number with a plus. #}
{% macro holds_contact(text) -%}
    (
        {{ text }} like '%@%' and {{ regexp_found(text, email_pattern()) }} <> ''
        or {{ text }} like '%+%' and {{ regexp_found(text, phone_pattern()) }} <> ''
    )
{%- endmacro %}

{#
  An id of something else than a customer. One that holds what names a person is hashed
  as a whole: it must stay apart from others with the same address. So is one that
  load.py made of a row's customer, time and amount: with the other two known, trying all
  customers would find the one.
#}
{% macro anonymous_id(id) -%}
    case
        when {{ holds_contact(id) }} or {{ id }} like 'row-%'
            then 'id-' || substr({{ keyed_hash('key', id) }}, 1, 24)
        else {{ id }}
    end
{%- endmacro %}

{% macro email_pattern() -%}
    {{ email_name() }}@[0-9{{ letters() }}._-]*[.][{{ letters() }}]{2,}
{%- endmacro %}

{% macro phone_pattern() -%}
    (^|[^0-9{{ letters() }}])[+][(]?[0-9]([ ()./-]*[0-9]){7,14}
{%- endmacro %}

{#
  Phone numbers as people write them without a plus: after a word such as `phone`, or in a
  form that dates, sizes and amounts do not have: 555-123-4567, (030) 1234567, 0171/2345678,
  06 12 34 56 78, (11) 91234-5678.
#}
{% macro local_phone_pattern() -%}
    (?i)\b(tel|phone|mobile|cell|call|whatsapp|handy|mobil|fone|celular|sms)[a-z .:#]{0,20}[(+]?[0-9]([ ()./-]{0,2}[0-9]){6,14}|[(]?\b[0-9]{3}[)]?[ .-][0-9]{3}[ .-][0-9]{4}\b|[(]0[1-9][0-9]{1,3}[)] ?[0-9 -]{5,10}[0-9]|\b0[1-9][0-9]{1,3}[ /-]{1,3}[0-9]{5,8}\b|\b0[1-9]([ .-][0-9]{2}){4}\b|\b0[1-9][0-9]{1,3} [0-9]{3,4} [0-9]{3,4}\b|[(][0-9]{2}[)] ?9?[0-9]{4}-[0-9]{4}\b
{%- endmacro %}

{#
  Numbers that stand for one person or account: IBAN, US social security, UK national
  insurance, Brazilian CPF, Italian tax code, French and Spanish identity numbers, and what
  follows a word such as `passport`.
#}
{% macro person_number_pattern() -%}
    \b(A[DELTZ]|B[AEGHRY]|C[HRYZ]|D[EKO]|E[EGS]|F[IOR]|G[BEILRT]|H[RU]|I[ELQST]|JO|K[WZ]|L[BCITUVY]|M[CDEKRTU]|N[LO]|P[KLST]|QA|R[OS]|S[ACEIKMTV]|T[LNR]|UA|V[AG]|XK)[0-9]{2}( ?[0-9A-Z]{4}){2,7} ?[0-9A-Z]{1,4}\b|\b[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}\b|\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b|\b[0-9]{3}[.][0-9]{3}[.][0-9]{3}-[0-9]{2}\b|\b[A-Z]{6}[0-9]{2}[A-EHLMPR-T][0-9]{2}[A-Z][0-9]{3}[A-Z]\b|\b[12] [0-9]{2} (0[1-9]|1[0-2]) [0-9]{2} [0-9]{3} [0-9]{3}( [0-9]{2})?\b|\b[0-9]{8}-[A-HJ-NP-TV-Z]\b|\b([Pp]assport|PASSPORT|[Aa]usweis|SSN|CPF|DNI|NIF|BSN)[a-zA-Z .:#]{0,12}[A-Z]{0,2}[0-9][0-9A-Z.-]{5,13}\b
{%- endmacro %}

{# What may be the number of a card, by its first digits and its length. #}
{% macro card_number_pattern() -%}
    \b([2-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}|3[068][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{4})\b
{%- endmacro %}

{# Whether the last digit of a number is that of Luhn's formula, as on every card. #}
{% macro is_card_number(number) -%}
    {%- set digits = "lpad(" ~ regexp_replaced(number, '[^0-9]', '') ~ ", 16, '0')" -%}
    (
        {%- for place in range(1, 17) %}
        cast(
            {%- if place % 2 %}
            translate(substr({{ digits }}, {{ place }}, 1), '0123456789', '0246813579')
            {%- else %}
            substr({{ digits }}, {{ place }}, 1)
            {%- endif %} as integer
        ) {{ '+' if not loop.last }}
        {%- endfor %}
    ) % 10 = 0
{%- endmacro %}
