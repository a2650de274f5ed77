/* demo_mesh.h - the simulated mesh of `weft demo`: services, who calls whom, and what goes wrong
 * when. Constant tables. */
#ifndef WEFT_APP_DEMO_MESH_H
#define WEFT_APP_DEMO_MESH_H

#include "base/compiler.h"

enum demo_protocol { DEMO_HTTP, DEMO_GRPC, DEMO_DATABASE };

enum demo_service_id {
    DEMO_GATEWAY,
    DEMO_WEB,
    DEMO_CATALOG,
    DEMO_SEARCH,
    DEMO_REVIEWS,
    DEMO_RECOMMEND,
    DEMO_CART,
    DEMO_CHECKOUT,
    DEMO_PAYMENT,
    DEMO_FRAUD,
    DEMO_LEDGER,
    DEMO_INVENTORY,
    DEMO_PRICING,
    DEMO_SHIPPING,
    DEMO_WAREHOUSE,
    DEMO_SERVICE_COUNT, /* below: not in the mesh, no proxy */
    DEMO_CARDS = DEMO_SERVICE_COUNT,
    DEMO_POSTGRES,
    DEMO_TARGET_COUNT,
};

struct demo_service {
    const char *name, *space;
    enum demo_protocol protocol; /* how it is called */
    unsigned port;
    double median_ms, sigma; /* of its own work: log-normal */
    double canary;           /* share of requests that v2 serves; 0 = v1 only */
    double canary_slowdown;
    double error_rate; /* its own 500s or gRPC 13 */
};

/* One call that a service makes while it serves a request. */
struct demo_call {
    enum demo_service_id from, to;
    double probability;
    const char *method, *path; /* {id} in the path becomes a number */
    unsigned retries;          /* how often the caller's proxy tries again */
};

/* One way a person uses the shop: what the gateway gets. */
struct demo_journey {
    double share;
    const char *method, *path;
    bool buys; /* checkout and payment happen only then */
};

extern const struct demo_service demo_services[DEMO_TARGET_COUNT];
extern const struct demo_call demo_calls[];
extern const size_t demo_call_count;
extern const struct demo_journey demo_journeys[];
extern const size_t demo_journey_count;

/* What is wrong in this second of the demo; everything repeats after two minutes. */
struct demo_weather {
    double inventory_unavailable; /* share of attempts that fail: the retry storm */
    double reviews_overflow; /* share of calls that the caller's circuit breaker turns away (UO) */
    double shipping_unreachable; /* share of calls that cannot connect (UF, then URX) */
};
struct demo_weather demo_weather_at(double seconds);

/* Deterministic by seed: splitmix64. */
struct demo_random {
    uint64_t state;
};
uint64_t demo_random_u64(struct demo_random *r);
/* [0, 1). */
double demo_random_unit(struct demo_random *r);
/* exp(normal) around median. */
double demo_random_lognormal(struct demo_random *r, double median, double sigma);

#endif
