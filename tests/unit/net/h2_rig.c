/* h2_rig.c - nghttp2's client side against our server side, without sockets. */
#include "tests/unit/net/h2_rig.h"
#include "base/mem.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void on_call(struct grpc_call *call, void *user)
{
    struct h2_rig *rig = user;
    struct str message = grpc_take_message(call);
    rig->handled++;
    rig->received_len = MIN(message.len, sizeof(rig->received));
    if (message.len)
        memcpy(rig->received, message.ptr, rig->received_len);
    mem_free((void *)(uintptr_t)message.ptr);
    if (rig->hold && rig->held_count < RIG_HELD)
        rig->held[rig->held_count++] = call;
    else
        grpc_reply(call, STR("done"));
}

static void deliver(struct grpc_call *call, void *user)
{
    (void)user;
    grpc_call_deliver(call);
}

static void wants_output(void *user)
{
    (void)user;
}

/* --- what the client sees --- */

static void copy_text(char *out, size_t cap, const uint8_t *value, size_t len)
{
    snprintf(out, cap, "%.*s", (int)len, (const char *)value);
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t len, uint8_t flags, void *user)
{
    struct h2_seen *seen = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
    struct str key = {(const char *)name, name_len};
    (void)flags, (void)user;
    if (seen == NULL)
        return 0;
    if (str_eq(key, STR(":status")))
        seen->http_status = atoi((const char *)value);
    else if (str_eq(key, STR("grpc-status")))
        seen->grpc_status = atoi((const char *)value);
    else if (str_eq(key, STR("grpc-message")))
        copy_text(seen->message, sizeof(seen->message), value, len);
    else if (str_eq(key, STR("grpc-status-details-bin")))
        copy_text(seen->details, sizeof(seen->details), value, len);
    else if (str_eq(key, STR("grpc-accept-encoding")))
        copy_text(seen->accept, sizeof(seen->accept), value, len);
    return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len,
                   void *user)
{
    struct h2_seen *seen = nghttp2_session_get_stream_user_data(ng, id);
    (void)flags, (void)user;
    size_t n = seen ? MIN(len, sizeof(seen->data) - seen->data_len) : 0;
    if (n) {
        memcpy(seen->data + seen->data_len, bytes, n);
        seen->data_len += n;
    }
    return 0;
}

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    struct h2_rig *rig = user;
    (void)ng;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        rig->goaway_code = (int)frame->goaway.error_code;
        rig->goaways++;
    } else if (frame->hd.type == NGHTTP2_RST_STREAM) {
        rig->rst_code = (int)frame->rst_stream.error_code;
    } else if (frame->hd.type == NGHTTP2_PING) {
        rig->pings++;
    }
    return 0;
}

static int on_close(nghttp2_session *ng, int32_t id, uint32_t code, void *user)
{
    struct h2_seen *seen = nghttp2_session_get_stream_user_data(ng, id);
    (void)user;
    if (seen) {
        seen->closed = true;
        seen->close_code = code;
    }
    return 0;
}

