/* demo_mesh.c - the tables of the simulated mesh and its weather. */
#include "app/demo_mesh.h"

#include <math.h>

const struct demo_service demo_services[DEMO_TARGET_COUNT] = {
    [DEMO_GATEWAY] = {"istio-ingressgateway", "istio-system", DEMO_HTTP, 8080, 0.2, 0.3, 0, 0, 0},
    [DEMO_WEB] = {"web", "shop", DEMO_HTTP, 8080, 2.0, 0.5, 0, 0, 0.0005},
    [DEMO_CATALOG] = {"catalog", "shop", DEMO_HTTP, 8080, 3.0, 0.6, 0, 0, 0.001},
    [DEMO_SEARCH] = {"search", "shop", DEMO_HTTP, 8080, 9.0, 0.8, 0, 0, 0.002},
    [DEMO_REVIEWS] = {"reviews", "shop", DEMO_HTTP, 8080, 4.0, 0.7, 0, 0, 0.001},
    [DEMO_RECOMMEND] = {"recommend", "shop", DEMO_HTTP, 8080, 6.0, 0.7, 0, 0, 0.003},
    [DEMO_CART] = {"cart", "shop", DEMO_HTTP, 8080, 2.5, 0.5, 0, 0, 0.001},
    [DEMO_CHECKOUT] = {"checkout", "pay", DEMO_HTTP, 8080, 3.0, 0.5, 0, 0, 0.001},
    [DEMO_PAYMENT] = {"payment", "pay", DEMO_HTTP, 8080, 8.0, 0.6, 0.10, 8.0, 0.004},
    [DEMO_FRAUD] = {"fraud", "pay", DEMO_GRPC, 9090, 5.0, 0.9, 0, 0, 0.001},
    [DEMO_LEDGER] = {"ledger", "pay", DEMO_HTTP, 8080, 1.5, 0.4, 0, 0, 0.0005},
    [DEMO_INVENTORY] = {"inventory", "stock", DEMO_GRPC, 9090, 1.2, 0.5, 0, 0, 0.0005},
    [DEMO_PRICING] = {"pricing", "stock", DEMO_GRPC, 9090, 0.4, 0.4, 0, 0, 0.0002},
    [DEMO_SHIPPING] = {"shipping", "stock", DEMO_HTTP, 8080, 5.0, 0.6, 0, 0, 0.001},
    [DEMO_WAREHOUSE] = {"warehouse", "stock", DEMO_HTTP, 8080, 12.0, 0.8, 0, 0, 0.002},
    [DEMO_CARDS] = {"api.cards.example.com", "", DEMO_HTTP, 80, 60.0, 0.5, 0, 0, 0.01},
    [DEMO_POSTGRES] = {"ledger", "", DEMO_DATABASE, 5432, 0.7, 0.6, 0, 0, 0},
};

const struct demo_call demo_calls[] = {
    {DEMO_WEB, DEMO_CATALOG, 0.9, "GET", "/products/{id}", 0},
    {DEMO_WEB, DEMO_SEARCH, 0.25, "GET", "/search", 0},
    {DEMO_WEB, DEMO_RECOMMEND, 0.5, "GET", "/for/{id}", 0},
    {DEMO_WEB, DEMO_REVIEWS, 0.6, "GET", "/reviews/{id}", 0},
    {DEMO_WEB, DEMO_CART, 0.3, "POST", "/carts/{id}/items", 0},
    {DEMO_WEB, DEMO_CHECKOUT, 1.0, "POST", "/checkout", 0},
    {DEMO_CATALOG, DEMO_PRICING, 0.8, "POST", "/stock.Pricing/Quote", 0},
    {DEMO_SEARCH, DEMO_CATALOG, 0.7, "GET", "/products", 0},
    {DEMO_RECOMMEND, DEMO_CATALOG, 0.5, "GET", "/products/{id}", 0},
    {DEMO_CART, DEMO_INVENTORY, 1.0, "POST", "/stock.Inventory/Reserve", 2},
    {DEMO_CHECKOUT, DEMO_CART, 1.0, "GET", "/carts/{id}", 0},
    {DEMO_CHECKOUT, DEMO_PAYMENT, 1.0, "POST", "/charge", 0},
    {DEMO_CHECKOUT, DEMO_SHIPPING, 1.0, "POST", "/orders", 1},
    {DEMO_PAYMENT, DEMO_FRAUD, 1.0, "POST", "/pay.Fraud/Score", 0},
    {DEMO_PAYMENT, DEMO_CARDS, 1.0, "POST", "/v1/authorize", 0},
    {DEMO_PAYMENT, DEMO_LEDGER, 1.0, "PUT", "/entries", 0},
    {DEMO_LEDGER, DEMO_POSTGRES, 1.0, "INSERT", "entries", 0},
    {DEMO_SHIPPING, DEMO_WAREHOUSE, 0.9, "POST", "/picks", 0},
};
const size_t demo_call_count = LEN(demo_calls);

const struct demo_journey demo_journeys[] = {
    {0.55, "GET", "/", false},
    {0.25, "GET", "/product/{id}", false},
    {0.12, "POST", "/cart", false},
    {0.08, "POST", "/buy", true},
};
const size_t demo_journey_count = LEN(demo_journeys);

struct demo_weather demo_weather_at(double seconds)
{
    double t = fmod(seconds, 120.0);
    struct demo_weather w = {.shipping_unreachable = 0.01};
    if (t >= 30 && t < 50)
        w.inventory_unavailable = 0.4;
    if (t >= 70 && t < 90)
        w.reviews_overflow = 0.35;
    return w;
}

uint64_t demo_random_u64(struct demo_random *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

double demo_random_unit(struct demo_random *r)
{
    return (double)(demo_random_u64(r) >> 11) * 0x1p-53;
}

double demo_random_lognormal(struct demo_random *r, double median, double sigma)
{
    double u = 1.0 - demo_random_unit(r), v = demo_random_unit(r);
    double normal = sqrt(-2.0 * log(u)) * cos(2.0 * 3.14159265358979323846 * v);
    return median * exp(sigma * normal);
}
