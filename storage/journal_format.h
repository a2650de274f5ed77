/* journal_format.h - the bytes of a journal segment: heads, their checksums, nothing else.
 * docs/formats/journal.md describes them byte by byte. Private to storage/journal*. */
#ifndef WEFT_STORAGE_JOURNAL_FORMAT_H
#define WEFT_STORAGE_JOURNAL_FORMAT_H

#include "base/err.h"
#include "base/str.h"

enum {
    JOURNAL_VERSION = 1,
    SEGMENT_DATA_AT = 4096, /* the first group; two copies of the segment head lie before it */
    SEGMENT_HEAD_BYTES = 64,
    GROUP_HEAD_BYTES = 32,
    RECORD_HEAD_BYTES = 56,
    JOURNAL_TEXT_MAX = 4096, /* sender and user agent are cut to it */
};

/* What a segment says of itself and of the one before. Durable before anything that follows from it
 * is acknowledged. */
struct segment_head {
    uint64_t number, first_sequence;
    /* Segment prev_number ends at prev_end: what lies behind was never committed, nor what lies in
     * segments between that one and this. Number 0: there is none before. */
    uint64_t prev_number, prev_end;
    uint64_t clock_ns; /* pipeline clock when it was begun */
};

struct group_head {
    uint64_t bytes; /* of the group, this head included */
    uint64_t first_sequence;
    uint32_t record_count;
};

/* Stored: never renumber. */
enum record_type { RECORD_BATCH = 1, RECORD_TICK = 2, RECORD_FLUSH = 3 };

/* Sender, user agent and body follow the head in this order. */
struct record_head {
    uint64_t sequence, wall_ns, clock_ns;
    uint64_t content_sum; /* of sender, user agent, body: record_content_sum() */
    uint32_t body_bytes;
    uint16_t sender_bytes, agent_bytes;
    uint8_t type, signal, encoding, compression;
};

/* Where a head lies. It goes into the checksum, so that bytes in a wrong place are never taken for
 * a record. */
struct journal_place {
    uint64_t segment, offset;
};

/* Fills the whole area before the first group (SEGMENT_DATA_AT bytes): two copies and zeros. Any
 * thread. */
void segment_head_encode(const struct segment_head *h, char *out);
/* ST_CORRUPT when neither copy holds, ST_UNSUPPORTED when a newer weft wrote it. `area` has
 * SEGMENT_DATA_AT bytes. */
enum status segment_head_decode(const char *area, struct segment_head *out, struct err *e);

/* GROUP_HEAD_BYTES each; decode is false when the checksum does not hold. Any thread. */
void group_head_encode(const struct group_head *h, struct journal_place at, char *out);
bool group_head_decode(const char *bytes, struct journal_place at, struct group_head *out);

/* Where the first bytes lie that every group head begins with; the length when they do not. */
size_t group_magic_find(struct str bytes);

/* RECORD_HEAD_BYTES each; decode is false when the checksum does not hold or no writer gives such a
 * number. Any thread. */
void record_head_encode(const struct record_head *h, struct journal_place at, char *out);
bool record_head_decode(const char *bytes, struct journal_place at, struct record_head *out);

/* The checksum of what follows a record head; text = sender and user agent as they lie behind each
 * other. */
uint64_t record_content_sum(struct str text, struct str body);

static inline uint64_t record_bytes(const struct record_head *h)
{
    return RECORD_HEAD_BYTES + (uint64_t)h->sender_bytes + h->agent_bytes + h->body_bytes;
}

#endif
