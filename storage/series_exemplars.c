/* series_exemplars.c - the ring of exemplars. */
#include "storage/series_exemplars.h"
#include "base/mem.h"

void exemplars_deinit(struct exemplar_ring *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        mem_free(r->items[i].labels);
    mem_free(r->items);
    map64_deinit(&r->newest);
    *r = (struct exemplar_ring){0};
}

static enum status no_memory(struct err *e)
{
    return err_set(e, ST_NO_MEMORY, "no memory for an exemplar");
}

/* Empties the place of the oldest. */
static struct kept_exemplar *take_place(struct exemplar_ring *r)
{
    struct kept_exemplar *place = &r->items[r->next];
    if (r->count == EXEMPLARS_MAX) {
        uint64_t *newest = map64_find(&r->newest, place->id);
        if (newest && *newest == r->next + 1)
            map64_remove(&r->newest, place->id);
        r->bytes -= place->labels_len;
        mem_free(place->labels);
    } else {
        r->count++;
    }
    r->next = (r->next + 1) % EXEMPLARS_MAX;
    return place;
}

/* The labels are taken over. */
static enum status keep(struct exemplar_ring *r, const struct kept_exemplar *x, struct err *e)
{
    bool added;
    uint64_t *newest = map64_put(&r->newest, x->id, &added);
    if (!newest) {
        mem_free(x->labels);
        return no_memory(e);
    }
    *newest = r->next + 1;
    r->bytes += x->labels_len;
    *take_place(r) = *x;
    return ST_OK;
}

static bool is_known(const struct exemplar_ring *r, uint32_t id, int64_t time_ms)
{
    const uint64_t *newest = map64_find(&r->newest, id);
    return newest && *newest && r->items[*newest - 1].time_ms >= time_ms;
}

static bool reserve(struct exemplar_ring *r)
{
    if (!r->items)
        r->items = mem_realloc_array(NULL, EXEMPLARS_MAX, sizeof(*r->items));
    return r->items;
}

enum status exemplars_add(struct exemplar_ring *r, uint32_t id, const struct metric_exemplar *x,
                          struct err *e)
{
    struct buf labels = {0};
    if (!reserve(r))
        return no_memory(e);
    if (is_known(r, id, x->time_ms))
        return ST_OK;
    label_set_encode(x->labels, &labels);
    if (labels.failed || labels.len > EXEMPLAR_LABEL_BYTES_MAX) {
        bool failed = labels.failed;
        buf_deinit(&labels);
        return failed ? no_memory(e)
                      : err_set(e, ST_INVALID, "the labels of an exemplar take more than %d bytes",
                                EXEMPLAR_LABEL_BYTES_MAX);
    }
    size_t len;
    char *bytes = buf_take(&labels, &len);
    struct kept_exemplar kept = {bytes, x->value, x->time_ms, id, (uint32_t)len};
    return keep(r, &kept, e);
}

enum status exemplars_each(const struct exemplar_ring *r,
                           enum status (*each)(const struct kept_exemplar *x, void *user,
                                               struct err *e),
                           void *user, struct err *e)
{
    uint32_t first = r->count == EXEMPLARS_MAX ? r->next : 0;
    for (uint32_t i = 0; i < r->count; i++)
        TRY(each(&r->items[(first + i) % EXEMPLARS_MAX], user, e));
    return ST_OK;
}

static enum status encode_one(const struct kept_exemplar *x, void *user, struct err *e)
{
    struct buf *out = user;
    uint64_t bits;
    (void)e;
    memcpy(&bits, &x->value, sizeof(bits));
    buf_append_varint(out, x->id);
    buf_append_zigzag(out, x->time_ms);
    buf_append_u64(out, bits);
    buf_append_lenstr(out, (struct str){x->labels, x->labels_len});
    return ST_OK;
}

void exemplars_encode(const struct exemplar_ring *r, struct buf *out)
{
    buf_append_varint(out, r->count);
    (void)exemplars_each(r, encode_one, out, NULL);
}

static enum status corrupt(struct err *e)
{
    return err_set(e, ST_CORRUPT, "the exemplars in the state of series are damaged");
}

static bool is_label_set(struct str bytes)
{
    struct arena arena = {0};
    struct label_set labels;
    struct cursor in = cursor_of(bytes);
    bool whole = label_set_decode(&in, &arena, &labels, NULL) == ST_OK && in.at == in.end;
    arena_deinit(&arena);
    return whole;
}

static enum status decode_one(struct exemplar_ring *r, struct cursor *in, struct err *e)
{
    struct kept_exemplar x = {0};
    uint64_t id = cursor_varint(in), bits;
    x.time_ms = cursor_zigzag(in);
    bits = cursor_u64(in);
    struct str labels = cursor_lenstr(in);
    memcpy(&x.value, &bits, sizeof(bits));
    x.id = (uint32_t)id;
    x.labels_len = (uint32_t)labels.len;
    if (in->failed || id == 0 || id > UINT32_MAX || labels.len > EXEMPLAR_LABEL_BYTES_MAX ||
        !is_label_set(labels))
        return corrupt(e);
    x.labels = mem_alloc(labels.len);
    if (!x.labels)
        return no_memory(e);
    memcpy(x.labels, labels.ptr, labels.len);
    return keep(r, &x, e);
}

enum status exemplars_decode(struct exemplar_ring *r, struct cursor *in, struct err *e)
{
    uint64_t count = cursor_varint(in);
    if (in->failed || count > EXEMPLARS_MAX)
        return corrupt(e);
    if (count && !reserve(r))
        return no_memory(e);
    for (uint64_t i = 0; i < count; i++)
        TRY(decode_one(r, in, e));
    return ST_OK;
}
