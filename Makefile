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

bench: ## the path of one LLM call, as a ratio against a bare client in the same run
	python tests/bench/hot_path.py
