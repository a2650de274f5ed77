/* grpc_call.c - a unary call: one length-prefixed message in, one message or a status out.
 *
 * A call belongs to the loop thread, but for the time between the handler's call and its answer
 * (CALL_HELD). When the stream dies meanwhile the call stays, without a session, until the answer
 * comes back. */
#include "net/grpc_call.h"
#include "net/grpc_text.h"
#include "net/http2_session.h"
#include "base/mem.h"
#include "base/status_wire.h"
#include <stdio.h>

enum {
    POOL_CALLS = 1024,
    POOL_BUF_BYTES = 4 * KIB,    /* a pooled call keeps buffers up to this size */
    SLOW_BYTES_PER_S = 16 * KIB, /* a body that keeps this pace may take longer than body_time */
    RETRY_SECONDS = 1,
};

void grpc_host_init(struct grpc_host *host, const struct net_config *config,
                    struct net_stats *stats)
{
    *host = (struct grpc_host){.config = config, .stats = stats};
    list_init(&host->free_calls);
}

static void destroy(struct grpc_call *call)
{
    fields_deinit(&call->fields);
    buf_deinit(&call->answer);
    buf_deinit(&call->details);
    mem_free(call);
}

void grpc_host_deinit(struct grpc_host *host)
{
    for (struct list *node; (node = list_pop(&host->free_calls)) != NULL;)
        destroy(CONTAINER_OF(node, struct grpc_call, link));
}

static struct grpc_call *pool_take(struct grpc_host *host)
{
    struct list *node = list_pop(&host->free_calls);
    if (node == NULL)
        return mem_calloc(1, sizeof(struct grpc_call));
    host->free_count--;
    return CONTAINER_OF(node, struct grpc_call, link);
}

struct grpc_call *grpc_call_new(struct grpc_host *host, struct h2_session *session, int32_t id,
                                const char *peer, uint64_t now_ns)
{
    struct grpc_call *call = pool_take(host);
    if (call == NULL)
        return NULL;
    *call = (struct grpc_call){
        .host = host,
        .session = session,
        .stream_id = id,
        .fields = call->fields,
        .answer = call->answer,
        .details = call->details,
        .body.budget = host->config->budget,
        .begun_ns = now_ns,
        .http_status = 200,
    };
    list_init(&call->link);
    memcpy(call->peer, peer, sizeof(call->peer));
    return call;
}

void grpc_call_free(struct grpc_call *call)
{
    struct grpc_host *host = call->host;
    list_remove(&call->link);
    body_deinit(&call->body);
    if (host->free_count >= POOL_CALLS || call->answer.cap > POOL_BUF_BYTES ||
        call->fields.bytes.cap > POOL_BUF_BYTES || call->details.cap > POOL_BUF_BYTES) {
        destroy(call);
        return;
    }
    fields_reset(&call->fields);
    buf_reset(&call->answer);
    buf_reset(&call->details);
    list_add_tail(&host->free_calls, &call->link);
    host->free_count++;
}

/* --- answers --- */

void grpc_call_deliver(struct grpc_call *call)
{
    if (call->session == NULL) {
        grpc_call_free(call);
        return;
    }
    call->state = CALL_ANSWERED;
    h2_session_answer(call->session, call);
}

static void fill_failure(struct grpc_call *call, const struct err *e, struct str details)
{
    call->grpc_status = status_wire_get(e->status)->grpc;
    buf_reset(&call->answer);
    grpc_message_encode(&call->answer, str_from_c(e->msg));
    buf_reset(&call->details);
    grpc_base64_encode(&call->details, details);
}

void grpc_call_tell_unseen(const struct grpc_call *call, enum status why)
{
    const struct net_config *config = call->host->config;
    if (config->unseen)
        config->unseen(why, config->unseen_user);
}

void grpc_call_refuse(struct grpc_call *call, const struct err *e, unsigned retry_seconds)
{
    struct buf details = {0};
    const struct status_wire *wire = status_wire_get(e->status);
    grpc_status_encode(&details, wire->grpc, str_from_c(e->msg), retry_seconds);
    fill_failure(call, e, buf_str(&details));
    buf_deinit(&details);
    body_deinit(&call->body);
    if (e->status == ST_TOO_BIG)
        stat_add(&call->host->stats->too_big);
    grpc_call_tell_unseen(call, e->status);
    grpc_call_deliver(call);
}

static void refuse(struct grpc_call *call, enum status status, const char *sentence)
{
    struct err e;
    err_set(&e, status, "%s", sentence);
    grpc_call_refuse(call, &e, 0);
}

void grpc_reply(struct grpc_call *call, struct str message)
{
    uint32_t len = (uint32_t)message.len;
    unsigned char prefix[5] = {0, (unsigned char)(len >> 24), (unsigned char)(len >> 16),
                               (unsigned char)(len >> 8), (unsigned char)len};
    call->grpc_status = 0;
    buf_reset(&call->answer);
    buf_append(&call->answer, prefix, sizeof(prefix));
    buf_append_str(&call->answer, message);
    if (call->answer.failed) {
        struct err e;
        err_set(&e, ST_NO_MEMORY, "no memory for the answer");
        grpc_fail(call, &e, (struct str){NULL, 0});
        return;
    }
    call->host->deliver(call, call->host->user);
}

void grpc_fail(struct grpc_call *call, const struct err *e, struct str details)
{
    fill_failure(call, e, details);
    call->host->deliver(call, call->host->user);
}

/* --- the head --- */

void grpc_call_field(struct grpc_call *call, struct str name, struct str value)
{
    size_t bytes = call->fields.list_bytes + name.len + value.len + 32;
    if (bytes > call->host->config->limits.header_list_bytes ||
        !fields_add(&call->fields, name, value))
        call->head_too_big = true;
}

