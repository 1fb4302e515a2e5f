/* judge_web.h - see judge_web.c. */
#ifndef TESTS_CRASH_JUDGE_WEB_H
#define TESTS_CRASH_JUDGE_WEB_H

#include <stdint.h>

uint32_t judge_web(void); /* the number of failures */

#endif
