# The project's commands. `make run` and `make test` need Python 3.11 to 3.13 and make;
# they create the environment in .venv and use it for the rest.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	2>/dev/null && { echo $$python; break; }; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
SPARK := .venv-spark/bin
METRICFLOW := .venv-metricflow/bin
COMPILE := uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
TARGET ?= sample
FORM ?= all
BENCHMARKS := sql train score explain ablation truth lifetime build scale publish dashboard \
	recommendations encoder display budget uplift channels experiments loop monitoring influence

export PATH := $(CURDIR)/$(BIN):$(PATH)
export DO_NOT_TRACK := 1

.PHONY: help install install-gpu install-spark install-superset run shop tune dashboard screenshot echarts publish ask superset \
	superset-bundle test test-spark test-metrics test-superset test-cases test-feeds test-same test-faults lint lint-python lint-sql \
	format lock docs seeds clean benchmark tables questions mutants
.DEFAULT_GOAL := help

# Targets with ## are for people who use the warehouse, with ### for those who change it.
help: ## Show the commands.
	@echo "To use the warehouse:"
	@sed -nE 's/^([a-z%-]+):.* ## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo "To work on the project:"
	@sed -nE 's/^([a-z%-]+):.* ### (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

install: $(INSTALLED) ## Create the environment in .venv.

$(INSTALLED): requirements/main.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: install one, \
	or name it with make PYTHON=/path/to/python." >&2; exit 1; }
	@echo "Creating .venv with $$($(PYTHON) --version) (a few minutes, once) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --requirement requirements/main.txt
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

# Both builds of TensorFlow lie in one folder: removing one takes files of the other.
install-gpu: install ## Let training use an NVIDIA GPU: TensorFlow's build for it, in .venv (Linux).
	@python -m pip install --quiet --constraint requirements/main.txt --editable '.[gpu]'
	@python -m pip uninstall --quiet --yes tensorflow-cpu
	@python -m pip install --quiet --force-reinstall --no-deps 'tensorflow>=2.21,<2.22'

install-spark: .venv-spark/.installed ## Create the environment of target spark in .venv-spark.

install-superset: .venv-superset/.installed ## Create Apache Superset's environment in .venv-superset.

# For tools that need more than .venv has. uv installs them, because it wrote their locks.
.venv-%/.installed: requirements/%.txt pyproject.toml $(INSTALLED)
	@echo "Creating .venv-$* (a minute, once) ..."
	@uv venv --quiet --clear --python $(BIN)/python .venv-$*
	@uv pip install --quiet --python .venv-$* --requirement requirements/$*.txt
	@uv pip install --quiet --python .venv-$* --no-deps --editable .
	@touch $@

run: install ## Build the sample shop's warehouse and show the result.
	@python scripts/run.py --target sample

shop: install ## From your export to its page: DIR=exports/, CONNECTOR=shopify, ARGS, VARS.
	@test -n "$(DIR)" || { echo "Name the folder or file of your export: \
	make shop DIR=exports/ CONNECTOR=folder (python scripts/load.py --help lists the \
	connectors)." >&2; exit 1; }
	@python scripts/run.py --target shop $(if $(VARS),--vars '$(VARS)') \
		-- $(or $(CONNECTOR),folder) '$(DIR)' $(ARGS)

tune: install ## Search better settings of the network on past dates. MINUTES=10, TARGET=shop.
	@python scripts/tune.py --target $(TARGET) --minutes $(or $(MINUTES),10)

dashboard: install ## Write data/dashboard.html. TARGET=shop for your own shop's.
	@python scripts/dashboard.py --target $(TARGET)

screenshot: dashboard ### Picture the sample shop's dashboard for the README (needs Chromium).
	@python scripts/screenshot.py

echarts: install ### Build the dashboard's ECharts again, of a new version (needs npm).
	@python scripts/make_echarts.py

publish: install ## Publish the built warehouse. TARGET=shop, FORM=serving|parquet|postgres.
	@python scripts/publish.py $(FORM) --target $(TARGET)

ask: install ## Show how to let a language model read the published copy (docs/ask.md).
	@test -f data/published/serving.duckdb || $(MAKE) --no-print-directory publish FORM=serving
	@python scripts/ask.py config

superset: install-superset ## Start Apache Superset with the dashboard, on loopback. PORT=8088.
	@test -f data/published/serving.duckdb || $(MAKE) --no-print-directory publish FORM=serving
	@python scripts/superset.py run --port $(or $(PORT),8088)

superset-bundle: install ### Write bi/superset/bundle anew, after a table or metric has changed.
	@dbt parse --target sample --quiet
	@python scripts/superset.py bundle

