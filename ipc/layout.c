/* layout.c - the table of everything that the segment's layout consists of; see layout.h. */
#include "ipc/layout.h"

#include "ipc/buffer.h"
#include "ipc/client.h"
#include "ipc/correspondent.h"
#include "ipc/gate.h"
#include "ipc/growth.h"
#include "ipc/header.h"
#include "ipc/ignore_list.h"
#include "ipc/log.h"
#include "ipc/name_table.h"
#include "ipc/origin.h"
#include "ipc/relay.h"
#include "ipc/request.h"
#include "ipc/restriction.h"
#include "ipc/room.h"
#include "ipc/slot.h"
#include "ipc/tally.h"
#include "ipc/transcript.h"
#include "ipc/web_page.h"

#include <string.h>

/* clang-format off */
/* Every struct of the segment. */
#define TYPES(X)                                                                                   \
    X(listen_address) X(network) X(config) X(relay_host) X(web_page) X(web_pages) X(geometry)      \
    X(listener) X(log_shared) X(master_state) X(control_socket) X(transcript_place)                \
    X(transcript) X(segment_header) X(gate) X(entry) X(room_shared) X(side_private)                \
    X(side_name) X(side_move) X(breadcrumb) X(slot_stats) X(tally_row) X(tally) X(slot)            \
    X(facts) X(client) X(client_name) X(remote_name) X(name_entry) X(origin) X(ban) X(mute)        \
    X(restriction_table) X(restrictions) X(correspondent) X(request) X(rx_buffer) X(tx_buffer)     \
    X(ignore_list) X(ignore_more) X(relay_node) X(relay_place) X(relay) X(side_foreign)            \
    X(stream_id) X(layout_row)
#define TYPE_NUMBER(t) TYPE_##t,
enum { TYPE_BEFORE = LAYOUT_STRUCT, TYPES(TYPE_NUMBER) };

/* What a field consists of: an array decays here to a pointer to its first element.  There is no
 * `default`, so a struct that is not in the list above does not compile. */
#define TYPE_UNIT(t) struct t : TYPE_##t, struct t * : TYPE_##t,
#define INTEGER_UNIT(t, unit) t : unit, t * : unit, _Atomic t * : unit
#define UNIT(f)                                                                                    \
    _Generic((f), TYPES(TYPE_UNIT) INTEGER_UNIT(uint8_t, 1), INTEGER_UNIT(uint16_t, 2),            \
             INTEGER_UNIT(uint32_t, 4), INTEGER_UNIT(uint64_t, 8),                                 \
             INTEGER_UNIT(int32_t, 4 | LAYOUT_SIGNED), bool : 1, char * : 1,                       \
             char(*)[WEB_HOST_LEN] : WEB_HOST_LEN, struct in6_addr : sizeof(struct in6_addr),      \
             sem_t : sizeof(sem_t))

