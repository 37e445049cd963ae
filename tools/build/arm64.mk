# Every program and unit test built for arm64 by a cross compiler, with Debian's arm64 libraries in a tree of their
# own; the unit tests run under qemu-user where that is installed.  Nothing of the host is changed; all of it is below
# build-arm64.
#: make arm64       builds for arm64 and runs the unit tests under qemu-user (downloads 80 MB, and says so)
ARM64_B := build-arm64/out
ARM64_ROOT ?= $(CURDIR)/build-arm64/root
ARM64_SUITE ?= bookworm
ARM64_OPT ?= -O2 -g0
.PHONY: arm64 arm64-build
arm64: arm64-build
	tools/build/arm64-units $(ARM64_B)/tests $(ARM64_ROOT)
arm64-build: $(ARM64_ROOT)/.complete
	$(MAKE) B=$(ARM64_B) CXX='aarch64-linux-gnu-g++ --sysroot=$(ARM64_ROOT)' AR=aarch64-linux-gnu-ar \
	  CF_PROTECTION= OPT='$(ARM64_OPT)' all unit-build
$(ARM64_ROOT)/.complete: tools/build/arm64-root
	tools/build/arm64-root $(ARM64_SUITE) $(ARM64_ROOT)
