# `make` alone tells what there is.
.DEFAULT_GOAL := help
.PHONY: help demo test dashboard kubernetes cluster-test packages packages-test image image-test packaging screenshots lint fmt bench soak
.PHONY: fuzz torture siege

help: ## this list
	@echo "HOMEPOT"
	@sed -n 's/^\([a-z-]*\):.*## /    make \1\t/p' $(MAKEFILE_LIST) | expand -t 24
	@echo "    make demo DEMO_SECONDS=30    ends by itself, status 0 if all of it worked"
	@echo "    make siege SIEGE='--attack silence'    one attack; SIEGE=--list names them"
	@echo "    make bench BENCH=ingest      one benchmark; BENCH='ingest --help' tells what it takes"

demo: ## everything on this machine: database, services, an agent; Ctrl-C ends it
	@exec scripts/demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS))

test: ## every test, the end-to-end ones included
	@exec scripts/test

dashboard: ## the web page, for the next build of the server; DASHBOARD=dev shows it while it is changed
	@exec scripts/dashboard $(DASHBOARD)

screenshots: ## the pictures of docs/dashboard.md; SCREENSHOTS=DIR takes every page in every look
	@exec scripts/dashboard screenshots $(SCREENSHOTS)

kubernetes: ## checks of the manifests in k8s/, without a cluster
	@exec scripts/kubernetes

cluster-test: ## k8s/ played for real: each pod a container, under load, and nothing is lost; wants root
	@exec scripts/cluster-test $(CLUSTER_TEST)

packages: ## Debian packages of server, agent and simulator, in target/shipped/packages
	@exec scripts/packages

packages-test: ## installs, starts, upgrades, removes and purges them in an empty system, and under systemd; needs root
	@exec scripts/packages test

image: ## container images of server, agent and simulator
	@exec scripts/image

image-test: ## starts them with podman, as a cluster does; needs root
	@exec scripts/image test

packaging: ## checks of units, packages and workflows, without building any
	@exec scripts/packaging

lint: ## formatting, clippy, documentation and dependencies, as .ci/run has them
	@exec .ci/run lint

fmt: ## format the code
	@cargo fmt --all

bench: ## what this machine reaches, each figure beside its ceiling; takes a while and 30 GB of disk
	@exec scripts/bench $(BENCH)

soak: ## ten minutes under load, with the server's memory
	@exec scripts/bench soak

fuzz: ## random bytes for the spool, the messages, packed samples and releases; FUZZ_SECONDS=60 for each target
	@exec scripts/fuzz $(FUZZ_SECONDS)

torture: ## everything is killed while commands flow and releases are rolled out; TORTURE_SECONDS=300 for each transport
	@exec scripts/torture $(TORTURE_SECONDS)

siege: ## attacks at ten times the size of docs/security.md, beside a fleet of 1,000 devices
	@exec scripts/siege $(SIEGE)
