/* unpack_snappy.c - snappy: the raw block and the framed stream of blocks.
 * Sources: snappy format_description.txt and framing_format.txt. */
#include "codec/unpack_format.h"

#include "codec/crc32c.h"
#include <snappy-c.h>

enum {
    SNAPPY_RATIO_MAX = 22,   /* three bytes copy at most 64 */
    CHUNK_PLAIN_MAX = 65536, /* bytes a chunk of the framed form may hold unpacked */
};

/* The length that a block declares; no more than its bytes could unpack to, so that a lie allocates
 * nothing. */
static bool block_length(struct str block, size_t *len)
{
    return snappy_uncompressed_length(block.ptr, block.len, len) == SNAPPY_OK &&
           *len / SNAPPY_RATIO_MAX <= block.len;
}

/* Unpacks a block that begins at job->at behind the output. */
static enum status read_block(struct unpack_job *job, struct str block, size_t plain_max)
{
    size_t len;
    if (!block_length(block, &len) || len > plain_max)
        return err_set(job->err, ST_INVALID,
                       "snappy: the block at byte %zu declares an impossible length", job->at);
    if (len > job->max - job->len)
        return unpack_too_big(job);
    enum status status = unpack_room(job, len);
    if (status != ST_OK)
        return status;
    if (snappy_uncompress(block.ptr, block.len, job->out + job->len, &len) != SNAPPY_OK)
        return err_set(job->err, ST_INVALID, "snappy: the block at byte %zu is damaged", job->at);
    job->len += len;
    return ST_OK;
}

enum status unpack_snappy_block(struct unpack_job *job)
{
    return read_block(job, job->in, SIZE_MAX);
}

/* Chunk types of the framed form; 0x80 to 0xfd may be skipped, those between 0x01 and 0x80 may not.
 */
enum { CHUNK_COMPRESSED = 0x00, CHUNK_PLAIN = 0x01, CHUNK_SKIPPABLE = 0x80, CHUNK_STREAM = 0xff };

struct chunk {
    uint8_t type;
    struct str data;
};

static enum status next_chunk(struct unpack_job *job, struct chunk *out)
{
    const uint8_t *head = (const uint8_t *)job->in.ptr + job->at;
    size_t left = unpack_left(job);
    if (left < 4)
        return err_set(job->err, ST_INVALID, "snappy: a chunk is cut off at byte %zu", job->at);
    size_t len = head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16;
    if (len > left - 4)
        return err_set(job->err, ST_INVALID, "snappy: the chunk at byte %zu is cut off", job->at);
    *out = (struct chunk){head[0], {(const char *)head + 4, len}};
    return ST_OK;
}

static enum status append_plain(struct unpack_job *job, struct str data)
{
    if (data.len > CHUNK_PLAIN_MAX)
        return err_set(job->err, ST_INVALID, "snappy: the chunk at byte %zu is too long", job->at);
    if (data.len > job->max - job->len)
        return unpack_too_big(job);
    enum status status = unpack_room(job, data.len);
    if (status != ST_OK)
        return status;
    memcpy(job->out + job->len, data.ptr, data.len);
    job->len += data.len;
    return ST_OK;
}

/* The checksum is rotated and shifted so that data with checksums inside does not weaken it. */
static uint32_t masked_crc(struct str plain)
{
    uint32_t crc = crc32c(plain);
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

static enum status read_data_chunk(struct unpack_job *job, const struct chunk *c)
{
    if (c->data.len < 4)
        return err_set(job->err, ST_INVALID, "snappy: the chunk at byte %zu has no checksum",
                       job->at);
    size_t before = job->len;
    struct str data = {c->data.ptr + 4, c->data.len - 4};
    enum status status = c->type == CHUNK_COMPRESSED ? read_block(job, data, CHUNK_PLAIN_MAX)
                                                     : append_plain(job, data);
    if (status != ST_OK)
        return status;
    const uint8_t *sum = (const uint8_t *)c->data.ptr;
    uint32_t want =
        sum[0] | (uint32_t)sum[1] << 8 | (uint32_t)sum[2] << 16 | (uint32_t)sum[3] << 24;
    if (masked_crc((struct str){job->out + before, job->len - before}) != want)
        return err_set(job->err, ST_INVALID, "snappy: the chunk at byte %zu has a wrong checksum",
                       job->at);
    return ST_OK;
}

enum status unpack_snappy_framed(struct unpack_job *job)
{
    bool in_stream = false;
    do {
        struct chunk c = {0};
        TRY(next_chunk(job, &c));
        if (c.type == CHUNK_STREAM) {
            in_stream = str_eq(c.data, STR("sNaPpY"));
            if (!in_stream)
                return err_set(job->err, ST_INVALID, "snappy: a bad stream identifier at byte %zu",
                               job->at);
        } else if (!in_stream) {
            return err_set(job->err, ST_INVALID,
                           "snappy: the stream identifier is missing at byte %zu", job->at);
        } else if (c.type <= CHUNK_PLAIN) {
            TRY(read_data_chunk(job, &c));
        } else if (c.type < CHUNK_SKIPPABLE) {
            return err_set(job->err, ST_INVALID, "snappy: an unknown chunk at byte %zu", job->at);
        }
        job->at += 4 + c.data.len;
    } while (unpack_left(job) > 0);
    return ST_OK;
}
