/* fuzz_params.c - any bytes as a request target: the path and the parameters of every call are
 * taken or refused, never more. The first byte chooses the call's list of parameters, the rest is
 * "path?query". */
#include "query/ask_params.h"
#include "query/route.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_NS (UINT64_C(1700000000) * NS_PER_S)

static const char *const targets[] = {"/api/mesh/graph",       "/api/mesh/edge",
                                      "/api/mesh/services",    "/api/mesh/services/x",
                                      "/api/mesh/percentiles", "/api/mesh/status"};

/* What a bounded reader promised; a breach must be seen by the fuzzer. */
static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void read_everything(const struct params *p)
{
    static const char *const by[] = {"client", "server", "version", "operation", "code", NULL};
    struct time_range range;
    struct str_list list;
    uint64_t number;
    unsigned set;
    uint32_t step;
    double q[8];
    size_t len;
    int protocol;
    enum cell_view picture;
    struct err e;
    if (params_range(p, &range, &e) == ST_OK)
        promise(range.start_s < range.end_s);
    if (params_u64(p, "depth", 1, 5, 1, &number, &e) == ST_OK)
        promise(number >= 1 && number <= 5);
    if (params_quantiles(p, "q", q, LEN(q), &len, &e) == ST_OK)
        for (size_t i = 0; i < len; i++)
            promise(q[i] >= 0 && q[i] <= 1);
    if (params_word_set(p, "by", by, 3, &set, &e) == ST_OK)
        promise(set < 32);
    if (ask_step(p, &step, &e) == ST_OK)
        promise(step <= 366 * 24 * 3600);
    promise(params_all(p, "server", &list, &e) == ST_OK && list.len <= PARAMS_MAX);
    (void)ask_protocol(p, &protocol, &e);
    (void)ask_picture(p, &picture, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct arena arena = {0};
    struct err e = {0};
    struct str text = {(const char *)data + 1, size - 1}, raw, query, path, id;
    str_cut(text, '?', &raw, &query);
    if (route_decode_path(raw, &arena, &path, &e) == ST_OK)
        (void)route_find(path, &id);
    const struct route *route = route_find(str_from_c(targets[data[0] % LEN(targets)]), &id);
    struct params p;
    if (params_parse(query, route->params, &arena, NOW_NS, &p, &e) == ST_OK)
        read_everything(&p);
    else
        promise(e.status == ST_INVALID && e.msg[0]);
    arena_deinit(&arena);
    return 0;
}
