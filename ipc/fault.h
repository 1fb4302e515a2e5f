/* fault.h - named points at which a test build may die, stop or fail.
 *
 * FAULT("name") is placed before and after each store to the segment and each system call that
 * recovery depends on.  In the shipped build it is nothing at all.  With -DCHATROOM_FAULTS it
 * counts, in a file that the tests map, how often each point was reached, and acts on the n-th hit
 * as the file says (see fault.c).  The name is the point's place: "module.step.before" or
 * "module.step". */
#ifndef IPC_FAULT_H
#define IPC_FAULT_H

#ifdef CHATROOM_FAULTS
void fault_hit(const char *name);
#define FAULT(name) fault_hit(name)
#else
#define FAULT(name) ((void)0)
#endif

#endif
