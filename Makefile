# Two commands: `make run` and `make test`. Each prepares .venv first; a second call finds it ready.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test test-build gallery lint types lock clean

run: $(READY)
	$(BIN)/regretta run quick --out results/quick

test: lint types $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal

# The tests of the table builder, which needs PyTorch: heavy, therefore apart.
test-build: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[build]'
	$(BIN)/python -m pytest tests/tabular_data/measure

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

# Exact versions of everything, from requirements.lock; the project itself is installed in place.
$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(READY)

# Resolve the versions anew; for maintainers.
lock: $(READY)
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--no-header --no-annotate --extra data --extra tpe --extra cluster --extra dev --output-file requirements.lock pyproject.toml

# docs/gallery.md and its pictures, from the full-scale tables and some core-hours of searches.
gallery: $(READY)
	$(BIN)/python benchmarks/gallery.py --tables results/gallery/tables --searches results/gallery

clean:
	rm -rf $(VENV) results .mypy_cache .ruff_cache .pytest_cache
