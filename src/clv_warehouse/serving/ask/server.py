"""The server of the Model Context Protocol: its tools, over the published copy.

Names and arguments of the tools about metrics are those of dbt's own server.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, Field

from clv_warehouse.project.dimensions import GRAINS, Catalog, Group, MetricQueryError
from clv_warehouse.project.metrics import MANIFEST
from clv_warehouse.serving.ask import answers
from clv_warehouse.serving.ask.limits import MOST_CHARACTERS, MOST_ROWS, NAME, Limits
from clv_warehouse.serving.ask.reader import Reader
from clv_warehouse.serving.ask.worker import Query, RefusedError, Rows

INSTRUCTIONS = f"""\
Figures of a shop and its customers, with forecasts of what each customer will spend.
For a figure of the shop, begin with list_metrics and query_metrics. For anything else,
list_tables and describe_table say what there is, and execute_sql reads it with a query
in DuckDB's SQL. get_forecasts tells what is to come, get_customer all about a customer.
Nothing can be changed. An answer has at most {MOST_ROWS:,} rows and {MOST_CHARACTERS:,}
characters, and says where it was cut.
Whenever you pass on a forecast, say how far it can be trusted: every answer has the
verdicts under `trust`.
{answers.NOTE}
"""
READS = ToolAnnotations(
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=True,
    open_world_hint=False,
)

PUBLICATION = Query(
    "select publication.published_at, publication.is_complete, "
    "publication.why_incomplete, shop.as_of_date, shop.currency "
    "from monitoring.publication left join reports.shop on true"
)
TRUST = Query("select question, verdict, statement from reports.trust order by place")
TABLES = Query(
    "select schema_name || '.' || table_name as name, estimated_size as rows, "
    "coalesce(comment, '') as description from duckdb_tables() order by name"
)
COLUMNS = """
    select column_name as name, lower(data_type) as type,
        coalesce(comment, '') as description
    from duckdb_columns()
    where schema_name || '.' || table_name = $table
    order by column_index
"""
PROFILE = "select * from profiles.customer_profiles where customer_key = $customer_key"
REASONS = """
    select reason_label, contribution, horizon_days
    from clv.clv_explanations
    where customer_key = $customer_key
    order by reason_rank
"""
CHANGES = """
    select direction, value_decile, other_value_decile, other_lifetime_value, statement
    from clv.counterfactuals
    where customer_key = $customer_key
    order by direction desc
"""
FORECASTS = """
    select horizon_days, predicted_spend, chance_of_buying, expected_orders, spend_p10,
        spend_p50, spend_p90
    from clv.clv_predictions
    where customer_key = $customer_key
    order by horizon_days
"""
LISTS = """
    select lists.label, lists.next_step, members.money_at_stake, members.reason
    from reports.list_members as members
    inner join reports.customer_lists as lists using (list_kind, list)
    where members.customer_key = $customer_key
    order by lists.list_kind desc, lists.place
"""
OFFERS = """
    select list, rank, product_id, product_name, reason_text, expected_margin
    from recommendations.product_recommendations
    where customer_key = $customer_key
    order by list, rank
