-- Calls the macros of macros/engine.sql and macros/times.sql with values whose result is
-- known. A row names a macro that gives something else on this engine.
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

purchases as (
    select
        {{ last_values('cast(place as double)', 'place', 3, "place < 10 and place <> 8") }} as places
    from texts
),

cases as (
    select 'read_text of an integer: ' || text as what, is_whole_right as is_right
    from read_texts
    union all
    select 'read_time: ' || text, is_moment_right
    from read_texts
    union all
    select
        'days_between',
        {{ days_between("date '2024-02-28'", "date '2024-03-01'") }} = 2
    union all
    select
        'clock_to_utc',
        {{ clock_to_utc("timestamp '2024-07-05 10:00:00'", 'Europe/Berlin') }}
        = timestamp '2024-07-05 08:00:00'
    union all
    select
        'utc_to_clock',
        {{ adapter.dispatch('utc_to_clock')(
            "timestamp '2024-01-06 00:30:00'", 'America/New_York'
        ) }} = timestamp '2024-01-05 19:30:00'
    union all
    select
        'plus_days',
        {{ plus_days("date '2024-02-28'", 2) }} = date '2024-03-01'
    union all
    select
        'plus_days, earlier',
        {{ plus_days("date '2024-03-01'", -1) }} = date '2024-02-29'
    union all
    select
        'rounded',
        cast({{ rounded('4620.025e0', 2) }} as decimal(18, 2)) = 4620.02
        and cast({{ rounded('3423.675e0', 2) }} as decimal(18, 2)) = 3423.68
        and cast({{ rounded('-2.5e0', 0) }} as decimal(18, 0)) = -3
    union all
    select
        'hex_value',
        {{ hex_value("'00000ff'") }} = 255
    union all
    select
        'key_hash',
        {{ key_hash(["'a'", "1"]) }} = {{ key_hash(["'a'", "1"]) }}
        and {{ key_hash(["'a'", "1"]) }} <> {{ key_hash(["'a'", "2"]) }}
    union all
    select
        'json_object',
        {{ json_object({'one': "'x'", 'other': 'cast(null as string)'}) }}
        = '{"one":"x","other":null}'
    union all
    select
        'last_values',
        cast(places as string) = '[6.0, 7.0, 9.0]'
    from purchases
    union all
    select
        'last_element',
        {{ last_element('places') }} = 9
    from purchases
)

select what from cases
where not is_right or is_right is null
