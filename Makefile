# Short targets; .ci/run calls the same ones.
GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: all build demo test slow noasm race race-command fuzz bench lint generate container release module clean

all: lint test

build: ## the command, into bin/
	$(GO) build -o bin/pipeline ./pipeline

demo: ## the main job on pictures drawn here
	$(GO) run ./pipeline demo

test: ## what the README promises
	$(GO) test ./...

slow: ## fault injection on the real binary, full-size encoders
	$(GO) test -tags slow -timeout 30m ./...

noasm: ## the same numbers from plain Go
	$(GO) test -tags noasm ./internal/kernel/... ./head/...

race: ## what has goroutines, under the race detector
	$(GO) test -race -short -timeout 40m ./internal/... ./extract/... ./head/... ./report/... ./models/... ./features ./run ./sweep ./comparison ./classify ./endpoint ./inspect ./curation ./curator ./cache ./distributions ./progress

race-command: ## the command and its scripts under the race detector, which takes more than ten minutes
	$(GO) test -race -short -timeout 60m ./pipeline

fuzz: ## every fuzz target for FUZZTIME each
	./scripts/fuzz.sh $(or $(FUZZTIME),30s)

bench: ## tables of docs/performance.md; PYTHON with PyTorch 2 is the rival
	$(GO) run ./scripts/bench -python $(or $(PYTHON),python3)

generate: ## assembly
	$(GO) generate ./internal/kernel

lint: ## formatting, vet, staticcheck; arm64 builds
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./internal/kernel ./head/...

container: ## the Dockerfile, checked; built where an engine and its base images can be had
	./scripts/container/ci.sh

release: ## the command for each system this machine can compile for, checksums and an SBOM, into dist/
	./scripts/release.sh $(VERSION)

# PATH on the command line is the module's and hides the shell's from the recipe, which takes that from make's own environment.
module: ## another module path everywhere: make module PATH=example.com/name/iconic
	@PATH='$(or $(shell PATH=/usr/bin:/bin; tr '\0' '\n' 2>/dev/null </proc/$$PPID/environ | sed -n 's/^PATH=//p'),$(shell echo "$$PATH"))' \
		./scripts/module.sh '$(if $(filter command,$(firstword $(origin PATH))),$(PATH))'

clean:
	rm -rf bin dist runs
