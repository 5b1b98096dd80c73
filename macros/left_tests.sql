{#
  Ends a whole `dbt build`: runs the data tests that selectors.yml leaves, if a network was
  trained, and says how many tests were left otherwise. Fails the run where one fails.
#}
{% macro test_what_was_left(results) -%}
    {%- set args = invocation_args_dict -%}
    {%- set is_whole = not (
        args.get('select') or args.get('exclude') or args.get('selector')
        or args.get('resource_types') or args.get('exclude_resource_types')
    ) -%}
    {%- set bad = results | selectattr('status', 'in', ['error', 'fail', 'skipped']) | list -%}
    {%- if execute and flags.WHICH == 'build' and is_whole and results and not bad -%}
        {%- set ran = results | map(attribute='node.unique_id') | list -%}
        {%- set left = graph.nodes.values()
            | selectattr('resource_type', 'equalto', 'test')
            | selectattr('config.enabled')
            | rejectattr('unique_id', 'in', ran) | list -%}
        {%- if was_trained(ran) -%}
            {%- do run_left_tests(left) -%}
        {%- else -%}
            {%- do log('Nothing was trained: ' ~ left | length
                ~ ' tests of single columns were left for `dbt test`.', info=true) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Whether the plan that this run made says that something was to be trained. #}
{% macro was_trained(ran) -%}
    {%- set plan = graph.nodes['model.clv_warehouse.training_plan'] -%}
    {%- if plan.unique_id not in ran -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set due = run_query(
        'select count(*) from ' ~ relation_of(plan) ~ ' where is_due'
    ) -%}
    {{ return(due.columns[0].values()[0] > 0) }}
{%- endmacro %}

{# Runs generic data tests in one query; stops with the names of those that fail. #}
{% macro run_left_tests(tests) -%}
    {%- set queries = [] -%}
    {%- for test in tests -%}
        {%- set arguments = dict(test.test_metadata.kwargs) -%}
        {%- do arguments.update({'model': relation_of(graph.nodes[test.attached_node])}) -%}
        {%- if 'to' in arguments -%}
            {%- set other = test.depends_on.nodes | reject('equalto', test.attached_node) | first -%}
            {%- do arguments.update({'to': relation_of(graph.nodes[other or test.attached_node])}) -%}
        {%- endif -%}
        {%- do queries.append(
            "select '" ~ test.name ~ "' as test, count(*) as failures from ("
            ~ context['test_' ~ test.test_metadata.name](**arguments) ~ ') as failing'
        ) -%}
    {%- endfor -%}
    {%- if queries -%}
        {%- set found = run_query(
            'select test from (' ~ queries | join('\nunion all\n')
            ~ ') as counted where failures > 0 order by test'
        ).columns[0].values() -%}
        {%- if found | length -%}
            {{ exceptions.raise_compiler_error(
                found | length ~ ' of ' ~ tests | length ~ ' tests of single columns failed: '
                ~ found | join(', ') ~ '. See the rows with `dbt test --select NAME --store-failures`.'
            ) }}
        {%- endif -%}
        {%- do log('A network was trained: ' ~ tests | length
            ~ ' tests of single columns ran too, and passed.', info=true) -%}
    {%- endif -%}
{%- endmacro %}

{# The table of a node of dbt's graph. #}
{% macro relation_of(node) -%}
    {{ return(api.Relation.create(
        database=node.database, schema=node.schema, identifier=node.alias or node.identifier
    )) }}
{%- endmacro %}
