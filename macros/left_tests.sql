{#
  Runs the data tests that selectors.yml leaves, if a whole `dbt build` trained a network,
  and gives each as a step; says how many were left otherwise.
#}
{% macro steps_of_left_tests(results) -%}
    {%- set args = invocation_args_dict -%}
    {%- set is_whole = not (
        args.get('select') or args.get('exclude') or args.get('selector')
        or args.get('resource_types') or args.get('exclude_resource_types')
    ) -%}
    {%- set bad = results | selectattr('status', 'in', ['error', 'fail', 'skipped']) | list -%}
    {%- if flags.WHICH == 'build' and is_whole and not bad -%}
        {%- set ran = results | map(attribute='node.unique_id') | list -%}
        {%- set left = graph.nodes.values()
            | selectattr('resource_type', 'equalto', 'test')
            | selectattr('config.enabled')
            | rejectattr('unique_id', 'in', ran) | list -%}
        {%- if was_trained(ran) -%}
            {{ return(run_left_tests(left)) }}
        {%- endif -%}
        {%- do log('Nothing was trained: ' ~ left | length
            ~ ' tests of single columns were left for `dbt test`.', info=true) -%}
    {%- endif -%}
    {{ return([]) }}
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

{# Runs generic data tests in one query, and gives each as a step. #}
{% macro run_left_tests(tests) -%}
    {%- set queries, steps = [], [] -%}
    {%- for test in tests -%}
        {%- set arguments = dict(test.test_metadata.kwargs) -%}
        {%- set table = relation_of(graph.nodes[test.attached_node]) -%}
        {#- As dbt does with a test's `where`. -#}
        {%- do arguments.update({
            'model': '(select * from ' ~ table ~ ' where ' ~ test.config.where ~ ') as dbt_subquery'
            if test.config.where else table
        }) -%}
        {%- if 'to' in arguments -%}
            {%- set other = test.depends_on.nodes | reject('equalto', test.attached_node) | first -%}
            {%- do arguments.update({'to': relation_of(graph.nodes[other or test.attached_node])}) -%}
        {%- endif -%}
        {%- set query = context['test_' ~ test.test_metadata.name](**arguments) -%}
        {%- do queries.append(
            'select ' ~ loop.index0 ~ ' as place, count(*) as failures from (' ~ query ~ ') as failing'
        ) -%}
        {%- do steps.append({
            'unique_id': test.unique_id, 'name': test.name, 'resource_type': 'test',
            'status': 'pass', 'failures': 0, 'sql': query,
        }) -%}
    {%- endfor -%}
    {%- if queries -%}
        {%- for place, failures in run_query(
            'select * from (' ~ queries | join('\nunion all\n') ~ ') as counted where failures > 0'
        ).rows -%}
            {%- do steps[place | int].update({
                'status': 'fail', 'failures': failures, 'message': 'Got ' ~ failures ~ ' rows.'
            }) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(steps) }}
{%- endmacro %}

{# Says that tests that were left failed, or how many passed; '' where none failed. #}
{% macro left_tests_failed(steps) -%}
    {%- set failed = steps | selectattr('status', 'equalto', 'fail') | map(attribute='name') | sort -%}
    {%- if failed -%}
        {{ return(
            failed | length ~ ' of ' ~ steps | length ~ ' tests of single columns failed: '
            ~ failed | join(', ') ~ '. Their rows are in monitoring.build_steps.'
        ) }}
    {%- elif steps -%}
        {%- do log('A network was trained: ' ~ steps | length
            ~ ' tests of single columns ran too, and passed.', info=true) -%}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}

{# The table of a node of dbt's graph. #}
{% macro relation_of(node) -%}
    {{ return(api.Relation.create(
        database=node.database, schema=node.schema, identifier=node.alias or node.identifier
    )) }}
{%- endmacro %}
