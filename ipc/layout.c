/* layout.c - the table of everything that the segment's layout consists of; see layout.h. */
#include "ipc/layout.h"

#include "ipc/buffer.h"
#include "ipc/client.h"
#include "ipc/correspondent.h"
#include "ipc/gate.h"
#include "ipc/header.h"
#include "ipc/ignore_list.h"
#include "ipc/log.h"
#include "ipc/name_table.h"
#include "ipc/origin.h"
#include "ipc/request.h"
#include "ipc/restriction.h"
#include "ipc/room.h"
#include "ipc/slot.h"
#include "ipc/tally.h"
#include "ipc/transcript.h"

#define WHOLE(t)                                                                                   \
    { #t, NULL, 0, sizeof(struct t) }
#define FIELD(t, f)                                                                                \
    { #t, #f, offsetof(struct t, f), sizeof(((struct t *)0)->f) }
#define NUMBER(n)                                                                                  \
    { NULL, #n, (uint32_t)(n), 0 }

/* clang-format off */
static const struct layout_row layout_table[] = {
    WHOLE(listen_address),
    FIELD(listen_address, addr), FIELD(listen_address, port), FIELD(listen_address, ipv4),
    FIELD(listen_address, kind),

    WHOLE(network), FIELD(network, addr), FIELD(network, bits), FIELD(network, pad),

    WHOLE(config),
    FIELD(config, listen), FIELD(config, proxy_from), FIELD(config, listen_count),
    FIELD(config, proxy_from_count), FIELD(config, room), FIELD(config, workers),
    FIELD(config, login), FIELD(config, language), FIELD(config, encoding),
    FIELD(config, slow_client), FIELD(config, log_level), FIELD(config, pad),
    FIELD(config, history), FIELD(config, announce_max), FIELD(config, max_clients),
    FIELD(config, max_clients_per_address), FIELD(config, line_max), FIELD(config, flood_rate),
    FIELD(config, flood_burst), FIELD(config, connect_rate), FIELD(config, connect_burst),
    FIELD(config, flood_wait_ms), FIELD(config, login_timeout_ms), FIELD(config, idle_timeout_ms),
    FIELD(config, worker_timeout_ms), FIELD(config, ring_size), FIELD(config, transcript_sync_ms),
    FIELD(config, log), FIELD(config, user), FIELD(config, group), FIELD(config, pidfile),
    FIELD(config, control), FIELD(config, bans), FIELD(config, transcript),
    FIELD(config, motd_path), FIELD(config, motd_len), FIELD(config, motd), FIELD(config, pad2),

    WHOLE(geometry),
    FIELD(geometry, ring_size), FIELD(geometry, side_size), FIELD(geometry, ledger_len),
    FIELD(geometry, clients_len), FIELD(geometry, max_clients), FIELD(geometry, rx_buffers),
    FIELD(geometry, tx_buffers), FIELD(geometry, names_len), FIELD(geometry, origins_len),
    FIELD(geometry, ignore_more), FIELD(geometry, pad),

    WHOLE(listener),
    FIELD(listener, state), FIELD(listener, configured), FIELD(listener, bound),
    FIELD(listener, fd), FIELD(listener, listening),

    WHOLE(log_shared),
    FIELD(log_shared, target), FIELD(log_shared, torn), FIELD(log_shared, mended),

    WHOLE(master_state),
    FIELD(master_state, log_fd), FIELD(master_state, log),
    FIELD(master_state, pid_fd_file), FIELD(master_state, pid_fd_next),
    FIELD(master_state, binary_fd), FIELD(master_state, signal_fd),
    FIELD(master_state, watchdog_fd), FIELD(master_state, standby_pid),
    FIELD(master_state, listen_lock),
    FIELD(master_state, addresses), FIELD(master_state, reloading),
    FIELD(master_state, configured_clients), FIELD(master_state, conf_path),
    FIELD(master_state, binary_path), FIELD(master_state, pidfile),

    WHOLE(control_socket),
    FIELD(control_socket, fd), FIELD(control_socket, pad), FIELD(control_socket, device),
    FIELD(control_socket, inode), FIELD(control_socket, path),

    WHOLE(transcript_place),
    FIELD(transcript_place, index), FIELD(transcript_place, offset),
    FIELD(transcript_place, synced_index), FIELD(transcript_place, synced_offset),
    FIELD(transcript_place, lines), FIELD(transcript_place, synced_lines),
    FIELD(transcript_place, file), FIELD(transcript_place, pad),

    WHOLE(transcript),
    FIELD(transcript, place), FIELD(transcript, turn), FIELD(transcript, begun),
    FIELD(transcript, lines_written), FIELD(transcript, lines_missed),
    FIELD(transcript, from), FIELD(transcript, from_lines), FIELD(transcript, file),
    FIELD(transcript, asked), FIELD(transcript, again), FIELD(transcript, fd),
    FIELD(transcript, path),

    WHOLE(segment_header),
    FIELD(segment_header, magic), FIELD(segment_header, layout),
    FIELD(segment_header, header_size), FIELD(segment_header, geometry),
    FIELD(segment_header, epoch_ms), FIELD(segment_header, epoch_boot_ms),
    FIELD(segment_header, pid_namespace),
    FIELD(segment_header, name_key), FIELD(segment_header, next_incarnation),
    FIELD(segment_header, shutdown), FIELD(segment_header, workers),
    FIELD(segment_header, slots_used), FIELD(segment_header, fd_high), FIELD(segment_header, steps),
    FIELD(segment_header, buffers_wanted), FIELD(segment_header, counters_exact),
    FIELD(segment_header, listeners_moves), FIELD(segment_header, standby),
    FIELD(segment_header, polled_by), FIELD(segment_header, listeners),
    FIELD(segment_header, signals), FIELD(segment_header, master), FIELD(segment_header, view_fd),
    FIELD(segment_header, transcript),
    FIELD(segment_header, control_serving), FIELD(segment_header, pad),
    FIELD(segment_header, control), FIELD(segment_header, control_clients), FIELD(segment_header, metrics_clients),
    FIELD(segment_header, config_version), FIELD(segment_header, config),

    WHOLE(gate),
    FIELD(gate, tokens), FIELD(gate, pad), FIELD(gate, owner), FIELD(gate, pad2),

    WHOLE(entry),
    FIELD(entry, end), FIELD(entry, client), FIELD(entry, generation), FIELD(entry, consumed),
    FIELD(entry, lines), FIELD(entry, people), FIELD(entry, time), FIELD(entry, said),
    FIELD(entry, kind), FIELD(entry, slot), FIELD(entry, flags),

    WHOLE(room_shared),
    FIELD(room_shared, count), FIELD(room_shared, kicked), FIELD(room_shared, waiting),
    FIELD(room_shared, pad),
    FIELD(room_shared, ledger_limit), FIELD(room_shared, text_limit),
    FIELD(room_shared, text_high), FIELD(room_shared, ledger_high), FIELD(room_shared, orders),
    FIELD(room_shared, pad2),

    WHOLE(side_private), FIELD(side_private, client), FIELD(side_private, generation),
    WHOLE(side_name), FIELD(side_name, key), FIELD(side_name, look),
    WHOLE(side_move), FIELD(side_move, from), FIELD(side_move, to),

    WHOLE(breadcrumb),
    FIELD(breadcrumb, phase), FIELD(breadcrumb, client), FIELD(breadcrumb, generation),
    FIELD(breadcrumb, pad), FIELD(breadcrumb, position),

    WHOLE(slot_stats),
    FIELD(slot_stats, accepted), FIELD(slot_stats, closed), FIELD(slot_stats, sends),
    FIELD(slot_stats, bytes_out), FIELD(slot_stats, bytes_in), FIELD(slot_stats, overruns),
    FIELD(slot_stats, delivered),

    WHOLE(tally_row), FIELD(tally_row, addr), FIELD(tally_row, used), FIELD(tally_row, count),
    FIELD(tally_row, pad),
    WHOLE(tally), FIELD(tally, since_us), FIELD(tally, row),

    WHOLE(slot),
    FIELD(slot, asleep), FIELD(slot, pad), FIELD(slot, cursor), FIELD(slot, guard),
    FIELD(slot, overrun_floor), FIELD(slot, heartbeat), FIELD(slot, state), FIELD(slot, at_gate),
    FIELD(slot, clients), FIELD(slot, pad2), FIELD(slot, incarnation), FIELD(slot, pid),
    FIELD(slot, pidfd), FIELD(slot, entry), FIELD(slot, fault), FIELD(slot, deaths),
    FIELD(slot, epoll_fd), FIELD(slot, bell_fd), FIELD(slot, died), FIELD(slot, pad3), FIELD(slot, breadcrumb),
    FIELD(slot, last_breadcrumb), FIELD(slot, pad4), FIELD(slot, stats), FIELD(slot, pad5),
    FIELD(slot, tally), FIELD(slot, refused), FIELD(slot, pad6),

    WHOLE(facts),
    FIELD(facts, consumed), FIELD(facts, seen), FIELD(facts, base), FIELD(facts, pos),
    FIELD(facts, tx_len), FIELD(facts, tx), FIELD(facts, rx), FIELD(facts, line_buffer),
    FIELD(facts, tat), FIELD(facts, last_input), FIELD(facts, lines_lost),
    FIELD(facts, list_next), FIELD(facts, lines_dropped), FIELD(facts, reply_client),
    FIELD(facts, reply_generation), FIELD(facts, flags), FIELD(facts, line_len),
    FIELD(facts, sub_len), FIELD(facts, raw_off), FIELD(facts, encoding), FIELD(facts, wire),
    FIELD(facts, telnet), FIELD(facts, http), FIELD(facts, last), FIELD(facts, last_len),
    FIELD(facts, behind), FIELD(facts, columns), FIELD(facts, header_len), FIELD(facts, kind),
    FIELD(facts, spare),

    WHOLE(client),
    FIELD(client, sent), FIELD(client, bias), FIELD(client, active), FIELD(client, mode),
    FIELD(client, slot), FIELD(client, port), FIELD(client, received), FIELD(client, state_word),
    FIELD(client, cookie), FIELD(client, addr), FIELD(client, facts),

    WHOLE(client_name), FIELD(client_name, text),

    WHOLE(name_entry),
    FIELD(name_entry, key), FIELD(name_entry, index), FIELD(name_entry, owner),

    WHOLE(origin), FIELD(origin, tat),

    WHOLE(ban), FIELD(ban, network), FIELD(ban, pad), FIELD(ban, until_ms), FIELD(ban, reason),
    WHOLE(mute), FIELD(mute, until_ms), FIELD(mute, key), FIELD(mute, addr), FIELD(mute, port),
    FIELD(mute, by_address), FIELD(mute, pad), FIELD(mute, name),
    WHOLE(restriction_table), FIELD(restriction_table, bans), FIELD(restriction_table, mutes),
    FIELD(restriction_table, ban), FIELD(restriction_table, mute),
    WHOLE(restrictions), FIELD(restrictions, generation), FIELD(restrictions, copy),

    WHOLE(correspondent),
    FIELD(correspondent, client), FIELD(correspondent, generation), FIELD(correspondent, label),

    WHOLE(request),
    FIELD(request, id), FIELD(request, order), FIELD(request, state), FIELD(request, tries),
    FIELD(request, verb), FIELD(request, text), FIELD(request, outcome),

    WHOLE(rx_buffer), FIELD(rx_buffer, raw), FIELD(rx_buffer, sub), FIELD(rx_buffer, line),
    WHOLE(tx_buffer), FIELD(tx_buffer, next), FIELD(tx_buffer, pad), FIELD(tx_buffer, data),

    WHOLE(ignore_list), FIELD(ignore_list, row), FIELD(ignore_list, more), FIELD(ignore_list, pad),
    WHOLE(ignore_more), FIELD(ignore_more, row),

    NUMBER(CLIENT_FREE), NUMBER(CLIENT_FILLING), NUMBER(CLIENT_LIVE), NUMBER(CLIENT_CLOSING),
    NUMBER(CLIENT_COOKIE_BITS), NUMBER(NO_BUFFER),
    NUMBER(FACT_IN_ROOM), NUMBER(FACT_NAMED), NUMBER(FACT_LEFT), NUMBER(FACT_ENC_CHOSEN),
    NUMBER(FACT_OVERLONG), NUMBER(FACT_TORN), NUMBER(FACT_TIMESTAMPS), NUMBER(FACT_IGNORES),
    NUMBER(FACT_ECHOED), NUMBER(FACT_LIST_ROOM), NUMBER(FACT_LIST_ALL), NUMBER(FACT_DRAWN),
    NUMBER(FACT_KEYS), NUMBER(FACT_BINARY), NUMBER(FACT_GREETED), NUMBER(FACT_SWITCHED),
    NUMBER(FACT_HEARD), NUMBER(FACT_DROPPING), NUMBER(FACT_CONVERTED), NUMBER(FACT_READ_UTF8),
    NUMBER(FACT_LIST_SAID), NUMBER(FACT_QUIET), NUMBER(FACT_BBS), NUMBER(FACT_RECALLED),
    NUMBER(FACT_FULL),
    NUMBER(FACT_NAME_ROW), NUMBER(FACT_PROXY),
    NUMBER(MODE_SLOW), NUMBER(MODE_BLOCKED), NUMBER(MODE_WRITE_FAILED),
    NUMBER(ENC_UTF8), NUMBER(ENC_GBK), NUMBER(ENC_BIG5), NUMBER(ENC_GB18030), NUMBER(ENC_COUNT),
    NUMBER(RING_SIDE), NUMBER(RING_COUNT),
    NUMBER(LANG_EN), NUMBER(LANG_ZH), NUMBER(SLOW_SKIP), NUMBER(SLOW_DISCONNECT),
    NUMBER(ENTRY_GENESIS), NUMBER(ENTRY_SPEECH), NUMBER(ENTRY_JOIN), NUMBER(ENTRY_LEAVE),
    NUMBER(ENTRY_NICK), NUMBER(ENTRY_PRIVATE), NUMBER(ENTRY_SYSTEM), NUMBER(ENTRY_KICK),
    NUMBER(ENTRY_MOVE), NUMBER(ENTRY_AFTER_CR), NUMBER(ENTRY_BARE), NUMBER(ENTRY_ACTION), NUMBER(NO_CLIENT),
    NUMBER(SLOT_UNUSED), NUMBER(SLOT_DEAD), NUMBER(SLOT_ADOPTING), NUMBER(SLOT_SERVING),
    NUMBER(SLOT_RETIRING), NUMBER(TRANSCRIPT_SLOT), NUMBER(MASTER_SLOT), NUMBER(SLOT_TAG),
    NUMBER(KIND_TAG),
    NUMBER(BREADCRUMB_NONE), NUMBER(BREADCRUMB_ADOPT), NUMBER(BREADCRUMB_INPUT),
    NUMBER(BREADCRUMB_APPLY), NUMBER(BREADCRUMB_FLUSH), NUMBER(BREADCRUMB_DISK),
    NUMBER(LISTENER_UNUSED), NUMBER(LISTENER_SERVING), NUMBER(LISTENER_DRAINING),
    NUMBER(LOG_TO_FD), NUMBER(LOG_TO_SYSLOG),
    NUMBER(ORIGIN_ROWS), NUMBER(ORIGIN_CONNECTIONS), NUMBER(ORIGIN_LINES),
    NUMBER(ORIGIN_LOG_CONNECTED), NUMBER(ORIGIN_LOG_OTHERS),
    NUMBER(TALLY_UNHEARD), NUMBER(TALLY_CONNECTED), NUMBER(TALLY_NAMED),
    NUMBER(REFUSED_RATE), NUMBER(REFUSED_FULL), NUMBER(REFUSED_ADDRESS), NUMBER(REFUSED_BANNED), NUMBER(REFUSED_MEMORY),
    NUMBER(REFUSED_HTTP), NUMBER(REFUSED_REASONS),
    NUMBER(TALLY_DISCONNECTED), NUMBER(TALLY_REFUSED), NUMBER(TALLY_UNPOLLED),
    NUMBER(REQUEST_FREE), NUMBER(REQUEST_ASKED), NUMBER(REQUEST_TAKEN),
    NUMBER(REQUEST_EXECUTING), NUMBER(REQUEST_DONE), NUMBER(REQUEST_REFUSED), NUMBER(REQUESTS),
    NUMBER(LAYOUT_MEANING),
};
/* clang-format on */

const struct layout_row *layout_rows(size_t *count) {
    *count = sizeof layout_table / sizeof layout_table[0];
    return layout_table;
}

static uint32_t layout_mix(uint32_t hash, uint32_t value) {
    for (int i = 0; i < 4; i++) /* FNV-1a */
        hash = (hash ^ (value >> 8 * i & 0xff)) * 16777619u;
    return hash;
}

/* Names do not count: a field may be renamed. */
uint32_t layout_number(void) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < sizeof layout_table / sizeof layout_table[0]; i++)
        hash = layout_mix(layout_mix(hash, layout_table[i].offset), layout_table[i].size);
    return hash;
}