#define MANY(t, n)                                                                                 \
    { #t, "", n, sizeof(struct t), TYPE_##t }
#define WHOLE(t) MANY(t, 1)
#define FIELD(t, f)                                                                                \
    { #t, #f, offsetof(struct t, f), sizeof(((struct t *)0)->f), UNIT(((struct t *)0)->f) }
/* Numbers that are stored, and those that only rise when there is one more of a kind. */
#define COUNT(n)                                                                                   \
    { "", #n, (uint32_t)(n), 0, LAYOUT_COUNT }
#define NUMBER(n)                                                                                  \
    { "", #n, (uint32_t)(n), 0, 0 }

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
    FIELD(config, motd_path), FIELD(config, motd_len), FIELD(config, motd), FIELD(config, web_host_count), FIELD(config, web_host),
    FIELD(config, node), FIELD(config, relay_keep), FIELD(config, relay_count), FIELD(config, relay_db),
    FIELD(config, relay), FIELD(config, relay_user), FIELD(config, relay_password), FIELD(config, pad2),
    WHOLE(relay_host), FIELD(relay_host, host), FIELD(relay_host, port),

    WHOLE(web_page), FIELD(web_page, len), FIELD(web_page, policy), FIELD(web_page, bytes),
    WHOLE(web_pages), FIELD(web_pages, begun), FIELD(web_pages, version), FIELD(web_pages, place),

    WHOLE(geometry),
    FIELD(geometry, ring_size), FIELD(geometry, side_size), FIELD(geometry, ledger_len),
    FIELD(geometry, clients_len), FIELD(geometry, max_clients), FIELD(geometry, rx_buffers),
    FIELD(geometry, tx_buffers), FIELD(geometry, names_len), FIELD(geometry, origins_len),
    FIELD(geometry, ignore_more), FIELD(geometry, remote_len),

    WHOLE(listener),
    FIELD(listener, state), FIELD(listener, configured), FIELD(listener, bound),
    FIELD(listener, fd), FIELD(listener, listening), FIELD(listener, pad), FIELD(listener, cookie),

    WHOLE(log_shared),
    FIELD(log_shared, target), FIELD(log_shared, torn), FIELD(log_shared, mended),

    WHOLE(master_state),
    FIELD(master_state, log_fd), FIELD(master_state, log),
    FIELD(master_state, pid_fd_file), FIELD(master_state, pid_fd_next),
    FIELD(master_state, binary_fd), FIELD(master_state, signal_fd),
    FIELD(master_state, watchdog_fd), 
    FIELD(master_state, listen_lock),
    FIELD(master_state, oom_score), FIELD(master_state, addresses), FIELD(master_state, reloading),
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
    FIELD(segment_header, header_size), FIELD(segment_header, upgrade_beat), FIELD(segment_header, unserved), FIELD(segment_header, rows), FIELD(segment_header, rows_at), FIELD(segment_header, geometry),
    FIELD(segment_header, epoch_ms), FIELD(segment_header, epoch_boot_ms),
    FIELD(segment_header, pid_namespace),
    FIELD(segment_header, name_key), FIELD(segment_header, token_key), FIELD(segment_header, next_incarnation),
    FIELD(segment_header, shutdown), FIELD(segment_header, workers),
    FIELD(segment_header, slots_used), FIELD(segment_header, fd_high), FIELD(segment_header, remote_high),
    FIELD(segment_header, remote_steps), FIELD(segment_header, steps),
    FIELD(segment_header, buffers_wanted), FIELD(segment_header, counters_exact),
    FIELD(segment_header, listeners_moves), FIELD(segment_header, standby),
    FIELD(segment_header, polled_by), FIELD(segment_header, listeners),
    FIELD(segment_header, ready), FIELD(segment_header, orders), FIELD(segment_header, doing), FIELD(segment_header, execute), FIELD(segment_header, pad3), FIELD(segment_header, master), FIELD(segment_header, view_fd),
    FIELD(segment_header, transcript), FIELD(segment_header, relay),
    FIELD(segment_header, control_serving), FIELD(segment_header, pad),
    FIELD(segment_header, control), FIELD(segment_header, control_clients), FIELD(segment_header, metrics_clients),
    FIELD(segment_header, config_version), FIELD(segment_header, config),

    WHOLE(layout_row), FIELD(layout_row, type), FIELD(layout_row, field), FIELD(layout_row, offset),
    FIELD(layout_row, size), FIELD(layout_row, unit),

    WHOLE(gate),
    FIELD(gate, tokens), FIELD(gate, pad), FIELD(gate, owner), FIELD(gate, pad2),

    WHOLE(entry),
    FIELD(entry, end), FIELD(entry, client), FIELD(entry, generation), FIELD(entry, consumed),
    FIELD(entry, lines), FIELD(entry, people), FIELD(entry, time), FIELD(entry, said),
    FIELD(entry, kind), FIELD(entry, slot), FIELD(entry, flags),

    WHOLE(room_shared),
    FIELD(room_shared, count), FIELD(room_shared, held), FIELD(room_shared, waiting),
    FIELD(room_shared, pad),
    FIELD(room_shared, ledger_limit), FIELD(room_shared, text_limit),
    FIELD(room_shared, text_high), FIELD(room_shared, ledger_high), FIELD(room_shared, orders),
    FIELD(room_shared, epoch), FIELD(room_shared, pinged),
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
    WHOLE(tally), FIELD(tally, since_us), FIELD(tally, row),

    MANY(slot, SLOT_COUNT),
    FIELD(slot, asleep), FIELD(slot, pad), FIELD(slot, cursor), FIELD(slot, guard),
    FIELD(slot, overrun_floor), FIELD(slot, heartbeat), FIELD(slot, state), FIELD(slot, at_gate),
    FIELD(slot, clients), FIELD(slot, pad2), FIELD(slot, incarnation), FIELD(slot, pid),
    FIELD(slot, pidfd), FIELD(slot, entry), FIELD(slot, fault), FIELD(slot, deaths),
    FIELD(slot, epoll_fd), FIELD(slot, bell_fd), FIELD(slot, died), FIELD(slot, cause), FIELD(slot, reaper), FIELD(slot, pad3), FIELD(slot, breadcrumb),
    FIELD(slot, last_breadcrumb), FIELD(slot, pad4), FIELD(slot, stats), FIELD(slot, pad5),
    FIELD(slot, tally), FIELD(slot, refused), FIELD(slot, pad6),

    WHOLE(facts),
    FIELD(facts, consumed), FIELD(facts, seen), FIELD(facts, base), FIELD(facts, pos),
    FIELD(facts, tx_len), FIELD(facts, tx), FIELD(facts, rx), FIELD(facts, line_buffer),
    FIELD(facts, tat), FIELD(facts, last_input), FIELD(facts, lines_lost),
    FIELD(facts, list_next), FIELD(facts, lines_dropped), FIELD(facts, reply_client),
    FIELD(facts, reply_generation), FIELD(facts, flags), FIELD(facts, line_len),
    FIELD(facts, sub_len), FIELD(facts, raw_off), FIELD(facts, ring), FIELD(facts, wire),
    FIELD(facts, telnet), FIELD(facts, http), FIELD(facts, last), FIELD(facts, last_len),
    FIELD(facts, behind), FIELD(facts, columns), FIELD(facts, header_len), FIELD(facts, kind),
    FIELD(facts, websocket), FIELD(facts, web), FIELD(facts, pad), FIELD(facts, re),
    FIELD(facts, spare),

    WHOLE(client),
    FIELD(client, sent), FIELD(client, bias), FIELD(client, active), FIELD(client, mode),
    FIELD(client, slot), FIELD(client, port), FIELD(client, received), FIELD(client, state_word),
    FIELD(client, cookie), FIELD(client, addr), FIELD(client, facts),

    WHOLE(client_name), FIELD(client_name, text), WHOLE(remote_name), FIELD(remote_name, text),

    WHOLE(name_entry),
    FIELD(name_entry, key), FIELD(name_entry, index), FIELD(name_entry, owner),

    MANY(origin, ORIGIN_ROWS), FIELD(origin, tat),

    WHOLE(ban), FIELD(ban, network), FIELD(ban, pad), FIELD(ban, until_ms), FIELD(ban, reason),
    WHOLE(mute), FIELD(mute, until_ms), FIELD(mute, key), FIELD(mute, addr), FIELD(mute, port),
    FIELD(mute, by_address), FIELD(mute, pad), FIELD(mute, name),
    WHOLE(restriction_table), FIELD(restriction_table, bans), FIELD(restriction_table, mutes),
    FIELD(restriction_table, ban), FIELD(restriction_table, mute),
    WHOLE(restrictions), FIELD(restrictions, generation), FIELD(restrictions, copy),

    WHOLE(correspondent),
    FIELD(correspondent, client), FIELD(correspondent, generation), FIELD(correspondent, label),

    MANY(request, REQUESTS),
    FIELD(request, id), FIELD(request, order), FIELD(request, state), FIELD(request, tries),
    FIELD(request, verb), FIELD(request, text), FIELD(request, outcome),

    WHOLE(rx_buffer), FIELD(rx_buffer, raw), FIELD(rx_buffer, sub), FIELD(rx_buffer, line),
    WHOLE(tx_buffer), FIELD(tx_buffer, next), FIELD(tx_buffer, pad), FIELD(tx_buffer, data),

    WHOLE(ignore_list), FIELD(ignore_list, row), FIELD(ignore_list, more), FIELD(ignore_list, pad),
    WHOLE(ignore_more), FIELD(ignore_more, row),

    WHOLE(stream_id), FIELD(stream_id, ms), FIELD(stream_id, seq),
    WHOLE(relay_node), FIELD(relay_node, name), FIELD(relay_node, life), FIELD(relay_node, mark),
    FIELD(relay_node, turn), FIELD(relay_node, lines), FIELD(relay_node, people), FIELD(relay_node, state),
    WHOLE(relay_place), FIELD(relay_place, index), FIELD(relay_place, in), FIELD(relay_place, floor), FIELD(relay_place, from), FIELD(relay_place, acked),
    FIELD(relay_place, life), FIELD(relay_place, former), FIELD(relay_place, name), FIELD(relay_place, turn), FIELD(relay_place, own_lines), FIELD(relay_place, acked_lines),
    FIELD(relay_place, link_said), FIELD(relay_place, filled), FIELD(relay_place, pad), FIELD(relay_place, node),
    WHOLE(relay), FIELD(relay, place), FIELD(relay, turn), FIELD(relay, link), FIELD(relay, since), FIELD(relay, lag),
    FIELD(relay, lines_out), FIELD(relay, lines_in), FIELD(relay, skipped_out),
    FIELD(relay, skipped_in), FIELD(relay, refused), FIELD(relay, peer), FIELD(relay, state), FIELD(relay, asked),
    FIELD(relay, begun),
    WHOLE(side_foreign), FIELD(side_foreign, life), FIELD(side_foreign, mark), FIELD(side_foreign, in),
    FIELD(side_foreign, node), FIELD(side_foreign, turn), FIELD(side_foreign, lines), FIELD(side_foreign, people),
    FIELD(side_foreign, state), FIELD(side_foreign, pad),

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
    NUMBER(ENC_UTF8), NUMBER(ENC_GBK), NUMBER(ENC_BIG5), NUMBER(ENC_GB18030), COUNT(ENC_COUNT),
    NUMBER(RING_JSON), NUMBER(RING_SIDE), NUMBER(RING_COUNT), NUMBER(ID_EPOCH), NUMBER(ID_INDEX),
    NUMBER(WEB_BOT), NUMBER(WEB_RE), NUMBER(WEB_AWAY), NUMBER(WEB_TAKES),
    NUMBER(LANG_EN), NUMBER(LANG_ZH), NUMBER(SLOW_SKIP), NUMBER(SLOW_DISCONNECT),
    NUMBER(ENTRY_GENESIS), NUMBER(ENTRY_SPEECH), NUMBER(ENTRY_JOIN), NUMBER(ENTRY_LEAVE),
    NUMBER(ENTRY_NICK), NUMBER(ENTRY_PRIVATE), NUMBER(ENTRY_SYSTEM), NUMBER(ENTRY_KICK),
    NUMBER(ENTRY_MOVE), NUMBER(ENTRY_PING), NUMBER(ENTRY_NODE), NUMBER(ENTRY_NOTE), NUMBER(ENTRY_FOREIGN), NUMBER(ENTRY_STAMPED), NUMBER(ENTRY_EARLIER), NUMBER(ENTRY_RE), NUMBER(ENTRY_AFTER_CR), NUMBER(ENTRY_BARE), NUMBER(ENTRY_ACTION), NUMBER(NO_CLIENT),
    NUMBER(SLOT_UNUSED), NUMBER(SLOT_DEAD), NUMBER(SLOT_ADOPTING), NUMBER(SLOT_SERVING),
    NUMBER(SLOT_RETIRING), NUMBER(RELAY_NOTE_NOBODY), NUMBER(RELAY_NOTE_UNREAD), NUMBER(RELAY_NOTE_LINK), NUMBER(RELAY_LINK), NUMBER(RELAY_SLOT), NUMBER(TRANSCRIPT_SLOT), NUMBER(MASTER_SLOT), NUMBER(GUARDIAN_SLOT), NUMBER(ORDER_RELOAD), NUMBER(ORDER_REOPEN), NUMBER(ORDER_UPGRADE), NUMBER(ORDER_STOP), NUMBER(ORDER_STORE), NUMBER(EXECUTE_ASKED), NUMBER(EXECUTE_FAILED), NUMBER(EXECUTE_DONE), NUMBER(SHUTDOWN_BEGUN), NUMBER(SHUTDOWN_ENDED), NUMBER(SLOT_TAG),
    NUMBER(KIND_TAG), NUMBER(KIND_WEB), NUMBER(CLIENT_UPGRADED), NUMBER(HEADER_ABSENT),
    NUMBER(BREADCRUMB_NONE), NUMBER(BREADCRUMB_ADOPT), NUMBER(BREADCRUMB_INPUT),
    NUMBER(BREADCRUMB_APPLY), NUMBER(BREADCRUMB_FLUSH), NUMBER(BREADCRUMB_DISK),
    NUMBER(LISTENER_UNUSED), NUMBER(LISTENER_SERVING), NUMBER(LISTENER_DRAINING),
    NUMBER(LOG_TO_FD), NUMBER(LOG_TO_SYSLOG),
    NUMBER(ORIGIN_CONNECTIONS), NUMBER(ORIGIN_LINES),
    NUMBER(ORIGIN_LOG_CONNECTED), NUMBER(ORIGIN_LOG_OTHERS),
    NUMBER(TALLY_UNHEARD), NUMBER(TALLY_CONNECTED), NUMBER(TALLY_NAMED),
    NUMBER(REFUSED_RATE), NUMBER(REFUSED_FULL), NUMBER(REFUSED_ADDRESS), NUMBER(REFUSED_BANNED), NUMBER(REFUSED_MEMORY),
    NUMBER(REFUSED_HTTP), COUNT(REFUSED_REASONS),
    NUMBER(TALLY_DISCONNECTED), NUMBER(TALLY_REFUSED), NUMBER(TALLY_UNPOLLED), NUMBER(TALLY_ASKED),
    NUMBER(REQUEST_FREE), NUMBER(REQUEST_ASKED), NUMBER(REQUEST_TAKEN),
    NUMBER(REQUEST_EXECUTING), NUMBER(REQUEST_DONE), NUMBER(REQUEST_REFUSED), COUNT(REQUESTS),
    NUMBER(FACT_MUTED), NUMBER(FACT_KICKED), NUMBER(KIND_TELNET), NUMBER(KIND_CONTROL), NUMBER(KIND_METRICS),
    NUMBER(ENC_SHIFT_JIS), NUMBER(ENC_EUC_JP), NUMBER(ENC_EUC_KR), NUMBER(ENC_KOI8_R), NUMBER(ENC_WINDOWS_1251),
    NUMBER(ENC_WINDOWS_1252), NUMBER(ENC_ISO_8859_1), NUMBER(ENC_ISO_8859_15),
    NUMBER(RELAY_NODE_UNUSED), NUMBER(RELAY_NODE_AWAY), NUMBER(RELAY_NODE_HERE), NUMBER(RELAY_EARLIER),
    NUMBER(STANDBY_NONE), NUMBER(STANDBY_WATCHES), NUMBER(STANDBY_ACTS), NUMBER(STANDBY_RETURNS), NUMBER(GROWTH_CLIENTS), NUMBER(TX_BUFFERS_MIN), NUMBER(TX_CLIENTS), NUMBER(IGNORE_MORE_MIN),
    NUMBER(IGNORE_MORE_CLIENTS), NUMBER(IGNORE_ROWS),
    NUMBER(LAYOUT_MEANING),
};
/* clang-format on */

enum { LAYOUT_ROWS = sizeof layout_table / sizeof layout_table[0] };
_Static_assert((int)LAYOUT_ROWS <= (int)LAYOUT_ROWS_MAX, "segment_convert reads no longer table");

struct layout layout_own(void) {
    return (struct layout){layout_table, LAYOUT_ROWS};
}

static uint32_t layout_mix(uint32_t hash, uint32_t value) {
    for (int i = 0; i < 4; i++) /* FNV-1a */
        hash = (hash ^ (value >> 8 * i & 0xff)) * 16777619u;
    return hash;
}

/* Names do not count: the segment is the same under another name. */
uint32_t layout_number(void) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < LAYOUT_ROWS; i++)
        hash = layout_mix(layout_mix(hash, layout_table[i].offset), layout_table[i].size);
    return hash;
}

const struct layout_row *layout_find(const struct layout *layout, const char *type,
                                     const char *field) {
    for (size_t i = 0; i < layout->count; i++) {
        const struct layout_row *row = &layout->row[i];
        if (strcmp(row->field, field) == 0 && strcmp(row->type, type) == 0)
            return row;
    }
    return NULL;
}

size_t layout_size(const struct layout *layout, const char *type) {
    const struct layout_row *row = layout_find(layout, type, "");
    return row ? (size_t)row->offset * row->size : 0;
}

static const struct layout_row layout_51d9f54a[] = {
#include "ipc/layout_51d9f54a.h"
};

struct layout layout_recorded(uint32_t number) {
    if (number != 0x51d9f54a)
        return (struct layout){NULL, 0};
    return (struct layout){layout_51d9f54a, sizeof layout_51d9f54a / sizeof layout_51d9f54a[0]};
}
