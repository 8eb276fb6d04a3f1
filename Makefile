# vpcdoctor: every task of the project. "make" prints this list.
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED ?= 0
# Without HTTP/2, which nothing here speaks, and without the code that would
# choose another resolver or user database than Go's: 410 kB less.
export GOFLAGS += -buildvcs=false -trimpath -tags=netgo,osusergo,nethttpomithttp2

VERSION ?= $(or $(shell git describe --tags --always --dirty 2>/dev/null | sed 's/^v//'),dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
# That of the commit, not of the clock: the same source gives the same bytes.
DATE    ?= $(shell TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null)
# Conclusions and words need no inlining, which makes their code 300 kB larger.
GCFLAGS := vpcdoctor/report/...=-l
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)

# Tool versions, pinned here and nowhere else.
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# Budgets. 1 MB = 1,000,000 bytes.
MAX_SIZE := 14500000
FUZZTIME ?= 10s

FLEET ?= 100000

.PHONY: help build test check demo bench bench-fleet size lint fuzz catalog corpus race cross clean

help: ## print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

build: ## bin/vpcdoctor and bin/vpclab
	go build -gcflags '$(GCFLAGS)' -ldflags '$(LDFLAGS)' -o bin/vpcdoctor ./cmd/vpcdoctor
	go build -gcflags '$(GCFLAGS)' -ldflags '$(LDFLAGS)' -o bin/vpclab ./cmd/vpclab

test: ## all tests; says what it skips and why (needs Go, git, make)
	@go vet ./...
	@go test -timeout 30m -v ./... | awk -f .ci/summary.awk

check: lint race cross size ## test's big sister: lint, race detector, cross-compiles, size and linker guards

race: ## all tests under the race detector, a sample of the scenarios (needs a C compiler)
	CGO_ENABLED=1 go test -race -short -timeout 25m ./...

lint: ## golangci-lint, pinned
	go run $(GOLANGCI) run ./...

cross: ## the binary for every system it is meant for
	@for t in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do \
	  echo "build $$t"; \
	  GOOS=$${t%/*} GOARCH=$${t#*/} go build -o /dev/null ./cmd/vpcdoctor || exit 1; \
	done

demo: build ## the article's experiment, replayed in the simulated VPC
	@bin/vpclab demo --vpcdoctor bin/vpcdoctor

bench: build ## speed and memory of the built binary, in the simulated VPC
	@bin/vpclab bench --vpcdoctor bin/vpcdoctor

bench-fleet: ## FLEET instances (default 100,000) deliver in simulated time, under the published quotas
	@GOGC=300 GOMEMLIMIT=6GiB go test -count=1 -timeout 60m -v -run '^TestFleet' ./report/deliver/cloudwatch/fleet -args -instances $(FLEET) \
	  | sed -uE '/^=== /d; s/^ +[a-z]+_test\.go:[0-9]+: //'

size: ## size of the stripped binary against its budget
	@go build -gcflags '$(GCFLAGS)' -ldflags '$(LDFLAGS)' -o bin/vpcdoctor ./cmd/vpcdoctor
	@s=$$(wc -c < bin/vpcdoctor); echo "bin/vpcdoctor $$s bytes, budget $(MAX_SIZE)"; test $$s -le $(MAX_SIZE)

# go test -fuzz sometimes ends with "context deadline exceeded" when its time is
# up (golang/go 48591); only an input that fails is a failure.
fuzz: ## every fuzz target for FUZZTIME each (default 10s)
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "== $$p $$f"; \
	    go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$p >"$$log" 2>&1 \
	      || { grep -q 'context deadline exceeded' "$$log" && ! grep -q 'Failing input' "$$log"; } \
	      || { cat "$$log"; exit 1; }; \
	    grep -o 'execs: [0-9]*' "$$log" | tail -1; \
	  done; \
	done

catalog: ## pack the endpoint catalogue and validate it against its evidence
	go test -count=1 -run '^TestCatalogIsPacked$$' ./probe/catalog -update
	go test -count=1 -v -run '^TestCatalog' ./probe/catalog

corpus: build ## record the scenario corpus again, judge it, write the tables and pages made of it
	nice bin/vpclab record report/testdata/scenarios --jobs 4
	go test -count=1 ./report/corpus -update
	go test -count=1 ./report/diagnose -update

clean: ## remove what was built
	rm -rf bin dist

.PHONY: packages release test-packaging

# The time in all archives: that of the last commit.
packages release test-packaging: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
PACK = go run ./packaging/pack -version '$(VERSION)' -commit '$(COMMIT)' -gcflags '$(GCFLAGS)'

packages: ## deb, rpm, apk, tarball, SSM zips, SBOM and sums in dist/
	@$(PACK)

release: ## packages of VERSION=x.y.z: from a clean tree, with its section in packaging/CHANGELOG.md
	@changes=$$(git status --porcelain) || exit 1; \
	test -z "$$changes" || { printf 'release: not committed:\n%s\n' "$$changes" >&2; exit 1; }
	@$(PACK) -release

test-packaging: packages ## install, upgrade, remove and rebuild the packages; boot the units (needs root and the tools of .ci/run)
	@VERSION='$(VERSION)' COMMIT='$(COMMIT)' packaging/check.sh
