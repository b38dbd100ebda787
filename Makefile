# Two commands matter: `make run` starts the demo, `make test` proves that it works.
# A name on PATH may be a version manager's stand-in that can't start, so each candidate is run, not just found.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8100
DEPARTMENTS_PORT ?= 8101
FAMILIES ?= 1200

.PHONY: run setup test test-rest test-browser test-all check clean-demo diagrams messages bench lock
run: setup
	@$(BIN)/ruxue run --port $(PORT) --departments-port $(DEPARTMENTS_PORT) --families $(FAMILIES)

setup: $(VENV)/.ready src/ruxue/web/static/dist/.ready src/ruxue/locale/zh_Hans/LC_MESSAGES/django.mo

$(VENV)/.ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "✗ Ruxue needs Python 3.11 or newer; none was found on this machine. Install one, or say make PYTHON=/path/to/python3.11 run"; exit 1; }
	@echo "Making the environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV) || { echo "✗ Python can't make virtual environments here. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

src/ruxue/web/static/dist/.ready: frontend/package-lock.json frontend/build.mjs $(wildcard frontend/src/* frontend/src/*/*) $(VENV)/.ready
	@echo "Building the front end …"
	@if ! { command -v node >/dev/null && command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; }; then \
	  $(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-node.lock; fi
	@PATH="$(PATH):$(abspath $(BIN))" sh -c 'cd frontend && npm ci --silent --no-audit --no-fund && npm run --silent build'
	@touch $@

src/ruxue/locale/zh_Hans/LC_MESSAGES/django.mo: src/ruxue/locale/zh_Hans/LC_MESSAGES/django.po $(VENV)/.ready
	@$(BIN)/pybabel --quiet compile -i $< -o $@

# Two halves at once, for two cores, each with a database of its own: everything but the browser; the browser.
test: setup
	@$(MAKE) --no-print-directory -j2 test-rest test-browser
	cd frontend && PATH="$(PATH):$(abspath $(BIN))" npm test --silent

test-rest: setup
	RUXUE_TESTS=rest $(BIN)/pytest -q -m "not slow" tests --ignore tests/browser

test-browser: setup
	RUXUE_TESTS=browser $(BIN)/pytest -q -m "not slow" tests/browser

test-all: setup
	$(BIN)/pytest -q tests

check: setup
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m ruxue.docs --check

diagrams: setup
	$(BIN)/python -m ruxue.docs

# Needs GNU gettext: collects new texts into the Chinese catalogue; translate them there.
messages: setup
	cd src/ruxue && RUXUE_VAR=$(abspath var) ../../$(BIN)/python -m django makemessages -l zh_Hans --no-location --settings ruxue.settings

lock:
	uv pip compile pyproject.toml --group dev --generate-hashes --no-emit-index-url --universal --python-version 3.11 -q --no-header -o requirements.lock

clean-demo:
	rm -rf var
