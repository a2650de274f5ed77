/* limits.c - the defaults of api.md section 5. */
#include "model/limits.h"

#define HOURS(n) ((n)*UINT64_C(3600) * NS_PER_S)
#define DAYS(n)  HOURS((n)*24)

struct limits limits_default(void)
{
    return (struct limits){
        .body_bytes = 64 * (uint64_t)MIB,
        .unpacked_bytes = 64 * (uint64_t)MIB,
        .spans = 1000000,
        .samples = 1000000,
        .attributes = 256,
        .depth = 32,
        .connections = 10000,
        .per_peer = 1024,
        .streams = 100,
        .header_list_bytes = 32 * KIB,
        .head_ns = 10 * NS_PER_S,
        .body_time_ns = 30 * NS_PER_S,
        .idle_ns = 60 * NS_PER_S,
    };
}

struct retention retention_default(void)
{
    return (struct retention){
        .series_ns = DAYS(15),
        .edges_ns = DAYS(90),
        .spans_ns = DAYS(7),
        .logs_ns = DAYS(3),
        .disk_bytes = 50 * (uint64_t)GIB,
    };
}

struct graph_settings graph_settings_default(void)
{
    return (struct graph_settings){
        .wait_ns = 30 * NS_PER_S,
        .remember_ns = 30 * NS_PER_S,
        .max_edges = 20000,
        .max_operations = 200,
        .failing_error_ratio = 0.10,
        .degraded_error_ratio = 0.01,
        .degraded_p95_factor = 2.0,
        .health_min_requests = 10,
    };
}

size_t graph_edges_at_most(uint32_t max_edges)
{
    return (size_t)max_edges + max_edges / 8 + 17;
}
