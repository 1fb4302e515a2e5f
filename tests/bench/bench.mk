# The benchmark's programs; included by the Makefile, and enough by itself: make -f tests/bench/bench.mk
CC ?= cc
LIBRARIES ?= -lpthread -lrt
BENCH_CFLAGS = -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra $(if $(WERROR),-Werror) -I.

bench-programs: .build/bench/bare .build/bench/gen .build/bench/micro
.PHONY: bench-programs

.build/bench/bare: tests/bench/bare.c tests/lib/frame.h
	@mkdir -p $(@D)
	$(CC) $(BENCH_CFLAGS) -o $@ tests/bench/bare.c $(LIBRARIES)

.build/bench/gen: $(wildcard tests/bench/gen/*.c tests/bench/gen/*.h) tests/lib/frame.h
	@mkdir -p $(@D)
	$(CC) $(BENCH_CFLAGS) -o $@ tests/bench/gen/*.c $(LIBRARIES)

.build/bench/micro: tests/bench/micro.c worker/protocol/event.c worker/protocol/event.h $(wildcard ipc/*.c ipc/*.h)
	@mkdir -p $(@D)
	$(CC) $(BENCH_CFLAGS) -o $@ tests/bench/micro.c worker/protocol/event.c $(wildcard ipc/*.c) $(LIBRARIES)
