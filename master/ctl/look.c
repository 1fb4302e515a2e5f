/* look.c - see look.h. */
#include "master/ctl/look.h"

#include "ipc/system.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_STEP_MS = 20 };

bool look_shown(const struct look *look, uint32_t slot) {
    if (slot >= MASTER_SLOT)
        return slot < SLOT_COUNT;
    return slot < WORKERS_MAX ? look->survey.slot[slot].state != SLOT_UNUSED
                              : look_manned(look, slot);
}

bool look_manned(const struct look *look, uint32_t slot) {
    const struct survey_slot *s = &look->survey.slot[slot];
    return s->pid > 0 && (slot >= MASTER_SLOT || slot_alive(s->state));
}

void look_take(struct look *look, const struct segment *seg) {
    memset(look, 0, sizeof *look);
    survey_take(seg, &look->survey);
    survey_add_clients(seg, 0, UINT32_MAX, &look->clients);
    look->rx = survey_pool(&seg->rx_buffers);
    look->tx = survey_pool(&seg->tx_buffers);
    look->ignore_more = survey_pool(&seg->ignore_more);
    look->foreign = look->survey.pid_namespace != system_pid_namespace();
    for (uint32_t i = 0; i < SLOT_COUNT && !look->foreign; i++) {
        if (look_manned(look, i))
            look->process[i] = pid_stat_read(look->survey.slot[i].pid);
    }
}

bool look_ended(const struct look *look) {
    if (look->foreign)
        return false;
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        if (look->process[i].exists)
            return false;
    }
    return true;
}

enum look_verdict look_verdict(const struct look *before, const struct look *now, uint32_t slot) {
    const struct survey_slot *s = &now->survey.slot[slot];
    if (slot < MASTER_SLOT && s->state == SLOT_DEAD)
        return LOOK_DEAD;
    if (!now->foreign && look_manned(now, slot) && !now->process[slot].exists)
        return LOOK_GONE;
    if (now->process[slot].stopped)
        return LOOK_STOPPED;
    if (slot >= MASTER_SLOT)
        return LOOK_WELL; /* the master beats too seldom for two looks (top.c) */
    bool still = survey_stands_still(&before->survey, &now->survey, slot);
    if (still && s->at_gate && before->survey.slot[slot].at_gate)
        return LOOK_AT_GATE;
    if (still)
        return s->at_disk ? LOOK_AT_DISK : LOOK_STILL;
    return s->lag > now->survey.ledger_len / 4 ? LOOK_BEHIND : LOOK_WELL;
}

const char *look_word(const struct look *before, const struct look *now, uint32_t slot) {
    switch (look_verdict(before, now, slot)) {
    case LOOK_DEAD: return "DEAD";
    case LOOK_GONE: return "GONE";
    case LOOK_STOPPED: return "STOPPED";
    case LOOK_STILL: return "STANDS STILL";
    case LOOK_BEHIND: return "BEHIND";
    case LOOK_AT_GATE: return "WAITS FOR GATE";
    case LOOK_AT_DISK: return "WAITS FOR DISK";
    case LOOK_WELL: break;
    }
    if (slot >= MASTER_SLOT)
        return look_manned(now, slot) ? "runs" : "none";
    return survey_state_name(now->survey.slot[slot].state);
}

static bool look_suspects(const struct look *before, const struct look *now) {
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        if (i < MASTER_SLOT && !now->process[i].stopped &&
            survey_stands_still(&before->survey, &now->survey, i))
            return true;
    }
    return false;
}

void look_twice(struct look *before, struct look *now, const struct segment *seg) {
    look_take(before, seg);
    look_take(now, seg);
    for (int ms = 0; ms < LOOK_WAIT_MS && look_suspects(before, now); ms += LOOK_STEP_MS) {
        usleep(LOOK_STEP_MS * 1000);
        look_take(now, seg);
    }
}