# A first build trains, so that it runs all tests of data. pytest runs dbt's unit tests. It
# begins with files that need no sample shop (tests/conftest.py), because the build leaves most
# of the second core idle.
test: install ### Build the sample shop anew, run all of dbt's tests and pytest.
	@rm -f data/sample.duckdb data/sample.duckdb.wal
	@mkdir -p logs
	dbt build --target sample --quiet > logs/sample.log 2>&1 & \
	export SAMPLE_BUILD=$$!; trap "kill $$SAMPLE_BUILD 2> /dev/null" EXIT INT TERM; \
	python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder; tested=$$?; \
	wait $$SAMPLE_BUILD; built=$$?; cat logs/sample.log; exit $$((tested | built))

test-cases: install ### Load and build every small export of ../shared/cases, and tiny shops whole (minutes).
	ALL_CASES=1 python -m pytest --numprocesses 2 tests/cases tests/orders/test_bad_input.py \
		tests/benchmarks/test_benchmarks.py

test-feeds: install ### Load 500 malformed exports and build 30 of them (minutes).
	FEEDS=500 FEEDS_BUILT=30 python -m pytest tests/feeds

test-same: install ### Build a shop with other threads, hash seeds and orders of rows: all tables must be equal (minutes).
	@python -m checks.same $(if $(CUSTOMERS),--customers $(CUSTOMERS))

test-schedules: install ### Run each schedule of docs/operations.md on a small shop (minutes).
	SCHEDULES=1 python -m pytest tests/project/test_schedules.py

test-upgrade: install ### Build over a warehouse that an older version built. FROM=8342b18
	@python -m checks.upgrade $(FROM)

test-faults: install ### Kill loads, builds and publications, fill disks, damage files: nothing may be lost (15 minutes). ONLY=kill
	@python -m checks.faults $(if $(ONLY),--only "$(ONLY)")

test-spark: install-spark ### Build a shop on Sail (ENGINE=local: Spark) as on DuckDB. CUSTOMERS=100000
	@test -f data/sample.duckdb || dbt build --target sample --quiet
	@$(SPARK)/python -m checks.spark --engine $(or $(ENGINE),sail) \
		$(if $(CUSTOMERS),--customers $(CUSTOMERS))

test-metrics: .venv-metricflow/.installed ### Compare all metrics with what MetricFlow says.
	@test -f data/sample.duckdb || dbt build --target sample --quiet
	@$(METRICFLOW)/python -m checks.metrics

test-superset: install-superset ### Prove the dashboard in Superset and Chromium (minutes).
	@test -f data/sample.duckdb || dbt build --target sample --quiet
	python -m pytest tests/superset

mutants: install ### Plant faults, one at a time, and see that tests notice them (minutes).
	@test -f data/sample.duckdb || dbt build --target sample --quiet
	@python -m checks.mutants

lint: install ### Check layout, types and SQL.
	@$(MAKE) --no-print-directory --jobs 2 lint-python lint-sql

lint-python:
	ruff check .
	ruff format --check .
	mypy

# The models are compiled against an empty warehouse, beside a build of another.
lint-sql:
	CLV_WAREHOUSE=:memory: DBT_TARGET_PATH=target/lint \
		sqlfluff lint --processes 2 --disable-progress-bar models tests

format: install ### Put Python and SQL into the project's layout.
	ruff check --fix .
	ruff format .
	sqlfluff fix --disable-progress-bar models tests

lock: install ### Pin the dependencies of pyproject.toml in requirements/.
	$(COMPILE) pyproject.toml --extra dev --extra ask --output-file requirements/main.txt
	$(COMPILE) pyproject.toml --extra spark --constraint requirements/main.txt --output-file requirements/spark.txt
	$(COMPILE) pyproject.toml --extra metricflow --constraint requirements/main.txt --output-file requirements/metricflow.txt
	$(COMPILE) --group superset --output-file requirements/superset.txt

docs: install ## Write the documentation of every table to target/ and serve it.
	dbt docs generate --target sample
	dbt docs serve

seeds: install ### Make the sample shop again.
	python scripts/make_seeds.py

benchmark: $(BENCHMARKS:%=benchmark-%) ### Run all benchmarks at a small size.

benchmark-%: install $(if $(ENGINE),install-spark) ### Run one, such as benchmark-accuracy. ARGS, SIZES, ENGINE=sail.
	@$(if $(ENGINE),$(SPARK)/)python -m benchmarks $* \
		$(if $(SIZES),--lines $(SIZES)) $(if $(ENGINE),--engine $(ENGINE)) $(ARGS)

tables: install ### Put the settings, the tables and the measured figures into the documents.
	python -m checks.settings
	@dbt parse --target sample --quiet
	python -m checks.published
	python -m checks.tables

questions: install ### Ask the sample shop's warehouse the questions of docs/questions.md and docs/model-card.md.
	python -m checks.questions

clean: ## Remove what dbt compiled and what was built from the sample shop.
	rm -rf target logs data/sample.duckdb
