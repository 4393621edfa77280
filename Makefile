# Two commands do everything on a machine with Python 3.11 or newer:
#   make demo    install, train, bring the sandbox up, predict on both paths, compare
#   make test    install, lint, type-check, run the tests (make lint and make unit are parts of it)
# Three are about the documentation:
#   make docs        build it as a site: build/docs/index.html
#   make docs-links  ask every address that a page links to; needs a network
#   make pictures    make the pictures in docs/pictures again; needs a browser
# One measures the code beside that of others, in a minute, and writes docs/measures.md:
#   make measure
# Four measure, for an hour and more; zoo and mutants write docs/parity-results.md:
#   make zoo      install, run the parity check on every model of fixtures/zoo
#   make models   install, measure the model of each framework, on both drivers if an engine answers: docs/models.md
#   make mutants  install, plant bugs in pyml's own runtime one by one (tests/mutants), run the parity check on each
#   make networks install, check honest float32 networks and networks with a planted error of 1e-4, 800 of each
# One strikes both drivers with every fault of tests/faults, for an hour, and writes docs/faults.md; make test strikes
# with the quick ones:
#   make faults
# One tries every job and check on second clusters, a worker that is killed among them, for ten minutes; make test has the quick ones:
#   make clusters
# One runs the README and make demo with each driver, for a quarter of an hour; make test runs the README's tour alone:
#   make demos
# One runs every test that needs services, slow ones and each with each driver, for two hours:
#   make every-test
# Two look for what breaks it: fuzz in some minutes, soak in MINUTES (20); they write docs/reliability.md:
#   make fuzz     install, send 5,000 made-up requests over gRPC and REST to a real gateway and model servers
#   make soak     install, load a sandbox with requests, deploys and jobs, and see whether a service grows (DRIVER=process)
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
MINUTES ?= 20
DRIVER ?= process

.PHONY: demo test lint unit processes containers elsewhere containers-and-elsewhere docs docs-links pictures measure zoo mutants networks models faults clusters demos every-test fuzz soak install clean

demo: install
	BIN="$(abspath $(BIN))" sh fixtures/demo.sh

# What starts no service runs on every core. The tests of the two drivers run side by side, each in order on a sandbox that
# they share (tests/conftest.py); those of second clusters and of foreign systems follow the shorter half.
test: lint unit
	$(BIN)/python -m pytest tests/checks tests/comparator tests/docs tests/registry tests/reports -n logical --dist worksteal
	$(MAKE) --keep-going --jobs 2 processes containers-and-elsewhere

REST := --ignore=tests/unit --ignore=tests/checks --ignore=tests/comparator --ignore=tests/docs --ignore=tests/registry --ignore=tests/reports

ELSEWHERE := tests/integration/test_clusters.py tests/integration/test_foreign_systems.py

processes: install
	$(BIN)/python -m pytest $(REST) $(addprefix --ignore=,$(ELSEWHERE)) -m "not containers"

containers: install
	$(BIN)/python -m pytest $(REST) -m containers

elsewhere: install
	$(BIN)/python -m pytest $(ELSEWHERE)

containers-and-elsewhere: install
	$(MAKE) --keep-going --jobs 1 containers elsewhere

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PYTHONPATH=tests $(BIN)/python -m measure.complexity runtime sandbox cli fixtures/pyml_fixtures tests

unit: install
	$(BIN)/python -m pytest tests/unit -n logical --dist worksteal

docs: install
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -b html -c docs/site docs build/docs
	@echo "build/docs/index.html"

docs-links: install
	$(BIN)/sphinx-build --quiet -b linkcheck -c docs/site docs build/docs-links

pictures: install
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/pictures.py

measure: install
	$(BIN)/python tests/measure

zoo: install
	$(BIN)/python tests/benchmarks/zoo.py --write

models: install
	$(BIN)/python tests/benchmarks/models.py --write
	! docker info >/dev/null 2>&1 || $(BIN)/python tests/benchmarks/models.py --driver container --write

mutants: install
	$(BIN)/python tests/benchmarks/mutants.py --write

networks: install
	$(BIN)/python tests/benchmarks/networks.py

faults: install
	PYML_FAULTS=all $(BIN)/python -m pytest tests/faults; struck=$$?; \
	PYTHONPATH=tests $(BIN)/python -m faults.results && exit $$struck

clusters: install
	PYML_TESTS=all $(BIN)/python -m pytest tests/integration/test_clusters.py tests/containers/test_exported.py

demos: install
	PYML_TESTS=all $(BIN)/python -m pytest tests/cli/test_readme.py

every-test: install
	PYML_TESTS=all $(BIN)/python -m pytest $(REST)

fuzz: install
	PYML_FUZZ_INPUTS=5000 PYML_FUZZ_WRITE=1 $(BIN)/python -m pytest tests/fuzz -s --timeout 3600

soak: install
	$(BIN)/python tests/benchmarks/soak.py --minutes $(MINUTES) --driver $(DRIVER) --write

install: $(VENV)/.installed
	@test "$(MAKECMDGOALS)" != install || echo "Installed. Next: . $(BIN)/activate"

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 3; }
	@echo "Installing into $(VENV), which takes some minutes the first time."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable '.[test]'
	$(BIN)/python -m compileall -q -j 0 runtime sandbox cli fixtures/pyml_fixtures # an editable install compiles none of our own
	touch $@

clean:
	rm -rf $(VENV)
