# Two commands do everything: `make lab` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
LESSON ?= notebooks/00_tour.ipynb
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
# PyPI's torch for Linux brings gigabytes of CUDA. `make lab CPU=1` takes the small build, for machines without an NVIDIA card.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
  $(if $(CPU),--extra-index-url https://download.pytorch.org/whl/cpu)

# see diffusion_lib/__init__.py: a busy laptop must not train ten times slower
export GOMP_SPINCOUNT ?= 10000

# as on a processor that has AVX2 and no AVX-512: a word for torch, oneDNN, MKL, OpenBLAS and numpy each
AVX2 := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 OPENBLAS_CORETYPE=Haswell \
  NPY_DISABLE_CPU_FEATURES="AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4"

.PHONY: help lab test avx2 quick slow lint words slips bench lessons-time lessons-time-avx2 words-time-avx2 live quality gan audit audit-full race weights figures clean
.DEFAULT_GOAL := help

help:  ## list what can be made
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

lab: $(VENV)/lab  ## install, then open JupyterLab on the tour
	$(BIN)/python -m jupyter lab $(LESSON) $(if $(filter 0,$(shell id -u)),--allow-root)

test: $(VENV)/test  ## install, then run every test but the slow ones, on all processors (some minutes)
	$(BIN)/python -m pytest -m "not slow" -n auto

avx2: $(VENV)/test  ## the same tests with the arithmetic of a processor without AVX-512: other roundings, other dice after a while
	$(AVX2) $(BIN)/python -m pytest -m "not slow" -n auto

quick: $(VENV)/test  ## mathematics and wiring, without browser, lessons and trainings: after each change (under a minute)
	$(BIN)/python -m pytest -m "not slow and not browser and not heavy" -n auto

slow: $(VENV)/test  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/test  ## style
	$(BIN)/python -m ruff check . && $(BIN)/python -m ruff format --check .

words: $(VENV)/test  ## gather every sentence that a learner reads into locale/*.pot, one a lesson, and bring translations up to them
	$(BIN)/python locale/words.py

slips: $(VENV)/test  ## make each slip of benchmarks/slips.py that is new or whose code or tests changed; writes benchmarks/mutants.json
	$(BIN)/python benchmarks/mutants.py

bench: $(VENV)/test  ## race the slider against an inline redraw in a real browser; writes benchmarks/slider.json
	$(BIN)/python benchmarks/slider.py

lessons-time-avx2: $(VENV)/test  ## the same with the arithmetic of a processor without AVX-512; writes benchmarks/lessons_avx2.json
	$(AVX2) $(BIN)/python benchmarks/lessons.py

lessons-time: $(VENV)/test  ## run every lesson whole and say how long each took; fails over 4 minutes for one, 20 for all; writes benchmarks/lessons.json
	$(BIN)/python benchmarks/lessons.py

words-time-avx2: $(VENV)/lab  ## prompt to four pictures with that arithmetic; writes milliseconds_avx2 into diffusion_lib/records/words.json
	$(AVX2) $(BIN)/python benchmarks/words.py milliseconds

live: $(VENV)/test  ## how long from a button to the painted picture where the kernel works first; writes benchmarks/live.json
	$(BIN)/python benchmarks/live.py

quality: $(VENV)/lab  ## how good the samples are after how many seconds (40 minutes); writes benchmarks/quality.json
	$(BIN)/python benchmarks/quality.py

gan: $(VENV)/lab  ## does the GAN find every mode, and does the one of 2014 lose them (40 minutes); writes benchmarks/gan.json
	$(BIN)/python benchmarks/gan.py

audit: $(VENV)/lab  ## measure lessons 07 and 09 again, points and digits, every seed, and compare (45 minutes on two cores); writes benchmarks/audit*.json
	$(BIN)/python benchmarks/arena.py --audit grid digits
	$(BIN)/python benchmarks/latent_weights.py --audit

audit-full: audit  ## the same, and then sprites and MNIST (an hour and three quarters in all); writes benchmarks/audit_full.json
	$(BIN)/python benchmarks/arena.py --audit sprites mnist

race: $(VENV)/test  ## seconds to equal quality against two peers (an hour or more); writes benchmarks/race.json
	$(BIN)/python benchmarks/race.py

weights: $(VENV)/lab  ## print the commands that make the shipped weights again
	@$(BIN)/python -c 'from diffusion_lib import store; [print(store.load(name).card["command"]) for name in store.names()]'

figures: $(VENV)/lab  ## draw the pictures of the README and the lessons again
	$(BIN)/python -m diffusion_lib figure prompt --text "blue and yellow flower at night" --n 2 --out notebooks/images/prompt.gif
	$(BIN)/python -m diffusion_lib figure forward --caption "orange tabby cat" --formula off --out notebooks/images/forward.png
	$(BIN)/python -m diffusion_lib figure reverse --data cats --seed 3 --out notebooks/images/reverse.png
	$(BIN)/python benchmarks/pictures.py

clean:  ## remove the environment and everything that tests leave behind
	rm -rf $(VENV) artefacts .pytest_cache .ruff_cache *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); sys.exit(None if ok else \
	  "Python 3.11, 3.12 or 3.13 is needed, but $(PYTHON) is %d.%d: name another one, as in make lab PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/lab: $(BIN)/python requirements.txt constraints.txt pyproject.toml
	@echo "Installing the lessons into $(VENV) (a few minutes, once) ..."
	$(PIP) -r requirements.txt -e .
	@touch $@

$(VENV)/test: $(VENV)/lab
	$(PIP) -r requirements.txt -e ".[test]"
	@touch $@
