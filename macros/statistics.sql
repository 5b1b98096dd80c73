{#
  The normal distribution in SQL, which no engine has. Tests hold both against scipy:
  tests/marketing/test_statistics.py.
#}

{#
  The chance that a standard normal variable exceeds a number of 0 or more. Hart (1968),
  algorithm 5666, as West (2005), "Better approximations to cumulative normal functions",
  gives it: exact to 1 part in 10^8, in the tail too, up to 37, beyond which it is 0.
#}
{% macro normal_tail(z) -%}
    (case
        when {{ z }} < 7.07106781186547e0 then exp(-0.5e0 * {{ z }} * {{ z }}) * {{ horner(
            z,
            [
                '3.52624965998911e-2', '0.700383064443688e0', '6.37396220353165e0',
                '33.912866078383e0', '112.079291497871e0', '221.213596169931e0',
                '220.206867912376e0',
            ],
        ) }} / {{ horner(
            z,
            [
                '8.83883476483184e-2', '1.75566716318264e0', '16.064177579207e0',
                '86.7807322029461e0', '296.564248779674e0', '637.333633378831e0',
                '793.826512519948e0', '440.413735824752e0',
            ],
        ) }}
        when {{ z }} < 37e0 then exp(-0.5e0 * {{ z }} * {{ z }}) / 2.506628274631e0 / (
            {{ z }} + 1 / ({{ z }} + 2 / ({{ z }} + 3 / ({{ z }} + 4 / ({{ z }} + 0.65e0))))
        )
        when {{ z }} is not null then 0e0
    end)
{%- endmacro %}

{#
  The number below which a standard normal variable is with a chance between 0 and 1.
  Acklam (2003), "An algorithm for computing the inverse normal cumulative distribution
  function": exact to 1.2 parts in 10^9.
#}
{% macro normal_quantile(p) -%}
    {%- set tail = [
        '-7.784894002430293e-03', '-3.223964580411365e-01', '-2.400758277161838e+00',
        '-2.549732539343734e+00', '4.374664141464968e+00', '2.938163982698783e+00',
    ] -%}
    {%- set tail_below = [
        '7.784695709041462e-03', '3.224671290700398e-01', '2.445134137142996e+00',
        '3.754408661907416e+00', '1e0',
    ] -%}
    {%- set low = '(sqrt(-2e0 * ln(' ~ p ~ ')))' -%}
    {%- set high = '(sqrt(-2e0 * ln(1e0 - ' ~ p ~ ')))' -%}
    {%- set middle = '(' ~ p ~ ' - 0.5e0)' -%}
    {%- set square = '(' ~ middle ~ ' * ' ~ middle ~ ')' -%}
    (case
        when {{ p }} < 0.02425e0 then {{ horner(low, tail) }} / {{ horner(low, tail_below) }}
        when {{ p }} > 0.97575e0
            then 0e0 - {{ horner(high, tail) }} / {{ horner(high, tail_below) }}
        else {{ middle }} * {{ horner(
            square,
            [
                '-3.969683028665376e+01', '2.209460984245205e+02', '-2.759285104469687e+02',
                '1.383577518672690e+02', '-3.066479806614716e+01', '2.506628277459239e+00',
            ],
        ) }} / {{ horner(
            square,
            [
                '-5.447609879822406e+01', '1.615858368580409e+02', '-1.556989798598866e+02',
                '6.680131188771972e+01', '-1.328068155288572e+01', '1e0',
            ],
        ) }}
    end)
{%- endmacro %}

{# A polynomial by Horner's rule, the coefficient of the highest power first. #}
{% macro horner(x, coefficients) -%}
    {%- set text = namespace(of=coefficients[0]) -%}
    {%- for coefficient in coefficients[1:] -%}
        {%- set text.of = '(' ~ text.of ~ ' * ' ~ x ~ ' + ' ~ coefficient ~ ')' -%}
    {%- endfor -%}
    {{ text.of }}
{%- endmacro %}

{# Both tails beyond a number of standard errors: the p-value of "no effect". #}
{% macro two_sided_p(z) -%}
    2e0 * {{ normal_tail(z) }}
{%- endmacro %}
