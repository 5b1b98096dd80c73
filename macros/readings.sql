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
