# The booking services. `make help` lists the targets.
#
# Everything is built out of tree: a release build in build/, a sanitizer build (SAN=address,undefined
# or SAN=thread) in build/asan/ or build/tsan/, a coverage build (COVERAGE=1) in build/coverage/.

VERSION := $(shell cat VERSION)
# What --version says behind the version: given, or asked of git, or not known. A source tree that is
# unpacked within another repository is not that one's.
ifeq ($(origin COMMIT),undefined)
COMMIT := $(if $(wildcard .git),$(shell git rev-parse --short=7 HEAD 2>/dev/null))
endif
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
CFLAGS ?= -O2 -g
PYTHON ?= /usr/bin/python3
JOBS := -j$(shell nproc 2>/dev/null || echo 1)

# A variant is a folder and its flags.
SAN ?=
COVERAGE ?=
BUILD := build
VARIANT_FLAGS :=
ifneq ($(SAN),)
BUILD := build/$(if $(filter thread,$(SAN)),tsan,asan)
VARIANT_FLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ifneq ($(COVERAGE),)
BUILD := build/coverage
VARIANT_FLAGS := --coverage -O0
endif

# Warnings are errors for developers and CI (WERROR=1), never for users: compilers differ.
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
WERROR ?=
ifneq ($(WERROR),)
WARNINGS += -Werror
endif

# Assertions as well, and in every variant: what users build is the release.
RELEASE := $(if $(WERROR)$(SAN)$(COVERAGE),,-DNDEBUG)

ADAPTERS := $(patsubst %/main.c,%,$(wildcard adapter-*/main.c))
SERVICES := booking-main $(ADAPTERS)

LIBRARY_PACKAGES := libmicrohttpd jansson
ENGINE_PACKAGES := $(LIBRARY_PACKAGES) libcurl sqlite3 libpq nettle
package_flags = $(shell pkg-config --$(1) $(2) 2>/dev/null)

ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -DBOOKING_VERSION='"$(VERSION)"' -iquote . -iquote booking-main \
  $(RELEASE) $(CFLAGS) $(WARNINGS) $(VARIANT_FLAGS) -pthread -fstack-protector-strong $(FORTIFY) \
  $(call package_flags,cflags,$(ENGINE_PACKAGES))
FORTIFY = $(if $(SAN)$(COVERAGE),,-D_FORTIFY_SOURCE=2)
ALL_LDFLAGS = $(VARIANT_FLAGS) -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
LIBRARY_LIBS = $(call package_flags,libs,$(LIBRARY_PACKAGES))
ENGINE_LIBS = $(call package_flags,libs,$(ENGINE_PACKAGES))

# The engine's HTTP to its adapter: ours on a socket that libcurl connects, or libcurl's own
# (TRANSPORT=libcurl), in a folder of its own beside.
TRANSPORT ?=
OBJECTS := $(BUILD)/obj
ifneq ($(TRANSPORT),)
BUILD := $(BUILD)/$(TRANSPORT)
endif
TRANSPORTS := booking-main/adapter/connection.c booking-main/adapter/connection_libcurl.c
CHOSEN_TRANSPORT := booking-main/adapter/connection$(if $(TRANSPORT),_$(TRANSPORT)).c

sources = $(shell find $(1) -name '*.c')
objects = $(patsubst %.c,$(OBJECTS)/%.o,$(1))
LIBRARY_OBJECTS := $(call objects,$(call sources,lib))
ENGINE_OBJECTS := $(call objects,$(CHOSEN_TRANSPORT) \
  $(filter-out booking-main/main.c $(TRANSPORTS),$(call sources,booking-main)))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(shell find tests/unit -name 'test_*.c'))
BINARIES := $(addprefix $(BUILD)/,$(SERVICES))

# Changing flags rebuilds what they were used for.
FLAGS_FILE := $(OBJECTS)/flags
FLAGS_NOW = $(CC) $(filter-out -Werror,$(ALL_CFLAGS)) $(ALL_LDFLAGS)

# V=1 shows the commands.
V ?=
quiet = $(if $(V),,@printf '  %-5s %s\n' $(1) '$@' && )

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

