/* resting.c - a header, ids, parents that are none of them, and a record for each span, all of one
 * width: whoever reads them takes no branches. */
#include "collector/resting.h"
#include <string.h>

/* Bytes of a record's numbers: enough for the largest of its trace. */
struct widths {
    uint8_t end, duration, arrival, request, response;
    uint8_t more; /* of flags and weight: MORE_BYTES or, when no span has any, 0 */
};

struct resting {
    uint64_t base_ns; /* end of the first span */
    uint64_t is_new;  /* a bit a span */
    uint32_t base_arrival;
    uint8_t count, outside; /* spans; parents that are no span of it */
    struct widths widths;
    uint64_t ids[]; /* and the parents outside; behind them the records */
};
_Static_assert(RESTING_SPANS <= 64, "is_new has a bit for each");

/* Where a parent is: the place of its id, or nowhere. */
enum { PARENT_NONE = 0xff };

/* Numbers are moved eight bytes at a time: behind the last record there is room for that. */
enum { CODE_BYTES = 2, WHAT_BYTES = 12, MORE_BYTES = 4, SLACK_BYTES = 8 };
enum { FIXED_BYTES = 1 + CODE_BYTES + WHAT_BYTES };

static size_t record_bytes(const struct widths *w)
{
    return (size_t)FIXED_BYTES + w->end + w->duration + w->arrival + w->request + w->response +
           w->more;
}

static size_t bytes_of(const struct resting *r)
{
    return sizeof(*r) + (r->count + r->outside) * sizeof(uint64_t) +
           r->count * record_bytes(&r->widths) + SLACK_BYTES;
}

static uint8_t *records_of(struct resting *r)
{
    return (uint8_t *)(r->ids + r->count + r->outside);
}

/* --- writing --- */

static uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static uint64_t end_of(const struct open_span *s, uint64_t base_ns)
{
    return zigzag((int64_t)(s->end_ns - base_ns));
}

static uint64_t arrival_of(const struct open_span *s, uint32_t base)
{
    return zigzag((int32_t)(s->arrival - base));
}

static uint8_t width_of(uint64_t bits)
{
    return (uint8_t)(bits ? (71 - __builtin_clzll(bits)) / 8 : 0);
}

/* SIZE_NONE becomes 0. */
static void measure(struct resting *r, const struct open_span *spans)
{
    uint64_t end = 0, duration = 0, arrival = 0, request = 0, response = 0, more = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct open_span *s = &spans[i];
        end |= end_of(s, r->base_ns);
        duration |= s->duration_ns;
        arrival |= arrival_of(s, r->base_arrival);
        request |= s->request_bytes + 1;
        response |= s->response_bytes + 1;
        more |= s->flags | s->weight;
    }
    r->widths =
        (struct widths){width_of(end),     width_of(duration), width_of(arrival),
                        width_of(request), width_of(response), (uint8_t)(more ? MORE_BYTES : 0)};
}

/* Place of the parent among the ids, of which those outside are added as they come. */
static uint8_t place_of(struct resting *r, uint64_t *ids, uint64_t parent)
{
    unsigned place = 0, known = r->count + r->outside;
    if (parent == 0)
        return PARENT_NONE;
    while (place < known && ids[place] != parent)
        place++;
    if (place == known) {
        ids[known] = parent;
        r->outside++;
    }
    return (uint8_t)place;
}

static uint8_t *put(uint8_t *at, uint64_t value, unsigned width)
{
    memcpy(at, &value, sizeof(value));
    return at + width;
}

static uint8_t *put_record(uint8_t *at, const struct resting *r, uint8_t place,
                           const struct open_span *s)
{
    const struct widths *w = &r->widths;
    *at++ = place;
    at = put(at, s->outcome >> DURATION_BITS, CODE_BYTES);
    memcpy(at, s->what, WHAT_BYTES);
    at += WHAT_BYTES;
    at = put(at, end_of(s, r->base_ns), w->end);
    at = put(at, s->duration_ns, w->duration);
    at = put(at, arrival_of(s, r->base_arrival), w->arrival);
    at = put(at, s->request_bytes + 1, w->request);
    at = put(at, s->response_bytes + 1, w->response);
    return put(at, s->flags | (uint64_t)s->weight << 16, w->more);
}

