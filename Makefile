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

bench: ## ratios in one run: calls against a bare client, a run against its ideal schedule, tests against scipy and sacrebleu
	python tests/bench/hot_path.py
	python tests/bench/resume.py
	python tests/bench/makespan.py
	python tests/bench/memory.py
	python tests/bench/paired_tests.py
	python tests/bench/corpus_tests.py
