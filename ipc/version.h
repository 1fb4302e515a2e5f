/* version.h - what this program calls itself. */
#ifndef IPC_VERSION_H
#define IPC_VERSION_H

#ifndef CHATROOM_VERSION
#define CHATROOM_VERSION "1.0"
#endif

#endif
