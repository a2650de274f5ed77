/* load_grpc.c - pushes OTLP/gRPC as a mesh of Envoy sidecars does, at full speed or at a fixed
 * rate, over loopback.
 *
 *   load_grpc --to 127.0.0.1:4317 [--conns 64] [--inflight 1] [--spans-per-request 5] [--rate
 * REQUESTS_PER_S] [--seconds 5]
 *             [--seed N] [--pid SERVER]
 *
 * One thread, one nghttp2 client session a connection. Prints one JSON line: what was acknowledged
 * and refused, how long the acknowledgement took, own CPU, and (--pid) the server's CPU for each
 * request and span. */
#include "bench/load_spans.h"
#include "base/clock.h"
#include "base/json_write.h"
#include "base/mem.h"
#include "base/unit.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIE(...)        (fprintf(stderr, "load_grpc: " __VA_ARGS__), fputc('\n', stderr), exit(1))
#define LATE_ANSWERS_NS (5 * NS_PER_S)

enum { READ_BYTES = 64 * KIB, LATENCY_STEPS = 32, LATENCY_BUCKETS = 64 * LATENCY_STEPS };

struct settings {
    struct sockaddr_in to;
    unsigned conns, inflight, spans;
    double rate, seconds;
    uint64_t seed;
    int pid;
};

struct conn {
    nghttp2_session *ng;
    int fd;
    unsigned number, open;
    struct buf out;
    size_t out_sent;
};

struct call {
    struct buf body;
    size_t sent;
    uint64_t begun_ns;
    int grpc_status; /* -1: none came */
};

struct load {
    struct settings set;
    struct load_spans *spans;
    struct conn *conns;
    int epoll;
    uint64_t now_ns, started, next_service;
    uint64_t accepted, refused, failed, bytes;
    uint64_t latency[LATENCY_BUCKETS];
    struct call **idle; /* stack of unused calls */
    size_t idle_count;
};

static struct load load;

/* --- latencies: buckets of 1/32 of a power of two --- */

static unsigned bucket_of(uint64_t ns)
{
    unsigned bits = 63 - (unsigned)__builtin_clzll(ns | LATENCY_STEPS);
    return (bits - 5) * LATENCY_STEPS + (unsigned)(ns >> (bits - 5)) - LATENCY_STEPS;
}

static double quantile_ms(double q)
{
    uint64_t seen = 0, rank = (uint64_t)(q * (double)(load.accepted + load.refused));
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        seen += load.latency[i];
        if (seen > rank)
            return (double)((uint64_t)(i % LATENCY_STEPS + LATENCY_STEPS) << (i / LATENCY_STEPS)) /
                   1e6;
    }
    return 0;
}

/* --- nghttp2 --- */

