/* grpc_client.c - unary gRPC calls over one cleartext HTTP/2 connection. */
#include "net/grpc_client.h"

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 64 * KIB, PREFIX_BYTES = 5 };

struct call {
    struct list link;
    struct buf message; /* prefix and message */
    size_t sent;
    int grpc_status; /* -1 until a trailer says it */
    void (*done)(void *user, int grpc_status);
    void *user;
};

struct grpc_client {
    int fd;
    nghttp2_session *session;
    struct list calls;
    size_t in_flight;
    struct buf pending; /* bytes the socket did not take yet */
    size_t pending_at;
    bool gone;
    char authority[64];
    char input[READ_BYTES];
};

static void finish(struct grpc_client *c, struct call *call)
{
    list_remove(&call->link);
    c->in_flight--;
    call->done(call->user, call->grpc_status);
    buf_deinit(&call->message);
    mem_free(call);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    (void)flags, (void)user;
    struct call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    uint64_t status;
    if (call && str_eq((struct str){(const char *)name, name_len}, STR("grpc-status")) &&
        str_to_u64((struct str){(const char *)value, value_len}, &status) && status < 100)
        call->grpc_status = (int)status;
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t code, void *user)
{
    (void)code;
    struct call *call = nghttp2_session_get_stream_user_data(session, stream_id);
    if (call)
        finish(user, call);
    return 0;
}

static ssize_t read_message(nghttp2_session *session, int32_t stream_id, uint8_t *out, size_t len,
                            uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session, (void)stream_id, (void)user;
    struct call *call = source->ptr;
    size_t n = MIN(len, call->message.len - call->sent);
    memcpy(out, call->message.ptr + call->sent, n);
    call->sent += n;
    if (call->sent == call->message.len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static enum status connect_to(const char *addr, int *fd, struct err *e)
{
    int one = 1;
    TRY(net_connect(str_from_c(addr), 0, fd, e));
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) | O_NONBLOCK);
    return ST_OK;
}

static bool make_session(struct grpc_client *c)
{
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return false;
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    int failed = nghttp2_session_client_new(&c->session, callbacks, c);
    nghttp2_session_callbacks_del(callbacks);
    return !failed && nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0) == 0;
}

enum status grpc_client_open(const char *addr, struct grpc_client **out, struct err *e)
{
    struct grpc_client *c = mem_calloc(1, sizeof(*c));
    if (!c)
        return err_set(e, ST_NO_MEMORY, "out of memory");
    list_init(&c->calls);
    enum status st = connect_to(addr, &c->fd, e);
    if (st != ST_OK) {
        mem_free(c);
        return st;
    }
    snprintf(c->authority, sizeof(c->authority), "%s", addr);
    if (!make_session(c)) {
        grpc_client_close(c);
        return err_set(e, ST_NO_MEMORY, "out of memory");
    }
    *out = c;
    return ST_OK;
}

void grpc_client_close(struct grpc_client *c)
{
    if (!c)
        return;
    c->gone = true;
    if (c->session)
        nghttp2_session_del(c->session);
    LIST_EACH(node, &c->calls)
    {
        struct call *call = CONTAINER_OF(node, struct call, link);
        call->grpc_status = -1;
        finish(c, call);
    }
    close(c->fd);
    buf_deinit(&c->pending);
    mem_free(c);
}

static struct call *call_new(struct str message)
{
    struct call *call = mem_calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    call->grpc_status = -1;
    uint8_t prefix[PREFIX_BYTES] = {0, (uint8_t)(message.len >> 24), (uint8_t)(message.len >> 16),
                                    (uint8_t)(message.len >> 8), (uint8_t)message.len};
    buf_append(&call->message, prefix, sizeof(prefix));
    buf_append_str(&call->message, message);
    if (call->message.failed) {
        buf_deinit(&call->message);
        mem_free(call);
        return NULL;
    }
    return call;
}

static nghttp2_nv header(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
                        NGHTTP2_NV_FLAG_NONE};
}

enum status grpc_client_call(struct grpc_client *c, const char *path, struct str message,
                             void (*done)(void *user, int grpc_status), void *user, struct err *e)
{
    if (c->gone)
        return err_set(e, ST_IO, "the connection to %s is gone", c->authority);
    struct call *call = call_new(message);
    if (!call)
        return err_set(e, ST_NO_MEMORY, "out of memory");
    call->done = done;
    call->user = user;
    nghttp2_nv headers[] = {
        header(":method", "POST"),
        header(":scheme", "http"),
        header(":path", path),
        header(":authority", c->authority),
        header("content-type", "application/grpc"),
        header("te", "trailers"),
        header("user-agent", "OTel-OTLP-Exporter-Envoy/weft-demo/" WEFT_VERSION),
    };
    nghttp2_data_provider body = {.source = {.ptr = call}, .read_callback = read_message};
    if (nghttp2_submit_request(c->session, NULL, headers, LEN(headers), &body, call) < 0) {
        buf_deinit(&call->message);
        mem_free(call);
        return err_set(e, ST_IO, "the connection to %s takes no more calls", c->authority);
    }
    list_add_tail(&c->calls, &call->link);
    c->in_flight++;
    return ST_OK;
}

/* Everything nghttp2 has to say goes into pending, pending goes to the socket as far as it takes
 * it. */
static bool flush(struct grpc_client *c)
{
    const uint8_t *bytes;
    ssize_t n;
    while (c->pending.len - c->pending_at < MIB &&
           (n = nghttp2_session_mem_send(c->session, &bytes)) > 0)
        buf_append(&c->pending, bytes, (size_t)n);
    if (c->pending.failed)
        return false;
    while (c->pending_at < c->pending.len) {
        n = send(c->fd, c->pending.ptr + c->pending_at, c->pending.len - c->pending_at,
                 MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->pending_at += (size_t)n;
    }
    buf_reset(&c->pending);
    c->pending_at = 0;
    return true;
}

static bool receive(struct grpc_client *c)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->input, sizeof(c->input), 0);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0 ||
            nghttp2_session_mem_recv(c->session, (const uint8_t *)c->input, (size_t)n) < 0)
            return false;
    }
}

enum status grpc_client_run(struct grpc_client *c, struct err *e)
{
    if (!c->gone && flush(c) && receive(c) && flush(c))
        return ST_OK;
    c->gone = true;
    return err_set(e, ST_IO, "the connection to %s is gone", c->authority);
}

int grpc_client_fd(const struct grpc_client *c)
{
    return c->fd;
}

bool grpc_client_wants_write(const struct grpc_client *c)
{
    return c->pending_at < c->pending.len || nghttp2_session_want_write(c->session);
}

size_t grpc_client_in_flight(const struct grpc_client *c)
{
    return c->in_flight;
}
