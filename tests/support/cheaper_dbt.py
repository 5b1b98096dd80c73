"""Takes from dbt what a build of a test does not need: half of what a model costs.

What is built is the same. Each function replaces a part of dbt in this process.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError
from jinja2.nativetypes import NativeEnvironment


def skip_debug_events() -> None:
    """Make no event of level debug, of which a build of 100 models has thousands."""
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    fire, read = EventManager.fire_event, BaseEvent.__init__

    def fire_what_is_read(manager: Any, e: Any, level: Any = None, **more: Any) -> None:
        if (level or e.level_tag()) not in (EventLevel.DEBUG, EventLevel.TEST):
            fire(manager, e, level, **more)

    def keep(event: Any, *args: Any, **given: Any) -> None:
        object.__setattr__(event, "kept", (args, given))

    def read_when_asked(event: Any, name: str) -> Any:
        if name == "pb_msg":
            args, given = event.kept
            read(event, *args, **given)
            return event.__dict__["pb_msg"]
        return getattr(event.pb_msg, name)

    EventManager.fire_event = fire_what_is_read
    BaseEvent.__init__ = keep
    BaseEvent.__getattr__ = read_when_asked


def bind_macros_fast() -> None:
    """Give a model the 850 macros in a fraction of the time.

    dbt does so three times a model, and each time looks for each macro in five places.
    """
    from dbt.clients.jinja import MacroGenerator
    from dbt.context.macros import MacroNamespace, MacroNamespaceBuilder

    class Namespace(dict):
        """All macros by name; a package's are those of MacroNamespace."""

        get_from_package = MacroNamespace.get_from_package

    def build_namespace(
        builder: Any, macros_by_package: dict[str, dict[str, Any]], ctx: dict[str, Any]
    ) -> Namespace:
        bound: dict[str, dict[str, Any]] = {}
        for package, macros in macros_by_package.items():
            bound[package] = {}
            for name, macro in macros.items():
                generator = object.__new__(MacroGenerator)
                generator.context, generator.macro = ctx, macro
                generator.node, generator.stack = builder.node, builder.thread_ctx
                bound[package][name] = generator
        of_dbt = Namespace()
        for package in reversed(builder.internal_package_names_order):
            of_dbt.update(bound.pop(package, {}))
        found = Namespace(of_dbt)
        found["dbt"] = of_dbt
        found.update(bound)
        found.update(bound.get(builder.root_package, {}))
        found.update(bound.get(builder.search_package, {}))
        found.packages, found.global_project_namespace = bound, of_dbt
        return found

    MacroNamespaceBuilder.build_namespace = build_namespace


def select_once() -> None:
    """Look for what a criterion means once in a command, and not three times."""
    from dbt.graph.selector import NodeSelector

    select = NodeSelector.select_included
    found: dict[Any, frozenset[str]] = {}

    def select_included(selector: Any, included: set[str], spec: Any) -> set[str]:
        of = (spec.method, *spec.method_arguments, str(spec.value), frozenset(included))
        if of not in found:
            found[of] = frozenset(select(selector, included, spec))
        return set(found[of])

    NodeSelector.select_included = select_included


def ask_once() -> None:
    """Find the vars, arguments and flags of a command once, not three times a model."""
    from dbt import flags
    from dbt.context import providers

    # What was found, with what it was found in: nothing else has its id then.
    found: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def once(place: Any, find: Callable[[], Any], *more: Any) -> Any:
        key = (id(place), *more)
        if key not in found:
            found[key] = find(), place
        return found[key][0]

    merge = providers.ModelConfiguredVar._generate_merged
    list_arguments, list_flags = providers.args_to_dict, flags.get_flag_obj

    def merge_once(asked: Any) -> Any:
        return once(asked._config, lambda: merge(asked), asked._node.package_name)

    providers.ModelConfiguredVar._generate_merged = merge_once
    providers.args_to_dict = lambda args: once(args, lambda: list_arguments(args))
    flags.get_flag_obj = lambda: once(flags.GLOBAL_FLAGS, list_flags, "flags")