uint32_t resting_put(struct blocks *b, const struct open_span *spans, uint32_t count)
{
    struct resting head = {
        .base_ns = spans[0].end_ns, .base_arrival = spans[0].arrival, .count = (uint8_t)count};
    uint64_t ids[2 * RESTING_SPANS];
    uint8_t places[RESTING_SPANS];
    measure(&head, spans);
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = spans[i].id;
        head.is_new |= (uint64_t)spans[i].is_new << i;
    }
    for (uint32_t i = 0; i < count; i++)
        places[i] = place_of(&head, ids, spans[i].parent);
    uint32_t name = bytes_of(&head) <= BLOCK_BYTES_MAX ? block_take(b, bytes_of(&head)) : 0;
    if (!name)
        return 0;
    struct resting *r = block_at(b, name);
    *r = head;
    memcpy(r->ids, ids, (count + head.outside) * sizeof(*ids));
    uint8_t *at = records_of(r);
    for (uint32_t i = 0; i < count; i++)
        at = put_record(at, r, places[i], &spans[i]);
    return name;
}

void resting_rename(struct blocks *b, uint32_t name, const struct open_span *spans)
{
    struct resting *r = block_at(b, name);
    uint8_t places[RESTING_SPANS], *at = records_of(r);
    for (uint32_t i = 0; i < r->count; i++)
        places[i] = at[i * record_bytes(&r->widths)];
    for (uint32_t i = 0; i < r->count; i++)
        at = put_record(at, r, places[i], &spans[i]);
}

/* --- reading --- */

static const uint8_t *get(const uint8_t *at, uint64_t *value, unsigned width)
{
    memcpy(value, at, sizeof(*value));
    *value = width ? *value << (64 - 8 * width) >> (64 - 8 * width) : 0;
    return at + width;
}

static uint64_t unzigzag(uint64_t u)
{
    return u >> 1 ^ (0 - (u & 1));
}

static const uint8_t *get_record(const uint8_t *at, const struct resting *r, struct open_span *s)
{
    const struct widths *w = &r->widths;
    uint64_t codes, end, duration, arrival, request, response, more;
    uint8_t place = *at++;
    at = get(at, &codes, CODE_BYTES);
    memcpy(s->what, at, WHAT_BYTES);
    at += WHAT_BYTES;
    at = get(at, &end, w->end);
    at = get(at, &duration, w->duration);
    at = get(at, &arrival, w->arrival);
    at = get(at, &request, w->request);
    at = get(at, &response, w->response);
    at = get(at, &more, w->more);
    s->parent = place == PARENT_NONE ? 0 : r->ids[place];
    s->end_ns = r->base_ns + unzigzag(end);
    s->outcome = duration | codes << DURATION_BITS;
    s->arrival = r->base_arrival + (uint32_t)unzigzag(arrival);
    s->request_bytes = (uint32_t)request - 1;
    s->response_bytes = (uint32_t)response - 1;
    s->flags = (uint16_t)more;
    s->weight = (uint16_t)(more >> 16);
    return at;
}

uint32_t resting_get(const struct blocks *b, uint32_t name, struct open_span *spans)
{
    struct resting *r = block_at(b, name);
    const uint8_t *at = records_of(r);
    for (uint32_t i = 0; i < r->count; i++) {
        at = get_record(at, r, &spans[i]);
        spans[i].next = 0;
        spans[i].id = r->ids[i];
        spans[i].is_new = r->is_new >> i & 1u;
    }
    return r->count;
}

/* --- the view --- */

static uint64_t all_of(const struct resting *r)
{
    return UINT64_MAX >> (64 - r->count);
}

void resting_mark(struct blocks *b, uint32_t name, bool is_new)
{
    struct resting *r = block_at(b, name);
    r->is_new = is_new ? all_of(r) : 0;
}

bool resting_any_viewed(const struct blocks *b, uint32_t name)
{
    const struct resting *r = block_at(b, name);
    return r->is_new != all_of(r);
}

void resting_prefetch(const struct blocks *b, uint32_t name)
{
    enum { LINE = 64, LINES = 6 };
    const char *at = block_at(b, name);
    for (int i = 0; i < LINES; i++)
        __builtin_prefetch(at + (size_t)i * LINE);
}
