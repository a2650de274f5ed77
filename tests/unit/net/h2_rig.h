/* h2_rig.h - a server session and an nghttp2 client that exchange bytes in memory; frames can be
 * made by hand too. */
#ifndef WEFT_TESTS_UNIT_NET_H2_RIG_H
#define WEFT_TESTS_UNIT_NET_H2_RIG_H

#include "net/http2_session.h"
#include <nghttp2/nghttp2.h>

#define EXPORT_PATH "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

enum { RIG_HELD = 16 };

/* What the client saw of one stream. */
struct h2_seen {
    int http_status, grpc_status; /* -1: none */
    char message[256], details[512], accept[64];
    char data[256];
    size_t data_len;
    bool closed;
    uint32_t close_code;
};

struct h2_rig {
    struct net_config config;
    struct grpc_method method;
    struct net_stats stats;
    struct grpc_host host;
    struct h2_session *server;
    nghttp2_session *client;
    uint64_t now_ns;
    bool alive;          /* the last receive or tick said so */
    const char *timeout; /* grpc-timeout of the next calls; NULL: none */
    bool hold;           /* the handler keeps its calls in `held` */
    struct grpc_call *held[RIG_HELD];
    size_t held_count, handled;
    char received[64 * 1024]; /* the last message */
    size_t received_len;
    int goaway_code, rst_code; /* -1: none seen */
    int pings, goaways;
    struct buf wire; /* server output that the client has not got */
};

/* A message for the client to send: `bytes` with its prefix, in pieces of `piece` (0: as large as
 * possible). */
struct h2_upload {
    struct str bytes;
    size_t piece, sent;
    bool no_end; /* the stream stays open */
};

void h2_rig_init(struct h2_rig *rig);
/* A fresh connection with the settings as they are now; the client's preface is exchanged. */
void h2_rig_connect(struct h2_rig *rig);
void h2_rig_deinit(struct h2_rig *rig);
/* Moves bytes both ways until nobody has any. */
void h2_rig_pump(struct h2_rig *rig);
/* Posts a call; `seen` and `upload` stay with the caller until the stream closes. Returns the
 * stream id. */
int32_t h2_rig_call(struct h2_rig *rig, const char *path, const char *type,
                    struct h2_upload *upload, struct h2_seen *seen);
/* Bytes as a peer without nghttp2 might send them. */
void h2_rig_raw(struct h2_rig *rig, struct str bytes);
/* Appends one frame. */
void h2_frame(struct buf *out, unsigned type, unsigned flags, uint32_t stream, struct str payload);
/* A HEADERS block of a well-formed call, never indexed, so that it is the same each time. */
struct str h2_call_head(void);
void h2_rig_tick(struct h2_rig *rig, uint64_t passed_ns);

#endif
