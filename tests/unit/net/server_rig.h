/* server_rig.h - a real net_server on loopback whose handlers echo, hold or answer at length; and
 * blocking raw sockets. */
#ifndef WEFT_TESTS_UNIT_NET_SERVER_RIG_H
#define WEFT_TESTS_UNIT_NET_SERVER_RIG_H

#include "net/server.h"
#include <pthread.h>

/* QUIET_MS: long for any machine, and less than the default time for a head. */
enum { RIG_MAX_HELD = 8, QUIET_MS = 8000 };

struct server_rig {
    struct net_config config; /* change it between init and start */
    struct net_server *server;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_exchange *held[RIG_MAX_HELD]; /* of GET /hold */
    struct grpc_call *calls[RIG_MAX_HELD];
    size_t held_count, call_count, handled;
};

void server_rig_init(struct server_rig *rig);
void server_rig_start(struct server_rig *rig);
/* Drains with the given grace, answers what is still held, frees. */
void server_rig_stop(struct server_rig *rig, uint64_t grace_ns);
/* Waits until n exchanges (calls) are held; false after 30 s. */
bool server_rig_wait_held(struct server_rig *rig, size_t exchanges, size_t calls);
/* From this thread: 200 and the text. */
void server_rig_answer(struct http_exchange *x, const char *text);
struct net_counters server_rig_counters(struct server_rig *rig);

/* A blocking client socket. */
int dial(const char *addr);
void say(int fd, struct str bytes);
/* Reads until `until` (may be NULL) is in it, the server closes (*closed), or wait_ms pass without
 * a byte. Returns the length; NUL-ended. */
size_t hear(int fd, char *out, size_t cap, int wait_ms, const char *until, bool *closed);

#endif
