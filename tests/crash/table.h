/* table.h - the table of fault points (ipc/fault_table.h) that a tool shares with the server that
 * it starts. */
#ifndef TESTS_CRASH_TABLE_H
#define TESTS_CRASH_TABLE_H

#include "ipc/fault_table.h"

/* Makes it, and names it in the environment: a server started from then on maps it.  Ends the tool
 * where there is no memory. */
struct fault_table *table_make(void);

#endif
