# `make demo` and `make test` set everything up by themselves. PYTHON=python3.13 names another Python.
VENV := .venv
BENCHMARKS := report_speed start_speed inference_overhead handler_imports

.PHONY: demo test lint fidelity benchmarks simulate
demo: $(VENV)/.installed
	$(VENV)/bin/digits demo

test: $(VENV)/.installed
	$(VENV)/bin/python -m pytest

lint: $(VENV)/.installed
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/cfn-lint template.yaml

# The same artifact and the same training through AWS's own toolkits and Ray Serve: Linux, and a C compiler.
fidelity: $(VENV)/.fidelity
	$(VENV)/bin/python -m pytest tests/fidelity

# A million faults over the real handlers; CI has a tenth of it. FIRST=7 begins with another seed.
simulate: $(VENV)/.installed
	$(VENV)/bin/python -m tests.simulation --faults 1000000 --first $(or $(FIRST),0)

benchmarks: $(VENV)/.installed
	for name in $(BENCHMARKS); do $(VENV)/bin/python -m benchmarks.$$name --check || exit 1; done

$(VENV)/.installed: pyproject.toml constraints.txt local/install.sh
	sh local/install.sh $(VENV)

$(VENV)/.fidelity: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[fidelity]' && touch $@
