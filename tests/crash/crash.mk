# The proof of crash safety; included by the Makefile.
#   make soak SECONDS=n     people talk while the server's processes are killed, stopped, replaced
CRASH_CFLAGS = -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -I.
CRASH_LIB = tests/crash/order.c tests/crash/crowd.c tests/crash/crowd_hear.c tests/crash/victim.c
SECONDS ?= 60
SOAKFLAGS ?=

.build/crash/soak: tests/crash/soak.c tests/crash/chaos.c tests/crash/storm.c $(CRASH_LIB) $(wildcard tests/crash/*.h)
	@mkdir -p $(@D)
	$(CC) $(CRASH_CFLAGS) -o $@ $(filter %.c,$^)

# Per 300 seconds: 1,200 kills, 120 stops, 60 reloads, 24 upgrades; SOAKFLAGS="-m 20" kills the master, too.
soak: .build/crash/soak $(MASTER)
	$< -b $(MASTER) -s $(SECONDS) -k $$(($(SECONDS) * 4)) -p $$(($(SECONDS) * 2 / 5)) \
	-h $$(($(SECONDS) / 5)) -u $$(($(SECONDS) * 2 / 25)) $(SOAKFLAGS)
.PHONY: soak
