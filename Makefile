# `make` alone tells what there is.
.DEFAULT_GOAL := help
.PHONY: help demo test lint fmt

help: ## this list
	@echo "HOMEPOT"
	@sed -n 's/^\([a-z]*\):.*## /    make \1\t/p' $(MAKEFILE_LIST) | expand -t 20
	@echo "    make demo DEMO_SECONDS=30    ends by itself, status 0 if all of it worked"

demo: ## everything on this machine: database, services, an agent; Ctrl-C ends it
	@exec scripts/demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS))

test: ## every test, the end-to-end ones included
	@exec scripts/test

lint: ## formatting, clippy, documentation and dependencies, as .ci/run has them
	@exec .ci/run lint

fmt: ## format the code
	@cargo fmt --all
