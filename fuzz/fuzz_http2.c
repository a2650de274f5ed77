/* fuzz_http2.c - arbitrary bytes on the gRPC port, without a socket. The first byte chooses how
 * they come: behind a good preface or not, in which pieces, how fast, and what the handler does.
 * Whatever comes: no crash, no leak, no message over the limit, no output without bound, and the
 * budget is given back. */
#include "net/http2_session.h"
#include "base/log.h"
#include "base/mem.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum choice {
    WITH_PREFACE = 1,
    PIECES = 6, /* two bits */
    HOLD = 8,
    DRAIN = 16,
    SMALL_LIMITS = 32,
    REFUSE = 64,
    SLOW = 128,
};
enum { MAX_HELD = 64, OUTPUT_BYTES = MIB };

struct run {
    struct net_config config;
    struct grpc_method method;
    struct net_stats stats;
    struct grpc_host host;
    struct h2_session *session;
    struct budget budget;
    unsigned choice;
    uint64_t now_ns;
    struct grpc_call *held[MAX_HELD];
    size_t held_count;
};

static void promise(bool kept)
{
    if (!kept)
        abort();
}

/* Answers by what the message begins with, so that the fuzzer reaches every kind of answer. */
static void answer(struct grpc_call *call, struct str message)
{
    struct err e;
    if (message.len && message.ptr[0] == 'f') {
        err_set(&e, ST_BUSY, "busy\n%%");
        grpc_fail(call, &e, message);
    } else {
        grpc_reply(call, str_sub(message, 0, 100));
    }
}

static void on_call(struct grpc_call *call, void *user)
{
    struct run *run = user;
    struct str message = grpc_take_message(call);
    const unsigned char *p = call->prefix;
    promise(message.len == ((size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4]));
    promise(message.len <= run->config.limits.body_bytes);
    promise(grpc_peer(call).len > 0 && !grpc_header(call, "absent").len);
    (void)grpc_message_compressed(call);
    if ((run->choice & HOLD) && run->held_count < MAX_HELD)
        run->held[run->held_count++] = call;
    else
        answer(call, message);
    mem_free((void *)(uintptr_t)message.ptr);
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

static bool admit(uint64_t bytes, struct str agent, struct err *e, void *user)
{
    struct run *run = user;
    (void)agent;
    return !(run->choice & REFUSE) || bytes % 2 || err_set(e, ST_BUSY, "full") == ST_OK;
}

static void flush(struct run *run)
{
    struct buf out = {0};
    h2_session_output(run->session, &out, OUTPUT_BYTES);
    promise(out.len <= OUTPUT_BYTES + 64 * KIB);
    buf_deinit(&out);
}

static bool feed(struct run *run, struct str bytes)
{
    static const size_t sizes[] = {SIZE_MAX, 1, 7, 64};
    size_t piece = sizes[(run->choice & PIECES) >> 1];
    for (size_t at = 0; at < bytes.len;) {
        size_t end = at + MIN(piece, bytes.len - at);
        bool alive = h2_session_receive(run->session, str_sub(bytes, at, end), run->now_ns);
        flush(run);
        if (!alive)
            return false;
        at = end;
        run->now_ns += run->choice & SLOW ? NS_PER_S / 4 : 1000;
        if ((run->choice & SLOW) && !h2_session_tick(run->session, run->now_ns))
            return false;
    }
    return true;
}

static void begin(struct run *run, unsigned choice)
{
    *run = (struct run){.choice = choice, .now_ns = NS_PER_S, .budget.limit = 4 * MIB};
    run->method = (struct grpc_method){"/a.B/C", on_call, run};
    run->config = (struct net_config){.limits = limits_default(),
                                      .methods = &run->method,
                                      .method_count = 1,
                                      .grpc_accept_encoding = "identity",
                                      .admit = admit,
                                      .admit_user = run,
                                      .budget = &run->budget};
    if (choice & SMALL_LIMITS) {
        run->config.limits.header_list_bytes = 300;
        run->config.limits.body_bytes = 20;
        run->config.limits.streams = 2;
    }
    grpc_host_init(&run->host, &run->config, &run->stats);
    run->host.deliver = deliver;
    run->session = h2_session_new(&run->host, "127.0.0.1:1", wants_output, run, run->now_ns);
    promise(run->session != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct run run;
    bool alive = true;
    if (len == 0)
        return 0;
    log_set_level(LOG_ERROR);
    begin(&run, data[0]);
    if (run.choice & WITH_PREFACE)
        alive = feed(&run, STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
    if (alive)
        alive = feed(&run, (struct str){(const char *)data + 1, len - 1});
    if (alive && (run.choice & DRAIN)) {
        h2_session_drain(run.session);
        h2_session_tick(run.session, run.now_ns);
        h2_session_tick(run.session, run.now_ns);
        flush(&run);
    }
    size_t late =
        run.held_count / 2; /* some answers come before the end of the connection, some after */
    for (size_t i = late; i < run.held_count; i++)
        answer(run.held[i], STR("x"));
    h2_session_tick(run.session, run.now_ns + 100 * NS_PER_S);
    flush(&run);
    (void)h2_session_is_done(run.session);
    h2_session_free(run.session);
    for (size_t i = 0; i < late; i++)
        answer(run.held[i], STR("f"));
    promise(budget_used(&run.budget) == 0);
    grpc_host_deinit(&run.host);
    return 0;
}
