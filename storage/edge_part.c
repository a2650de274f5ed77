/* edge_part.c - opening a part and asking it what it holds. */
#include "storage/edge_part_file.h"

#include "base/fileio.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/log.h"
#include <fcntl.h>
#include <zstd.h>

uint32_t tier_seconds(enum tier t)
{
    static const uint32_t seconds[TIER_COUNT] = {15, 60, 300, 3600, 86400};
    return seconds[t];
}

enum status edge_part_read(const struct edge_part *p, uint64_t at, size_t len, struct buf *scratch,
                           struct str *out, struct err *e)
{
    if (at > p->size || len > p->size - at)
        return err_set(e, ST_CORRUPT, "bytes lie behind the end of %s", edge_part_label(p));
    if (p->memory) {
        *out = (struct str){p->memory + at, len};
        return ST_OK;
    }
    buf_reset(scratch);
    if (!buf_reserve(scratch, len + 1))
        return err_set(e, ST_NO_MEMORY, "no memory to read %zu bytes", len);
    TRY(file_read_at(p->fd, scratch->ptr, len, at, e));
    scratch->len = len;
    *out = buf_str(scratch);
    return ST_OK;
}

const char *edge_part_label(const struct edge_part *p)
{
    return p->path ? p->path : "(memory)";
}

void edge_part_log_lost(const struct edge_part *p, const struct block_entry *entry,
                        const struct err *e)
{
    log_limited(LOG_WARN,
                "edge_part: block lost part=%s tier_s=%u joint=%d first_second=%llu offset=%llu "
                "reason=\"%s\"",
                edge_part_label(p), tier_seconds(entry->tier), entry->joint,
                (unsigned long long)(entry->slab * slab_seconds(entry->tier)),
                (unsigned long long)entry->at, e->msg);
}

static void part_free(struct edge_part *p)
{
    if (p->fd >= 0)
        file_close(p->fd);
    mem_free(p->path);
    mem_free(p->memory);
    buf_deinit(&p->tables);
    mem_free(p->symbols);
    mem_free(p->rows);
    mem_free(p->blocks);
    mem_free(p);
}

struct footer {
    uint64_t at;               /* of the tables; the blocks end there */
    uint64_t stored, unpacked; /* bytes; equal: not packed */
    uint64_t checksum;         /* of the stored tables */
    uint32_t version;
};

static enum status read_footer(const struct edge_part *p, struct footer *out, struct err *e)
{
    struct buf scratch = {0};
    struct str bytes;
    if (p->size < PART_HEADER_BYTES + PART_FOOTER_BYTES)
        return err_set(e, ST_CORRUPT, "%s is too short for a part", edge_part_label(p));
    enum status status =
        edge_part_read(p, p->size - PART_FOOTER_BYTES, PART_FOOTER_BYTES, &scratch, &bytes, e);
    if (status == ST_OK) {
        struct cursor c = cursor_of(bytes);
        out->at = cursor_u64(&c);
        out->stored = cursor_u64(&c);
        out->unpacked = cursor_u64(&c);
        out->checksum = cursor_u64(&c);
        out->version = cursor_u32(&c);
        uint32_t own = cursor_u32(&c);
        if (!str_eq(cursor_bytes(&c, 8), STR(PART_END_MAGIC)) ||
            own != (uint32_t)hash_checksum(bytes.ptr, PART_FOOTER_CHECKED))
            status = err_set(e, ST_CORRUPT, "%s does not end as a part does", edge_part_label(p));
        else if (out->version > PART_VERSION)
            status = err_set(e, ST_UNSUPPORTED, "%s was written by a newer weft (format %u)",
                             edge_part_label(p), out->version);
    }
    buf_deinit(&scratch);
    return status;
}

/* Puts the unpacked tables into p->tables. */
static enum status read_tables(struct edge_part *p, const struct footer *f, struct err *e)
{
    struct buf scratch = {0};
    struct str bytes;
    uint64_t end = p->size - PART_FOOTER_BYTES;
    if (f->at > end || f->stored != end - f->at || f->unpacked > META_MAX)
        return err_set(e, ST_CORRUPT, "the end of %s is damaged", edge_part_label(p));
    enum status status = edge_part_read(p, f->at, f->stored, &scratch, &bytes, e);
    if (status == ST_OK && hash_checksum(bytes.ptr, bytes.len) != f->checksum)
        status = err_set(e, ST_CORRUPT, "the tables of %s are damaged", edge_part_label(p));
    if (status == ST_OK && f->stored == f->unpacked) {
        buf_append_str(&p->tables, bytes);
        if (p->tables.failed)
            status = err_set(e, ST_NO_MEMORY, "no memory to open a part");
    } else if (status == ST_OK) {
        struct ZSTD_DCtx_s *zstd = NULL;
        status = block_unpack(&zstd, bytes, f->unpacked, &p->tables, e);
        ZSTD_freeDCtx(zstd);
    }
    buf_deinit(&scratch);
    return status;
}

