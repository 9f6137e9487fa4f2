# SPDX-License-Identifier: Apache-2.0
# Everything is set up on first use: `make demo` and `make test` work in a fresh clone. `make help` lists the targets.
#   SIM=verilator|icarus  one simulator only        BLOCK=name   only tb/name
#   WAVES=1               write waveforms           SEED=n       seed of the random stimulus
#   JOBS=n                tests run side by side    PYTEST_ARGS  passed on to pytest

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)
BIN    := $(CURDIR)/$(VENV)/bin
REPORTS := build/reports

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test sim lint simulators format cores docs synth bitstream program clean distclean

ifneq ($(filter-out verilator icarus,$(SIM)),)
$(error SIM=$(SIM): expected verilator or icarus)
endif
ifneq ($(BLOCK),)
ifeq ($(wildcard tb/$(BLOCK)),)
$(error BLOCK=$(BLOCK): there is no folder tb/$(BLOCK))
endif
endif

export PATH := $(BIN):$(PATH)
export SIM
export WAVES := $(or $(WAVES),0)
export SHW_SEED := $(or $(SEED),1)

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)$$/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@sed -n 3,5p $(firstword $(MAKEFILE_LIST)) | sed 's/^# /  /'

# --- set-up -----------------------------------------------------------------------------------------------------------
RUNTIME := $(VENV)/.runtime
DEV     := $(VENV)/.dev
SYNTH   := $(VENV)/.synth
TRAIN   := $(VENV)/.train
LITEX   := $(VENV)/.litex

$(RUNTIME): pyproject.toml tools/setup/install_verilator.py
	@tools/setup/environment.sh "$(PYTHON)" "$(VENV)" ""
	@touch $@

$(DEV): $(RUNTIME)
	@tools/setup/environment.sh "$(PYTHON)" "$(VENV)" dev
	@touch $@

$(SYNTH): $(RUNTIME)
	@tools/setup/environment.sh "$(PYTHON)" "$(VENV)" synth
	@touch $@

$(TRAIN): $(RUNTIME)
	@tools/setup/environment.sh "$(PYTHON)" "$(VENV)" train
	@touch $@

$(LITEX): $(RUNTIME)
	@tools/setup/environment.sh "$(PYTHON)" "$(VENV)" litex
	@touch $@

setup: $(DEV) ## virtual environment with everything for development

simulators: $(DEV) ## check the simulators that SIM selects; install Icarus where it is missing
	@tools/setup/simulators.sh "$(BIN)" "$(SIM)"

# --- use --------------------------------------------------------------------------------------------------------------
demo: $(RUNTIME) ## a trained network through the RTL, compared with the golden model layer by layer
	@shiftwork demo

# --- check ------------------------------------------------------------------------------------------------------------
# BLOCK narrows a run to one testbench folder; without it the tests of the tooling run as well.
TESTS = $(if $(BLOCK),tb/$(BLOCK),tools/tests tb)
PYTEST = python -m pytest $(TESTS) -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

test: simulators $(if $(BLOCK),,lint) ## quick regression: lint, tooling, every block on Icarus, whole networks on Verilator
	@mkdir -p $(REPORTS); $(PYTEST) -m "not full" --junit-xml=$(REPORTS)/test.xml

sim: simulators $(if $(BLOCK),,$(SYNTH) $(TRAIN) $(LITEX) lint) ## full regression: long tests too, of many variants some; ALL=1: all
	@mkdir -p $(REPORTS); SHW_SAMPLE=$(if $(BLOCK)$(ALL),,$(SHW_SEED)) $(PYTEST) --junit-xml=$(REPORTS)/sim.xml

lint: $(DEV) ## ruff, mypy, Verilator -Wall, Verible, slang, FuseSoC cores, registers and decoders against their descriptions
	@echo "lint: ruff"; ruff check --quiet . ; ruff format --quiet --check .
	@echo "lint: mypy"; mypy
	@python -m shiftwork.blocks.lint
	@python -m shiftwork.blocks.cores --check
	@python -m shiftwork.device.registers --check
	@python -m shiftwork.compile.instructions --check

format: $(DEV) ## bring the Python sources into shape
	@ruff format . ; ruff check --fix .

cores: $(DEV) ## regenerate fusesoc_cores/ and vivado/ from rtl/manifest.yml
	@python -m shiftwork.blocks.cores

docs: $(DEV) ## regenerate the tables of README.md and docs/
	@python -m shiftwork.docs.pages

synth: $(SYNTH) ## synthesize all blocks and engines; fail where one grew
	@python -m shiftwork.measure --check --only 'area*'

bitstream: $(SYNTH) ## bitstream of a board: BOARD=ulx3s, ulx3s_mac, icebreaker or tangnano20k
	@shiftwork bitstream "$(BOARD)"

program: $(SYNTH) ## load the bitstream of BOARD into the board that is plugged in
	@shiftwork program "$(BOARD)"

clean: ## remove everything that was built
	rm -rf build

distclean: clean ## clean, and the virtual environment
	rm -rf $(VENV)
