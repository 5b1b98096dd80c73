-- One row per build: a dbt command that made or tested tables, with those that continued
-- it. A view, for its last row is written when all models are made; `render` lets a run
-- with --empty be told too.
with commands as (
    select
        invocation_id,
        coalesce(max(build_id), invocation_id) as build_id,
        max(number) as number,
        max(command) as command,
        max(target) as target,
        max(settings) as settings,
        max(load_number) as load_number,
        max(loaded_at) as loaded_at,
        max(dbt_version) as dbt_version,
        min(said_at) as started_at,
        max(case when is_end then said_at end) as ended_at,
        max(why_incomplete) as why_incomplete
    from {{ ref('build_commands').include(database=false).render() }}
    group by invocation_id
),

numbered as (
    select
        *,
        row_number() over (partition by build_id order by number) as place,
        row_number() over (partition by build_id order by number desc) as place_from_last
    from commands
),

counted as (
    select
        build_id,
        sum(case when status = 'success' then 1 else 0 end) as models_made,
        sum(
            case when not is_test and status <> 'success' then 1 else 0 end
        ) as models_failed,
        sum(case when status in ('pass', 'warn') then 1 else 0 end) as tests_passed,
        sum(
            case when is_test and status not in ('pass', 'warn') then 1 else 0 end
        ) as tests_failed
    from (
        select
            *,
            resource_type in ('test', 'unit_test') as is_test
        from {{ steps_as_they_stand(
            ref('build_steps').include(database=false).render()
        ) }}
    ) as told
    group by build_id
)

select
    begun.build_id,
    begun.number as build_number,
    begun.command,
    begun.target,
    begun.settings,
    begun.dbt_version,
    begun.load_number,
    begun.loaded_at,
    begun.started_at,
    ended.ended_at,
    cast(coalesce(counted.models_made, 0) as bigint) as models_made,
    cast(coalesce(counted.models_failed, 0) as bigint) as models_failed,
    cast(coalesce(counted.tests_passed, 0) as bigint) as tests_passed,
    cast(coalesce(counted.tests_failed, 0) as bigint) as tests_failed,
    ended.ended_at is not null and ended.why_incomplete is null as is_complete,
    case
        when begun.command = 'restore'
            then 'What earlier runs knew was restored. Run dbt build.'
        when ended.ended_at is null
            then
                'dbt ' || begun.command || ' has not ended: it is running, or it was '
                || 'stopped. Run dbt build --target ' || begun.target || '.'
        else ended.why_incomplete
    end as why_incomplete
from numbered as begun
inner join numbered as ended
    on
        begun.build_id = ended.build_id
        and ended.place_from_last = 1
left join counted on begun.build_id = counted.build_id
where begun.place = 1
