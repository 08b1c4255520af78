# Every target sets up .venv first when it is missing or older than the lock.
PY := .venv/bin/python

.PHONY: run run-next report tensorboard test test-next fuzz check lock bench clean

run: .venv/ready
	@$(PY) local_runner.py $(ARGS)

# RUN=runs/<pipeline> or runs/<pipeline>/history/<run>; the latest run of all by default.
report: .venv/ready
	@$(PY) -m pipeline.review draw $(or $(RUN),runs) $(ARGS)

# LOGS=runs/<pipeline>/artifacts/Trainer/model_run/<id> for one fitting; all of them by default.
tensorboard: .venv/ready
	@.venv/bin/tensorboard --logdir $(or $(LOGS),runs) --host localhost $(ARGS)

# In three processes, as many tests wait for others; a file of tests in one of them.
test: .venv/ready
	@$(PY) -m data.fetch
	@$(PY) -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

# The same tests, and a run, on the image's stack, in a Debian 13 tree below .next/: needs root.
test-next: .venv/ready
	@$(PY) -m data.fetch
	@$(PY) tests/next_stack.py $(ARGS)

run-next: .venv/ready
	@$(PY) -m data.fetch
	@$(PY) tests/next_stack.py --run $(ARGS)

# 10,000 files drawn at random, of each kind that can be read, by a new seed, which it prints; ARGS="--seed S" for one.
fuzz: .venv/ready
	@$(PY) tests/fuzz $(ARGS)

check: .venv/ready
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

bench: .venv/ready
	@$(PY) -m benchmarks.quality $(ARGS)

lock: .venv/ready
	@requirements/lock.sh

clean:
	@rm -rf .venv .uv .next runs

.venv/ready: requirements/lock.txt requirements/uv.txt requirements/install.sh
	@PYTHON="$(PYTHON)" requirements/install.sh
