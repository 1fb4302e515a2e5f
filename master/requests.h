/* requests.h - carries out what operators ask the master for (ipc/request.h).
 *
 * One table (requests.c) has every verb with its function.  An outcome consists of what the
 * function answers, and of the errors and warnings that were logged meanwhile: so an operator is
 * told what the log is told.  A verb may be carried out twice, if the master dies while it does so;
 * a function that has done it already answers as it did the first time. */
#ifndef MASTER_REQUESTS_H
#define MASTER_REQUESTS_H

#include "master/master.h"

#include <stdbool.h>

/* Carries out the oldest request, if there is one.  False: the server is to end. */
bool requests_run(struct master *m);

#endif
