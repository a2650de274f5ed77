/* http2_conn.c - reads and writes the sockets of the gRPC port.
 *
 * Output is pulled from the session when the socket can take it, a batch at a time. While the
 * kernel takes no more, nothing is read either: a peer that does not read its answers cannot make
 * us queue any (CVE-2019-9517). */
#include "net/http2_conn.h"
#include "net/http2_session.h"
#include "net/wire_guess.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include <stdio.h>
#include <unistd.h>

enum {
    READ_BYTES = 256 * KIB,
    WRITE_BYTES = 64 * KIB, /* pulled at a time; with the socket's own buffer far below 512 KiB */
};
#define LAST_WORD_NS (500 * NS_PER_MS)

struct h2_conn {
    struct list link, dirty;
    struct h2_conns *set;
    uv_tcp_t tcp;
    struct inbound *in;         /* owned */
    struct h2_session *session; /* owned; NULL before the first bytes */
    uint64_t since_ns;          /* accepted; or, while writing, of that write */
    uv_write_t write;
    struct buf unsent; /* what the kernel did not take */
    bool writing, finishing;
};

enum status h2_conns_init(struct h2_conns *set, struct err *e)
{
    list_init(&set->open);
    list_init(&set->dirty);
    set->read_buf = mem_alloc(READ_BYTES);
    if (set->read_buf == NULL)
        return err_set(e, ST_NO_MEMORY, "no memory for a read buffer");
    return ST_OK;
}

void h2_conns_deinit(struct h2_conns *set)
{
    mem_free(set->read_buf);
    buf_deinit(&set->out);
}

/* --- the end of a connection --- */

static void on_closed(uv_handle_t *handle)
{
    struct h2_conn *c = handle->data;
    if (c->in)
        inbound_free(c->in);
    buf_deinit(&c->unsent);
    mem_free(c);
}

static void end(struct h2_conn *c)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    list_remove(&c->link);
    list_remove(&c->dirty);
    h2_session_free(c->session);
    c->session = NULL;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* Ends it, but lets the peer read `answer` and what was written before. */
static void end_gently(struct h2_conn *c, struct str answer)
{
    uv_os_fd_t fd;
    int copy = uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0 ? dup(fd) : -1;
    if (copy >= 0) {
        linger_start(c->set->lingers, copy, c->in, answer, clock_mono_ns() + LAST_WORD_NS);
        c->in = NULL;
    }
    end(c);
}

/* --- writing --- */

static void flush(struct h2_conn *c);

static void on_written(uv_write_t *write, int status)
{
    struct h2_conn *c = write->data;
    c->writing = false;
    if (status == 0)
        flush(c);
    else if (status != UV_ECANCELED)
        end(c);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);

static void write_rest(struct h2_conn *c, struct str rest)
{
    buf_reset(&c->unsent);
    buf_append_str(&c->unsent, rest);
    uv_buf_t piece = uv_buf_init(c->unsent.ptr, (unsigned)rest.len);
    if (c->unsent.failed ||
        uv_write(&c->write, (uv_stream_t *)&c->tcp, &piece, 1, on_written) != 0) {
        end(c);
        return;
    }
    uv_read_stop((uv_stream_t *)&c->tcp);
    c->writing = true;
    c->since_ns = clock_mono_ns();
}

/* True when the kernel took everything. */
static bool write_out(struct h2_conn *c, struct str bytes)
{
    uv_buf_t piece = uv_buf_init((char *)(uintptr_t)bytes.ptr, (unsigned)bytes.len);
    int n = uv_try_write((uv_stream_t *)&c->tcp, &piece, 1);
    if (n < 0 && n != UV_EAGAIN) {
        end(c);
        return false;
    }
    size_t taken = n < 0 ? 0 : (size_t)n;
    if (taken == bytes.len)
        return true;
    write_rest(c, str_sub(bytes, taken, bytes.len));
    return false;
}

static void flush(struct h2_conn *c)
{
    struct buf *out = &c->set->out;
    list_remove(&c->dirty);
    if (c->writing || c->session == NULL)
        return;
    do {
        buf_reset(out);
        if (!h2_session_output(c->session, out, WRITE_BYTES)) {
            end(c);
            return;
        }
        if (out->len && !write_out(c, buf_str(out)))
            return;
    } while (out->len >= WRITE_BYTES);
    if (c->finishing || h2_session_is_done(c->session))
        end_gently(c, (struct str){NULL, 0});
    else
        uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

static void wants_output(void *user)
{
    struct h2_conn *c = user;
    if (list_is_empty(&c->dirty))
        list_add_tail(&c->set->dirty, &c->dirty);
}

void h2_conns_flush(struct h2_conns *set)
{
    for (struct list *node; (node = list_pop(&set->dirty)) != NULL;)
        flush(CONTAINER_OF(node, struct h2_conn, dirty));
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct h2_conn *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->set->read_buf, READ_BYTES);
}

