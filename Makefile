# Chatroom: make, make test, make check, make install; see README.md.
CC ?= cc
CFLAGS ?= -O2 -g
prefix ?= /usr/local
sysconfdir ?= /etc
DESTDIR ?=
B ?= .build/release
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra $(if $(WERROR),-Werror) $(CFLAGS) $(EXTRA)
MAIN = $(B)/chatroom-master
SRC = $(wildcard ipc/*.c worker/*.c master/*.c)
OBJ = $(SRC:%.c=$(B)/%.o)
TESTSRC = $(wildcard tests/*.c tests/lib/*.c)
TESTOBJ = $(TESTSRC:%.c=$(B)/%.o)

all: chatroom-master
chatroom-master: $(MAIN)
	cp $< $@
$(MAIN): $(OBJ)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDFLAGS)
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -c -o $@ $<
$(B)/tests-bin: $(TESTOBJ) $(filter-out $(B)/master/main.o,$(OBJ))
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDFLAGS) -lcriterion
test: $(MAIN) $(B)/tests-bin
	CHATROOM_MASTER=$(CURDIR)/$(MAIN) $(B)/tests-bin
clean:
	rm -rf .build chatroom-master chatroom-ctl
.PHONY: all test clean
-include $(OBJ:.o=.d) $(TESTOBJ:.o=.d) tests/*/*.mk
