# weir: `make run` serves, `make test` tests. Everything else is below; Meson and Ninja do the work.
BUILD ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
NINJA = ninja -C
# The list of sources decides whether Meson must look again.
SOURCES := $(shell find src tests/unit tests/fuzz tests/sim bench catalog web -name '*.c' -o -name '*.json' -o -name '*.jsonl' -o -name '*.html' -o -name '*.js' -o -name '*.css' -o -name '*.svg' 2>/dev/null | LC_ALL=C sort | cksum | tr ' ' -)

# Lines in what a sanitizer reports, and no more: half the time to compile.
setup_lines = -Dbuildtype=plain -Doptimization=1 -Ddebug=false -Dc_args=-g1 -Db_lto=false -Db_lundef=false
setup_asan = -Db_sanitize=address,undefined $(setup_lines)
setup_tsan = -Db_sanitize=thread $(setup_lines)
setup_coverage = -Db_coverage=true -Db_lto=false -Dbuildtype=plain -Doptimization=g -Ddebug=false
setup_fuzz = -Dfuzz=true $(setup_lines)
setup_debug = -Db_lto=false -Dbuildtype=debug -Doptimization=0

all: $(BUILD)/weir

$(BUILD)/weir: FORCE
	@$(call configure,$(BUILD),)
	@$(NINJA) $(BUILD) --quiet

# $(1) folder, $(2) options
define configure
if [ ! -f $(1)/build.ninja ]; then scripts/setup && meson setup $(1) --prefix=$(PREFIX) $(2) >$(1).log || { tail -5 $(1).log; exit 1; }; rm -f $(1).log; echo $(SOURCES) >$(1)/.sources; \
elif [ "$$(cat $(1)/.sources 2>/dev/null)" != "$(SOURCES)" ]; then { meson setup --reconfigure $(1) >$(1).log || { tail -5 $(1).log; exit 1; }; }; rm -f $(1).log; echo $(SOURCES) >$(1)/.sources; fi
endef

setup:
	scripts/setup

run: all
	exec $(BUILD)/weir serve

test: all
	@scripts/test --build $(BUILD) unit integration sdk browser sim

unit: all
	@scripts/test --build $(BUILD) unit

integration: all
	@scripts/test --build $(BUILD) integration

sdk: all
	@scripts/test --build $(BUILD) sdk

# The page in Debian's Chromium.
browser: all
	@scripts/test --build $(BUILD) browser

screenshots: all
	@cd tests/browser && npm ci --no-audit --no-fund --silent && WEIR_BINARY=$(CURDIR)/$(BUILD)/weir node screenshots.mjs $(CURDIR)/docs/screenshots

asan:
	@$(call configure,build-asan,$(setup_asan))
	@$(NINJA) build-asan --quiet
	@scripts/test --build build-asan $(or $(PARTS),unit integration sdk browser sim)

tsan:
	@$(call configure,build-tsan,$(setup_tsan))
	@$(NINJA) build-tsan --quiet
	@scripts/test --build build-tsan $(or $(PARTS),unit integration)

debug:
	@$(call configure,build-debug,$(setup_debug))
	@$(NINJA) build-debug --quiet

fuzz:
	@CC=clang; export CC; $(call configure,build-fuzz,$(setup_fuzz))
	@$(NINJA) build-fuzz --quiet $(notdir $(basename $(wildcard tests/fuzz/*.c)))
	@scripts/fuzz build-fuzz $(FUZZ_SECONDS) $(FUZZ_SEED)

sim: all
	@$(NINJA) $(BUILD) --quiet weir-sim
	@$(BUILD)/weir-sim --file tests/sim/seeds.txt
	@$(BUILD)/weir-sim --runs tests/sim/runs.txt
	@$(BUILD)/weir-sim --seeds 1..12000 --jobs 2
	@$(BUILD)/weir-sim --seeds 1..$(or $(SEEDS),1000) --flights $(or $(FLIGHTS),10000) --jobs 2
	@$(BUILD)/weir-sim --mutants

chaos:
	@$(call configure,build-asan,$(setup_asan))
	@$(NINJA) build-asan --quiet weir
	@python3 tests/chaos --binary build-asan/weir --seconds $(or $(SECONDS),180) $(if $(SEED),--seed $(SEED))

# What make test shows in short, for an hour: kills under load, a simulated day, a bad network, seeds that nobody has drawn.
soak: all
	@$(call configure,build-asan,$(setup_asan))
	@$(NINJA) build-asan --quiet weir
	@WEIR_KILLS=$(or $(KILLS),500) WEIR_SOURCE_ROOT=$(CURDIR) WEIR_BUILD=$(CURDIR)/$(BUILD) WEIR_BINARY=$(CURDIR)/$(BUILD)/weir \
	    python3 -m pytest -q -p no:cacheprovider tests/integration/test_ledger.py -k kills_under_load
	@python3 tests/soak --binary $(BUILD)/weir --hours $(or $(HOURS),24) --rate $(or $(RATE),240)
	@python3 tests/chaos --binary build-asan/weir --seconds $(or $(SECONDS),600)
	@$(NINJA) $(BUILD) --quiet weir-sim
	@$(BUILD)/weir-sim --seeds $$(date +%s)..$$(($$(date +%s) + $(or $(SEEDS),20000))) --jobs 2

# Lines that the tests run; the bar stands in the script.
coverage:
	@CC=gcc; export CC; $(call configure,build-coverage,$(setup_coverage))
	@$(NINJA) build-coverage --quiet weir
	@scripts/coverage build-coverage $(PARTS)

# COUNT small changes of src (below IN, where it is given), one at a time: which of them does no test notice?
mutate:
	@scripts/setup
	@scripts/mutate --count $(or $(COUNT),100) --seed $(or $(SEED),1) $(if $(INTEGRATION),--integration $(INTEGRATION)) $(IN)

# The program as it is to be deployed: built twice, the second time by what a short load has shown.
release:
	@scripts/release build-release

bench: release
	bench/run --build build-release --weir build-release/weir

lint: all
	@scripts/lint $(BUILD)

format:
	clang-format -i $$(git ls-files 'src/*.[ch]' 'include/*.h' 'tests/*.c' 'tests/*.h' 'bench/*.c')

install: all
	meson install -C $(BUILD) --no-rebuild --quiet

clean:
	rm -rf build build-asan build-tsan build-debug build-fuzz build-coverage

FORCE:
.PHONY: all setup run test unit integration sdk browser screenshots asan tsan debug fuzz sim chaos soak coverage mutate release bench lint format install clean FORCE