def link_selected_fast() -> None:
    """Find which of the selected nodes wait for which, without a copy of the graph.

    dbt copies its graph of 50,000 edges and takes out one node after another.
    """
    from dbt.graph import Graph
    from networkx import DiGraph

    def get_subset_graph(graph: Any, selected: Iterable[str]) -> Any:
        chosen, followers = set(selected), graph.graph.adj
        if missing := chosen - followers.keys():
            raise ValueError(f"Couldn't find models {sorted(missing)}")
        # The next of the selected on all ways from a node.
        reached: dict[str, set[str]] = {}

        def reach(start: str) -> set[str]:
            waiting = [start]
            while waiting:
                node = waiting[-1]
                others = [each for each in followers[node] if each not in chosen]
                unknown = [each for each in others if each not in reached]
                if unknown:
                    waiting += unknown
                    continue
                waiting.pop()
                found = chosen.intersection(followers[node])
                reached[node] = found.union(*(reached[each] for each in others))
            return reached[start]

        linked = DiGraph()
        linked.add_nodes_from(sorted(chosen))
        for node in linked:
            linked.add_edges_from((node, each) for each in reach(node) - {node})
        return Graph(linked)

    Graph.get_subset_graph = get_subset_graph


@contextmanager
def taking_it_as_valid() -> Iterator[None]:
    """Read YAML without a look whether it has the form that dbt wants.

    That is a quarter of the reading. What fixture `parsed` reads is looked at.
    """
    from dbt_common.dataclass_schema import dbtClassMixin

    validate = dbtClassMixin.__dict__["validate"]
    # A fork that looks needs the forms.
    dbtClassMixin.validate = classmethod(lambda kind, data: kind.json_schema() and None)
    yield
    dbtClassMixin.validate = validate


def read_locale_once() -> None:
    """Make the tables of months and weekdays once, not for each table of results."""
    import parsedatetime

    parsedatetime.Constants = cache(parsedatetime.Constants)


def read_yaml_once() -> None:
    """Parse dbt_project.yml and profiles.yml once, and look once for plugins of dbt."""
    from dbt.config import profile, project
    from dbt.plugins import PluginManager

    parse = cache(project.load_yaml_text)

    def parse_once(text: str) -> Any:
        return deepcopy(parse(text))

    project.load_yaml_text = profile.load_yaml_text = parse_once
    PluginManager.get_prefixed_modules = cache(PluginManager.get_prefixed_modules)


def parse_templates_once() -> None:
    """Parse a template once for all readings of the project, here and in forks."""
    from dbt_common.clients.jinja import MacroFuzzEnvironment

    parse = MacroFuzzEnvironment.parse
    parsed: dict[tuple[bool, str], Any] = {}

    def parse_once(environment: Any, source: str, *more: Any) -> Any:
        key = isinstance(environment, NativeEnvironment), source
        if key not in parsed:
            parsed[key] = parse(environment, source, *more)
        return parsed[key]

    MacroFuzzEnvironment.parse = parse_once


def find_relations_fast() -> None:
    """Find the tables of a schema without a look at all 400 of them, by lowered names.

    And find the dozen schemas without a relation for each of 300 models.
    """
    from dbt.adapters.base.impl import BaseAdapter
    from dbt.adapters.cache import RelationsCache

    find_schemas = BaseAdapter._get_cache_schemas

    def get_relations(known: Any, database: str, schema: str) -> list[Any]:
        of = database.lower(), schema.lower()
        with known.lock:
            return [
                found.inner for key, found in known.relations.items() if key[:2] == of
            ]

    def get_schemas(adapter: Any, nodes: Iterable[Any]) -> set[Any]:
        of_schema = {(each.database, each.schema): each for each in nodes}
        return find_schemas(adapter, of_schema.values())

    RelationsCache.get_relations = get_relations
    BaseAdapter._get_cache_schemas = get_schemas


def inject_fast() -> None:
    """Put the rows of a unit test before a model's SQL without parsing all of it.

    dbt looks where the first `with` stands, for two fifths of a unit test.
    """
    from dbt import compilation

    inject = compilation.inject_ctes_into_sql
    begin = re.compile(r"(\s|--[^\n]*\n|/\*.*?\*/)*\w+(\s+recursive\b)?", re.DOTALL)

    def inject_into_begin(sql: str, ctes: list[Any]) -> str:
        found = begin.match(sql)
        if not found:
            return inject(sql, ctes)
        return inject(found[0], ctes) + sql[found.end() :]

    compilation.inject_ctes_into_sql = inject_into_begin