static enum status check_header(const struct edge_part *p, struct err *e)
{
    struct buf scratch = {0};
    struct str bytes;
    enum status status = edge_part_read(p, 0, PART_HEADER_BYTES, &scratch, &bytes, e);
    if (status == ST_OK && !str_starts_with(bytes, STR(PART_MAGIC)))
        status = err_set(e, ST_CORRUPT, "%s is no edge part", edge_part_label(p));
    buf_deinit(&scratch);
    return status;
}

static enum status open_part(struct edge_part *p, struct err *e)
{
    struct footer footer = {0};
    TRY(read_footer(p, &footer, e));
    p->version = footer.version;
    TRY(check_header(p, e));
    TRY(read_tables(p, &footer, e));
    return edge_part_parse_tables(p, buf_str(&p->tables), footer.at, e);
}

static enum status open_or_free(struct edge_part *p, struct edge_part **out, struct err *e)
{
    atomic_init(&p->references, 1);
    enum status status = open_part(p, e);
    if (status != ST_OK) {
        part_free(p);
        return status;
    }
    *out = p;
    return ST_OK;
}

enum status edge_part_open_memory(struct buf *bytes, struct edge_part **out, struct err *e)
{
    struct edge_part *p = mem_calloc(1, sizeof(*p));
    if (!p || bytes->failed) {
        buf_deinit(bytes);
        mem_free(p);
        return err_set(e, ST_NO_MEMORY, "no memory to open a part");
    }
    size_t len;
    p->fd = -1;
    p->memory = buf_take(bytes, &len);
    p->size = p->memory ? len : 0;
    return open_or_free(p, out, e);
}

enum status edge_part_open_file(const char *path, struct edge_part **out, struct err *e)
{
    struct edge_part *p = mem_calloc(1, sizeof(*p));
    size_t len = strlen(path) + 1;
    if (p)
        p->path = mem_alloc(len);
    if (!p || !p->path) {
        mem_free(p);
        return err_set(e, ST_NO_MEMORY, "no memory to open a part");
    }
    memcpy(p->path, path, len);
    p->fd = -1;
    enum status status = file_open(path, O_RDONLY | O_CLOEXEC, &p->fd, e);
    if (status == ST_OK)
        status = file_size(p->fd, &p->size, e);
    if (status != ST_OK) {
        part_free(p);
        return status;
    }
    return open_or_free(p, out, e);
}

struct edge_part *edge_part_ref(struct edge_part *p)
{
    atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
    return p;
}

void edge_part_unref(struct edge_part *p)
{
    if (p && atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) == 1)
        part_free(p);
}

uint32_t edge_part_row_count(const struct edge_part *p)
{
    return p->row_count;
}

void edge_part_row(const struct edge_part *p, uint32_t row, struct cell_row *out)
{
    const struct row_key *key = &p->rows[row];
    struct str strings[ROW_STRINGS];
    for (unsigned i = 0; i < ROW_STRINGS; i++)
        strings[i] = p->symbols[key->v[ROW_KEY_STRINGS + i]];
    *out = (struct cell_row){0};
    cell_row_set_strings(out, strings);
    if (!cell_row_set_word(out, key->v[ROW_KEY_WORD]))
        *out = (struct cell_row){0}; /* cannot be: checked when the part was opened */
}

struct str edge_part_name(const struct edge_part *p, uint32_t name)
{
    return p->symbols[name];
}

uint32_t edge_part_name_count(const struct edge_part *p)
{
    return p->symbol_count;
}

uint64_t edge_part_start_s(const struct edge_part *p)
{
    return p->start_s;
}

uint64_t edge_part_end_s(const struct edge_part *p)
{
    return p->end_s;
}

uint64_t edge_part_bytes(const struct edge_part *p)
{
    return p->size;
}

uint64_t edge_part_tier_from(const struct edge_part *p, enum tier t, bool joint)
{
    return p->from_s[joint][t];
}

uint64_t edge_part_tier_end(const struct edge_part *p, enum tier t, bool joint)
{
    return joint && t == TIER_1M ? p->joint_minutes_end_s : UINT64_MAX;
}