##@ Build
all: $(BINARIES) ## build the services (into build/)

$(BUILD)/booking-main: $(call objects,booking-main/main.c) $(BUILD)/libengine.a $(BUILD)/libbooking.a
	$(call quiet,LD)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ENGINE_LIBS)

# An adapter is its own sources and the library; the linker leaves out what it does not use.
define adapter_rule
$(BUILD)/$(1): $(call objects,$(call sources,$(1))) $(BUILD)/libbooking.a
endef
$(foreach adapter,$(ADAPTERS),$(eval $(call adapter_rule,$(adapter))))
$(addprefix $(BUILD)/,$(ADAPTERS)):
	$(call quiet,LD)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBRARY_LIBS) $(ADAPTER_LIBS)
$(BUILD)/adapter-jq: ADAPTER_LIBS = -ljq

$(BUILD)/libbooking.a: $(LIBRARY_OBJECTS)
$(BUILD)/libengine.a: $(ENGINE_OBJECTS)
$(BUILD)/%.a:
	@mkdir -p $(@D) && rm -f $@
	$(call quiet,AR)$(AR) qcs $@ $^ # q: names repeat from folder to folder

$(OBJECTS)/%.o: %.c $(FLAGS_FILE)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(ALL_CFLAGS) $(COMMIT_FLAG) -MMD -MP -c -o $@ $<

# One object alone knows the commit, so that a new one does not compile all others.
$(OBJECTS)/lib/base/version.o: private COMMIT_FLAG = $(if $(COMMIT),-DBOOKING_COMMIT='"$(COMMIT)"')
$(OBJECTS)/lib/base/version.o: $(OBJECTS)/commit

$(OBJECTS)/commit: FORCE
	@mkdir -p $(@D)
	@echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' >$@

$(FLAGS_FILE): FORCE
	@pkg-config --exists $(ENGINE_PACKAGES) 2>/dev/null && \
	  echo '#include <jq.h>' | $(CC) -E - >/dev/null 2>&1 || \
	  { echo "Missing libraries: 'make deps' installs them."; exit 1; }
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS_NOW))' >$@

