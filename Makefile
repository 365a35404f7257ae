# Two commands: `make run` and `make test`. Each prepares .venv first; a second call finds it ready.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# The first Python of 3.11 or later that is there; PYTHON=... chooses another.
ifndef PYTHON
PYTHON := $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	echo $$python && break; done)
endif

.PHONY: run test test-build test-lowest docs gallery lint types lock clean

run: $(READY)
	$(BIN)/regretta run quick --out results/quick

test: lint types $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal

# The tests of what needs PyTorch, the table builder and the supernets: heavy, therefore apart.
test-build: $(READY)
	$(PIP) --editable '.[build]'
	$(BIN)/python -m pytest tests/tabular_data/measure tests/optimizers/weight_sharing tests/experiments/test_rank_correlation.py

# The fast tests with the lowest versions that pyproject.toml allows; for maintainers.
LOWEST := $(VENV)-lowest
test-lowest: $(READY)
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --resolution lowest-direct --universal --no-header --no-annotate \
		--extra data --extra tpe --extra cluster --group test --output-file $(VENV)/lowest.txt pyproject.toml
	$(BIN)/python -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -r $(VENV)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(LOWEST)/bin/python -m pytest -n auto --dist worksteal -m "not slow"

# The documentation as a site: build/docs/index.html.
docs: $(READY)
	$(BIN)/python -m sphinx -q -W -b html docs build/docs

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

# Exact versions of everything, from requirements.lock; the project itself is installed in place.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Regretta needs Python 3.11 or later with venv; none was found" \
		"(make PYTHON=/path/to/python3.11 names one)" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.lock
	$(PIP) --no-deps --editable .
	touch $(READY)

# Resolve the versions anew, for every Python that is supported; for maintainers.
lock: $(READY)
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --upgrade --no-header --no-annotate \
		--extra data --extra tpe --extra cluster --group dev --output-file requirements.lock pyproject.toml

# docs/gallery.md and its pictures, from the full-scale tables and some core-hours of searches.
gallery: $(READY)
	$(BIN)/python experiments/pages/gallery.py --tables results/gallery/tables --searches results/gallery

clean:
	rm -rf $(VENV) $(LOWEST) results .mypy_cache .ruff_cache .pytest_cache