static void answer_http(struct grpc_call *call, unsigned http_status)
{
    call->http_status = http_status;
    grpc_call_tell_unseen(call, ST_INVALID);
    grpc_call_deliver(call);
}

static const struct grpc_method *find_method(const struct net_config *config, struct str path)
{
    for (size_t i = 0; i < config->method_count; i++) {
        if (str_eq(path, str_from_c(config->methods[i].path)))
            return &config->methods[i];
    }
    return NULL;
}

/* application/grpc, +proto or another format, parameters; not application/grpc-web, which is a
 * protocol of its own. */
static bool is_grpc(struct str content_type)
{
    struct str plain = STR("application/grpc");
    struct str rest = str_sub(content_type, plain.len, content_type.len);
    return str_starts_with(content_type, plain) &&
           (rest.len == 0 || rest.ptr[0] == '+' || rest.ptr[0] == ';');
}

void grpc_call_head_end(struct grpc_call *call)
{
    struct str type = grpc_header(call, "content-type");
    struct str path = grpc_header(call, ":path");
    if (call->head_too_big) {
        stat_add(&call->host->stats->large_heads);
        answer_http(call, 431);
    } else if (!is_grpc(type)) {
        answer_http(call, 415);
    } else if (!str_eq(grpc_header(call, ":method"), STR("POST"))) {
        answer_http(call, 405);
    } else if ((call->method = find_method(call->host->config, path)) == NULL) {
        struct err e;
        err_set(&e, ST_UNSUPPORTED, "unknown method %.*s", (int)MIN(path.len, 150u), path.ptr);
        grpc_call_refuse(call, &e, 0);
    } else {
        call->state = CALL_BODY;
    }
}

/* --- the message --- */

static uint32_t message_bytes(const struct grpc_call *call)
{
    const unsigned char *p = call->prefix;
    return (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
}

static enum status begin_message(struct grpc_call *call, struct err *e)
{
    const struct net_config *config = call->host->config;
    uint32_t bytes = message_bytes(call);
    if (call->prefix[0] > 1)
        return err_set(e, ST_INVALID, "the message flag is %u, only 0 and 1 are known",
                       call->prefix[0]);
    if (bytes > config->limits.body_bytes)
        return err_set(e, ST_TOO_BIG, "the message has %u bytes, the limit is %llu", bytes,
                       (unsigned long long)config->limits.body_bytes);
    call->body.promised = bytes;
    struct str agent = grpc_header(call, "user-agent");
    if (config->admit && !config->admit(bytes, agent, e, config->admit_user))
        return e->status;
    return ST_OK;
}

static enum status take_data(struct grpc_call *call, struct str bytes, struct err *e)
{
    if (call->prefix_len < sizeof(call->prefix)) {
        size_t n = MIN(bytes.len, sizeof(call->prefix) - call->prefix_len);
        memcpy(call->prefix + call->prefix_len, bytes.ptr, n);
        call->prefix_len += (unsigned)n;
        bytes = str_sub(bytes, n, bytes.len);
        if (call->prefix_len < sizeof(call->prefix))
            return ST_OK;
        TRY(begin_message(call, e));
    }
    size_t missing = message_bytes(call) - call->body.len;
    if (bytes.len > missing)
        return err_set(e, ST_INVALID, "a unary call carries one message, this one carries more");
    if (bytes.len == 0)
        return ST_OK;
    return body_append(&call->body, bytes, call->host->config->limits.body_bytes, e);
}

void grpc_call_data(struct grpc_call *call, struct str bytes)
{
    struct err e;
    if (call->state != CALL_BODY || bytes.len == 0)
        return;
    enum status status = take_data(call, bytes, &e);
    if (status != ST_OK)
        grpc_call_refuse(call, &e, status_wire_get(status)->retryable ? RETRY_SECONDS : 0);
}

static bool deadline_has_passed(const struct grpc_call *call)
{
    uint64_t timeout_ns;
    struct str text = grpc_header(call, "grpc-timeout");
    return text.len && grpc_timeout_parse(text, &timeout_ns) &&
           h2_session_now(call->session) - call->begun_ns >= timeout_ns;
}

void grpc_call_end(struct grpc_call *call)
{
    call->remote_ended = true;
    if (call->state != CALL_BODY)
        return;
    if (call->prefix_len < sizeof(call->prefix)) {
        refuse(call, ST_INVALID, "the call ended without a message");
    } else if (call->body.len < message_bytes(call)) {
        refuse(call, ST_INVALID, "the call ended in the middle of its message");
    } else if (deadline_has_passed(call)) {
        refuse(call, ST_TIMEOUT, "the deadline passed before the message was complete");
    } else {
        call->state = CALL_HELD;
        h2_session_did_work(call->session);
        call->method->handler(call, call->method->user);
    }
}

bool grpc_call_in_time(const struct grpc_call *call, uint64_t now_ns)
{
    if (call->state != CALL_BODY)
        return true;
    uint64_t earned_ns = call->body.len * (NS_PER_S / SLOW_BYTES_PER_S);
    return now_ns < call->begun_ns + call->host->config->limits.body_time_ns + earned_ns;
}

/* --- what handlers ask --- */

struct str grpc_peer(const struct grpc_call *call)
{
    return str_from_c(call->peer);
}

struct str grpc_header(const struct grpc_call *call, const char *name)
{
    return fields_find(&call->fields, str_from_c(name));
}

bool grpc_message_compressed(const struct grpc_call *call)
{
    return call->prefix[0] == 1;
}

struct str grpc_take_message(struct grpc_call *call)
{
    return body_take(&call->body);
}