# The page's files are in the binary.
$(OBJECTS)/booking-main/operator/desk/page.o: $(wildcard booking-main/operator/desk/page/*)

deps: ## install what a build needs (says what; Debian and Ubuntu)
	@tools/install-deps build

UNITS := $(wildcard deploy/systemd/*.service)

install: all install-units ## install the services and systemd units into PREFIX (/usr/local), below DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BINARIES) $(DESTDIR)$(PREFIX)/bin

install-units:
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	@for unit in $(UNITS); do \
	  sed 's#=/usr/local/bin/#=$(PREFIX)/bin/#' $$unit \
	    >"$(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}" || exit 1; done

clean: ## remove all that was built
	rm -rf build

##@ Run
run: ## install what is missing, build, start every partner's pod here, show the curls
	@tools/install-deps build run
	@$(MAKE) --no-print-directory $(JOBS) all
	@tools/run-pods

##@ Test
test: ## install what is missing, build, run all tests (unit and HTTP, with sanitizers)
	@tools/install-deps build test
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(MAKE) --no-print-directory $(JOBS) SAN=address,undefined all unit
	@$(MAKE) --no-print-directory soak-short
	@$(MAKE) --no-print-directory SAN=address,undefined http
	@$(MAKE) --no-print-directory $(JOBS) SAN=address,undefined TRANSPORT=libcurl adapter-calls

# These run on each kind of database.
STORE_TESTS := $(addprefix $(BUILD)/unit/booking-main/store/,test_booking test_holds test_answers \
  test_groups test_import test_snapshot test_desk changes/test_changes changes/test_webhooks \
  postgresql/test_schema)
unit: $(UNIT_TESTS) ## only the unit tests, as built
	@tests/run-unit $(UNIT_TESTS)
	@tests/postgresql/server run $(BUILD)/postgresql tests/run-unit postgresql $(STORE_TESTS)

PYTEST = BUILD_DIR=$(CURDIR)/$(BUILD) $(PYTHON) -B -m pytest -p no:cacheprovider -q

# Eight at a time: most of their time is waiting.
http: all ## only the black-box tests over HTTP, as built
	$(PYTEST) -n 8 tests/http

partners: all ## only every partner's documents with their answers, over HTTP, as built
	$(PYTEST) tests/http/test_partners.py

soak-short: all ## only the short forms of the long tests
	$(PYTEST) tests/soak

# What depends on the database. `make http STORE=postgresql` runs all.
STORE_HTTP_TESTS := $(patsubst %,tests/http/test_%.py,bookings booking_orders booking_retries engines \
  reload selling inventory_heals import desk_bookings desk_changes desk_views \
  desk_exports desk_fleet changes commands_changes commands_day commands_lists turnaround)
http-postgresql: all ## the HTTP tests that depend on the database, on PostgreSQL
	STORE=postgresql $(PYTEST) -n 6 $(STORE_HTTP_TESTS)

# Two at a time: a browser is heavy.
browser: ## the operator's page in a real browser, on each kind of database (installs what is missing)
	@tools/install-deps build test browser
	@$(MAKE) --no-print-directory $(JOBS) all
	$(PYTEST) -n 2 tests/desk
	STORE=postgresql $(PYTEST) -n 2 tests/desk

# CLIENT_OPTIONAL=1: skipped where npm's registry cannot be reached.
client: ## a client generated from docs/openapi books a car (npm; installs what is missing)
	@tools/install-deps build test client
	@$(MAKE) --no-print-directory $(JOBS) all
	BUILD_DIR=$(CURDIR)/$(BUILD) $(PYTHON) -B tests/client/run

# What differs with the transport (TRANSPORT=libcurl).
CALLS_TESTS := $(addprefix $(BUILD)/unit/booking-main/adapter/,test_calls test_connection test_url)
adapter-calls: all $(CALLS_TESTS) ## only the tests of the calls to the adapter, for either TRANSPORT
	@tests/run-unit $(CALLS_TESTS)
	$(PYTEST) -n 6 tests/http/test_adapter_trouble.py

# The whole forms; a number given on the command line or in the environment counts.
soak: ## the long tests, whole: a quarter of an hour or so
	@tools/install-deps build test
	@$(MAKE) --no-print-directory $(JOBS) all $(BUILD)/unit/$(INVENTORY)/test_inventory
	STEPS=$${STEPS:-1000000} $(BUILD)/unit/$(INVENTORY)/test_inventory
	SOAK_ROUNDS=$${SOAK_ROUNDS:-500} SOAK_KILLS=$${SOAK_KILLS:-200} SOAK_CARS=$${SOAK_CARS:-1000000} \
	  SOAK_BACKUPS=$${SOAK_BACKUPS:-20} SOAK_PAST=$${SOAK_PAST:-10000000} \
	  SOAK_CLIENTS=$${SOAK_CLIENTS:-64} SOAK_SECONDS=$${SOAK_SECONDS:-60} SOAK_CHANGES=$${SOAK_CHANGES:-300} \
	  SOAK_SERVER_KILLS=$${SOAK_SERVER_KILLS:-20} SOAK_WEBHOOKS=$${SOAK_WEBHOOKS:-1000} \
	  SOAK_SERVER_PROMOTIONS=$${SOAK_SERVER_PROMOTIONS:-20} SOAK_WHOLE=1 $(PYTEST) tests/soak

# An adapter's tests have its sources, without its main().
JQ_TESTS := $(filter $(BUILD)/unit/adapter-jq/%,$(UNIT_TESTS))
$(JQ_TESTS): $(BUILD)/unit/%: $(OBJECTS)/tests/unit/%.o \
  $(call objects,$(filter-out %/main.c,$(call sources,adapter-jq))) $(BUILD)/libbooking.a
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(ALL_LDFLAGS) $(TEST_LDFLAGS) -o $@ $^ $(LIBRARY_LIBS) -ljq -lcmocka

$(filter-out $(JQ_TESTS),$(UNIT_TESTS)): $(BUILD)/unit/%: $(OBJECTS)/tests/unit/%.o $(BUILD)/libengine.a $(BUILD)/libbooking.a
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(ALL_LDFLAGS) $(TEST_LDFLAGS) -o $@ $^ $(ENGINE_LIBS) -lcmocka

INVENTORY := booking-main/inventory
# These let memory run out.
$(addprefix $(BUILD)/unit/$(INVENTORY)/,test_availability test_availability_random): \
  TEST_LDFLAGS = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
# These fail what reading allocates.
$(BUILD)/unit/booking-main/partner/test_order $(BUILD)/unit/lib/adapter/test_car_document: \
  TEST_LDFLAGS = -Wl,--wrap=malloc
# Those of the store have their own time of day.
$(STORE_TESTS) $(addprefix $(BUILD)/unit/booking-main/store/sqlite/,test_file test_trouble \
  test_keeping): TEST_LDFLAGS = -Wl,--wrap=time
# And this one has its own clocks, and its own time at which a fleet is loaded; no keeper changes anything.
$(BUILD)/unit/$(INVENTORY)/test_inventory: TEST_LDFLAGS = -Wl,--wrap=time,--wrap=clock_gettime,--wrap=stock_load,--wrap=availability_advance,--wrap=sqlite_upkeep_do
# This one lets memory run out, a store be read for ever, and time pass.
$(BUILD)/unit/$(INVENTORY)/test_reload: TEST_LDFLAGS = -Wl,--wrap=availability_occupy,--wrap=hold_queue_reserve,--wrap=stock_load,--wrap=store_read_snapshot,--wrap=clock_gettime
# This one plays the desk's database, and lets time pass.
$(BUILD)/unit/booking-main/store/desk/test_jobs: TEST_LDFLAGS = -Wl,--wrap=desk_open,--wrap=desk_close,--wrap=desk_cancel_call,--wrap=clock_gettime
# This one plays the HTTP server.
$(BUILD)/unit/booking-main/partner/test_idempotency: TEST_LDFLAGS = -Wl,--wrap=http_field,--wrap=http_answer,--wrap=http_answer_problem,--wrap=http_header,--wrap=http_note,--wrap=http_body

e2e: ## container tests: images, pods, patterns (needs root; installs what is missing)
	@tools/install-e2e-deps
	CONTAINER_ENGINE= $(PYTHON) -B -m pytest -p no:cacheprovider -v tests/e2e

e2e-k8s: ## the same pods on the Kubernetes cluster that kubectl points to
	tests/e2e/k8s.sh

lint: ## static checks: clang-tidy, cppcheck, formatting, shell, YAML
	@tools/install-deps build test lint
	@tools/lint

format: ## format all C sources
	@clang-format -i $(shell git ls-files '*.c' '*.h')

##@ Measure
# What is measured is what users build, without assertions.
QUICK ?=
# What the bench runs: its own programs, and the peers that a compiler is there for.
BENCH_PROGRAMS := $(addprefix $(BUILD)/bench/,load floor bench_search bench_store \
  bench_engines booking-main-curl booking-main-jansson adapter-kayak-jansson)
GO_PEERS := $(if $(shell command -v go 2>/dev/null),$(BUILD)/bench/go-front $(BUILD)/bench/go-adapter)

bench: ## speed and memory beside the peers; writes docs/performance.md (QUICK=1, PART=lists|beside: only prints)
	@tools/install-deps build
	@tools/install-deps bench || echo 'Peers that are missing are left out.'
	@$(MAKE) --no-print-directory $(JOBS) WERROR= all bench-programs
	@BUILD_DIR=$(CURDIR)/$(BUILD) $(PYTHON) -B tests/bench/run $(if $(QUICK),--quick) $(PART)

bench-scaling: ## bookings on PostgreSQL, through 1 to 100 engines, beside pgbench; prints tables (PART=durable|engines)
	@tools/install-deps build bench-guard
	@$(MAKE) --no-print-directory $(JOBS) WERROR= all bench-programs
	@BUILD_DIR=$(CURDIR)/$(BUILD) $(PYTHON) -B tests/bench/scaling $(if $(QUICK),--quick) $(PART)

bench-guard: ## system calls and instructions a request, against tests/bench/budget
	@tools/install-deps build bench-guard
	@$(MAKE) --no-print-directory $(JOBS) WERROR= all bench-programs # all, so that they are known to build
	@BUILD_DIR=$(CURDIR)/$(BUILD) $(PYTHON) -B tests/bench/guard

bench-programs: $(BENCH_PROGRAMS) $(GO_PEERS)

$(BUILD)/bench/load: $(call objects,tests/bench/load.c tests/bench/histogram.c)
$(BUILD)/bench/floor: $(call objects,tests/bench/peers/floor.c)
$(BUILD)/bench/bench_store $(BUILD)/bench/bench_engines: $(BUILD)/bench/%: \
  $(OBJECTS)/tests/bench/%.o $(call objects,tests/bench/store_load.c tests/bench/histogram.c)
$(filter %/bench_search %/bench_store %/bench_engines,$(BENCH_PROGRAMS)): $(BUILD)/bench/%: \
  $(OBJECTS)/tests/bench/%.o $(BUILD)/libengine.a $(BUILD)/libbooking.a
# With one part another: the library's own is not taken, since what it has is there.
$(BUILD)/bench/booking-main-curl: $(call objects,booking-main/main.c \
  booking-main/adapter/connection_libcurl.c) $(BUILD)/libengine.a $(BUILD)/libbooking.a
$(BUILD)/bench/booking-main-jansson: $(call objects,booking-main/main.c tests/bench/json_flat_off.c) \
  $(BUILD)/libengine.a $(BUILD)/libbooking.a
$(BUILD)/bench/adapter-kayak-jansson: $(call objects,adapter-kayak/main.c tests/bench/json_flat_off.c) \
  $(BUILD)/libbooking.a
$(BENCH_PROGRAMS):
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(ENGINE_LIBS) -lm

$(BUILD)/bench/go-%: tests/bench/peers/go/%/main.go
	@mkdir -p $(@D)
	$(call quiet,GO)go build -o $@ $<

##@ Images
# IMAGE_BUILD_FLAGS and IMAGE_PUSH_FLAGS go to the engine as they are: --network host, say, where a
# build's own network reaches no package mirror.
CONTAINER_ENGINE ?=
REGISTRY ?=
TAG ?= $(VERSION)
IMAGE_BUILD_FLAGS ?=
IMAGE_PUSH_FLAGS ?=
# podman's own format has no HEALTHCHECK.
image_format = $$(case $$engine in *podman | *buildah) echo --format docker ;; esac)
image_target = $(if $(filter booking-main,$(1)),--target $(1),--target adapter --build-arg ADAPTER=$(1))
image_name = $(if $(REGISTRY),$(REGISTRY)/)$(1):$(TAG)

images: ## build the images (REGISTRY=..., TAG=..., CONTAINER_ENGINE=docker|podman)
	@engine=$$(tools/container-engine '$(CONTAINER_ENGINE)') || exit 1; \
	$(foreach service,$(SERVICES),echo "$(call image_name,$(service))"; \
	  "$$engine" build $(image_format) $(IMAGE_BUILD_FLAGS) -f docker/Dockerfile \
	    $(call image_target,$(service)) \
	    --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) -t $(call image_name,$(service)) . &&) true

push: ## push the images to REGISTRY
	@[ -n '$(REGISTRY)' ] || { echo 'make push needs REGISTRY=host/path'; exit 1; }
	@engine=$$(tools/container-engine '$(CONTAINER_ENGINE)') || exit 1; \
	$(foreach service,$(SERVICES),"$$engine" push $(IMAGE_PUSH_FLAGS) $(call image_name,$(service)) &&) true

##@ Help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {print "\n" substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

FORCE:
.PHONY: all deps install install-units clean run test unit http partners soak-short http-postgresql browser client adapter-calls \
  soak e2e e2e-k8s lint format bench bench-scaling bench-guard \
  bench-programs images push help FORCE

-include $(shell find $(OBJECTS) -name '*.d' 2>/dev/null)
