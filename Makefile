# Short targets; .ci/run uses the same ones.
GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: all build demo test slow noasm race race-command fuzz bench lint generate container release module clean

all: lint test

build: ## build the command in bin/
	$(GO) build -o bin/pipeline ./pipeline

demo: ## run the whole pipeline on generated images
	$(GO) run ./pipeline demo

test: ## run the default tests
	$(GO) test ./...

slow: ## run the slow tests: fault injection on the real binary, full-size encoders
	$(GO) test -tags slow -timeout 30m ./...

noasm: ## test kernels and heads with the plain Go kernels
	$(GO) test -tags noasm ./internal/kernel/...
	$(GO) test -tags noasm -short ./head/...

race: ## test everything with goroutines under the race detector
	$(GO) test -race -short -timeout 40m ./internal/... ./extract/... ./head/... ./report/... ./models/... ./features ./run ./sweep ./comparison ./classify ./endpoint ./inspect ./curation ./curator ./cache ./distributions ./progress ./prediction ./evaluation ./duplicates ./doctor ./sorting

race-command: ## test the command and its scripts under the race detector, which takes more than ten minutes
	$(GO) test -race -short -timeout 60m ./pipeline

fuzz: ## run every fuzz target for FUZZTIME
	./scripts/fuzz.sh $(or $(FUZZTIME),30s)

bench: ## make the tables of docs/performance.md; the rival is PyTorch 2, run by PYTHON
	$(GO) run ./scripts/bench -python $(or $(PYTHON),python3)

generate: ## generate the assembly
	$(GO) generate ./internal/kernel

lint: ## check formatting, vet, staticcheck and the arm64 build
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./internal/kernel ./head/...

container: ## check the Dockerfile, and build it if an engine and its base images are available
	./scripts/container/ci.sh

release: ## build the command for each system that this machine can compile for, with checksums and an SBOM, in dist/
	./scripts/release.sh $(VERSION)

# PATH on the command line is the module path and hides the shell's PATH from the recipe, which takes that from make's own environment.
module: ## change the module path everywhere: make module PATH=example.com/name/iconic
	@PATH='$(or $(shell PATH=/usr/bin:/bin; tr '\0' '\n' 2>/dev/null </proc/$$PPID/environ | sed -n 's/^PATH=//p'),$(shell echo "$$PATH"))' \
		./scripts/module.sh '$(if $(filter command,$(firstword $(origin PATH))),$(PATH))'

clean:
	rm -rf bin dist runs
