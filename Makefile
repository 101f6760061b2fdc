# Everything a newcomer needs. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help run test test-quick lint lock docs protos pacts sbom clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

# They need grafana-client, which is kept apart (setup.sh says why); in the other run of pytest they are skipped.
GRAFANA_TESTS = tests/integration/tools/test_grafana.py tests/integration/native/test_grafana.py

run: ## set everything up, then run the scenario latency-spike
	@./setup.sh
	@.venv/bin/workbench run latency-spike; code=$$?; \
	printf '\nnext:\n'; \
	printf '  %s\n      %s\n' \
	  'look at the report' '$(CURDIR)/.venv/bin/workbench open report' \
	  'see it FAIL' '$(CURDIR)/.venv/bin/workbench run latency-spike --bug breaker-off' \
	  'see what else there is' '$(CURDIR)/.venv/bin/workbench list'; \
	exit $$code

test: ## set everything up, then run all tests (whole scenarios included)
	@./setup.sh test
	PYTHONPATH=$(CURDIR)/.venv/grafana .venv/bin/python -m pytest -n 3 $(GRAFANA_TESTS)
	.venv/bin/python -m pytest -n 4

test-quick: ## only what takes seconds
	@./setup.sh test
	.venv/bin/python -m pytest -n 3 -m "not e2e and not docker" tests/unit

lint: ## style, types, imports
	@./setup.sh test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m mypy
	.venv/bin/lint-imports

lock: ## renew the pinned requirements (needs uv)
	./lock.sh

docs: ## renew the generated files: schemas, reference pages, OpenAPI documents, dashboards
	.venv/bin/python docs/generate.py
	.venv/bin/python -m dashboards.generate

protos: ## renew what is generated from proto files
	.venv/bin/python -m target_services.protos.make

pacts: ## renew what the services need of each other, after a change of a consumer
	.venv/bin/python -m tests.contract.consumers.recorded

sbom: ## list what is in the shop's image, with hashes: dist/shop.cdx.json (CycloneDX)
	@mkdir -p dist
	.venv/bin/cyclonedx-py requirements --output-reproducible --output-format JSON \
	  --output-file dist/shop.cdx.json requirements/shop.txt

clean: ## remove what was set up
	rm -rf .venv .workbench .mypy_cache .ruff_cache .pytest_cache .hypothesis
