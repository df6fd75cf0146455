# `make demo` and `make test` set everything up by themselves. PYTHON=python3.13 names another Python.
VENV := .venv
BENCHMARKS := report_speed start_speed inference_overhead handler_imports

.PHONY: demo test lint fidelity simulate notebook torchvision benchmarks
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

# docs/walkthrough.ipynb, executed beside a stack in the local cloud.
notebook: $(VENV)/.installed
	$(VENV)/bin/python -m pytest tests/notebook

# Data sets through torchvision itself: an environment of its own, 5.5 GB on Linux (docs/decisions.md).
torchvision: $(VENV)-torchvision/.installed
	$(VENV)-torchvision/bin/python -m pytest tests/torchvision

benchmarks: $(VENV)/.installed
	for name in $(BENCHMARKS); do $(VENV)/bin/python -m benchmarks.$$name --check || exit 1; done

$(VENV)/.installed: pyproject.toml constraints.txt local/install.sh
	sh local/install.sh $(VENV)

$(VENV)-torchvision/.installed: pyproject.toml constraints-torchvision.txt local/install.sh
	sh local/install.sh $(VENV)-torchvision torchvision

$(VENV)/.fidelity: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[fidelity]' && touch $@
