/* http2_session.c - nghttp2 glue: server sessions whose streams are gRPC calls. */
#include "net/http2_session.h"
#include "net/http2_guard.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/status_wire.h"
#include <nghttp2/nghttp2.h>
#include <stdio.h>

enum {
    STREAM_WINDOW = MIB, /* 64 KiB, the default, made a 238 KB request 2.5 times slower */
    CONNECTION_WINDOW = 16 * MIB,
    SETTINGS_ENTRIES = 32,
    OUTBOUND_ACKS = 1000,
};
#define PING_ANSWER_NS (20 * NS_PER_S)

struct h2_session {
    nghttp2_session *ng; /* owned */
    struct grpc_host *host;
    void (*wants_output)(void *user);
    void *user;
    struct list calls; /* of open streams */
    struct http2_guard guard;
    uint64_t now_ns, born_ns, heard_ns; /* this event; start; last whole frame */
    uint64_t pinged_ns;                 /* 0: no PING of ours is out */
    const char *abuse;                  /* why the connection is closed; static storage */
    bool greeted;                       /* the client's SETTINGS came */
    bool receiving, said_goodbye, failed;
    uint8_t drain_ticks;
    char peer[ADDR_TEXT_BYTES];
};

/* --- nghttp2 callbacks: what arrives --- */

static struct grpc_call *call_of(struct h2_session *s, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(s->ng, stream_id);
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *s = user;
    s->guard.list_bytes = 0;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct grpc_call *call = grpc_call_new(s->host, s, frame->hd.stream_id, s->peer, s->now_ns);
    if (call == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    list_add_tail(&s->calls, &call->link);
    nghttp2_session_set_stream_user_data(ng, frame->hd.stream_id, call);
    return 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct h2_session *s = user;
    struct grpc_call *call = call_of(s, frame->hd.stream_id);
    (void)ng, (void)flags;
    s->abuse = http2_guard_field(&s->guard, name_len + value_len);
    if (s->abuse)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (call && call->state == CALL_HEAD)
        grpc_call_field(call, (struct str){(const char *)name, name_len},
                        (struct str){(const char *)value, value_len});
    return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t stream_id, const uint8_t *bytes,
                   size_t len, void *user)
{
    struct grpc_call *call = call_of(user, stream_id);
    (void)ng, (void)flags;
    if (call)
        grpc_call_data(call, (struct str){(const char *)bytes, len});
    return 0;
}

static void end_of_part(struct h2_session *s, const nghttp2_frame *frame)
{
    struct grpc_call *call = call_of(s, frame->hd.stream_id);
    if (call == NULL)
        return;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        call->remote_ended = true;
    if (call->state == CALL_HEAD)
        grpc_call_head_end(call);
    if (call->remote_ended)
        grpc_call_end(call);
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *s = user;
    (void)ng;
    s->heard_ns = s->now_ns;
    s->pinged_ns = 0;
    switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
        s->greeted = true;
        return 0;
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        end_of_part(s, frame);
        return 0;
    default:
        return 0;
    }
}

static uint32_t count_calls(struct h2_session *s)
{
    uint32_t count = 0;
    LIST_EACH(node, &s->calls)
    {
        count++;
    }
    return count;
}

/* nghttp2 resets the stream (or ends the connection) for it; parsing stops when that is too often.
 */
