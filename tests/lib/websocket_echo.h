/* websocket_echo.h - a WebSocket server that echoes, made of the codecs alone: for clients of other
 * makes to be tried against them. */
#ifndef TESTS_LIB_WEBSOCKET_ECHO_H
#define TESTS_LIB_WEBSOCKET_ECHO_H

#include "tests/lib/fail.h"

#include <stdint.h>

enum { WEBSOCKET_ECHO_MAX = 65535 /* bytes of a message */ };

/* Starts it at 127.0.0.1 and returns its port.  It ends with the test. */
uint16_t websocket_echo_start_at(struct where where);
#define websocket_echo_start() websocket_echo_start_at(HERE)

#endif
