/* unit_verdict.c - what chatroom-ctl calls a process, by two looks at it. */
#include "master/ctl/look.h"

#include <criterion/criterion.h>
#include <string.h>

static struct look before, now;

/* Worker 3 at work, the same at both looks but for its heartbeat. */
static void set_up(void) {
    struct survey_slot *s = &now.survey.slot[3];
    memset(&now, 0, sizeof now);
    now.survey.ledger_len = 1024;
    s->state = SLOT_SERVING;
    s->pid = 77;
    now.process[3].exists = true;
    before = now;
    s->heartbeat = 1;
}
TestSuite(verdict, .init = set_up);

static void is(enum look_verdict verdict, const char *word) {
    cr_assert_eq(look_verdict(&before, &now, 3), verdict);
    cr_assert_str_eq(look_word(&before, &now, 3), word);
}

Test(verdict, a_worker_that_moves_is_well) {
    is(LOOK_WELL, "serving");
    now.survey.slot[3].state = SLOT_RETIRING;
    is(LOOK_WELL, "retiring");
    now.survey.slot[3].lag = 256;
    is(LOOK_WELL, "retiring");
    now.survey.slot[3].lag = 257;
    is(LOOK_BEHIND, "BEHIND");
}

Test(verdict, a_worker_with_work_that_does_not_move_hangs) {
    now.survey.slot[3].heartbeat = 0;
    is(LOOK_STILL, "STANDS STILL");
    before.survey.slot[3].at_gate = true;
    is(LOOK_STILL, "STANDS STILL");
    now.survey.slot[3].at_gate = true;
    is(LOOK_AT_GATE, "WAITS FOR GATE");
    now.survey.slot[3].at_gate = false;
    now.survey.slot[3].at_disk = true;
    is(LOOK_AT_DISK, "WAITS FOR DISK");
    now.process[3].stopped = true;
    is(LOOK_STOPPED, "STOPPED");
}

Test(verdict, a_sleeping_worker_is_well) {
    now.survey.slot[3].heartbeat = 0;
    before.survey.slot[3].asleep = now.survey.slot[3].asleep = true;
    is(LOOK_WELL, "serving");
}

Test(verdict, the_dead) {
    now.process[3].exists = false;
    is(LOOK_GONE, "GONE");
    now.survey.slot[3].state = SLOT_DEAD;
    is(LOOK_DEAD, "DEAD");
    cr_assert(look_ended(&now));
    now.process[MASTER_SLOT].exists = true;
    cr_assert_not(look_ended(&now));
}

/* Nothing is said of processes whose ids are another namespace's. */
Test(verdict, the_foreign) {
    now.process[3].exists = false;
    now.foreign = true;
    is(LOOK_WELL, "serving");
    cr_assert_not(look_ended(&now));
    now.survey.slot[MASTER_SLOT].pid = 1;
    cr_assert_str_eq(look_word(&before, &now, MASTER_SLOT), "runs");
    now.survey.slot[3].heartbeat = 0;
    is(LOOK_STILL, "STANDS STILL");
    now.survey.slot[3].state = SLOT_DEAD;
    is(LOOK_DEAD, "DEAD");
}

Test(verdict, the_master) {
    cr_assert_str_eq(look_word(&before, &now, MASTER_SLOT), "none");
    now.survey.slot[MASTER_SLOT].pid = 70;
    cr_assert_str_eq(look_word(&before, &now, MASTER_SLOT), "GONE");
    now.process[MASTER_SLOT].exists = true;
    cr_assert_str_eq(look_word(&before, &now, MASTER_SLOT), "runs");
    now.process[MASTER_SLOT].stopped = true;
    cr_assert_str_eq(look_word(&before, &now, MASTER_SLOT), "STOPPED");
}

Test(verdict, slots_are_shown_in_order) {
    char name[SLOT_NAME];
    uint32_t shown[SLOT_COUNT], len = 0;
    now.survey.slot[0].state = SLOT_DEAD;
    for (uint32_t k = 0; k < SLOT_COUNT; k++) {
        if (look_shown(&now, look_slot(k)))
            shown[len++] = look_slot(k);
    }
    cr_assert_eq(len, 4);
    cr_assert_str_eq(slot_name(shown[0], name), "master");
    cr_assert_str_eq(slot_name(shown[1], name), "guardian");
    cr_assert_str_eq(slot_name(shown[2], name), "worker 0");
    cr_assert_str_eq(slot_name(shown[3], name), "worker 3");
}
