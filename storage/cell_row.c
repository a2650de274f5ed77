/* cell_row.c - rows as keys. */
#include "storage/cell_row.h"

#include "base/hash.h"

void cell_row_strings(const struct cell_row *row, struct str out[ROW_STRINGS])
{
    const struct str strings[ROW_STRINGS] = {
        row->client.cluster,
        row->client.space,
        row->client.name,
        row->server.cluster,
        row->server.space,
        row->server.name,
        row->client_variant.version,
        row->client_variant.workload,
        row->server_variant.version,
        row->server_variant.workload,
        row->operation,
        row->code,
    };
    memcpy(out, strings, sizeof(strings));
}

void cell_row_set_strings(struct cell_row *row, const struct str in[ROW_STRINGS])
{
    row->client.cluster = in[0];
    row->client.space = in[1];
    row->client.name = in[2];
    row->server.cluster = in[3];
    row->server.space = in[4];
    row->server.name = in[5];
    row->client_variant = (struct variant){.version = in[6], .workload = in[7]};
    row->server_variant = (struct variant){.version = in[8], .workload = in[9]};
    row->operation = in[10];
    row->code = in[11];
}

/* Most significant first, since rows are ordered by this word too: 4 bits each for the kinds and
 * the protocol. */
enum { WORD_CLIENT = 12, WORD_SERVER = 8, WORD_PROTOCOL = 4, WORD_VIEWS = 1, WORD_JOINT = 0 };

uint32_t cell_row_word(const struct cell_row *row)
{
    return (uint32_t)row->client.kind << WORD_CLIENT | (uint32_t)row->server.kind << WORD_SERVER |
           (uint32_t)row->protocol << WORD_PROTOCOL | (uint32_t)row->views << WORD_VIEWS |
           (row->is_total ? 0u : 1u);
}

bool cell_row_set_word(struct cell_row *row, uint32_t word)
{
    uint32_t client = word >> WORD_CLIENT, server = word >> WORD_SERVER & 15;
    uint32_t protocol = word >> WORD_PROTOCOL & 15, views = word >> WORD_VIEWS & 7;
    row->client.kind = (enum entity_kind)client;
    row->server.kind = (enum entity_kind)server;
    row->protocol = (enum protocol)protocol;
    row->views = (enum cell_view)views;
    row->is_total = (word & 1) == 0;
    return client <= ENTITY_OTHER && server <= ENTITY_OTHER && protocol <= PROTOCOL_GRPC &&
           views <= VIEW_BOTH;
}

int cell_row_cmp(const struct cell_row *a, const struct cell_row *b)
{
    if (a->is_total != b->is_total)
        return a->is_total ? -1 : 1;
    struct str x[ROW_STRINGS], y[ROW_STRINGS];
    cell_row_strings(a, x);
    cell_row_strings(b, y);
    for (unsigned i = 0; i < ROW_STRINGS; i++) {
        int order = str_cmp(x[i], y[i]);
        if (order != 0)
            return order;
    }
    uint32_t v = cell_row_word(a), w = cell_row_word(b);
    return (v > w) - (v < w);
}

uint64_t cell_row_hash(const struct cell_row *row, uint64_t seed)
{
    struct str strings[ROW_STRINGS];
    cell_row_strings(row, strings);
    uint64_t hash = hash_u64(seed ^ cell_row_word(row));
    for (unsigned i = 0; i < ROW_STRINGS; i++) /* the length separates "a","bc" from "ab","c" */
        hash = strings[i].len ? hash_str(strings[i], hash ^ strings[i].len) : hash_u64(hash + 1);
    return hash;
}

bool cell_row_copy(struct arena *arena, const struct cell_row *row, struct cell_row *out)
{
    struct str strings[ROW_STRINGS];
    cell_row_strings(row, strings);
    for (unsigned i = 0; i < ROW_STRINGS; i++) {
        size_t len = strings[i].len;
        strings[i] = arena_dup_str(arena, strings[i]);
        if (len > 0 && !strings[i].ptr)
            return false;
    }
    *out = *row;
    cell_row_set_strings(out, strings);
    return true;
}
