/* http2_session.h - one HTTP/2 connection without its socket: bytes in, bytes out, calls handed to
 * gRPC. Private to net/.
 *
 * Knows no libuv, so that tests and the fuzzer drive it from memory. One thread at a time. */
#ifndef WEFT_NET_HTTP2_SESSION_H
#define WEFT_NET_HTTP2_SESSION_H

#include "net/grpc_call.h"
#include "base/buf.h"

struct h2_session;

/* The server's SETTINGS wait to be sent. `host` and `user` are borrowed; `wants_output(user)` is
 * called when an answer was added outside of h2_session_receive(). The caller ends it with
 * h2_session_free. NULL: no memory. */
struct h2_session *h2_session_new(struct grpc_host *host, const char *peer,
                                  void (*wants_output)(void *user), void *user, uint64_t now_ns);
/* Calls that a handler still has live on without the session until they are answered. */
void h2_session_free(struct h2_session *s);

/* Parses; handlers run inside. False: send what is left, then close (flood, protocol error). */
bool h2_session_receive(struct h2_session *s, struct str bytes, uint64_t now_ns);
/* Appends at least one frame when there is one, and goes on until about `enough` bytes are in *out.
 */
bool h2_session_output(struct h2_session *s, struct buf *out, size_t enough);
/* Once a second or so: time limits, PING of idle peers. False: close. */
bool h2_session_tick(struct h2_session *s, uint64_t now_ns);
/* GOAWAY that still lets calls already on the way in. */
void h2_session_drain(struct h2_session *s);
/* Nothing is left to read or to send. */
bool h2_session_is_done(const struct h2_session *s);

/* For grpc_call.c: sends an answer; time of the current event; a message was complete. */
void h2_session_answer(struct h2_session *s, struct grpc_call *call);
uint64_t h2_session_now(const struct h2_session *s);
void h2_session_did_work(struct h2_session *s);

#endif
