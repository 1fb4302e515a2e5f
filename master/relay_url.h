/* relay_url.h - the value of `relay`: where the engine is that machines share, and as whom.
 *
 *     redis://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]...][/DB]
 *
 * In user and password %XX is a byte; an address of IPv6 stands in brackets.  Everything before the
 * last @ is user and password, so that a password which contains @ or / needs no %XX.  A reason
 * quotes nothing of the text, because any part of it may be meant as a password.  Pure. */
#ifndef MASTER_RELAY_URL_H
#define MASTER_RELAY_URL_H

#include "ipc/config.h"

#include <stdbool.h>
#include <stddef.h>

enum { RELAY_PORT = 6379, RELAY_DB_MAX = 65535 };

/* Stores addresses, account and database, and nothing of a predecessor's stays; the empty text is
 * "no relay".  False with a reason. */
bool relay_url_parse(const char *text, struct config *config, char *err, size_t err_size);

#endif