static ssize_t read_body(nghttp2_session *ng, int32_t id, uint8_t *out, size_t cap, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    struct call *call = source->ptr;
    size_t n = MIN(cap, call->body.len - call->sent);
    (void)ng, (void)id, (void)user;
    memcpy(out, call->body.ptr + call->sent, n);
    call->sent += n;
    if (call->sent == call->body.len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct call *call = nghttp2_session_get_stream_user_data(ng, frame->hd.stream_id);
    (void)flags, (void)user, (void)value_len;
    if (call && name_len == 11 && memcmp(name, "grpc-status", 11) == 0)
        call->grpc_status = atoi((const char *)value);
    return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t error, void *user)
{
    struct call *call = nghttp2_session_get_stream_user_data(ng, id);
    struct conn *c = user;
    (void)error;
    c->open--;
    if (call->grpc_status < 0) {
        load.failed++;
    } else {
        load.accepted += call->grpc_status == 0;
        load.refused += call->grpc_status != 0;
        load.latency[bucket_of(clock_mono_ns() - call->begun_ns)]++;
    }
    load.idle[load.idle_count++] = call;
    return 0;
}

static nghttp2_nv nv_of(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value),
                        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

static void fill_body(struct call *call)
{
    unsigned service = (unsigned)(load.next_service++ % LOAD_SERVICES);
    buf_reset(&call->body);
    buf_append(&call->body, "\0\0\0\0", 5);
    load_spans_request(load.spans, service, load.set.spans, clock_wall_ns(), &call->body);
    uint32_t len = htonl((uint32_t)(call->body.len - 5));
    memcpy(call->body.ptr + 1, &len, sizeof(len));
}

static void begin_call(struct conn *c)
{
    const nghttp2_nv nv[] = {
        nv_of(":method", "POST"),
        nv_of(":scheme", "http"),
        nv_of(":path", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
        nv_of(":authority", "weft"),
        nv_of("te", "trailers"),
        nv_of("content-type", "application/grpc"),
        nv_of("user-agent", "OTel-OTLP-Exporter-Envoy/bench"),
    };
    struct call *call = load.idle[--load.idle_count];
    fill_body(call);
    call->sent = 0;
    call->grpc_status = -1;
    call->begun_ns = clock_mono_ns();
    nghttp2_data_provider source = {.source.ptr = call, .read_callback = read_body};
    if (nghttp2_submit_request(c->ng, NULL, nv, LEN(nv), &source, call) < 0)
        DIE("cannot submit a request");
    c->open++;
    load.started++;
    load.bytes += call->body.len;
}

/* --- sockets --- */

static void flush(struct conn *c)
{
    for (;;) {
        if (c->out_sent == c->out.len) {
            const uint8_t *bytes;
            ssize_t n;
            buf_reset(&c->out);
            c->out_sent = 0;
            while (c->out.len < READ_BYTES && (n = nghttp2_session_mem_send(c->ng, &bytes)) > 0)
                buf_append(&c->out, bytes, (size_t)n);
            if (c->out.len == 0)
                return;
        }
        ssize_t n = send(c->fd, c->out.ptr + c->out_sent, c->out.len - c->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            DIE("connection %u broke: %s", c->number, strerror(errno));
        c->out_sent += (size_t)n;
    }
}

static void receive(struct conn *c)
{
    static uint8_t bytes[READ_BYTES];
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || nghttp2_session_mem_recv(c->ng, bytes, (size_t)n) < 0)
        DIE("connection %u was closed by the server", c->number);
}

static void open_session(struct conn *c)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    if (nghttp2_session_client_new(&c->ng, callbacks, c) != 0 ||
        nghttp2_submit_settings(c->ng, NGHTTP2_FLAG_NONE, NULL, 0) != 0)
        DIE("no memory");
    nghttp2_session_callbacks_del(callbacks);
}

static void open_conn(struct conn *c, unsigned number)
{
    int on = 1;
    c->number = number;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&load.set.to, sizeof(load.set.to)) != 0)
        DIE("cannot connect: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    open_session(c);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &ev);
}

/* --- the run --- */

static bool may_start(uint64_t begun_ns)
{
    if (load.set.rate <= 0)
        return true;
    double due = (double)(load.now_ns - begun_ns) / 1e9 * load.set.rate;
    return (double)load.started < due;
}

static void top_up(uint64_t begun_ns)
{
    static unsigned turn;
    for (unsigned i = 0; i < load.set.conns; i++) {
        struct conn *c = &load.conns[turn++ % load.set.conns];
        unsigned before = c->open;
        while (c->open < load.set.inflight && load.idle_count && may_start(begun_ns)) {
            begin_call(c);
            if (load.set.rate > 0)
                break;
        }
        if (c->open != before)
            flush(c);
    }
}

static void poll_once(int wait_ms)
{
    struct epoll_event events[64];
    int n = epoll_wait(load.epoll, events, LEN(events), wait_ms);
    for (int i = 0; i < n; i++) {
        struct conn *c = events[i].data.ptr;
        if (events[i].events & EPOLLIN)
            receive(c);
        flush(c);
    }
}

static bool all_answered(void)
{
    return load.accepted + load.refused + load.failed == load.started;
}

static double run(void)
{
    uint64_t begun_ns = clock_mono_ns();
    uint64_t end_ns = begun_ns + (uint64_t)(load.set.seconds * 1e9);
    while ((load.now_ns = clock_mono_ns()) < end_ns) {
        top_up(begun_ns);
        poll_once(load.set.rate > 0 ? 0 : 100);
        if (load.set.rate > 0)
            usleep(100);
    }
    double seconds = (double)(load.now_ns - begun_ns) / 1e9;
    while (!all_answered() && clock_mono_ns() < end_ns + LATE_ANSWERS_NS)
        poll_once(100);
    return seconds;
}

/* --- CPU, and the report --- */

static double own_cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Of all threads; from schedstat, which counts nanoseconds where /proc/PID/stat counts ticks. */
static double server_cpu_s(int pid)
{
    char path[300];
    unsigned long long sum = 0, ns;
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *tasks = pid ? opendir(path) : NULL;
    for (struct dirent *d; tasks && (d = readdir(tasks)) != NULL;) {
        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, d->d_name);
        FILE *f = d->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (f && fscanf(f, "%llu", &ns) == 1)
            sum += ns;
        if (f)
            fclose(f);
    }
    if (tasks)
        closedir(tasks);
    return (double)sum / 1e9;
}

