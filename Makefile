.PHONY: check test bench format

check: ## what CI checks besides the tests
	ruff format --check .
	ruff check .
	mypy
	lint-imports

test: ## all tests that can run here
	pytest

format: ## let ruff write what it can
	ruff format .
	ruff check --fix .

bench: ## ratios against a bare client, in one run
	python -m tests.bench