static int on_invalid_frame(nghttp2_session *ng, const nghttp2_frame *frame, int error, void *user)
{
    struct h2_session *s = user;
    (void)ng, (void)error;
    bool one_too_many =
        frame->hd.type == NGHTTP2_HEADERS && count_calls(s) >= s->host->config->limits.streams;
    stat_add(one_too_many ? &s->host->stats->refused_streams : &s->host->stats->protocol_errors);
    s->abuse = http2_guard_reset(&s->guard, s->now_ns);
    return s->abuse ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* --- nghttp2 callbacks: what leaves --- */

static bool ends_stream(const nghttp2_frame *frame)
{
    return (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
           (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
}

static int on_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_session *s = user;
    /* The last GOAWAY of grpc-go names a stream of its own, which nghttp2 takes for an error. */
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR &&
        !s->abuse && !s->guard.peer_leaves)
        stat_add(&s->host->stats->protocol_errors);
    if (!ends_stream(frame))
        return 0;
    struct grpc_call *call = call_of(s, frame->hd.stream_id);
    if (call && !call->remote_ended)
        nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
}

static void detach(struct h2_session *s, struct grpc_call *call)
{
    if (call->state != CALL_ANSWERED)
        stat_add(&s->host->stats->aborted);
    if (call->state == CALL_HEAD || call->state == CALL_BODY)
        grpc_call_tell_unseen(call, ST_OK);
    if (call->state != CALL_HELD) {
        grpc_call_free(call);
        return;
    }
    list_remove(&call->link);
    call->session = NULL;
}

static int on_stream_close(nghttp2_session *ng, int32_t stream_id, uint32_t error, void *user)
{
    struct h2_session *s = user;
    struct grpc_call *call = call_of(s, stream_id);
    (void)error;
    if (call == NULL)
        return 0;
    nghttp2_session_set_stream_user_data(ng, stream_id, NULL);
    detach(s, call);
    return 0;
}

/* --- life --- */

static void *ng_malloc(size_t bytes, void *user)
{
    (void)user;
    return mem_alloc(bytes);
}

static void ng_free(void *ptr, void *user)
{
    (void)user;
    mem_free(ptr);
}

static void *ng_calloc(size_t count, size_t bytes, void *user)
{
    (void)user;
    return mem_calloc(count, bytes);
}

static void *ng_realloc(void *ptr, size_t bytes, void *user)
{
    (void)user;
    return mem_realloc(ptr, bytes);
}

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *c;
    if (nghttp2_session_callbacks_new(&c) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    return c;
}

static nghttp2_option *make_options(void)
{
    nghttp2_option *o;
    if (nghttp2_option_new(&o) != 0)
        return NULL;
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_max_settings(o, SETTINGS_ENTRIES);
    nghttp2_option_set_max_outbound_ack(o, OUTBOUND_ACKS);
    return o;
}

static int open_ng(struct h2_session *s)
{
    nghttp2_mem mem = {NULL, ng_malloc, ng_free, ng_calloc, ng_realloc};
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *options = make_options();
    int rc = callbacks && options ? nghttp2_session_server_new3(&s->ng, callbacks, s, options, &mem)
                                  : NGHTTP2_ERR_NOMEM;
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(options);
    return rc;
}

static int greet(struct h2_session *s)
{
    const struct limits *limits = &s->host->config->limits;
    /* SETTINGS_NO_RFC7540_PRIORITIES stays unset: with it nghttp2 1.52 frees an answer twice when
     * memory is short (the allocation walk found it). The guard bounds PRIORITY frames instead. */
    nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->header_list_bytes},
    };
    int rc = nghttp2_submit_settings(s->ng, NGHTTP2_FLAG_NONE, entries, LEN(entries));
    if (rc != 0)
        return rc;
    return nghttp2_session_set_local_window_size(s->ng, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
}

struct h2_session *h2_session_new(struct grpc_host *host, const char *peer,
                                  void (*wants_output)(void *user), void *user, uint64_t now_ns)
{
    struct h2_session *s = mem_calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->host = host;
    s->wants_output = wants_output;
    s->user = user;
    s->now_ns = s->born_ns = s->heard_ns = now_ns;
    s->guard = http2_guard_of(host->config->limits.header_list_bytes, now_ns);
    list_init(&s->calls);
    snprintf(s->peer, sizeof(s->peer), "%s", peer);
    if (open_ng(s) == 0 && greet(s) == 0)
        return s;
    h2_session_free(s);
    return NULL;
}

void h2_session_free(struct h2_session *s)
{
    if (s == NULL)
        return;
    nghttp2_session_del(s->ng);
    LIST_EACH(node, &s->calls)
    detach(s, CONTAINER_OF(node, struct grpc_call, link));
    mem_free(s);
}

/* --- bytes in and out --- */

