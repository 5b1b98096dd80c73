-- Calls macros with values whose result is known, above all those that have a version for
-- each engine or a regular expression. A row names a macro that gives something else on
-- this engine.
{%- set unseen, blank = '\u200b', '\u00a0' %}
{%- set known = [
    ['days_between', days_between("date '2024-02-28'", "date '2024-03-01'"), '2'],
    ['plus_days', plus_days("date '2024-02-28'", 2), "date '2024-03-01'"],
    ['plus_days, earlier', plus_days("date '2024-03-01'", -1), "date '2024-02-29'"],
    ['months_between', months_between("date '2023-12-31'", "date '2024-02-01'"), '2'],
    [
        'clock_to_utc',
        clock_to_utc("timestamp '2024-07-05 10:00:00'", 'Europe/Berlin'),
        "timestamp '2024-07-05 08:00:00'",
    ],
    [
        'utc_to_clock',
        adapter.dispatch('utc_to_clock')("timestamp '2024-01-06 00:30:00'", 'America/New_York'),
        "timestamp '2024-01-05 19:30:00'",
    ],
    [
        'shop_date',
        shop_date(shop_midnight("date '2024-01-06'")),
        "date '2024-01-06'",
    ],
    ['zone_in', zone_in("'2024-01-05 10:00:00 +01:00'"), "'+01:00'"],
    ['zone_in, by name', zone_in("'5 Jan 2024 10:00 Europe/Berlin'"), "'Europe/Berlin'"],
    ['zone_in, none', zone_in("'2024-01-05 10:00'"), "''"],
    ['read_text of a decimal', read_text("'12.345'", 'decimal(18, 2)'), '12.35'],
    ['read_text of no decimal', read_text("'12,3'", 'decimal(18, 2)'), 'null'],
    ['rounded down', 'cast(' ~ rounded('4620.025e0', 2) ~ ' as decimal(18, 2))', '4620.02'],
    ['rounded up', 'cast(' ~ rounded('3423.675e0', 2) ~ ' as decimal(18, 2))', '3423.68'],
    ['rounded, a half', 'cast(' ~ rounded('-2.5e0', 0) ~ ' as decimal(18, 0))', '-3'],
    ['share_of', share_of('60.00', '10.00', '90.00'), '6.6667'],
    ['share_of, all', share_of('60.00', '90.00', '90.00'), '60.00'],
    [
        'line_amount',
        line_amount('3', '9.9999', '-1.00', 'cast(null as decimal(18, 4))', "'product'"),
        '28.9997',
    ],
    [
        'line_amount of a discount',
        line_amount('1', '5.00', '0', 'cast(null as decimal(18, 4))', "'discount'"),
        '-5.00',
    ],
    [
        'line_amount that is too large',
        line_amount('1000000', '1e12', '0', 'cast(null as decimal(18, 4))', "'product'"),
        'null',
    ],
    ['money_text', money_text('12.5'), "'12.50'"],
    ['counted, one', counted('1', 'order'), "'1 order'"],
    ['counted, more', counted('2', 'order'), "'2 orders'"],
    ['hex_value', hex_value("'00000ff'"), '255'],
    ['key_hash', key_hash(["'a'", '1']), key_hash(["'a'", '1'])],
    ['key_hash of others', key_hash(["'a'", '1']) ~ ' = ' ~ key_hash(["'a'", '2']), 'false'],
    [
        'json_object',
        json_object({'one': "'x'", 'other': 'cast(null as string)'}),
        "'{" ~ '"one":"x","other":null' ~ "}'",
    ],
    ['regexp_replaced', regexp_replaced("'a1, b22'", '[a-z]([0-9]+)', '<\\1>'), "'<1>, <22>'"],
    ['regexp_replaced, escaped', regexp_replaced("'a.b c'", '\\.|\\s', '-'), "'a-b-c'"],
    ['regexp_found', regexp_found("'ab12 34'", '\\p{N}+'), "'12'"],
    ['regexp_found, none', regexp_found("'ab'", '[0-9]+'), "''"],
    ['regexp_is', regexp_is("'b'", 'a|b'), 'true'],
    ['regexp_is, a part', regexp_is("'ab'", 'a|b'), 'false'],
    ['without_accents', without_accents("'annulé, größe'"), "'annule, grose'"],
    ['status_words', status_words("'wc-on-hold'"), "'on hold'"],
    ['status_words of one word', status_words("'OnHold'"), "'on hold'"],
    ['status_words of a label', status_words("'Order Status: REMBOURSÉ_1'"), "'rembourse'"],
    ['status_words, kept', status_words("'Refund*'", kept='*'), "'refund*'"],
    ['id_text, plain', id_text("'AB-12'"), "'AB-12'"],
    ['id_text, decimal', id_text("' 0017850.0'"), "'0017850'"],
    [
        'id_text, unseen marks',
        id_text("'" ~ unseen ~ blank ~ "17" ~ unseen ~ "850" ~ blank ~ "'"),
        "'17850'",
    ],
    ['id_text, apostrophe', id_text("(chr(39) || '17850')"), "'17850'"],
    ['id_text of blanks', id_text("' " ~ blank ~ "'"), 'null'],
    ['id_number of a double', id_number('17850e0', 'double'), "'17850'"],
    ['id_number of a large double', id_number('9007199254740994e0', 'double'), 'null'],
    ['id_number of no number', id_number("cast('nan' as double)", 'double'), 'null'],
    ['id_number of a decimal', id_number('17850.00', 'decimal(7,2)'), "'17850'"],
    ['id_number of an integer', id_number('17850', 'integer'), "'17850'"],
    ['is_cut_id', is_cut_id("'7.41E+12'"), 'true'],
    ['is_cut_id, plain', is_cut_id("'7E12'"), 'false'],
    ['email_in', email_in("'Ann <Ann.Lee @Example.com>'"), "'ann.lee@example.com'"],
    ['email_in, none', email_in("'Ann'"), "''"],
    ['is_phone', is_phone("'+49 (30) 123-4567'"), 'true'],
    ['is_phone, plain', is_phone("'4930123456'"), 'false'],
    [
        'folded_customer_id',
        folded_customer_id("'Ann@Example.com'"),
        folded_customer_id("' <mailto:ann@example.com>'"),
    ],
    [
        'folded_customer_id of a phone',
        folded_customer_id("'+49 30 1234567'"),
        folded_customer_id("'0049 30 1234567'"),
    ],
    ['folded_customer_id, plain', folded_customer_id("'12-AB'"), "'12-AB'"],
    ['masked', masked_text("'ann@example.com, +49 30 1234567'"), "'[e-mail], [phone]'"],
    ['masked code', masked_code("'0 175 33 55 779'"), "'[number]'"],
    ['masked, nothing', masked_text("'a@b + 1'"), "'a@b + 1'"],
    [
        'masked, numbers',
        masked_text("'4111 1111 1111 1111, 078-05-1120, 020 7946 0958, 4111111111111112'"),
        "'[card], [number], [phone], 4111111111111112'",
    ],
    ['anonymous_id', anonymous_id("'ann@example.com'"), anonymous_id("'ann@example.com'")],
] %}
with texts as (
    select 1 as place, ' 2.5' as text, 3 as whole, cast(null as timestamp) as moment
    union all
    select 2, '-7', -7, null
    union all
    select 3, '2024', 2024, null
    union all
    select 4, 'n/a', null, null
    union all
    select 5, '10:30', null, null
    union all
    select 6, '2024-05-01', null, timestamp '2024-05-01 00:00:00'
    union all
    select 7, '2024-05-01 10:30', null, timestamp '2024-05-01 10:30:00'
    union all
    select 8, '2024-05-01T10:30:15.250000', null, timestamp '2024-05-01 10:30:15.25'
    union all
    select 9, '2024-01-05 10:00:00 +0100', null, timestamp '2024-01-05 09:00:00'
    union all
    select 10, '2024-01-05T18:30:00-05:00', null, timestamp '2024-01-05 23:30:00'
    union all
    select 11, '2024-03-31 20:00:00 America/New_York', null, timestamp '2024-04-01 00:00:00'
    union all
    select 12, '2024-11-03 01:30:00 EST', null, timestamp '2024-11-03 06:30:00'
    union all
    select 13, 'Mon, 23 Sep 2024 14:21:24 +0000', null, timestamp '2024-09-23 14:21:24'
    union all
    select 14, 'Nov 3, 2025 14:05:09 PM', null, timestamp '2025-11-03 14:05:09'
    union all
    select 15, '3-Nov-2025 2:05 pm', null, timestamp '2025-11-03 14:05:00'
    union all
    select 16, '01.05.2024', null, null
    union all
    select 17, '05-01-24', null, null
    union all
    select 18, '2024-02-30', null, null
    union all
    select 19, '2024-01-05 10:00 BST', null, null
),