static void report(double seconds, double own_s, double server_s)
{
    struct buf out = {0};
    struct json_writer w = json_writer_of(&out);
    double requests = (double)(load.accepted + load.refused);
    json_object_begin(&w);
    JSON_STR(&w, "tool", STR("load_grpc"));
    JSON_U64(&w, "conns", load.set.conns);
    JSON_U64(&w, "inflight", load.set.inflight);
    JSON_U64(&w, "spans_per_request", load.set.spans);
    JSON_DOUBLE(&w, "seconds", seconds);
    JSON_U64(&w, "accepted", load.accepted);
    JSON_U64(&w, "refused", load.refused);
    JSON_U64(&w, "failed", load.started - load.accepted - load.refused);
    JSON_DOUBLE(&w, "requests_per_s", (double)load.accepted / seconds);
    JSON_DOUBLE(&w, "spans_per_s", (double)load.accepted * load.set.spans / seconds);
    JSON_DOUBLE(&w, "bytes_per_span", (double)load.bytes / (double)(load.started * load.set.spans));
    JSON_DOUBLE(&w, "ack_p50_ms", quantile_ms(0.5));
    JSON_DOUBLE(&w, "ack_p99_ms", quantile_ms(0.99));
    JSON_DOUBLE(&w, "own_cpu_s", own_s);
    if (load.set.pid) {
        JSON_DOUBLE(&w, "server_cpu_s", server_s);
        JSON_DOUBLE(&w, "server_us_per_request", server_s / requests * 1e6);
        JSON_DOUBLE(&w, "server_us_per_span", server_s / requests / load.set.spans * 1e6);
    }
    json_object_end(&w);
    printf("%.*s\n", STR_ARG(buf_str(&out)));
    buf_deinit(&out);
}

static void set_target(struct settings *set, const char *text)
{
    struct str host;
    struct err e;
    uint16_t port;
    char name[64];
    if (unit_parse_addr(str_from_c(text), &host, &port, &e) != ST_OK)
        DIE("%s", e.msg);
    set->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, str_to_c(host, name, sizeof(name)), &set->to.sin_addr) != 1)
        DIE("--to takes an IPv4 address and a port, not %s", text);
}

static void parse(struct settings *set, int argc, char **argv)
{
    static const struct option options[] = {
        {"to", 1, 0, 't'},
        {"conns", 1, 0, 'c'},
        {"inflight", 1, 0, 'i'},
        {"spans-per-request", 1, 0, 's'},
        {"rate", 1, 0, 'r'},
        {"seconds", 1, 0, 'd'},
        {"seed", 1, 0, 'S'},
        {"pid", 1, 0, 'p'},
        {0, 0, 0, 0},
    };
    *set = (struct settings){
        .conns = 64, .inflight = 1, .spans = 5, .seconds = 5, .seed = clock_wall_ns()};
    set_target(set, "127.0.0.1:4317");
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 't')
            set_target(set, optarg);
        else if (o == 'c')
            set->conns = (unsigned)strtoul(optarg, NULL, 10);
        else if (o == 'i')
            set->inflight = (unsigned)strtoul(optarg, NULL, 10);
        else if (o == 's')
            set->spans = (unsigned)strtoul(optarg, NULL, 10);
        else if (o == 'r')
            set->rate = strtod(optarg, NULL);
        else if (o == 'd')
            set->seconds = strtod(optarg, NULL);
        else if (o == 'S')
            set->seed = strtoull(optarg, NULL, 10);
        else if (o == 'p')
            set->pid = atoi(optarg);
        else
            exit(2);
    }
    if (set->conns == 0 || set->inflight == 0 || set->spans == 0)
        DIE("--conns, --inflight and --spans-per-request must be at least 1");
}

int main(int argc, char **argv)
{
    parse(&load.set, argc, argv);
    load.spans = load_spans_new(load.set.seed);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    size_t calls = (size_t)load.set.conns * load.set.inflight;
    load.conns = mem_need(load.set.conns * sizeof(*load.conns));
    memset(load.conns, 0, load.set.conns * sizeof(*load.conns));
    load.idle = mem_need(calls * sizeof(*load.idle));
    for (size_t i = 0; i < calls; i++) {
        load.idle[i] = mem_need(sizeof(struct call));
        *load.idle[load.idle_count++] = (struct call){0};
    }
    for (unsigned i = 0; i < load.set.conns; i++)
        open_conn(&load.conns[i], i);
    double server = server_cpu_s(load.set.pid), own = own_cpu_s();
    double seconds = run();
    report(seconds, own_cpu_s() - own, server_cpu_s(load.set.pid) - server);
    return load.failed ? 1 : 0;
}