"""
TOTALS = Query(
    "select horizon_days, customers, expected_spend, low_spend, high_spend, "
    "past_forecasts, past_errors, held_share from clv.expected_totals "
    "order by horizon_days"
)
MONTHS = Query(
    "select month, kind, days, expected_spend, low_spend, high_spend "
    "from reports.months_ahead order by month, kind"
)

MetricNames = Annotated[list[str], Field(description="Names that list_metrics gives")]


_T = TypeVar("_T")


class GroupBy(BaseModel):
    """What to group by."""

    name: str = Field(description="A name that get_dimensions gives")
    type: str | None = Field(
        default=None, description="Taken as dbt's server takes it; it changes nothing"
    )
    grain: str | None = Field(default=None, description=f"One of {', '.join(GRAINS)}")


class OrderBy(BaseModel):
    """What to order by."""

    name: str = Field(description="A metric, or a group as the answer names it")
    descending: bool = False


Groups = Annotated[
    list[GroupBy] | None, Field(description="Dimensions; without any, one row for all")
]
Order = Annotated[list[OrderBy] | None, Field(description="By the groups without any")]
Where = Annotated[
    str | None,
    Field(
        description="A condition over dimensions: customer__segment = 'loyal', or as "
        "dbt writes it, {{ Dimension('customer__segment') }} = 'loyal'"
    ),
]
Limit = Annotated[int | None, Field(ge=1, le=MOST_ROWS)]


class Tools:
    """What the server's tools do.

    Each takes what its tool takes, and raises ToolError with one sentence.
    """

    def __init__(self, reader: Reader, manifest: Path = MANIFEST) -> None:
        self._reader, self._manifest = reader, manifest

    def list_metrics(
        self,
        search: Annotated[
            str | None, Field(description="A part of a name or description")
        ] = None,
    ) -> Annotated[CallToolResult, answers.Metrics]:
        """List the shop's metrics: what each counts, and what it can be grouped by.

        Start here for any figure of the shop: these are its agreed definitions.
        """
        catalog = self._catalog()
        found = [
            answers.MetricFound(
                name=metric.name,
                type=metric.format,
                label=metric.label,
                description=metric.description,
                dimensions=list(catalog.dimensions([metric.name])),
            )
            for metric in catalog.metrics.values()
            if _matches(search, metric.name, metric.label, metric.description)
        ]
        return answers.result(answers.Metrics(metrics=found))

    def get_dimensions(
        self, metrics: MetricNames
    ) -> Annotated[CallToolResult, answers.Dimensions]:
        """List the dimensions by which all of these metrics can be grouped."""
        catalog = self._catalog()
        found = [
            answers.DimensionFound(
                name=each.name,
                type=each.type,
                granularities=list(GRAINS) if each.type == "time" else [],
                column=f"{each.relation}.{each.column}",
            )
            for each in _told(lambda: catalog.dimensions(metrics)).values()
        ]
        return answers.result(answers.Dimensions(dimensions=found))

    def query_metrics(
        self,
        metrics: MetricNames,
        group_by: Groups = None,
        order_by: Order = None,
        where: Where = None,
        limit: Limit = None,
    ) -> Annotated[CallToolResult, answers.QueryAnswer]:
        """Give metrics, for the whole shop or by dimensions, such as by month."""
        sql = self._compiled(metrics, group_by, order_by, where, limit)
        return self._answer(sql)

    def get_metrics_compiled_sql(
        self,
        metrics: MetricNames,
        group_by: Groups = None,
        order_by: Order = None,
        where: Where = None,
        limit: Limit = None,
    ) -> Annotated[CallToolResult, answers.CompiledSql]:
        """Give the SQL that query_metrics would run, to extend it in execute_sql."""
        sql = self._compiled(metrics, group_by, order_by, where, limit)
        return answers.result(answers.CompiledSql(sql=sql))

    def list_tables(
        self,
        search: Annotated[
            str | None, Field(description="A part of a name or description")
        ] = None,
    ) -> Annotated[CallToolResult, answers.Tables]:
        """List the published tables, with their rows and what one row is."""
        [rows] = self._read(TABLES)
        found = [
            answers.TableFound(**each)
            for each in rows.records()
            if _matches(search, each["name"], each["description"])
        ]
        return answers.result(answers.Tables(tables=found))

    def describe_table(
        self,
        table: Annotated[str, Field(description="SCHEMA.TABLE, as list_tables says")],
    ) -> Annotated[CallToolResult, answers.TableDescribed]:
        """Describe a published table: its columns, their types and what they mean."""
        tables, columns = self._read(TABLES, Query(COLUMNS, {"table": table}))
        [*described] = [each for each in tables.records() if each["name"] == table]
        if not described:
            raise ToolError(
                f"There is no published table {table[:100]!r}. list_tables names them, "
                "with their schema."
            )
        return answers.result(
            answers.TableDescribed(
                name=table,
                description=described[0]["description"],
                columns=[answers.ColumnFound(**each) for each in columns.records()],
            )
        )

    def execute_sql(
        self, sql: Annotated[str, Field(description="One query, in DuckDB's SQL")]
    ) -> Annotated[CallToolResult, answers.QueryAnswer]:
        """Read the published tables with one query in DuckDB's SQL.

        Name tables with their schema, as in clv.expected_totals. A query cannot write,
        read files or addresses, change settings or run long.
        """
        return self._answer(sql)

    def get_customer(
        self, customer_key: Annotated[str, Field(description="The key of a customer")]
    ) -> Annotated[CallToolResult, answers.CustomerAnswer]:
        """Tell all about one customer: profile, forecasts, reasons, what to do."""
        key = {"customer_key": customer_key}
        told = (PROFILE, REASONS, CHANGES, FORECASTS, LISTS, OFFERS)
        [profile, reasons, changes, forecasts, lists, offers], common = (
            self._with_trust(*(Query(sql, key) for sql in told))
        )
        if not profile.rows:
            raise ToolError(
                f"No customer has the key {customer_key[:100]!r}. Keys stand in "
                "profiles.customer_profiles; scripts/customers.py key finds the key of "
                "a customer's id."
            )
        return answers.result(
            answers.CustomerAnswer(
                **common,
                profile=profile.records()[0],
                reasons=answers.table(reasons),
                changes=answers.table(changes),
                forecasts=answers.table(forecasts),
                lists=answers.table(lists),
                recommendations=answers.table(offers),
            )
        )

    def get_forecasts(self) -> Annotated[CallToolResult, answers.ForecastAnswer]:
        """Tell what all customers will spend: by horizon with a range, and by month."""
        [totals, months], common = self._with_trust(TOTALS, MONTHS)
        return answers.result(
            answers.ForecastAnswer(
                **common, totals=answers.table(totals), months=answers.table(months)
            )
        )

    def _catalog(self) -> Catalog:
        try:
            return Catalog(self._manifest)
        except (OSError, ValueError, KeyError) as error:
            raise ToolError(
                f"The definitions of the metrics cannot be read ({error}). Run dbt "
                "parse in the project's folder."
            ) from error

    def _compiled(
        self,
        metrics: Sequence[str],
        group_by: Sequence[GroupBy] | None,
        order_by: Sequence[OrderBy] | None,
        where: str | None,
        limit: int | None,
    ) -> str:
        groups = [Group(each.name, each.grain) for each in group_by or ()]
        order = [(each.name, each.descending) for each in order_by or ()]
        catalog = self._catalog()
        return _told(lambda: catalog.sql(metrics, groups, order, where, limit))

    def _answer(self, sql: str) -> CallToolResult:
        [rows], common = self._with_trust(Query(sql))
        return answers.result(
            answers.QueryAnswer(**common, sql=sql, result=answers.table(rows))
        )

    def _with_trust(self, *queries: Query) -> tuple[list[Rows], dict[str, Any]]:
        """What queries find, and what every answer says beside it."""
        *found, publication, trust = self._read(*queries, PUBLICATION, TRUST)
        return found, {
            "publication": answers.Publication(**publication.records()[0]),
            "trust": [answers.Trust(**each) for each in trust.records()],
        }

    def _read(self, *queries: Query) -> list[Rows]:
        try:
            return self._reader.read(queries)
        except RefusedError as error:
            raise ToolError(str(error)) from error


def run(published: Path, limits: Limits) -> None:
    """Serve over standard input and output until the client closes them."""
    reader = Reader(published, limits)
    try:
        server(Tools(reader)).run("stdio")
    finally:
        reader.close()


def server(tools: Tools) -> MCPServer:
    """The server of these tools."""
    made: MCPServer = MCPServer(
        NAME, title="CLV warehouse", instructions=INSTRUCTIONS, log_level="WARNING"
    )
    for tool, title in (
        (tools.list_metrics, "List metrics"),
        (tools.get_dimensions, "Dimensions of metrics"),
        (tools.query_metrics, "Query metrics"),
        (tools.get_metrics_compiled_sql, "SQL of metrics"),
        (tools.list_tables, "List tables"),
        (tools.describe_table, "Describe a table"),
        (tools.execute_sql, "Read tables with SQL"),
        (tools.get_customer, "A customer"),
        (tools.get_forecasts, "Forecasts"),
    ):
        made.add_tool(tool, title=title, annotations=READS, structured_output=True)
    return made


def _told(made: Callable[[], _T]) -> _T:
    try:
        return made()
    except MetricQueryError as error:
        raise ToolError(str(error)) from error


def _matches(search: str | None, *texts: str) -> bool:
    words = (search or "").lower().split()
    return all(any(word in text.lower() for text in texts) for word in words)