read_texts as (
    select
        place,
        text,
        coalesce({{ read_text('trim(text)', 'integer') }} = whole, whole is null)
        and ({{ read_text('trim(text)', 'integer') }} is null) = (whole is null)
            as is_whole_right,
        coalesce({{ read_time('trim(text)', 'UTC') }} = moment, moment is null)
        and ({{ read_time('trim(text)', 'UTC') }} is null) = (moment is null)
            as is_moment_right
    from texts
),

groups as (
    select
        {{ last_values('cast(place as double)', 'place', 3, "place < 10 and place <> 8") }}
            as places,
        {{ steady_sum('case when place in (3, 7, 8) then cast(place as double) end', 'place') }}
            as sum_of_places,
        {{ steady_mean('case when place in (3, 7, 8) then cast(place as double) end', 'place') }}
            as mean_of_places
    from texts
),

lists as (
    select {{ ordered_values('place', '0 - place') }} as ordered
    from texts
    where place in (3, 7, 8)
),

told as (
    select
        place,
        {{ last_told('whole', 'order by place') }} as last_whole
    from texts
),

days as (
    select {{ each_day("date '2024-02-28'", "date '2024-03-01'") }} as day
),

cases as (
    select 'read_text of an integer: ' || text as what, is_whole_right as is_right
    from read_texts
    union all
    select 'read_time: ' || text, is_moment_right
    from read_texts
    union all
    select 'last_told: ' || cast(place as string), last_whole = 2024
    from told
    where place >= 3
    union all
    select
        'each_day',
        count(*) = 3 and min(day) = date '2024-02-28' and max(day) = date '2024-03-01'
    from days
    union all
    select 'last_values', cast(places as string) = '[6.0, 7.0, 9.0]'
    from groups
    union all
    select 'last_element', {{ last_element('places') }} = 9
    from groups
    union all
    select 'steady_sum', sum_of_places = 18
    from groups
    union all
    select 'steady_mean', mean_of_places = 6
    from groups
    union all
    select 'ordered_values', cast(ordered as string) = '[8, 7, 3]'
    from lists
    union all
    select 'element', {{ element('ordered', 2) }} = 7
    from lists
    union all
    select
        'sums_that_fit',
        cast({{ sums_that_fit('ordered', 11) }} as string) = '[0, 8, 8, 11]'  -- noqa: PRS
    from lists
    {%- for what, value, result in known %}
    union all
    select
        '{{ what }}',
        ({{ value }}) {{ 'is' if result == 'null' else '=' }} {{ result }}  -- noqa: PRS
    {%- endfor %}
)

select what from cases
where not is_right or is_right is null
