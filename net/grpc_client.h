/* grpc_client.h - unary gRPC calls over one cleartext HTTP/2 connection: what weft's own generators
 * speak. */
#ifndef WEFT_NET_GRPC_CLIENT_H
#define WEFT_NET_GRPC_CLIENT_H

#include "base/err.h"
#include "base/str.h"

struct grpc_client; /* one thread at a time */

/* Connects (blocking) to ADDR:PORT. ST_INVALID a bad address, ST_IO nobody answers. The caller ends
 * *out with grpc_client_close. */
enum status grpc_client_open(const char *addr, struct grpc_client **out, struct err *e);
/* Closes; calls still running are told -1. NULL is allowed. */
void grpc_client_close(struct grpc_client *c);
/* Starts a call; `message` is copied. done(user, grpc_status) comes from grpc_client_run() or
 * _close(); -1: the connection is gone. ST_IO when the connection is gone already (done is not
 * called). */
enum status grpc_client_call(struct grpc_client *c, const char *path, struct str message,
                             void (*done)(void *user, int grpc_status), void *user, struct err *e);
/* Sends what is queued and reads what is there, without waiting. ST_IO once the connection is gone.
 */
enum status grpc_client_run(struct grpc_client *c, struct err *e);
/* For poll(): the socket, and whether there is something to write. */
int grpc_client_fd(const struct grpc_client *c);
bool grpc_client_wants_write(const struct grpc_client *c);
size_t grpc_client_in_flight(const struct grpc_client *c);

#endif
