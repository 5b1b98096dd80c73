-- One row per row of the product_vectors feed, with its rejection reason or null. Vectors of
-- one source can be compared only if they have as many numbers: most of them decide.
{%- set said = [
    'product_id',
    'source',
    'vector',
    'unreadable',
] %}
with keyed as (
    select
        *,
        lower(source) as source_key
    from {{ ref('stg_product_vectors') }}
),

marked as (
    {{ mark_duplicates('keyed', said + ['source_key'], ['product_id', 'source_key']) }}
),

measured as (
    select
        *,
        {{ is_number_list('vector') }} as is_vector,
        length(vector) - length(replace(vector, ',', '')) + 1 as numbers
    from marked
),

counted as (
    select
        source_key,
        numbers,
        row_number() over (
            partition by source_key order by count(*) desc, numbers desc
        ) as place
    from measured
    where is_vector and duplicate_reason is null
    group by source_key, numbers
),

judged as (
    select
        measured.*,
        coalesce(
            case when product_id is null or source is null then 'missing_key' end,
            duplicate_reason,
            case
                when not coalesce(is_vector, false) then 'unreadable_vector'
                when measured.numbers != counted.numbers then 'other_length'
            end
        ) as rejection_reason
    from measured
    left join counted on measured.source_key = counted.source_key and counted.place = 1
)

select
    product_id,
    source_key as source,
    vector,
    rejection_reason,
    {{ rejected_row(said) }} as record
from judged
