# Two commands are all that a fresh machine needs: `make demo` and `make test`.
BIN := .venv/bin

.NOTPARALLEL:
.PHONY: help demo test test-long servers docs bench lock image clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

demo: .venv/.run ## Mirror between two embedded registries; needs no root, Docker or account
	$(BIN)/gcr-mirror demo

test: .venv/.dev servers ## Everything that CI runs
	scripts/test

test-long: .venv/.dev servers ## The same, and the long forms of some tests
	scripts/test -m ""

servers: .venv/.dev ## Install the real servers that the tests talk to (as root, when missing)
	scripts/install-servers
	scripts/install-ci-runners

docs: .venv/.dev ## Write the generated pages of docs/reference anew
	scripts/docs

bench: .venv/.dev servers ## Measure beside other tools, and write bench/README.md (half an hour; leave the machine alone)
	$(BIN)/python -m bench

lock: .venv/.dev ## Write requirements/*.txt anew from pyproject.toml
	scripts/lock

image: ## Build the image: make image PYTHON=docker.io/library/python@sha256:...
	@case "$(PYTHON)" in *@sha256:*) ;; *) echo "name the base by its digest: make image PYTHON=...@sha256:..." >&2; exit 2;; esac
	docker build --build-arg PYTHON=$(PYTHON) --build-arg SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
	    --build-arg REVISION=$$(git rev-parse HEAD) --build-arg VERSION=$$($(BIN)/python -c 'import mirror; print(mirror.__version__)') \
	    -t gcr-mirror .

clean: ## Remove what the other targets made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist

.venv/.run: pyproject.toml requirements/run.txt
	scripts/venv run

.venv/.dev: pyproject.toml requirements/dev.txt
	scripts/venv dev