static void refuse_http1(struct h2_conn *c)
{
    char text[512];
    static const char body[] = "this port speaks gRPC (HTTP/2); OTLP over HTTP/1.1 is at ";
    int body_len = (int)(sizeof(body) - 1 + strlen(c->set->http_addr) + 1);
    snprintf(
        text, sizeof(text),
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s%s\n",
        body_len, body, c->set->http_addr);
    log_limited(LOG_WARN, "grpc: HTTP/1 on the gRPC port peer=%s use=%s", c->in->peer_text,
                c->set->http_addr);
    end_gently(c, str_from_c(text));
}

/* True when the bytes may be HTTP/2. A preface cut after one or two bytes is left to nghttp2. */
static bool greet(struct h2_conn *c, struct str first)
{
    enum wire wire = wire_guess(first);
    if (wire == WIRE_HTTP2 || wire == WIRE_SHORT) {
        c->session =
            h2_session_new(c->set->host, c->in->peer_text, wants_output, c, clock_mono_ns());
        if (c->session == NULL)
            end(c);
        else if (c->set->draining)
            h2_session_drain(c->session);
        return c->session != NULL;
    }
    stat_add(&c->set->host->stats->protocol_errors);
    if (wire == WIRE_HTTP1) {
        refuse_http1(c);
        return false;
    }
    log_limited(LOG_WARN, "grpc: %s on the plain gRPC port, connection closed peer=%s",
                wire == WIRE_TLS ? "TLS" : "unknown bytes", c->in->peer_text);
    end(c);
    return false;
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct h2_conn *c = stream->data;
    if (len == 0)
        return;
    if (len < 0) {
        end(c);
        return;
    }
    struct str bytes = {buf->base, (size_t)len};
    if (c->session == NULL && !greet(c, bytes))
        return;
    if (!h2_session_receive(c->session, bytes, clock_mono_ns())) {
        c->finishing = true;
        uv_read_stop(stream);
    }
    flush(c);
}

void h2_conns_adopt(struct h2_conns *set, struct inbound *in)
{
    struct h2_conn *c = mem_calloc(1, sizeof(*c));
    if (c == NULL || uv_tcp_init(set->loop, &c->tcp) != 0) {
        mem_free(c);
        inbound_free(in);
        return;
    }
    c->set = set;
    c->in = in;
    c->since_ns = clock_mono_ns();
    c->tcp.data = c->write.data = c;
    list_init(&c->dirty);
    list_add_tail(&set->open, &c->link);
    if (uv_tcp_open(&c->tcp, in->fd) != 0) {
        end(c);
        return;
    }
    in->fd = -1;
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

/* --- time --- */

static bool in_time(struct h2_conn *c, uint64_t now_ns)
{
    const struct limits *limits = &c->set->host->config->limits;
    uint64_t allowed = c->writing ? limits->idle_ns : limits->head_ns;
    if ((c->writing || c->session == NULL) && now_ns >= c->since_ns + allowed) {
        struct net_stats *stats = c->set->host->stats;
        stat_add(c->writing ? &stats->idle : &stats->slow_heads);
        return false;
    }
    return c->session == NULL || h2_session_tick(c->session, now_ns);
}

void h2_conns_tick(struct h2_conns *set, uint64_t now_ns)
{
    LIST_EACH(node, &set->open)
    {
        struct h2_conn *c = CONTAINER_OF(node, struct h2_conn, link);
        if (!in_time(c, now_ns))
            end(c);
        else if (set->draining && c->session == NULL)
            end(c);
    }
    h2_conns_flush(set);
}

void h2_conns_drain(struct h2_conns *set)
{
    set->draining = true;
    LIST_EACH(node, &set->open)
    {
        struct h2_conn *c = CONTAINER_OF(node, struct h2_conn, link);
        if (c->session)
            h2_session_drain(c->session);
    }
    h2_conns_flush(set);
}

void h2_conns_close_all(struct h2_conns *set)
{
    LIST_EACH(node, &set->open)
    end(CONTAINER_OF(node, struct h2_conn, link));
}