def use_one_thread() -> None:
    """In a fork: let DuckDB start no thread for a few rows."""
    from dbt.adapters.duckdb.environments import Environment

    connect = Environment.initialize_db

    def connect_alone(credentials: Any, plugins: Any = None) -> Any:
        credentials.config_options = {"threads": 1}
        return connect(credentials, plugins)

    Environment.initialize_db = staticmethod(connect_alone)


class Templates:
    """The code of each template that was compiled, here and in the forks.

    To compile the 160 macros and the SQL of 100 models takes a sixth of a build.
    """

    def __init__(self, scratch: str) -> None:
        from dbt_common.clients.jinja import MacroFuzzEnvironment, template_cache

        self.macros = template_cache.file_cache
        self.told = Path(scratch) / "templates.json"
        # By the text, and whether it makes Python's values or text.
        self.codes: dict[tuple[bool, str], Any] = {}
        # How many of them the forks have from the start.
        self.known = 0
        compile_template = MacroFuzzEnvironment.compile

        def compile_once(
            environment: Any, source: Any, *more: Any, **given: Any
        ) -> Any:
            if more or given or not isinstance(source, str):
                return compile_template(environment, source, *more, **given)
            key = isinstance(environment, NativeEnvironment), source
            if key not in self.codes:
                self.codes[key] = compile_template(environment, source)
            return self.codes[key]

        MacroFuzzEnvironment.compile = compile_once

    def tell(self) -> None:
        """In a fork: say which templates are compiled there."""
        new = [*self.codes][self.known :]
        self.told.write_text(json.dumps([new, [*self.macros]]), "utf-8")

    def compile(self, manifest: Any) -> None:
        """Compile what the last fork has told of, so that the next one need not."""
        from dbt_common.clients.jinja import get_environment, template_cache

        if self.told.exists():
            codes, macros = json.loads(self.told.read_text("utf-8"))
            for is_native, source in codes:
                with suppress(TemplateSyntaxError):
                    get_environment(native=is_native).compile(source)
            called = set(macros) - {*self.macros}
            for macro in manifest.macros.values():
                if macro.macro_sql in called:
                    template_cache.get_node_template(macro)
            self.told.unlink()
        self.known = len(self.codes)


class Graphs:
    """The graph of each manifest, which dbt makes anew for each command."""

    def __init__(self) -> None:
        self.made: dict[tuple[int, bool], Any] = {}

    def make(self, manifest: Any, with_tests: bool) -> None:
        """Make a graph, in which nodes wait for the tests of others or not."""
        from dbt.compilation import Linker
        from dbt.graph import Graph

        if (id(manifest), with_tests) not in self.made:
            linker = Linker()
            linker.link_graph(manifest)
            if with_tests:
                manifest.build_parent_and_child_maps()
                linker.add_test_edges(manifest)
            self.made[id(manifest), with_tests] = Graph(linker.graph)

    def use(self) -> None:
        """In a fork: let dbt use them."""
        from dbt.compilation import Compiler

        compile_graph = Compiler.compile

        def made_before(
            compiler: Any,
            manifest: Any,
            write: bool = True,
            add_test_edges: bool = False,
        ) -> Any:
            made = self.made.get((id(manifest), add_test_edges))
            if made is None:
                return compile_graph(compiler, manifest, write, add_test_edges)
            compiler.initialize()
            return made

        Compiler.compile = made_before


class Views:
    """The view of staging that builds read most: a table until a command ends.

    Six queries read that of the orders. Each plans its 100,000 characters anew, which
    together is a quarter of a build of orders and features. To make tables of all views
    of staging costs as much, because most feeds are absent from tests.
    """

    HELD = "model.clv_warehouse.stg_orders"

    def hold(self, manifest: Any) -> None:
        """Let dbt make a table of it."""
        manifest.nodes[self.HELD].config.materialized = "table"

    def leave(self) -> None:
        """In a fork: leave a view in the end, as dbt does."""
        from dbt.artifacts.schemas.results import NodeStatus
        from dbt.task.run import RunTask

        end_run = RunTask.after_run

        def leave_view(task: Any, adapter: Any, results: Any) -> None:
            try:
                end_run(task, adapter, results)
            finally:
                for each in results:
                    node, is_made = each.node, each.status == NodeStatus.Success
                    if is_made and node.unique_id == self.HELD:
                        name, sql = node.relation_name, node.compiled_code
                        with adapter.connection_named("master"):
                            adapter.execute(
                                f"drop table {name}; create view {name} as {sql}"
                            )

        RunTask.after_run = leave_view
