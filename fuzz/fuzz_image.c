/* fuzz_image.c - reads a checkpoint's image of arbitrary bytes. The first byte says whether its
 * checksums are made to fit. The collector takes its chunks: no crash, no chunk over 1 MiB. An
 * image that is taken is written again and read as the same, and everything open can be closed. */
#include "base/fileio.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "collector/image.h"
#include "storage/store.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct store *store;
static char path[128];
static atomic_bool written;

static void on_done(void *user, enum status status, const struct err *e)
{
    (void)user, (void)e;
    if (status != ST_OK)
        abort();
    written = true;
}

static void checkpoint(uint64_t position)
{
    struct image_writer *w;
    struct buf part = {0};
    written = false;
    if (store_checkpoint_begin(store, &w, NULL) != ST_OK || image_write(w, STR("x"), NULL) != ST_OK)
        abort();
    store_checkpoint_commit(w, &part, position, on_done, NULL);
    while (!written)
        usleep(1000);
    if (store_checkpoint_position(store) != position ||
        !store_image_exists(store, STORE_IMAGE_LAST))
        abort();
}

enum { HEAD_BYTES = 24, CHUNK_HEAD_BYTES = 16 };

/* As docs/formats/image.md has it. */
static void repair(char *bytes, size_t len)
{
    const uint64_t number = 1;
    const uint32_t version[2] = {1, 0};
    if (len < HEAD_BYTES)
        return;
    memcpy(bytes, "weftimag", 8);
    memcpy(bytes + 8, version, sizeof(version));
    memcpy(bytes + 16, &number, sizeof(number));
    uint64_t chunk = 0;
    for (size_t at = HEAD_BYTES; at + CHUNK_HEAD_BYTES <= len; chunk++) {
        uint32_t length;
        memcpy(&length, bytes + at, sizeof(length));
        uint64_t seed = hash_u64(hash_u64(number) + chunk) + length, sum = seed;
        size_t left = len - at - CHUNK_HEAD_BYTES;
        if (length != UINT32_MAX && length <= left)
            sum = hash_bytes(bytes + at + CHUNK_HEAD_BYTES, length, seed);
        memcpy(bytes + at + 8, &sum, sizeof(sum));
        at += CHUNK_HEAD_BYTES + (size_t)MIN((uint64_t)length, left);
    }
}

static enum status take_chunk(struct str bytes, void *user, struct err *e)
{
    if (bytes.len > MIB)
        abort();
    return image_read_chunk(user, bytes, e);
}

static void make_pipeline(struct pipeline *p)
{
    struct pipeline_config config = {
        .seed = 1, .graph = graph_settings_default(), .open_bytes_max = 64 * MIB};
    *p = (struct pipeline){0};
    if (pipeline_init(p, &config, NULL) != ST_OK)
        abort();
}

static enum status keep_chunk(struct str bytes, void *user, struct err *e)
{
    (void)e;
    buf_append_varint(user, bytes.len);
    buf_append_str(user, bytes);
    return ST_OK;
}

/* Chunks that the collector itself made are taken. */
static void take_chunks(struct image_reader *reader, struct str chunks)
{
    struct cursor c = cursor_of(chunks);
    while (c.at < c.end) {
        if (take_chunk(cursor_lenstr(&c), reader, NULL) != ST_OK)
            abort();
    }
    if (image_read_end(reader, NULL) != ST_OK)
        abort();
}

/* What was written of it and read back has as much open. */
static void expect_same(const struct pipeline *p, const struct account_totals *totals)
{
    struct buf chunks = {0};
    struct pipeline back;
    struct image_reader reader = {.pipeline = &back};
    make_pipeline(&back);
    if (image_encode(p, totals, keep_chunk, &chunks, NULL) != ST_OK)
        abort();
    take_chunks(&reader, buf_str(&chunks));
    if (back.closed_requests != p->closed_requests ||
        open_table_spans(&back.table) != open_table_spans(&p->table))
        abort();
    pipeline_flush(&back, back.sequence + 1, back.clock_ns);
    pipeline_deinit(&back);
    buf_deinit(&chunks);
}

/* What the chunks are taken for is a state that goes on. */
static void read_state(void)
{
    struct pipeline p;
    make_pipeline(&p);
    struct image_reader reader = {.pipeline = &p};
    enum status st = store_image_read(store, STORE_IMAGE_OLDER, take_chunk, &reader, NULL);
    enum status end = image_read_end(&reader, NULL);
    if ((st != ST_OK && st != ST_CORRUPT && st != ST_UNSUPPORTED) ||
        (end != ST_OK && end != ST_CORRUPT))
        abort();
    if (st == ST_OK && end == ST_OK) {
        expect_same(&p, &reader.totals);
        if (p.clock_ns < UINT64_MAX / 2)
            pipeline_tick(&p, p.sequence + 1, 0, p.clock_ns + NS_PER_S);
        expect_same(&p, &reader.totals);
        pipeline_flush(&p, p.sequence + 1, p.clock_ns);
    }
    pipeline_deinit(&p);
}

/* A store whose image number 1 is the older of two, as one between them was damaged; its bytes are
 * then replaced again and again. */
static void store_make(void)
{
    char directory[64];
    log_set_level(LOG_ERROR);
    snprintf(directory, sizeof(directory), "/dev/shm/weft-fuzz-image-%d", (int)getpid());
    snprintf(path, sizeof(path), "%s/image/0000000000000001.image", directory);
    struct store_config config = {str_from_c(directory), {0}};
    if (store_open(&config, &store, NULL) != ST_OK)
        abort();
    read_state(); /* there is none yet */
    checkpoint(1);
    checkpoint(2);
    store_image_damaged(store, STORE_IMAGE_LAST);
    checkpoint(3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    if (!store)
        store_make();
    char *bytes = mem_alloc(len);
    memcpy(bytes, data + 1, len - 1);
    if (data[0] & 1)
        repair(bytes, len - 1);
    int fd = open(path, O_WRONLY | O_TRUNC);
    if (fd < 0 || write(fd, bytes, len - 1) != (ssize_t)(len - 1))
        abort();
    close(fd);
    mem_free(bytes);
    read_state();
    return 0;
}
