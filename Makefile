.PHONY: check test test-all bench docs format screenshots

check: ## format, lint, types and layers
	ruff format --check .
	ruff check .
	mypy
	lint-imports

test: ## the tests of the README, without the slow ones
	pytest -n 2

test-all: ## every test that can run here
	pytest -n 2 -m 'slow or not slow'

docs: ## the documentation as a website, in site/; a dead link fails
	mkdocs build --strict --quiet

format: ## let ruff format and fix what it can
	ruff format .
	ruff check --fix .

screenshots: ## pictures of the report in docs/images, of the run in out/demo
	REPORT_SCREENSHOTS=out/demo:docs/images pytest -m slow -k screenshots tests/unit/report/html/test_browser.py

bench: ## ratios within one run: calls, resuming, schedule, memory, statistics
	python tests/bench/hot_path.py
	python tests/bench/resume.py
	python tests/bench/makespan.py
	python tests/bench/rounds.py
	python tests/bench/memory.py
	python tests/bench/paired_tests.py
	python tests/bench/corpus_tests.py
