{#
  What dbt did, written down while it does it. A command that makes or tests tables adds a
  row to build_commands when it begins, so that one that was killed can be told from one
  that ended, and another when it ends, with a row of build_steps per model, seed and test.
  Model `builds` puts them together.

  A build begins with a command and goes on with those that continue it: `dbt test`, and
  commands that make only what failed or was skipped before, such as `dbt retry`. It is
  complete if all models were made and all tests passed that ran, among them those of keys
  and identities. Only a complete build is published.
#}

{# Writes down that a command begins. Called on-run-start, once the settings are right. #}
{% macro begin_build() -%}
    {%- if execute -%}
        {%- do write_down('build_commands', [command_row()]) -%}
        {%- do adapter.commit() -%}
    {%- endif -%}
{%- endmacro %}

{#
  Runs the tests that the build has left, if a network was trained, and fails where one
  fails (macros/left_tests.sql). Writes down what became of each step and whether the build
  is complete, and says how to publish it. Called on-run-end.
#}
{% macro end_build(results) -%}
    {%- if execute and results -%}
        {%- set left = steps_of_left_tests(results) -%}
        {%- set steps = steps_of(results) + left -%}
        {%- set command = command_row() -%}
        {%- set build = build_of(steps, command) -%}
        {%- set why_not = why_incomplete(build.steps) -%}
        {%- do command.update(is_end='true', build_id=build.id, why_incomplete=why_not or none) -%}
        {%- do write_down('build_steps', step_rows(steps, command), ['message', 'failing_rows']) -%}
        {%- do write_down('build_commands', [command], ['why_incomplete']) -%}
        {%- do adapter.commit() -%}
        {%- do refuse_if(left_tests_failed(left)) -%}
        {%- if setting('hints') and not why_not and target.type == 'duckdb' -%}
            {%- do log('Publish it: python scripts/publish.py all --target ' ~ target.name, info=true) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
  The build that the steps of this command belong to, the one before or a new one: its id,
  and its steps by unique_id, each as it stands now.
#}
{% macro build_of(steps, command) -%}
    {%- set now = {} -%}
    {%- set made = [] -%}
    {%- set kinds = tests() -%}
    {%- for step in steps -%}
        {%- do now.update({step.unique_id: step}) -%}
        {%- do made.append(step.unique_id) if step.resource_type not in kinds -%}
    {%- endfor -%}
    {%- set last = last_making_command() -%}
    {%- if last.build_id and last.load_number == command.load_number
        and (not made or last.settings == command.settings) -%}
        {%- set before = last_steps(last.build_id) -%}
        {%- set unmade = unmade_in(before) -%}
        {%- if made | reject('in', unmade) | list == [] and (made or not unmade) -%}
            {{ return({'id': last.build_id, 'steps': dict(before, **now)}) }}
        {%- endif -%}
    {%- endif -%}
    {{ return({'id': invocation_id, 'steps': now}) }}
{%- endmacro %}

{#
  Why the warehouse is not one complete, tested build, and what to do, in a sentence; '' if
  it is. `steps` are those of its newest build.
#}
{% macro why_incomplete(steps) -%}
    {%- set models, untested, failed, broken = [], [], [], [] -%}
    {%- for node in graph.nodes.values() -%}
        {%- if node.resource_type == 'model' and node.config.materialized != 'ephemeral' -%}
            {%- do models.append(node.unique_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for step in steps.values() if step.status in ('error', 'fail', 'runtime error') -%}
        {%- do (failed if step.resource_type in tests() else broken).append(step) -%}
    {%- endfor -%}
    {%- set absent = models | reject('in', steps) | list -%}
    {%- set skipped = steps.values() | selectattr('status', 'equalto', 'skipped') | list -%}
    {#- There are a thousand tests, and a command that made a part says so without them. -#}
    {%- for node in graph.nodes.values()
        if not absent and node.resource_type == 'test' and node.unique_id not in steps -%}
        {%- do untested.append(node.unique_id) if is_daily(node) -%}
    {%- endfor -%}
    {%- set again = 'Run dbt build --target ' ~ target.name ~ '.' -%}
    {%- if absent -%}
        {{ return('dbt ' ~ flags.WHICH ~ ' made ' ~ (models | length - absent | length) ~ ' of the '
            ~ models | length ~ ' models. ' ~ again) }}
    {%- elif steps.values() | selectattr('status', 'equalto', 'empty') | list -%}
        {{ return('dbt ran with --empty or --sample, so that tables lack rows. ' ~ again) }}
    {%- elif broken -%}
        {{ return(broken[0].name ~ ' failed' ~ others(broken, skipped) ~ ': ' ~ broken[0].message
            ~ ' Mend it, then run dbt retry.') }}
    {%- elif failed -%}
        {{ return('Test ' ~ failed[0].name ~ ' failed' ~ others(failed, skipped) ~ ': '
            ~ failed[0].message ~ ' Mend what it found. ' ~ again) }}
    {%- elif skipped or untested -%}
        {{ return((skipped + untested) | length ~ ' tests have not run. Run dbt test --target '
            ~ target.name ~ '.') }}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}

{# How many others failed, and how many steps did not run for that, as a part of a sentence. #}
{% macro others(failed, skipped) -%}
    {%- if failed | length > 1 %}, with {{ (failed | length - 1) }} more{% endif -%}
    {%- if skipped %}, and {{ skipped | length }} steps did not run{% endif -%}
{%- endmacro %}

{# The kinds of dbt's nodes that make nothing. #}
{% macro tests() -%}
    {{ return(['test', 'unit_test']) }}
{%- endmacro %}

{#
  Whether a test is one of a key or an identity, which every build runs (selectors.yml),
  and not of a seed that the target lacks.
#}
{% macro is_daily(test) -%}
    {{ return(
        test.attached_node in graph.nodes and test.test_metadata.name in ['unique', 'unique_together']
        if test.test_metadata else test.depends_on.nodes | length > 0
    ) }}
{%- endmacro %}

{# Which models and seeds failed or were skipped, by unique_id. #}
{% macro unmade_in(steps) -%}
    {%- set unmade = [] -%}
    {%- for step in steps.values()
        if step.resource_type not in tests() and step.status != 'success' -%}
        {%- do unmade.append(step.unique_id) -%}
    {%- endfor -%}
    {{ return(unmade) }}
{%- endmacro %}

{#
  What the newest command before this one that made tables has left: its build, settings
  and load. The build is none if there is no such command, or if it never ended.
#}
{% macro last_making_command() -%}
    {%- set commands = remembering_table('build_commands') -%}
    {{ return(run_query(
        "select max(build_id) as build_id, max(settings) as settings, max(load_number) as load_number from "
        ~ commands ~ " where invocation_id = (select max_by(invocation_id, number) from "
        ~ commands ~ " where command <> 'test' and not is_end and invocation_id <> '"
        ~ invocation_id ~ "')"
    ).rows[0].dict()) }}
{%- endmacro %}

{# The steps of all builds as a subquery; one that was tried again counts as it stands now. #}
{% macro steps_as_they_stand(build_steps) -%}
    (
        select * from (
            select
                *,
                row_number() over (
                    partition by build_id, unique_id order by number desc
                ) as place_from_last
            from {{ build_steps }}
        ) as tried
        where place_from_last = 1
    ) as steps
{%- endmacro %}

{# The steps of a build by unique_id, each as it stood last. #}
{% macro last_steps(build_id) -%}
    {%- set found = {} -%}
    {%- set rows = run_query(
        "select unique_id, name, resource_type, status, message from "
        ~ steps_as_they_stand(remembering_table('build_steps'))
        ~ " where build_id = '" ~ build_id ~ "'"
    ).rows -%}
    {%- for row in rows -%}
        {%- do found.update({row[0]: row.dict()}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# The row of build_commands of this command as it begins. #}
{% macro command_row() -%}
    {%- set load = last_load() -%}
    {%- set settings = {} -%}
    {#- JSON has no dates, and YAML reads as_of_date: 2025-06-30 as one. -#}
    {%- for name, value in adapter.config.cli_vars.items() -%}
        {%- do settings.update({name: value.isoformat() if value.isoformat is defined else value}) -%}
    {%- endfor -%}
    {{ return({
        'invocation_id': invocation_id,
        'number': command_number(),
        'is_end': 'false',
        'said_at': utc_now(),
        'build_id': none,
        'command': flags.WHICH,
        'target': target.name,
        'settings': tojson(settings, sort_keys=true),
        'load_number': load.number,
        'loaded_at': load.loaded_at,
        'dbt_version': dbt_version,
        'why_incomplete': none,
    }) }}
{%- endmacro %}

{# The number of this command: one more than that of the one before. #}
{% macro command_number() -%}
    {%- set commands = remembering_table('build_commands') -%}
    {%- if not commands -%}
        {{ return(1) }}
    {%- endif -%}
    {{ return(run_query(
        "select coalesce(max(number), 0) + 1 from " ~ commands
        ~ " where invocation_id <> '" ~ invocation_id ~ "'"
    ).rows[0][0]) }}
{%- endmacro %}

{# The last load of scripts/load.py: its number and when it was; nones where it never loaded. #}
{% macro last_load() -%}
    {%- set loads = adapter.get_relation(
        remembering_node('build_commands').database, 'raw', 'loads'
    ) -%}
    {%- set found = run_query(
        'select number, cast(loaded_at as string) as loaded_at from ' ~ loads
        ~ ' order by number desc limit 1'
    ).rows if loads else [] -%}
    {{ return(found[0].dict() if found else {'number': none, 'loaded_at': none}) }}
{%- endmacro %}

{% macro utc_now() -%}
    {{ return(modules.datetime.datetime.now(modules.pytz.utc).strftime('%Y-%m-%d %H:%M:%S.%f')) }}
{%- endmacro %}

{#
  A query of a row per published table and kind of change, in which what this build makes
  differs from what the last complete build made: the table as `subject`, the kind as
  `group_name`, how large it is, 1 for new columns and 2 for others, and a sentence.
#}
{% macro changed_contracts() -%}
    {%- set queries = [] -%}
    {%- set steps = remembering_table('build_steps') if execute -%}
    {%- set commands = remembering_table('build_commands') if execute -%}
    {%- set columns = column_names(steps) if steps else [] -%}
    {%- set rows = run_query(
        "select unique_id, max(schema_name || '.' || name) as subject, max_by(columns, number) as columns"
        ~ " from " ~ steps ~ " where is_published and status = 'success' and columns is not null"
        ~ " and build_id = (select max_by(build_id, number) from " ~ commands
        ~ " where is_end and why_incomplete is null) group by unique_id order by unique_id"
    ).rows if commands and 'columns' in columns else [] -%}
    {%- for unique_id, subject, columns_before in rows -%}
        {%- set before, now = {}, {} -%}
        {%- for described in columns_before.split('; ') -%}
            {%- do before.update({described.split(' ', 1)[0]: described.split(' ', 1)[1]}) -%}
        {%- endfor -%}
        {%- set node = graph.nodes.get(unique_id) -%}
        {%- for column in (node.columns.values() if node and node.config.contract.enforced else []) -%}
            {%- do now.update({column.name: column.data_type}) -%}
        {%- endfor -%}
        {%- set told = {'added': [], 'removed': [], 'type': []} -%}
        {%- if not now -%}
            {%- do queries.append(changed_contract(subject, 'removed', subject ~ ' is no longer a published table.')) -%}
        {%- else -%}
            {%- for name in now if name not in before -%}
                {%- do told.added.append(name) -%}
            {%- endfor -%}
            {%- for name in before -%}
                {%- if name not in now -%}
                    {%- do told.removed.append(name) -%}
                {%- elif now[name] != before[name] -%}
                    {%- do told.type.append(name ~ ' (' ~ now[name] ~ ', was ' ~ before[name] ~ ')') -%}
                {%- endif -%}
            {%- endfor -%}
            {%- for change, words in {
                'added': ' has new columns: ',
                'removed': ' no longer has the columns ',
                'type': ' has columns of another type: ',
            }.items() if told[change] -%}
                {%- do queries.append(changed_contract(subject, change, subject ~ words ~ told[change] | join(', ') ~ '.')) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if queries -%}
        {{ return(queries | join(' union all ')) }}
    {%- endif -%}
    {{ return(changed_contract('', '', '') ~ ' where 1 = 0') }}
{%- endmacro %}

{# One row of changed_contracts as a query. #}
{% macro changed_contract(subject, change, statement) -%}
    select
        {{ text_literal(subject) }} as subject,
        {{ text_literal(change) }} as group_name,
        cast({{ 1 if change == 'added' else 2 }} as double) as size,
        {{ text_literal(statement) }} as statement
{%- endmacro %}

{# What became of each model, seed and test; of a failed test its query too. #}
{% macro steps_of(results) -%}
    {%- set steps = [] -%}
    {%- set kinds = tests() -%}
    {%- for result in results if result.node.resource_type in kinds + ['model', 'seed', 'snapshot'] -%}
        {%- set status = result.status | string -%}
        {#- Tables without rows are none that were made. -#}
        {%- if status == 'success' and (flags.EMPTY or flags.SAMPLE) -%}
            {%- set status = 'empty' -%}
        {%- endif -%}
        {%- do steps.append({
            'unique_id': result.node.unique_id,
            'name': result.node.name,
            'resource_type': result.node.resource_type | string,
            'status': status,
            'seconds': result.execution_time,
            'failures': result.failures if result.node.resource_type in kinds,
            'message': ((result.message or '').split() | join(' '))[:500]
                if status not in ('success', 'empty', 'pass', 'skipped'),
            'sql': result.node.compiled_code if result.node.resource_type == 'test',
        }) -%}
    {%- endfor -%}
    {{ return(steps) }}
{%- endmacro %}

{# Steps as rows of build_steps; `command` is the row of build_commands. #}
{% macro step_rows(steps, command) -%}
    {%- set rows, counts, kinds = [], counted_rows(steps), tests() -%}
    {%- for step in steps -%}
        {%- set node = graph.nodes.get(step.unique_id) -%}
        {%- set is_published = node is not none and node.resource_type == 'model' and node.config.contract.enforced -%}
        {%- set columns = [] -%}
        {%- for column in (node.columns.values() if is_published else []) -%}
            {%- do columns.append(column.name ~ ' ' ~ column.data_type) -%}
        {%- endfor -%}
        {%- do rows.append({
            'build_id': command.build_id,
            'invocation_id': command.invocation_id,
            'number': command.number,
            'said_at': command.said_at,
            'unique_id': step.unique_id,
            'name': step.name,
            'schema_name': node.schema if node and step.resource_type not in kinds,
            'resource_type': step.resource_type,
            'is_published': is_published | string | lower,
            'status': step.status,
            'seconds': step.seconds,
            'row_count': counts.get(step.unique_id),
            'failures': step.failures,
            'message': step.message,
            'failing_rows': failing_rows(step, node) if step.sql,
            'columns': columns | join('; ') or none,
        }) -%}
    {%- endfor -%}
    {{ return(rows) }}
{%- endmacro %}

{# The rows of each table under contract that was made, by unique_id. #}
{% macro counted_rows(steps) -%}
    {%- set queries, found = [], {} -%}
    {%- for step in steps if step.resource_type == 'model' and step.status == 'success' -%}
        {%- set node = graph.nodes[step.unique_id] -%}
        {%- if node.config.contract.enforced -%}
            {%- do queries.append(
                "select '" ~ step.unique_id ~ "' as unique_id, count(*) as n from " ~ relation_of(node)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if queries -%}
        {%- for row in run_query(queries | join(' union all ')).rows -%}
            {%- do found.update({row[0]: row[1]}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{#
  The first rows that a test has found, as a JSON list. Rows of staging may still name a
  person, so that a test that reads staging shows none.
#}
{% macro failing_rows(step, node) -%}
    {%- set names = node.depends_on.nodes | join(' ') if node else '' -%}
    {%- if step.sql and step.status in ('fail', 'warn') and '.stg_' not in names -%}
        {{ return(run_query(row_texts(step.sql, 5)).columns[0].values() | join(', ')) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{# Adds rows, each of texts, numbers and nones by column, to a table that hooks write. #}
{% macro write_down(name, rows, masked=[]) -%}
    {%- set node = remembering_node(name) -%}
    {%- set table = remembering_table(name) or made_by_hook(name) -%}
    {%- set there = column_names(table) -%}
    {%- set columns = node.columns.values() | selectattr('name', 'in', there) | list -%}
    {%- set names = columns | map(attribute='name') | join(', ') -%}
    {%- set values = [] -%}
    {#- Rows share most of their values, and a macro per value was a second of a build. -#}
    {%- set literals = {none: null_of('varchar')} -%}
    {%- for row in rows -%}
        {%- set texts = [] -%}
        {%- for column in columns -%}
            {%- set value = row[column.name] -%}
            {%- set text = value | string if value is defined and value is not none else none -%}
            {%- if text not in literals -%}
                {%- do literals.update({text: text_literal(text)}) -%}
            {%- endif -%}
            {%- do texts.append(literals[text]) -%}
        {%- endfor -%}
        {%- do values.append('(' ~ texts | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- call statement() -%}
        insert into {{ table }} ({{ names }})
        select
        {%- for column in columns %}
            {%- set text = 'said.' ~ column.name %}
            {{ cast_to(masked_text(text) if column.name in masked else text, column.data_type) }}
            {{- ',' if not loop.last }}
        {%- endfor %}
        from (values {{ values | join(', ') }}) as said ({{ names }})
    {%- endcall -%}
    {#- Rows cannot be deleted on Spark without Delta or Iceberg: there they stay. -#}
    {%- if target.type == 'duckdb' -%}
        {%- call statement() -%}
            {#- Counted from now: a clock that was ahead has left later rows than these. #}
            delete from {{ table }}
            where said_at < timestamp '{{ utc_now() }}'
                - interval '{{ setting('build_history_days') }} days'
        {%- endcall -%}
    {%- endif -%}
{%- endmacro %}

{# Makes a table that remembers before dbt has, empty; dbt then knows of it. #}
{% macro made_by_hook(name) -%}
    {%- set node = remembering_node(name) -%}
    {%- set relation = api.Relation.create(
        database=node.database, schema=node.schema, identifier=node.alias, type='table'
    ) -%}
    {%- do adapter.create_schema(relation) -%}
    {%- call statement() -%}
        create table {{ relation }} as
        select * from {{ left_by_earlier_runs(name) }} as nothing
    {%- endcall -%}
    {%- do adapter.cache_added(relation) -%}
    {{ return(relation) }}
{%- endmacro %}
