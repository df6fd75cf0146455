# `make demo` and `make test` set everything up by themselves. PYTHON=python3.13 names another Python.
VENV := .venv

.PHONY: demo test lint
demo: $(VENV)/.installed
	$(VENV)/bin/digits demo

test: $(VENV)/.installed
	$(VENV)/bin/python -m pytest

lint: $(VENV)/.installed
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/cfn-lint template.yaml

$(VENV)/.installed: pyproject.toml constraints.txt local/install.sh
	sh local/install.sh $(VENV)