static bool end_abuse(struct h2_session *s)
{
    if (!s->failed) {
        stat_add(&s->host->stats->abusive);
        log_limited(LOG_WARN, "grpc: connection closed peer=%s reason=\"%s\"", s->peer, s->abuse);
        nghttp2_session_terminate_session(s->ng, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    s->failed = true;
    return false;
}

/* nghttp2 gave up on the peer. FLOODED is a flood that its own counters saw first. */
static bool end_fatal(struct h2_session *s, ssize_t rc)
{
    if (rc == NGHTTP2_ERR_FLOODED)
        s->abuse = "flood that nghttp2 counted";
    if (s->abuse)
        return end_abuse(s);
    stat_add(&s->host->stats->protocol_errors);
    nghttp2_session_terminate_session(s->ng, NGHTTP2_INTERNAL_ERROR);
    s->failed = true;
    return false;
}

bool h2_session_receive(struct h2_session *s, struct str bytes, uint64_t now_ns)
{
    if (s->failed)
        return false;
    s->now_ns = now_ns;
    s->abuse = http2_guard_scan(&s->guard, bytes, now_ns);
    if (s->abuse)
        return end_abuse(s);
    s->receiving = true;
    ssize_t rc = nghttp2_session_mem_recv(s->ng, (const uint8_t *)bytes.ptr, bytes.len);
    s->receiving = false;
    return rc < 0 ? end_fatal(s, rc) : true;
}

bool h2_session_output(struct h2_session *s, struct buf *out, size_t enough)
{
    while (out->len < enough) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(s->ng, &bytes);
        if (n < 0)
            return false;
        if (n == 0)
            break;
        buf_append(out, bytes, (size_t)n);
    }
    return !out->failed;
}

bool h2_session_is_done(const struct h2_session *s)
{
    if (s->said_goodbye && list_is_empty(&s->calls) && !nghttp2_session_want_write(s->ng))
        return true;
    return !nghttp2_session_want_read(s->ng) && !nghttp2_session_want_write(s->ng);
}

/* --- time --- */

static bool is_slow(struct h2_session *s)
{
    const struct limits *limits = &s->host->config->limits;
    uint64_t since = s->greeted ? s->guard.head_since_ns : s->born_ns;
    return since && s->now_ns >= since + limits->head_ns;
}

/* Slow bodies end their stream only; an answer that nobody reads ends the connection. */
static bool calls_in_time(struct h2_session *s)
{
    LIST_EACH(node, &s->calls)
    {
        struct grpc_call *call = CONTAINER_OF(node, struct grpc_call, link);
        if (call->state == CALL_ANSWERED &&
            s->now_ns >= call->answered_ns + s->host->config->limits.idle_ns)
            return false;
        if (grpc_call_in_time(call, s->now_ns))
            continue;
        struct err e;
        err_set(&e, ST_TIMEOUT, "the message came too slowly");
        stat_add(&s->host->stats->slow_bodies);
        grpc_call_refuse(call, &e, 0);
    }
    return true;
}

/* A peer that vanished without a word is found within 60 s by the default limits. */
static bool ping_in_time(struct h2_session *s)
{
    if (s->pinged_ns)
        return s->now_ns < s->pinged_ns + PING_ANSWER_NS;
    if (s->now_ns >= s->heard_ns + s->host->config->limits.idle_ns / 2) {
        s->pinged_ns = s->now_ns;
        nghttp2_submit_ping(s->ng, NGHTTP2_FLAG_NONE, NULL);
        s->wants_output(s->user);
    }
    return true;
}

bool h2_session_tick(struct h2_session *s, uint64_t now_ns)
{
    s->now_ns = now_ns;
    if (is_slow(s)) {
        stat_add(&s->host->stats->slow_heads);
        return false;
    }
    if (!calls_in_time(s) || !ping_in_time(s)) {
        stat_add(&s->host->stats->idle);
        return false;
    }
    if (s->drain_ticks && --s->drain_ticks == 0) {
        int32_t last = nghttp2_session_get_last_proc_stream_id(s->ng);
        nghttp2_submit_goaway(s->ng, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
        s->said_goodbye = true;
        s->wants_output(s->user);
    }
    return true;
}

void h2_session_drain(struct h2_session *s)
{
    if (s->drain_ticks || s->said_goodbye)
        return;
    nghttp2_submit_shutdown_notice(s->ng);
    s->drain_ticks = 2;
    s->wants_output(s->user);
}

uint64_t h2_session_now(const struct h2_session *s)
{
    return s->now_ns;
}

void h2_session_did_work(struct h2_session *s)
{
    http2_guard_work(&s->guard);
}

/* --- answers --- */

static nghttp2_nv nv_of(const char *name, struct str value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value.ptr, strlen(name),
                        value.len, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

static ssize_t read_answer(nghttp2_session *ng, int32_t stream_id, uint8_t *out, size_t cap,
                           uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct grpc_call *call = source->ptr;
    size_t n = MIN(cap, call->answer.len - call->answer_sent);
    (void)user;
    memcpy(out, call->answer.ptr + call->answer_sent, n);
    call->answer_sent += n;
    if (call->answer_sent == call->answer.len) {
        nghttp2_nv ok = nv_of("grpc-status", STR("0"));
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(ng, stream_id, &ok, 1);
    }
    return (ssize_t)n;
}

/* The fields of the first (or only) HEADERS of an answer; at most 6. */
static size_t answer_fields(struct grpc_call *call, nghttp2_nv nv[6])
{
    size_t n = 0;
    snprintf(call->status_text, sizeof(call->status_text), "%u", call->http_status % 1000);
    nv[n++] = nv_of(":status", str_from_c(call->status_text));
    nv[n++] = nv_of("content-type", STR("application/grpc"));
    nv[n++] = nv_of("grpc-accept-encoding", str_from_c(call->host->config->grpc_accept_encoding));
    return n;
}

static int submit(struct h2_session *s, struct grpc_call *call)
{
    nghttp2_nv nv[6];
    size_t n = answer_fields(call, nv);
    char number[12];
    if (call->http_status != 200)
        return nghttp2_submit_response(s->ng, call->stream_id, nv, 1, NULL);
    if (call->grpc_status == 0) {
        nghttp2_data_provider source = {.source.ptr = call, .read_callback = read_answer};
        return nghttp2_submit_response(s->ng, call->stream_id, nv, n, &source);
    }
    snprintf(number, sizeof(number), "%u", call->grpc_status);
    nv[n] = nv_of("grpc-status", str_from_c(number));
    nv[n++].flags = NGHTTP2_NV_FLAG_NONE; /* `number` is on this stack */
    nv[n++] = nv_of("grpc-message", buf_str(&call->answer));
    if (call->details.len)
        nv[n++] = nv_of("grpc-status-details-bin", buf_str(&call->details));
    return nghttp2_submit_response(s->ng, call->stream_id, nv, n, NULL);
}

void h2_session_answer(struct h2_session *s, struct grpc_call *call)
{
    call->answered_ns = s->now_ns;
    if (submit(s, call) != 0)
        nghttp2_submit_rst_stream(s->ng, NGHTTP2_FLAG_NONE, call->stream_id,
                                  NGHTTP2_INTERNAL_ERROR);
    if (!s->receiving)
        s->wants_output(s->user);
}
