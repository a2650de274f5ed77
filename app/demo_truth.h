/* demo_truth.h - what the simulated mesh really did, in the shape of the corpus' truth.json. */
#ifndef WEFT_APP_DEMO_TRUTH_H
#define WEFT_APP_DEMO_TRUTH_H

#include "app/demo_span.h"
#include "base/err.h"

struct demo_truth; /* one thread */

/* keep_latencies: needed for a truth file; without it a demo may run for days in constant memory.
 */
struct demo_truth *demo_truth_new(uint64_t seed, bool keep_latencies);
void demo_truth_free(struct demo_truth *t);

/* One logical request as its caller saw it. `client` is a workload, or "driver". `answered_by` is
 * "" when a proxy answered. */
struct demo_asked {
    const char *client, *service, *path, *answered_by, *flags;
    enum demo_protocol protocol;
    unsigned http_code;
    int grpc_code; /* -1: not gRPC */
    unsigned attempts, request_bytes, response_bytes;
    uint64_t start_ns, end_ns;
    struct trace_id trace;
};
bool demo_truth_asked(struct demo_truth *t, const struct demo_asked *a);

/* One attempt as the called workload counted it; `repeated` when it is not the first of its
 * request. */
struct demo_arrived {
    const char *client, *workload, *version, *path;
    unsigned http_code;
    int grpc_code;
    bool repeated;
    uint64_t start_ns, end_ns;
};
bool demo_truth_arrived(struct demo_truth *t, const struct demo_arrived *a);

/* Writes the JSON file. */
enum status demo_truth_write(struct demo_truth *t, const char *path, struct err *e);

#endif
