# The programs that prove crash safety; the Makefile includes this file.
#   make crash              the checker itself; every instruction of the gate; every fault point; 60 s of soak with all of it
#   make crash-quick        a selection of the same, for CI
#   make soak SECONDS=n     simulated clients talk while the server's processes are killed, stopped, replaced
CRASH_FLAGS = -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra $(if $(WERROR),-Werror) $(CFLAGS)
CRASH_LIB = $(addprefix tests/crash/,order.c crowd.c crowd_hear.c crowd_rest.c victim.c)
SECONDS ?= 60
SOAKFLAGS ?=

.build/crash/soak: $(addprefix tests/crash/,soak.c chaos.c mob.c moderator.c storm.c) $(CRASH_LIB)
.build/crash/faults: tests/crash/faults.c $(CRASH_LIB)
.build/crash/scenes: $(addprefix tests/crash/,scenes.c person.c victim.c)
.build/crash/poison: $(addprefix tests/crash/,poison.c person.c victim.c)
.build/crash/transcript: $(addprefix tests/crash/,transcript.c victim.c)
.build/crash/asked: $(addprefix tests/crash/,asked.c person.c victim.c)
.build/crash/ghosts: $(addprefix tests/crash/,ghosts.c victim.c)
.build/crash/siege: $(addprefix tests/crash/,siege.c chaos.c mob.c) $(CRASH_LIB)
.build/crash/addresses: $(addprefix tests/crash/,addresses.c victim.c)
.build/crash/judge: $(addprefix tests/crash/,judge.c order.c)
.build/crash/stepper: tests/crash/stepper.c $(filter-out ipc/fault.c,$(wildcard ipc/*.c))
.build/crash/stepper: LIBRARIES += -Wl,-z,now
CRASH_PROGRAMS = $(addprefix .build/crash/,soak faults judge stepper scenes poison asked addresses siege ghosts transcript)
$(CRASH_PROGRAMS): $(wildcard tests/crash/*.h ipc/*.h)
	@mkdir -p $(@D)
	$(CC) $(CRASH_FLAGS) -o $@ $(filter %.c,$^) $(LIBRARIES)
.build/crash/points: $(wildcard ipc/*.c worker/*.c worker/*/*.c master/*.c)
	@mkdir -p $(@D)
	grep -oh 'FAULT("[^"]*")' $^ | cut -d '"' -f 2 | sort -u >$@

FAULTS = .build/crash/faults -b .build/fault/chatroom-master
# Per 300 seconds: about 1,500 kills, 150 stops, 75 reloads, 30 upgrades.
SOAK = .build/crash/soak -b $(MASTER) -s $(1) -k $$(($(1) * 5)) -p $$(($(1) / 2)) \
	-h $$(($(1) / 4)) -u $$(($(1) / 10)) -w $(1)

crash: $(CRASH_PROGRAMS) .build/crash/points $(MASTER) $(B)/chatroom-ctl fault
	.build/crash/judge
	.build/crash/stepper
	.build/crash/scenes -b $(MASTER)
	.build/crash/poison -b .build/fault/chatroom-master
	.build/crash/asked -b .build/fault/chatroom-master -c .build/fault/chatroom-ctl
	.build/crash/transcript -b $(MASTER) -k 200
	$(FAULTS) -n 9 .build/crash/points
	.build/crash/addresses -b $(MASTER) -k 1000
	.build/crash/siege -b $(MASTER)
	.build/crash/ghosts -b $(MASTER)
	$(call SOAK,60) -m 4 -t 3
	.build/crash/soak -b $(MASTER) -s 30 -c 50 -k 120 -h 15 -n 1000
crash-quick: $(CRASH_PROGRAMS) .build/crash/points $(MASTER) $(B)/chatroom-ctl fault
	.build/crash/judge
	.build/crash/stepper -e 7
	.build/crash/scenes -b $(MASTER)
	.build/crash/poison -b .build/fault/chatroom-master
	.build/crash/asked -b .build/fault/chatroom-master -c .build/fault/chatroom-ctl -q
	.build/crash/transcript -b $(MASTER) -k 15
	$(FAULTS) -k -n 1 .build/crash/points
	.build/crash/addresses -b $(MASTER) -k 60
	.build/crash/siege -b $(MASTER) -m 300
	$(call SOAK,15) -c 100 -l 300 -m 1 -t 1
soak: .build/crash/soak $(MASTER) $(B)/chatroom-ctl
	$(call SOAK,$(SECONDS)) $(SOAKFLAGS)
.PHONY: crash crash-quick soak
