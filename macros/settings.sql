{#
  The vars that people set are settings. dbt_project.yml has their values and, under
  `settings`, what each may be. SQL reads a var with setting(NAME), which refuses a value
  that does not fit already where dbt reads the project; check_settings judges all of
  them before a run writes anything.

  first_wrong and the macros below it are plain Jinja: project/settings.py runs them too.
#}

{% macro setting(name) -%}
    {%- set rules = {name: setting_rules()[name]} -%}
    {%- do refuse_if(first_wrong({name: var(name)}, rules, zone=var('time_zone'))) -%}
    {{ return(var(name)) }}
{%- endmacro %}

{% macro check_settings() -%}
    {%- set given = {} -%}
    {%- for name, value in project_vars().items()
        if name not in ['settings', 'learned_models'] -%}
        {%- do given.update({name: value}) -%}
    {%- endfor -%}
    {%- do given.update(adapter.config.cli_vars) -%}
    {%- do refuse_if(first_wrong(given, setting_rules(), zone=given.time_zone)) -%}
{%- endmacro %}

{% macro setting_rules() -%}
    {{ return(project_vars()['settings']) }}
{%- endmacro %}

{# `var` would give a value, but not the names that there are. #}
{% macro project_vars() -%}
    {{ return(adapter.config.vars.to_dict()) }}
{%- endmacro %}

{% macro refuse_if(problem) -%}
    {%- if problem | trim -%}
        {{ exceptions.raise_compiler_error(problem | trim) }}
    {%- endif -%}
{%- endmacro %}

{% macro first_wrong(given, rules, prefix='', zone='UTC') -%}
    {%- set found = namespace(problem='') -%}
    {%- for name, value in given.items() if not found.problem -%}
        {%- if name not in rules -%}
            {%- set found.problem -%}
                There is no var {{ prefix }}{{ name }} (given: {{ as_yaml(value) }}); {{ nearest(name, rules, prefix) }}
            {%- endset -%}
        {%- elif rules[name].type == 'mapping' and value is mapping -%}
            {%- set found.problem = first_wrong(value, rules[name].fields, prefix ~ name ~ '.', zone) -%}
        {%- elif not fits(value, rules[name], zone) -%}
            {%- set found.problem -%}
                var {{ prefix }}{{ name }} is {{ as_yaml(value) }}, but must be {{ allowed(rules[name]) }}.
            {%- endset -%}
        {%- endif -%}
    {%- endfor -%}
    {{- found.problem -}}
{%- endmacro %}

{% macro fits(value, rule, zone='UTC') -%}
    {%- if value is none -%}
        {{- 'yes' if 'unset' in rule -}}
    {%- elif rule.type == 'date' -%}
        {{- 'yes' if is_past_date(value | string, zone) -}}
    {%- elif rule.type == 'currency' -%}
        {{- 'yes' if value is string and modules.re.fullmatch('[A-Za-z]+', value) -}}
    {%- elif rule.type == 'time zone' -%}
        {{- is_time_zone(value) -}}
    {%- elif rule.type == 'true or false' -%}
        {{- 'yes' if value is boolean -}}
    {%- elif rule.type == 'one of' -%}
        {{- 'yes' if value is string and value in rule['values'] -}}
    {%- elif rule.type == 'whole number' -%}
        {{- 'yes' if value is integer and is_within(value, rule) -}}
    {%- elif rule.type == 'number' -%}
        {{- 'yes' if value is number and value is not boolean and is_within(value, rule) -}}
    {%- elif rule.type == 'list of words' and value is sequence
        and value is not string and value is not mapping -%}
        {%- set known = value | select('in', rule['values']) | unique | list -%}
        {{- 'yes' if known | length == value | length -}}
    {%- elif rule.type == 'list of whole numbers' and value is sequence
        and value is not string and value is not mapping -%}
        {%- set fitting = [] -%}
        {%- for each in value if each is integer and is_within(each, rule) -%}
            {%- do fitting.append(each) -%}
        {%- endfor -%}
        {%- set kept = fitting | unique | list if rule.different else fitting -%}
        {{- 'yes' if kept and kept | length == value | length -}}
    {%- endif -%}
{%- endmacro %}

{% macro is_within(value, rule) -%}
    {{- 'yes' if ('above' not in rule or value > rule.above)
        and ('at_least' not in rule or value >= rule.at_least)
        and ('below' not in rule or value < rule.below)
        and ('at_most' not in rule or value <= rule.at_most) -}}
{%- endmacro %}

{% macro is_time_zone(value) -%}
    {{- 'yes' if value is string and value in modules.pytz.all_timezones_set -}}
{%- endmacro %}

{% macro is_past_date(text, zone) -%}
    {%- if modules.re.fullmatch('[12]\\d{3}-(0[1-9]|1[0-2])-\\d{2}', text) -%}
        {%- set year, month, day = text.split('-') -%}
        {#- The 31st of February is a day of March. -#}
        {%- set date = modules.datetime.date(year | int, month | int, 1)
            + modules.datetime.timedelta(days=day | int - 1) -%}
        {%- set there = modules.pytz.timezone(zone if is_time_zone(zone) else 'UTC') -%}
        {%- set today = run_started_at.astimezone(there).strftime('%Y-%m-%d') -%}
        {{- 'yes' if date | string == text and text <= today -}}
    {%- endif -%}
{%- endmacro %}

{% macro allowed(rule) -%}
    {%- set limits = [] -%}
    {%- for key in ['above', 'at_least', 'below', 'at_most'] if key in rule -%}
        {%- do limits.append(key | replace('_', ' ') ~ ' ' ~ rule[key]) -%}
    {%- endfor -%}
    {%- if rule.type == 'date' -%}
        a date, not after today in the shop's time zone
    {%- elif rule.type == 'currency' -%}
        the code of a currency
    {%- elif rule.type == 'true or false' -%}
        true or false
    {%- elif rule.type == 'one of' -%}
        one of {{ rule['values'] | join(', ') }}
    {%- elif rule.type == 'time zone' -%}
        the name of a time zone
    {%- elif rule.type == 'list of words' -%}
        a list of none, some or all of {{ rule['values'] | join(', ') }}
    {%- elif rule.type == 'list of whole numbers' -%}
        a list of one or more {{ 'different ' if rule.different }}whole numbers, each {{ limits | join(' and ') }}
    {%- elif rule.type == 'mapping' -%}
        a mapping of {{ rule.fields | join(', ') }}
    {%- else -%}
        a {{ rule.type }}, {{ limits | join(' and ') }}
    {%- endif -%}
    {{- ', such as ' ~ rule.example if rule.example -}}
    {{- ', or null for ' ~ rule.unset if rule.unset -}}
{%- endmacro %}

{% macro nearest(unknown, names, prefix) -%}
    {%- set best = namespace(name=none, likeness=0.35) -%}
    {%- set pairs = letter_pairs(unknown | string).split() -%}
    {%- for name in names -%}
        {%- set others = letter_pairs(name).split() -%}
        {%- set shared = pairs | select('in', others) | list -%}
        {%- set likeness = 2 * (shared | length) / (pairs | length + others | length) -%}
        {%- if likeness > best.likeness -%}
            {%- set best.name, best.likeness = name, likeness -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if best.name -%}
        did you mean {{ prefix }}{{ best.name }}?
    {%- else -%}
        there are {{ prefix }}{{ names | join(', ' ~ prefix) }}.
    {%- endif -%}
{%- endmacro %}

{% macro letter_pairs(text) -%}
    {%- for letter in text | lower | replace('_', '') -%}
        {{- letter ~ loop.nextitem if not loop.last }} {{ '' -}}
    {%- endfor -%}
{%- endmacro %}

{% macro as_yaml(value) -%}
    {%- if value is none -%}
        null
    {%- elif value is boolean -%}
        {{ value | string | lower }}
    {%- elif value is string -%}
        '{{ value }}'
    {%- else -%}
        {{ value }}
    {%- endif -%}
{%- endmacro %}
