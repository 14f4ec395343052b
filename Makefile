# Two commands need nothing but Python: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One library thread per process: the jobs and the tests use the cores themselves.
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-quick test-processors torture check format lint types contract dist test-wheel bench bench-all bench-pairs bench-damaged bench-history bench-jpeg bench-fingerprint bench-measuring bench-degrading bench-downstream bench-artifacts bench-tuning bench-opinions clean

demo: $(VENV)/.installed  ## photos → kernels → pool → pairs → a small model, and a picture
	$(BIN)/degrade demo --out demo

test: $(VENV)/.installed  ## every test
	$(BIN)/python -m pytest -n 2

test-quick: $(VENV)/.installed  ## without the tests marked slow; under three minutes on 2 cores
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-processors: $(VENV)/.installed  ## SETTINGS="oldest …": the numeric tests with other processors' kernels
	$(BIN)/python -m tests.processors $(SETTINGS)

torture: $(VENV)/.installed  ## inject faults for a quarter of an hour, and print what happened
	$(BIN)/python -m tests.torture

check: format lint types contract  ## everything but the tests

format: $(VENV)/.installed
	$(BIN)/ruff format --check .

lint: $(VENV)/.installed
	$(BIN)/ruff check .

types: $(VENV)/.installed
	$(BIN)/mypy

contract: $(VENV)/.installed  ## the order of the floors (CONTRIBUTING.md)
	$(BIN)/lint-imports

dist: $(VENV)/.installed  ## what is released: an sdist, and a wheel made from that sdist
	rm -rf dist build
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m build --quiet --outdir dist .

test-wheel: dist  ## both are whole, and the wheel alone, elsewhere, runs the demo
	$(BIN)/python .ci/try_wheel.py dist

bench-all: $(VENV)/.installed  ## PHOTOS="photo.png …": every benchmark, small, and one table beside the documented figures
	$(BIN)/python -m benchmarks.all $(PHOTOS)

bench: $(VENV)/.installed  ## KernelGAN's speed; kernel estimators on known kernels and real pairs
	$(BIN)/python -m benchmarks.kernelgan_speed
	$(BIN)/python -m benchmarks.kernels

bench-pairs: $(VENV)/.installed  ## HR="photo.png …": building pairs, extracting noise, reading them back
	$(BIN)/python -m benchmarks.pair_building $(HR)
	$(BIN)/python -m benchmarks.noise_extraction $(HR)
	$(BIN)/python -m benchmarks.training_reader $(HR)

bench-damaged: $(VENV)/.installed  ## PHOTOS="photo.png …": damaged photos refused, and the time of decoding
	$(BIN)/python -m benchmarks.damaged_photos $(PHOTOS)

bench-history: $(VENV)/.installed  ## PHOTOS="folder …": enlarged, sharpened, moved: told right, wrong or not
	$(BIN)/python -m benchmarks.photo_history $(PHOTOS)

bench-jpeg: $(VENV)/.installed  ## PHOTOS="folder …": what pixels tell of JPEG: right, wrong, not told
	$(BIN)/python -m benchmarks.jpeg_history $(PHOTOS)

bench-fingerprint: $(VENV)/.installed  ## PHOTOS="folder": LR of a fingerprint beside LR of its pool, and the spread of seeds
	$(BIN)/python -m benchmarks.fingerprint $(PHOTOS)

bench-measuring: $(VENV)/.installed  ## PHOTOS="photo.jpg …": what each measurement costs beyond decoding
	$(BIN)/python -m benchmarks.measuring_cost $(PHOTOS)

bench-degrading: $(VENV)/.installed  ## HR="photo.png …": crops degraded on the fly, NumPy beside PyTorch; DEVICE=cuda
	$(BIN)/python -m benchmarks.batched_degrading $(HR) --device $(or $(DEVICE),cpu)

bench-downstream: $(VENV)/.installed  ## what pairs teach, judged by real pairs (../shared/data)
	$(BIN)/python -m benchmarks.downstream

bench-artifacts: $(VENV)/.installed  ## PHOTOS="folder …": planted artefacts that are found, clean texture that is flagged, and the time
	$(BIN)/python -m benchmarks.artifacts $(PHOTOS)
	$(BIN)/python -m benchmarks.artifact_speed $(PHOTOS)

bench-tuning: $(VENV)/.installed  ## OUT="folder": a GAN that breaks, trained and tuned
	$(BIN)/python -m benchmarks.artifact_tuning --out $(OUT)

bench-opinions: $(VENV)/.installed  ## simulated studies of opinions: intervals that hold the truth, and the time
	$(BIN)/python -m benchmarks.opinions

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info degrade/compiled/*.so

# Made again when what is to be installed changes; a broken half-made one is started over.
$(VENV)/.installed: setup.cfg setup.py pyproject.toml constraints.txt $(wildcard degrade/compiled/*.[ch])
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
