# go build and go test need only Go; what follows is for those who change the project.
MODULE  ?=
FUZZTIME ?= 30s
# The pattern ./... leaves out what is called testdata; testdata/record is a module.
PACKAGES = ./... $(addprefix ./,$(filter-out testdata/record/,$(sort $(dir $(wildcard testdata/*.go testdata/*/*.go)))))
# go build takes it from there by itself.
PROFILE = cmd/sensor/default.pgo
STATICCHECK = go tool -modfile=tools/go.mod staticcheck

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

generate: ## regenerate what is committed but made by a program
	go generate ./...

lint: ## gofmt, go vet, staticcheck: silent when all is well
	@test -z "$$(gofmt -l .)" || { echo 'not gofmt-ed:'; gofmt -l .; exit 1; }
	go vet $(PACKAGES)
	$(STATICCHECK) $(PACKAGES)

test: ## what the README says: the whole suite
	go test ./...

test-root: ## the suite as root: tests that need privileges run too
	$(if $(filter 0,$(shell id -u)),,sudo -E env "PATH=$$PATH") go test ./...

kernels: ## run the kernel tests in other kernels, in QEMU: make kernels KERNELS="6.1 6.18"
	go run ./testdata/kernels $(KERNELS)

fuzz: ## fuzz each target in turn, FUZZTIME (30s) each
	.ci/fuzz $(FUZZTIME)

bench: ## make the benchmark capture, replay it, print the ratios
	go run -pgo=$(PROFILE) ./testdata/bench

profile: ## measure anew what the compiler knows of the hot paths, after they have changed
	go run -trimpath ./testdata/bench -flows 0 -only '^(flow|all)' -cpuprofile $(PROFILE)

bench-live: ## as root: what the kernel half costs, beside a bare program and beside no sensor
	go run -pgo=$(PROFILE) ./testdata/benchlive

rename: ## give the module another path: make rename MODULE=example.com/x
	@.ci/rename "$(MODULE)"

.PHONY: help generate lint test test-root kernels fuzz bench profile bench-live rename
