# The only commands that people and CI need.
PYTHON ?= python3
BIN := .venv/bin
export MYPY_CACHE_DIR := .cache/mypy

.PHONY: demo test lint types contracts prove mutants fuzz real proofs bench docs check clean

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mskaudit needs Python 3.11 or newer; name one with make PYTHON=...")'
	@echo "making the environment in .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install -c constraints.txt -e .
	@touch $@

.venv/developing: .venv/installed
	@$(BIN)/python -m pip --quiet --disable-pip-version-check install -c constraints.txt -e '.[dev]'
	@touch $@

demo: .venv/installed  ## Audit a badly kept reference cluster and write mskaudit-report.html
	@status=0; $(BIN)/mskaudit audit reference:legacy-zookeeper \
	  --format text --format html:mskaudit-report.html || status=$$?; \
	echo; \
	if test $$status -ne 1; then echo "make demo: the audit ended with exit status $$status, where 1 was due"; exit 1; fi; \
	echo "make demo: the audit ended with exit status 1, policy violated: findings of severity high or graver, as it"; \
	echo "should on this cluster. The report for an auditor is mskaudit-report.html."

test: .venv/developing  ## Run the whole test suite
	@$(BIN)/python -m pytest

lint: .venv/developing  ## Style, format and the rule corpus
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mskaudit rules lint

types: .venv/developing  ## Strict types, tests included
	@$(BIN)/mypy

contracts: .venv/developing  ## Who may import whom
	@$(BIN)/lint-imports --cache-dir .cache/importlinter

prove: .venv/developing  ## Every rule's proofs on the reference worlds
	@$(BIN)/mskaudit prove

mutants: .venv/developing  ## Changed rules that no proof notices; there must be none
	@$(BIN)/python -m tests.proofs.mutants

fuzz: .venv/developing  ## A hundred thousand mutated frames each way; SEED=N repeats a run
	@$(BIN)/python -m tests.fuzz $(if $(SEED),--seed $(SEED))

real: .venv/developing  ## The same against Apache Kafka and ZooKeeper, which Maven downloads once; needs Java 17 and Maven
	@$(BIN)/python -m tests.real.fetch
	@MSKAUDIT_REAL=require $(BIN)/python -m pytest tests/real tests/clients

proofs: .venv/developing  ## Run the proofs on Apache Kafka too and write docs/proofs.md
	@$(BIN)/python -m tests.real.proofs

bench: .venv/developing  ## The speed goals, measured
	@$(BIN)/python -m tests.bench.bench

docs: .venv/developing  ## Generate the rule pages, tables, schemas and the sample report
	@$(BIN)/python -m docs.generate

check: lint types contracts test prove mutants

clean:
	@rm -rf .venv .cache build dist *.egg-info mskaudit-report.html
