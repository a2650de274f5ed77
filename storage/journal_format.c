/* journal_format.c - encodes and decodes the heads of segments, groups and records. */
#include "storage/journal_format.h"
#include "base/cursor.h"
#include "base/hash.h"

static const char segment_magic[8] = {'w', 'e', 'f', 't', 'j', 'r', 'n', 'l'};
static const char group_magic[4] = {'w', 'g', 'r', 'p'};

/* A writer into a fixed field that is known to be long enough. */
struct pen {
    uint8_t *at;
};

static void put(struct pen *p, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        *p->at++ = (uint8_t)(v >> (8 * i));
}

static uint64_t place_seed(struct journal_place at)
{
    return hash_u64(at.segment) + at.offset;
}

static uint64_t head_sum(const char *bytes, size_t len, struct journal_place at)
{
    return hash_bytes(bytes, len, place_seed(at));
}

/* --- segment --- */

static void segment_head_copy(const struct segment_head *h, uint64_t offset, char *out)
{
    memcpy(out, segment_magic, sizeof(segment_magic));
    struct pen p = {(uint8_t *)out + sizeof(segment_magic)};
    put(&p, JOURNAL_VERSION, 4);
    put(&p, SEGMENT_DATA_AT, 4);
    put(&p, h->number, 8);
    put(&p, h->first_sequence, 8);
    put(&p, h->prev_number, 8);
    put(&p, h->prev_end, 8);
    put(&p, h->clock_ns, 8);
    put(&p, hash_bytes(out, SEGMENT_HEAD_BYTES - 8, offset), 8);
}

void segment_head_encode(const struct segment_head *h, char *out)
{
    memset(out, 0, SEGMENT_DATA_AT);
    segment_head_copy(h, 0, out);
    segment_head_copy(h, SEGMENT_HEAD_BYTES, out + SEGMENT_HEAD_BYTES);
}

static enum status segment_head_read(const char *bytes, uint64_t offset, struct segment_head *out,
                                     struct err *e)
{
    struct cursor c = cursor_of((struct str){bytes, SEGMENT_HEAD_BYTES});
    struct str magic = cursor_bytes(&c, sizeof(segment_magic));
    if (memcmp(magic.ptr, segment_magic, sizeof(segment_magic)) != 0)
        return err_set(e, ST_CORRUPT, "the head of a journal segment is damaged");
    uint32_t version = cursor_u32(&c), data_at = cursor_u32(&c);
    *out = (struct segment_head){.number = cursor_u64(&c)};
    out->first_sequence = cursor_u64(&c);
    out->prev_number = cursor_u64(&c);
    out->prev_end = cursor_u64(&c);
    out->clock_ns = cursor_u64(&c);
    if (cursor_u64(&c) != hash_bytes(bytes, SEGMENT_HEAD_BYTES - 8, offset))
        return err_set(e, ST_CORRUPT, "the head of a journal segment is damaged");
    if (version != JOURNAL_VERSION || data_at != SEGMENT_DATA_AT)
        return err_set(e, ST_UNSUPPORTED, "journal format %u is newer than this weft reads (%d)",
                       version, JOURNAL_VERSION);
    return ST_OK;
}

enum status segment_head_decode(const char *area, struct segment_head *out, struct err *e)
{
    enum status st = segment_head_read(area, 0, out, e);
    if (st != ST_CORRUPT)
        return st;
    return segment_head_read(area + SEGMENT_HEAD_BYTES, SEGMENT_HEAD_BYTES, out, e);
}

/* --- group --- */

void group_head_encode(const struct group_head *h, struct journal_place at, char *out)
{
    memcpy(out, group_magic, sizeof(group_magic));
    struct pen p = {(uint8_t *)out + sizeof(group_magic)};
    put(&p, h->record_count, 4);
    put(&p, h->bytes, 8);
    put(&p, h->first_sequence, 8);
    put(&p, head_sum(out, GROUP_HEAD_BYTES - 8, at), 8);
}

bool group_head_decode(const char *bytes, struct journal_place at, struct group_head *out)
{
    struct cursor c = cursor_of((struct str){bytes, GROUP_HEAD_BYTES});
    struct str magic = cursor_bytes(&c, sizeof(group_magic));
    if (memcmp(magic.ptr, group_magic, sizeof(group_magic)) != 0)
        return false;
    out->record_count = cursor_u32(&c);
    out->bytes = cursor_u64(&c);
    out->first_sequence = cursor_u64(&c);
    return cursor_u64(&c) == head_sum(bytes, GROUP_HEAD_BYTES - 8, at);
}

size_t group_magic_find(struct str bytes)
{
    return str_search(bytes, (struct str){group_magic, sizeof(group_magic)});
}

/* --- record --- */

void record_head_encode(const struct record_head *h, struct journal_place at, char *out)
{
    struct pen p = {(uint8_t *)out};
    put(&p, h->type, 1);
    put(&p, h->signal, 1);
    put(&p, h->encoding, 1);
    put(&p, h->compression, 1);
    put(&p, h->sender_bytes, 2);
    put(&p, h->agent_bytes, 2);
    put(&p, h->body_bytes, 4);
    put(&p, 0, 4);
    put(&p, h->sequence, 8);
    put(&p, h->wall_ns, 8);
    put(&p, h->clock_ns, 8);
    put(&p, h->content_sum, 8);
    put(&p, head_sum(out, RECORD_HEAD_BYTES - 8, at), 8);
}

bool record_head_decode(const char *bytes, struct journal_place at, struct record_head *out)
{
    struct cursor c = cursor_of((struct str){bytes, RECORD_HEAD_BYTES});
    *out = (struct record_head){.type = cursor_u8(&c)};
    out->signal = cursor_u8(&c);
    out->encoding = cursor_u8(&c);
    out->compression = cursor_u8(&c);
    out->sender_bytes = cursor_u16(&c);
    out->agent_bytes = cursor_u16(&c);
    out->body_bytes = cursor_u32(&c);
    (void)cursor_u32(&c); /* zero; the checksum covers it */
    out->sequence = cursor_u64(&c);
    out->wall_ns = cursor_u64(&c);
    out->clock_ns = cursor_u64(&c);
    out->content_sum = cursor_u64(&c);
    /* A type 0 head is unwritten space; no sequence is 0, and none can count up to the last bit. */
    return cursor_u64(&c) == head_sum(bytes, RECORD_HEAD_BYTES - 8, at) && out->type != 0 &&
           out->sequence != 0 && out->sequence <= INT64_MAX;
}

uint64_t record_content_sum(struct str text, struct str body)
{
    return hash_str(body, hash_str(text, body.len));
}
