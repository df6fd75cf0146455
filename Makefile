# `make demo` and `make test` set everything up by themselves. PYTHON=python3.13 names another Python.
VENV := .venv
PYTEST := $(VENV)/bin/python -m pytest
# Several processes, each with whole files (tests/scheduling.py); more than four would take much memory.
PROCESSES := --numprocesses logical --maxprocesses 4
BENCHMARKS := report_speed index_size start_speed refused_lines inference_overhead handler_imports

.PHONY: demo test lint checkov faults fidelity programs browser simulate mutants notebook torchvision wheel screenshot benchmarks
demo: $(VENV)/.installed
	$(VENV)/bin/digits demo

test: $(VENV)/.installed
	$(PYTEST) $(PROCESSES)

lint: $(VENV)/.installed
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/cfn-lint template.yaml

# The same artifact and the same training through AWS's own toolkits and Ray Serve: Linux, and a C compiler.
fidelity: $(VENV)/.fidelity
	$(PYTEST) -m fidelity

# The real `sam` and `aws` programs against the local cloud, each in an environment of its own.
programs: $(VENV)/.installed .venv-sam/.installed .venv-aws/.installed
	$(PYTEST) -m programs

# The reports' pages in headless Chromium (Debian's package chromium, or the one that CHROMIUM names).
browser: $(VENV)/.browser
	$(PYTEST) -m browser

# Checkov over template.yaml, and over what SAM makes of it; .checkov.yaml has what is left out, with the reasons.
checkov: $(VENV)/.installed .venv-checkov/.installed
	$(VENV)/bin/python -m tests.template.translated out/template.json
	.venv-checkov/bin/checkov --config-file .checkov.yaml --file template.yaml out/template.json

# Faults over the real handlers: 100,000 of them simulated, and all kinds of them over the local cloud.
faults: $(VENV)/.installed
	$(PYTEST) --numprocesses 3 -m "faults or simulation"

# A million faults over the real handlers; CI has a tenth of it. FIRST=7 begins with another seed.
simulate: $(VENV)/.installed
	$(VENV)/bin/python -m tests.simulation --faults 1000000 --first $(or $(FIRST),0)

# Bugs, planted one at a time, and which of them no test sees. ARGUMENTS="--room functions/batch_prediction/runs"
# plants in one folder, ARGUMENTS=--changed in changed lines, ARGUMENTS=--help says more.
mutants: $(VENV)/.mutants
	$(VENV)/bin/python -m tests.mutants $(ARGUMENTS)

# docs/walkthrough.ipynb, executed with a stack in the local cloud.
notebook: $(VENV)/.installed
	$(PYTEST) -m notebook

# Data sets through torchvision itself: an environment of its own, 5.5 GB on Linux (docs/decisions.md).
torchvision: $(VENV)-torchvision/.installed
	$(VENV)-torchvision/bin/python -m pytest -m torchvision

# What `python -m build` makes, installed into fresh environments and run from an empty folder.
wheel: $(VENV)/.installed
	$(PYTEST) -m wheel

# The pictures of four reports in docs/, by headless Chromium (CHROMIUM names another than Debian's).
screenshot: $(VENV)/.installed
	$(VENV)/bin/python -m tests.browser.report_pictures docs

benchmarks: $(VENV)/.installed
	for name in $(BENCHMARKS); do $(VENV)/bin/python -m benchmarks.$$name --check || exit 1; done

$(VENV)/.installed: pyproject.toml constraints.txt install.sh
	sh install.sh $(VENV)

$(VENV)/.browser: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[browser]' && touch $@

$(VENV)/.mutants: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[mutants]' && touch $@

$(VENV)-torchvision/.installed: pyproject.toml constraints-torchvision.txt install.sh
	sh install.sh $(VENV)-torchvision torchvision

# Version 2 of the SDK, for its parser, in a folder of its own: version 3 bears the same name.
$(VENV)/.fidelity: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[fidelity]'
	$(VENV)/bin/python -m pip install --quiet --no-deps --upgrade --target $(VENV)/sagemaker-2 sagemaker==2.257.7
	touch $@

.venv-sam/.installed: Makefile
	$(VENV)/bin/python -m venv .venv-sam && .venv-sam/bin/python -m pip install --quiet aws-sam-cli==1.170.0 && touch $@

.venv-checkov/.installed: Makefile
	$(VENV)/bin/python -m venv .venv-checkov && .venv-checkov/bin/python -m pip install --quiet checkov==3.3.30 && touch $@

.venv-aws/.installed: Makefile
	$(VENV)/bin/python -m venv .venv-aws && .venv-aws/bin/python -m pip install --quiet awscli==1.46.3 && touch $@
