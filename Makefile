# Chatroom.  `make` needs a C compiler and nothing else; what each target is for stands beside it.
CC ?= cc
CFLAGS ?= -O2 -g
prefix ?= /usr/local
sysconfdir ?= /etc
control ?= /run/chatroom/control
DESTDIR ?=
FUZZ_SECONDS ?= 20
T ?= *
TESTFLAGS ?=

# A variant is a folder of objects with flags of its own: make B=.build/mine EXTRA=-fsanitize=...
B ?= .build/release
EXTRA ?=
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra $(if $(WERROR),-Werror) $(CFLAGS) $(EXTRA) \
	-DCHATROOM_CONF='"$(sysconfdir)/chatroom/chatroom.conf"' -DCHATROOM_CONTROL='"$(control)"'

# Parts of libc that glibc before 2.34 keeps apart.
LIBRARIES = -lpthread -lrt

objects = $(patsubst %.c,$(B)/%.o,$(1))
OBJ := $(call objects,$(wildcard ipc/*.c worker/*.c worker/*/*.c master/*.c)) $(B)/page_html.o
CTL := $(call objects,$(wildcard master/ctl/*.c))
TESTS := $(call objects,$(wildcard tests/*.c tests/lib/*.c))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
LIB := $(filter-out %/main.o %/ctl/ctl.o,$(OBJ) $(CTL))
MASTER = $(B)/chatroom-master
PROGRAMS = chatroom-master $(if $(CTL),chatroom-ctl)

all: $(PROGRAMS)

# Moved into place in one step, so that a running server's binary can be replaced.
$(PROGRAMS): %: $(B)/%
	cp $< $@.new && mv -f $@.new $@

$(B)/chatroom-master: $(OBJ)
$(B)/chatroom-ctl: $(CTL) $(filter $(B)/ipc/%,$(OBJ))
$(B)/tests-bin: $(TESTS) $(LIB)
$(B)/tests-bin: LIBRARIES += -lcriterion -lutil -ldl
$(B)/tests-bin: | $(B)/crasher.so $(B)/other/chatroom-master
# The same program with another layout of the segment.
$(B)/other/chatroom-master: .force
	+@$(MAKE) -s B=$(@D) CFLAGS=-O1 EXTRA="$(EXTRA) -DLAYOUT_TEST" $@
$(B)/crasher.so: tests/preload/crasher.c # lies beside tests-bin
	@mkdir -p $(@D)
	$(CC) -O1 -Wall -Wextra -shared -fPIC -o $@ $<
$(B)/chatroom-master $(B)/chatroom-ctl $(B)/tests-bin:
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The page for browsers becomes an array in the binary.
$(B)/page_html.c: worker/page.html scripts/page
	@mkdir -p $(@D)
	sh scripts/page $< >$@.new && mv -f $@.new $@
$(B)/page_html.o: $(B)/page_html.c ipc/page_html.h $(B)/flags
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Changed flags rebuild, like changed sources.
$(B)/flags: .force
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(CC) $(ALL_CFLAGS) $(LDFLAGS))' | cmp -s - $@ || \
	echo '$(subst ','\'',$(CC) $(ALL_CFLAGS) $(LDFLAGS))' >$@

# Needs libcriterion.  One test: make test T=suite/name; one suite: T=suite.  Ends with a list of the tests that
# were skipped, whether others failed or not.  Tests wait more than they compute: there are several for a core.
TEST_JOBS = $$((3 * $$(nproc)))
test: $(B)/tests-bin $(PROGRAMS:%=$(B)/%)
	@: >$(B)/skips; : >$(B)/tests.log
	CHATROOM_MASTER=$(CURDIR)/$(MASTER) CHATROOM_CTL=$(CURDIR)/$(B)/chatroom-ctl \
	CHATROOM_SKIPS=$(CURDIR)/$(B)/skips CHATROOM_TEST_LOG=$(CURDIR)/$(B)/tests.log \
	TSAN_OPTIONS=halt_on_error=1 LSAN_OPTIONS=suppressions=$(CURDIR)/tests/leaks.supp:print_suppressions=0 \
	$(B)/tests-bin --jobs $(TEST_JOBS) --filter '$(if $(findstring /,$(T)),$(T),$(T)/*)' $(TESTFLAGS); \
	status=$$?; sh scripts/skips $(B)/skips && exit $$status

SOURCES = $(wildcard $(foreach d,ipc worker worker/* master master/ctl tests tests/*,$d/*.c $d/*.h))
check: check-format check-includes check-manual check-build check-tidy check-cppcheck # needs these, clang-format, mandoc
check-format:
	clang-format --dry-run -Werror $(SOURCES)
format:
	clang-format -i $(SOURCES)
check-includes:
	sh scripts/check-includes
check-manual:
	awk -f scripts/manual chatroom.conf | mandoc -T lint -W warning
	mandoc -T lint -W warning $(wildcard master/*.[18] master/ctl/*.[18])
check-build: # with WERROR=1 for all targets, the objects are the release's
	+$(MAKE) B=$(if $(WERROR),$(B),.build/check) WERROR=1 build-everything
build-everything: $(MASTER) $(B)/tests-bin bench-programs
check-tidy:
	ls $(filter ipc/% worker/% master/%,$(filter %.c,$(SOURCES))) | xargs -P $$(nproc) -I FILE \
	clang-tidy --quiet FILE -- -std=gnu11 -D_GNU_SOURCE -I. -Wall -Wextra
check-cppcheck: # Criterion's macros as what they are to it
	cppcheck --std=c11 --enable=warning,performance,portability --error-exitcode=1 -q -j $$(nproc) \
	--suppress=missingIncludeSystem -D_GNU_SOURCE '-DTestSuite(...)=struct criterion' \
	'-DTest(suite,name,...)=void suite##_##name(void)' -I. ipc worker master tests

comma = ,
SANITIZED = +$(MAKE) test B=.build/$@ CFLAGS="-O1 -g -fno-omit-frame-pointer" EXTRA="-fsanitize=$(1)"
asan: ; $(call SANITIZED,address$(comma)undefined -fno-sanitize-recover=all)
# ThreadSanitizer follows the threads of one process, never two processes that share the segment.  The server has no
# threads; tests of what is in the segment have: their suites run here, whichever file they are in.
THREADED = $(shell grep -l pthread_create tests/*.c | xargs sed -n 's/^Test.\([a-z_]*\),.*/\1/p' | sort -u | paste -s -d '|')
tsan: export T = @($(THREADED))
tsan: ; $(call SANITIZED,thread -Wno-tsan)
fault: ; $(MAKE) $(PROGRAMS:%=.build/fault/%) .build/fault/other/chatroom-master B=.build/fault EXTRA=-DCHATROOM_FAULTS

FUZZER = address,undefined -fno-sanitize-recover=all
fuzz: # needs clang; FUZZ_SECONDS for each
	$(MAKE) $(FUZZ:%=run-%) CC=clang B=.build/fuzz EXTRA="-fsanitize=fuzzer-no-link,$(FUZZER)"
$(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(LIB)
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer,$(FUZZER) -o $@ $^ $(LIBRARIES)
run-fuzz_%: $(B)/fuzz_%
	@mkdir -p $(B)/corpus/$*
	$< -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
	-artifact_prefix=$(B)/ $(B)/corpus/$* tests/fuzz/corpus/$*

browser: $(PROGRAMS:%=$(B)/%) # needs python3, chromium-driver, inetutils-telnet, npm, redis-tools; pictures are in .build/browser
	CHATROOM_MASTER=$(CURDIR)/$(MASTER) python3 tests/browser $(TESTFLAGS)

bench: # needs python3; builds the server first
	sh scripts/bench $(BENCHFLAGS)

D = $(DESTDIR)$(prefix)
E = $(DESTDIR)$(sysconfdir)
PLACE = sed 's,@sbindir@,$(prefix)/sbin,g; s,@sysconfdir@,$(sysconfdir),g'
install: $(PROGRAMS:%=$(B)/%) # an existing configuration stays
	install -d $D/sbin $D/bin $D/share/man/man5 $D/share/man/man8 $D/lib/systemd/system $D/lib/sysusers.d
	install -d $D/share/man/man1 $D/share/bash-completion/completions $E/chatroom $E/logrotate.d
	install $(B)/chatroom-master $D/sbin
	$(if $(CTL),install $(B)/chatroom-ctl $D/bin)
	$(PLACE) scripts/chatroom.service | install -m 644 /dev/stdin $D/lib/systemd/system/chatroom.service
	install -d $D/lib/chatroom && install scripts/chatroom-run $D/lib/chatroom
	install -m 644 scripts/chatroom.sysusers $D/lib/sysusers.d/chatroom.conf
	install -m 644 scripts/chatroom.logrotate $E/logrotate.d/chatroom
	install -m 644 master/chatroom-master.8 $D/share/man/man8
	install -m 644 master/ctl/chatroom-ctl.1 $D/share/man/man1
	install -m 644 scripts/chatroom-ctl.bash $D/share/bash-completion/completions/chatroom-ctl
	awk -f scripts/manual chatroom.conf | install -m 644 /dev/stdin $D/share/man/man5/chatroom.conf.5
	test -e $E/chatroom/chatroom.conf || install -m 644 chatroom.conf $E/chatroom/chatroom.conf
uninstall: # the configuration stays
	rm -f $D/sbin/chatroom-master $D/bin/chatroom-ctl
	rm -f $D/lib/chatroom/chatroom-run $D/lib/systemd/system/chatroom.service $D/lib/sysusers.d/chatroom.conf $E/logrotate.d/chatroom
	rm -f $D/share/man/man8/chatroom-master.8 $D/share/man/man5/chatroom.conf.5 $D/share/man/man1/chatroom-ctl.1
	rm -f $D/share/bash-completion/completions/chatroom-ctl

clean:
	rm -rf .build chatroom-master chatroom-ctl

.PHONY: all test format build-everything check check-format check-includes check-manual check-build check-tidy check-cppcheck asan tsan fault fuzz browser bench install uninstall clean .force
.PRECIOUS: $(B)/tests/fuzz/%.o
-include $(patsubst %.o,%.d,$(OBJ) $(CTL) $(TESTS) $(FUZZ:%=$(B)/tests/fuzz/%.o)) tests/*/*.mk