static ssize_t read_upload(nghttp2_session *ng, int32_t id, uint8_t *out, size_t cap,
                           uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct h2_upload *up = source->ptr;
    size_t left = up->bytes.len - up->sent;
    size_t n = MIN(MIN(cap, left), up->piece ? up->piece : cap);
    (void)ng, (void)id, (void)user;
    if (n == 0 && up->no_end)
        return NGHTTP2_ERR_DEFERRED;
    if (n)
        memcpy(out, up->bytes.ptr + up->sent, n);
    up->sent += n;
    if (up->sent == up->bytes.len && !up->no_end)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

/* --- life --- */

void h2_rig_init(struct h2_rig *rig)
{
    *rig = (struct h2_rig){.now_ns = NS_PER_S, .goaway_code = -1, .rst_code = -1};
    rig->method = (struct grpc_method){EXPORT_PATH, on_call, rig};
    rig->config = (struct net_config){.limits = limits_default(),
                                      .methods = &rig->method,
                                      .method_count = 1,
                                      .grpc_accept_encoding = "identity,gzip"};
    grpc_host_init(&rig->host, &rig->config, &rig->stats);
    rig->host.deliver = deliver;
}

static void open_client(struct h2_rig *rig)
{
    nghttp2_session_callbacks *c;
    nghttp2_option *o;
    nghttp2_session_callbacks_new(&c);
    nghttp2_option_new(&o);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
    nghttp2_session_client_new2(&rig->client, c, rig, o);
    nghttp2_submit_settings(rig->client, NGHTTP2_FLAG_NONE, NULL, 0);
    nghttp2_session_callbacks_del(c);
    nghttp2_option_del(o);
}

void h2_rig_connect(struct h2_rig *rig)
{
    rig->server = h2_session_new(&rig->host, "127.0.0.1:4242", wants_output, rig, rig->now_ns);
    if (rig->server == NULL)
        return;
    rig->alive = true;
    open_client(rig);
    h2_rig_pump(rig);
}

void h2_rig_deinit(struct h2_rig *rig)
{
    h2_session_free(rig->server);
    nghttp2_session_del(rig->client);
    for (size_t i = 0; i < rig->held_count; i++)
        grpc_reply(rig->held[i], STR("too late"));
    grpc_host_deinit(&rig->host);
    buf_deinit(&rig->wire);
}

/* --- bytes --- */

/* Raw peers have no client session that would tell. */
static void look_for_goaway(struct h2_rig *rig)
{
    const unsigned char *p = (const unsigned char *)rig->wire.ptr;
    for (size_t at = 0; at + 9 <= rig->wire.len;) {
        size_t len = (size_t)p[at] << 16 | (size_t)p[at + 1] << 8 | p[at + 2];
        if (p[at + 3] == NGHTTP2_GOAWAY)
            rig->goaway_code = p[at + 9 + 7];
        at += 9 + len;
    }
}

static bool server_to_client(struct h2_rig *rig)
{
    buf_reset(&rig->wire);
    if (!h2_session_output(rig->server, &rig->wire, 1 * MIB))
        rig->alive = false;
    look_for_goaway(rig);
    if (rig->wire.len)
        nghttp2_session_mem_recv(rig->client, (const uint8_t *)rig->wire.ptr, rig->wire.len);
    return rig->wire.len > 0;
}

static bool client_to_server(struct h2_rig *rig)
{
    const uint8_t *bytes;
    ssize_t n = nghttp2_session_mem_send(rig->client, &bytes);
    if (n > 0 && rig->alive)
        rig->alive = h2_session_receive(rig->server, (struct str){(const char *)bytes, (size_t)n},
                                        rig->now_ns);
    return n > 0;
}

void h2_rig_pump(struct h2_rig *rig)
{
    bool moved = true;
    while (moved) {
        moved = client_to_server(rig);
        moved = server_to_client(rig) || moved;
    }
}

static nghttp2_nv nv_of(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

int32_t h2_rig_call(struct h2_rig *rig, const char *path, const char *type,
                    struct h2_upload *upload, struct h2_seen *seen)
{
    const nghttp2_nv nv[] = {
        nv_of(":method", "POST"),
        nv_of(":scheme", "http"),
        nv_of(":path", path),
        nv_of(":authority", "rig"),
        nv_of("te", "trailers"),
        nv_of("content-type", type),
        nv_of("grpc-timeout", rig->timeout ? rig->timeout : ""),
    };
    nghttp2_data_provider source = {.source.ptr = upload, .read_callback = read_upload};
    *seen = (struct h2_seen){.http_status = -1, .grpc_status = -1};
    size_t count = rig->timeout ? LEN(nv) : LEN(nv) - 1;
    return nghttp2_submit_request(rig->client, NULL, nv, count, &source, seen);
}

void h2_rig_raw(struct h2_rig *rig, struct str bytes)
{
    if (rig->alive)
        rig->alive = h2_session_receive(rig->server, bytes, rig->now_ns);
    server_to_client(rig);
    if (h2_session_is_done(rig->server))
        rig->alive = false;
}

void h2_frame(struct buf *out, unsigned type, unsigned flags, uint32_t stream, struct str payload)
{
    const unsigned char head[9] = {(unsigned char)(payload.len >> 16),
                                   (unsigned char)(payload.len >> 8),
                                   (unsigned char)payload.len,
                                   (unsigned char)type,
                                   (unsigned char)flags,
                                   (unsigned char)(stream >> 24),
                                   (unsigned char)(stream >> 16),
                                   (unsigned char)(stream >> 8),
                                   (unsigned char)stream};
    buf_append(out, head, sizeof(head));
    buf_append_str(out, payload);
}

static void literal(struct buf *out, const char *name, const char *value)
{
    buf_append_u8(out, 0x10);
    buf_append_u8(out, (uint8_t)strlen(name));
    buf_append_str(out, str_from_c(name));
    buf_append_u8(out, (uint8_t)strlen(value));
    buf_append_str(out, str_from_c(value));
}

struct str h2_call_head(void)
{
    static struct buf head;
    if (head.len == 0) {
        literal(&head, ":method", "POST");
        literal(&head, ":scheme", "http");
        literal(&head, ":path", EXPORT_PATH);
        literal(&head, ":authority", "rig");
        literal(&head, "content-type", "application/grpc");
    }
    return buf_str(&head);
}

void h2_rig_tick(struct h2_rig *rig, uint64_t passed_ns)
{
    rig->now_ns += passed_ns;
    if (rig->alive)
        rig->alive = h2_session_tick(rig->server, rig->now_ns);
    h2_rig_pump(rig);
}
