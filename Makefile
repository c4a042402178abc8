# What a developer and CI call. Each target names a script or a tool; none holds logic.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := .venv/bin
READY := .venv/.installed

.PHONY: help install demo test check lint types contracts protos-lint protos-fresh proof protos schema lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' Makefile

install: $(READY) ## create .venv and install everything at the locked versions

$(READY): requirements.lock pyproject.toml tools/install
	@tools/install

demo: $(READY) ## start everything, import real enquiries, show what the graph says; Ctrl-C ends it
	@$(BIN)/python -m cli demo

test: $(READY) ## all tests, on real MongoDB, gRPC and HTTP, two files at a time
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: lint types contracts protos-lint protos-fresh test ## exactly what CI runs

lint: $(READY) ## ruff: rules and format
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: $(READY) ## mypy --strict
	$(BIN)/python -m mypy

contracts: $(READY) ## who may import whom
	$(BIN)/lint-imports

protos-lint: $(READY) ## buf, rule set STANDARD
	$(BIN)/buf lint protos

protos-fresh: $(READY) ## the committed generated code is what the protos give
	tools/protos --check

proof: $(READY) ## what is slower: public suites, manifests, image, load; figures go to bench/results
	tools/proof

protos: $(READY) ## generate the code beside the .proto files anew
	tools/protos

schema: $(READY) ## write the snapshot of the merged schema anew
	$(BIN)/python -m gateway.schema > gateway/schema.graphql

lock: $(READY) ## resolve the dependencies anew, keeping locked versions that still fit
	tools/lock

clean: ## remove .venv and caches; data of `make demo` stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
