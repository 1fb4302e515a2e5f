# The programs that prove crash safety; the Makefile includes this file.
#   make crash              the checker itself; every instruction of the gate; every fault point; 60 s of soak with all of it
#   make crash-quick        a selection of the same, for CI
#   make soak SECONDS=n     simulated clients talk while the server's processes are killed, stopped, replaced
#   make machines SECONDS=n the same over three machines and a redis-server
CRASH_FLAGS = -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra $(if $(WERROR),-Werror) $(CFLAGS)
CRASH_LIB = $(addprefix tests/crash/,order.c crowd.c crowd_hear.c crowd_rest.c web.c victim.c)
CRASH_REDIS = tests/crash/harness.c $(addprefix tests/lib/,redis.c run.c) ipc/system.c
SECONDS ?= 60
SOAKFLAGS ?=

.build/crash/soak: $(addprefix tests/crash/,soak.c chaos.c mob.c moderator.c storm.c) $(CRASH_LIB)
.build/crash/faults: $(addprefix tests/crash/,faults.c far.c) $(CRASH_LIB) $(CRASH_REDIS)
.build/crash/scenes: $(addprefix tests/crash/,scenes.c person.c victim.c)
.build/crash/poison: $(addprefix tests/crash/,poison.c person.c table.c victim.c)
.build/crash/transcript: $(addprefix tests/crash/,transcript.c victim.c)
.build/crash/asked: $(addprefix tests/crash/,asked.c person.c table.c victim.c)
.build/crash/stored: tests/crash/stored.c tests/crash/table.c tests/crash/harness.c ipc/system.c \
	$(addprefix tests/lib/,run.c server.c guest.c terminal.c sentence.c manager.c)
.build/crash/machines: $(addprefix tests/crash/,machines.c chaos.c order.c victim.c) $(CRASH_REDIS)
.build/crash/ghosts: $(addprefix tests/crash/,ghosts.c victim.c)
.build/crash/siege: $(addprefix tests/crash/,siege.c chaos.c mob.c) $(CRASH_LIB)
.build/crash/addresses: $(addprefix tests/crash/,addresses.c victim.c)
.build/crash/judge: $(addprefix tests/crash/,judge.c judge_web.c order.c web.c)
.build/crash/stepper: tests/crash/stepper.c $(filter-out ipc/fault.c,$(wildcard ipc/*.c))
.build/crash/stepper: LIBRARIES += -Wl,-z,now
CRASH_PROGRAMS = $(addprefix .build/crash/,soak faults judge stepper scenes poison asked addresses siege ghosts transcript stored machines)
$(CRASH_PROGRAMS): $(wildcard tests/crash/*.h tests/lib/*.h ipc/*.h)
	@mkdir -p $(@D)
	$(CC) $(CRASH_FLAGS) -o $@ $(filter %.c,$^) $(LIBRARIES)
# Those of the store are stored's.
.build/crash/points: $(wildcard ipc/*.c worker/*.c worker/*/*.c master/*.c)
	@mkdir -p $(@D)
	grep -oh 'FAULT("[^"]*")' $^ | cut -d '"' -f 2 | grep -v '^store[.]' | sort -u >$@
# Those of a room over several machines.
RELAY_POINTS = -e ^relay -e ^remote -e remote_ -e '[.]remote' -e _remote
.build/crash/relay-points: .build/crash/points
	grep $(RELAY_POINTS) $< >$@

FAULTS = .build/crash/faults -b .build/fault/chatroom-master
# Per 300 seconds: about 1,500 kills, 150 stops, 75 reloads, 30 upgrades, 30 deaths of guardian, master or all workers.
SOAK = .build/crash/soak -b $(MASTER) -s $(1) -k $$(($(1) * 5)) -p $$(($(1) / 2)) \
	-h $$(($(1) / 4)) -u $$(($(1) / 10)) -w $(1) -g $$(($(1) / 40 + 1)) -a $$(($(1) / 30 + 1)) -x $$(($(1) / 60 + 1))
DROPPED ?= 2

crash: $(CRASH_PROGRAMS) .build/crash/points .build/crash/relay-points $(MASTER) $(B)/chatroom-ctl fault
	.build/crash/judge
	.build/crash/stepper
	.build/crash/scenes -b $(MASTER)
	.build/crash/poison -b .build/fault/chatroom-master
	.build/crash/asked -b .build/fault/chatroom-master -c .build/fault/chatroom-ctl
	.build/crash/transcript -b $(MASTER) -k 200
	.build/crash/stored -b .build/fault/chatroom-master
	$(FAULTS) -n 9 .build/crash/points
	.build/crash/addresses -b $(MASTER) -k 1000
	.build/crash/siege -b $(MASTER)
	.build/crash/ghosts -b $(MASTER)
	.build/crash/machines -b $(MASTER) -s 60
	.build/crash/machines -b .build/fault/chatroom-master -p .build/crash/relay-points -n 9
	$(call SOAK,60) -m 4 -t 3 -z 2
	.build/crash/soak -b $(MASTER) -s 30 -c 50 -k 120 -h 15 -n 1000
crash-quick: $(CRASH_PROGRAMS) .build/crash/points $(MASTER) $(B)/chatroom-ctl fault
	.build/crash/judge
	.build/crash/stepper -e 7
	.build/crash/scenes -b $(MASTER)
	.build/crash/poison -b .build/fault/chatroom-master
	.build/crash/asked -b .build/fault/chatroom-master -c .build/fault/chatroom-ctl -q
	.build/crash/transcript -b $(MASTER) -k 15
	.build/crash/stored -b .build/fault/chatroom-master -q
	$(FAULTS) -k -n 1 .build/crash/points
	.build/crash/addresses -b $(MASTER) -k 60
	.build/crash/siege -b $(MASTER) -m 300
	.build/crash/machines -b $(MASTER) -s 10 -c 6
	$(call SOAK,15) -c 100 -l 300 -m 1 -t 1
soak: .build/crash/soak $(MASTER) $(B)/chatroom-ctl
	$(call SOAK,$(SECONDS)) -d $(DROPPED) $(SOAKFLAGS)
machines: .build/crash/machines $(MASTER)
	.build/crash/machines -b $(MASTER) -s $(SECONDS)
.PHONY: crash crash-quick soak machines
