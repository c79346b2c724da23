# make demo   set up, build, and repair a bundled picture
# make test   set up, build, and run all tests
# make build  the program and its plugins, in .build/release
# make test-studio  the studio in a browser (Chromium, Playwright)
# make test-slurm  batches in job arrays of a real Slurm, which is started on this machine (as root)
# make check-kernels  the kernels against oracles in C, with sanitizers and, in QEMU, on ARM
# make sanitize  these, and the tests of what computes, reads foreign files or runs on several threads, with sanitizers
# make bench  timings beside PyTorch's; make bench-training of training alone; make bench-setup installs PyTorch for
#             them, in .build-bench; make bench-studio times the studio beside the command line
# make install PREFIX=/usr/local

PREFIX ?= /usr/local
DESTDIR ?=
SWIFT ?= swift
BIN = .build/release
PLUGINS = $(notdir $(wildcard Plugins/*))

.PHONY: build demo test test-studio test-slurm bench bench-training bench-studio bench-setup install setup format clean check-kernels sanitize

# SwiftPM would remember what Package.swift said of folders and libraries before.
build: setup
	$(SWIFT) build -c release --manifest-cache none

# What Debian has to offer is installed only where it is missing.
setup:
	@sh Scripts/setup.sh

demo: build
	$(BIN)/rtool inpaint Examples/lake.jpg --mask Examples/lake-mask.png -o demo-lake.png
	@echo "The repaired picture is $(CURDIR)/demo-lake.png; what it was made from, Examples/lake.jpg and Examples/lake-mask.png."

# Program and tests in one go: the tests compile while the program is optimized. For testable imports, which there are
# none of, all modules would be compiled once more, with other flags than those of `make build`.
test: setup
	$(SWIFT) test -c release --disable-testable-imports --manifest-cache none

test-studio: build
	@sh Scripts/test-studio.sh

test-slurm: build
	@bash Scripts/test-slurm.sh

check-kernels: setup
	@sh Scripts/kernels.sh
	@sh Scripts/cross.sh

# The address and undefined sanitizers watch what computes and what reads foreign files, the thread sanitizer what runs
# on several threads. What Swift keeps for good is no leak. The undefined sanitizer watches what is written in C alone,
# since Swift's compiler refuses it, and traps, since its runtime library would not be linked.
SANITIZE = $(SWIFT) test -c release --manifest-cache none
UNDEFINED = -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined
COMPUTES = RuntimeTests.(Operator|TrainingOperator|MicroKernel|Augmentation|Thread)
READS = RuntimeTests.(Checkpoint|Writer)|DatasetTests|ImagingTests
sanitize: check-kernels
	RTOOL_TESTS='RuntimeTests DatasetTests ImagingTests' ASAN_OPTIONS=detect_leaks=0 \
	  $(SANITIZE) --sanitize=address $(UNDEFINED) --scratch-path .build-address \
	  --filter '$(COMPUTES)|$(READS)'
	RTOOL_TESTS='RuntimeTests DatasetTests' TSAN_OPTIONS=suppressions=$(CURDIR)/Scripts/thread-sanitizer.txt \
	  $(SANITIZE) --sanitize=thread --scratch-path .build-thread --filter 'ThreadTests|DatasetTests'

bench: build
	@sh Benchmarks/run.sh

bench-training: build
	@sh Benchmarks/run.sh training

bench-studio: build
	@python3 Benchmarks/studio.py $(BIN)/rtool

bench-setup:
	@sh Benchmarks/setup.sh

# The installed program uses the Swift runtime beside it and no other, wherever the tree is moved.
install: build
	@sh Scripts/setup.sh patchelf
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/rtool/swift $(DESTDIR)$(PREFIX)/include \
	  $(DESTDIR)$(PREFIX)/share/rtool/models $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(BIN)/rtool $(DESTDIR)$(PREFIX)/bin/rtool
	for plugin in $(PLUGINS); do \
	  install -m 644 $(BIN)/librtool-$$plugin.so $(DESTDIR)$(PREFIX)/lib/rtool/ || exit 1; done
	install -m 755 $(BIN)/rtool-studio $(DESTDIR)$(PREFIX)/lib/rtool/
	for library in $$(ldd $(BIN)/rtool $(BIN)/rtool-studio | awk '/\/swift\/linux\// { print $$3 }' | sort -u); do \
	  install -m 644 $$library $(DESTDIR)$(PREFIX)/lib/rtool/swift/ || exit 1; done
	patchelf --set-rpath '$$ORIGIN/../lib/rtool/swift' $(DESTDIR)$(PREFIX)/bin/rtool
	patchelf --set-rpath '$$ORIGIN/swift' $(DESTDIR)$(PREFIX)/lib/rtool/rtool-studio
	# It contains the package, whose terms go with it.
	install -m 644 .build/checkouts/FlyingFox/LICENSE $(DESTDIR)$(PREFIX)/share/rtool/FlyingFox-LICENSE
	for plugin in $(PLUGINS); do \
	  patchelf --set-rpath '$$ORIGIN/swift' $(DESTDIR)$(PREFIX)/lib/rtool/librtool-$$plugin.so || exit 1; done
	install -m 644 Sources/CRTool/include/rtool.h Sources/CRTool/include/rtool.hpp $(DESTDIR)$(PREFIX)/include/
	# The default model is inside the program.
	for model in $(filter-out Models/photos.safetensors,$(wildcard Models/*.safetensors)); do \
	  install -m 644 $$model $(DESTDIR)$(PREFIX)/share/rtool/models/ || exit 1; done
	env -u RTOOL_PATH -u XDG_DATA_HOME HOME=/nonexistent $(BIN)/rtool help --man > $(DESTDIR)$(PREFIX)/share/man/man1/rtool.1

format:
	$(SWIFT) format -i -r Package.swift Sources Plugins Tests

clean:
	rm -rf .build

docs/architecture.svg: docs/architecture.dot
	dot -Tsvg $< -o $@
