/* grpc_call.h - one unary call from its first header field to its trailers: framing, dispatch,
 * answer. Private to net/. */
#ifndef WEFT_NET_GRPC_CALL_H
#define WEFT_NET_GRPC_CALL_H

#include "net/body.h"
#include "net/fields.h"
#include "net/net_stats.h"
#include "net/server.h"
#include "base/mailbox.h"
#include "net/listener.h"

/* What calls need from their worker. One a worker; borrowed by every session and call of it. */
struct grpc_host {
    const struct net_config *config; /* borrowed */
    struct net_stats *stats;         /* borrowed */
    /* Brings an answered call back to its loop thread, which then calls grpc_call_deliver(). Any
     * thread. */
    void (*deliver)(struct grpc_call *call, void *user);
    void *user;
    struct list free_calls; /* pool; loop thread only */
    unsigned free_count;
};

/* Prepares an empty pool; `deliver` and `user` are the caller's to set. */
void grpc_host_init(struct grpc_host *host, const struct net_config *config,
                    struct net_stats *stats);
/* Frees the pool. */
void grpc_host_deinit(struct grpc_host *host);

enum call_state {
    CALL_HEAD,     /* header fields arrive */
    CALL_BODY,     /* the message arrives */
    CALL_HELD,     /* the handler has it; only mail brings it back */
    CALL_ANSWERED, /* the answer waits for nghttp2 to send it; what still arrives is discarded */
};

struct h2_session;

struct grpc_call {
    struct mail mail; /* first: travels to the loop with the answer */
    struct list link; /* in session->calls, or in the pool */
    struct grpc_host *host;
    struct h2_session *session; /* borrowed; NULL once the stream is closed; loop thread only */
    int32_t stream_id;
    enum call_state state;
    bool remote_ended; /* the client's END_STREAM was seen */
    bool head_too_big;

    struct fields fields; /* with ":path" and ":method" */
    char peer[ADDR_TEXT_BYTES];
    const struct grpc_method *method;
    unsigned char prefix[5];
    unsigned prefix_len;
    struct body body;
    uint64_t begun_ns, answered_ns;

    unsigned http_status, grpc_status; /* of the answer */
    struct buf answer;  /* message with prefix, or the percent-encoded grpc-message */
    struct buf details; /* base64 of google.rpc.Status */
    size_t answer_sent;
    char status_text[4];
};

/* From the pool; NULL when memory is short. Loop thread, as everything below. */
struct grpc_call *grpc_call_new(struct grpc_host *host, struct h2_session *session, int32_t id,
                                const char *peer, uint64_t now_ns);
void grpc_call_free(struct grpc_call *call);
void grpc_call_field(struct grpc_call *call, struct str name, struct str value);
/* The header list is complete: finds the method. A wrong call is answered at once. */
void grpc_call_head_end(struct grpc_call *call);
void grpc_call_data(struct grpc_call *call, struct str bytes);
/* The client's END_STREAM: hands the message to the handler, or answers why not. */
void grpc_call_end(struct grpc_call *call);
/* False when the body is slower than the limits allow. */
bool grpc_call_in_time(const struct grpc_call *call, uint64_t now_ns);
/* Tells net_config.unseen of a call that no handler sees; ST_OK: its client went away. */
void grpc_call_tell_unseen(const struct grpc_call *call, enum status why);
/* Answers in net's own name; also used by grpc_fail(). `retry_seconds` 0: no RetryInfo. */
void grpc_call_refuse(struct grpc_call *call, const struct err *e, unsigned retry_seconds);
/* An answered call is back on its loop: sends it, or frees it when the stream is gone. */
void grpc_call_deliver(struct grpc_call *call);

#endif
