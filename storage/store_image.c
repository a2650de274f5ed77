/* store_image.c - the image of all open state at a checkpoint: a file of checksummed chunks.
 * docs/formats/image.md. */
#include "base/cursor.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "base/log.h"
#include "storage/store_private.h"
#include <fcntl.h>
#include <sys/stat.h>

enum {
    IMAGE_VERSION = 1,
    IMAGE_HEAD_BYTES = 24,
    CHUNK_HEAD_BYTES = 16,
    CHUNK_MAX = MIB,
    CHUNK_END = 0xffffffff,            /* length of the mark behind the last chunk */
    STAGE_BYTES = CHUNK_MAX + 4 * KIB, /* one chunk with its head, or many small ones */
};

static const char image_magic[8] = {'w', 'e', 'f', 't', 'i', 'm', 'a', 'g'};

/* Seed of a chunk's checksum: which image, which chunk, how long. */
static uint64_t chunk_seed(uint64_t image, uint64_t chunk, uint32_t length)
{
    return hash_u64(hash_u64(image) + chunk) + length;
}

/* --- writing --- */

static enum status stage_flush(struct image_writer *w, struct err *e)
{
    file_point("checkpoint_image_write");
    TRY(file_write_behind(w->fd, buf_str(&w->stage), w->bytes - w->stage.len, e));
    buf_reset(&w->stage);
    return ST_OK;
}

/* Appends to the stage; w->bytes counts what was appended since the file began. */
static enum status stage_append(struct image_writer *w, const void *bytes, size_t len,
                                struct err *e)
{
    if (w->stage.len + len > STAGE_BYTES && w->stage.len > 0)
        TRY(stage_flush(w, e));
    buf_append(&w->stage, bytes, len);
    if (w->stage.failed)
        return err_set(e, ST_NO_MEMORY, "no memory for the checkpoint's image");
    w->bytes += len;
    return ST_OK;
}

static enum status chunk_head(struct image_writer *w, uint32_t length, uint64_t sum, struct err *e)
{
    struct buf head = {0};
    buf_append_u32(&head, length);
    buf_append_u32(&head, 0);
    buf_append_u64(&head, sum);
    enum status st = head.failed ? err_set(e, ST_NO_MEMORY, "no memory for the checkpoint's image")
                                 : stage_append(w, head.ptr, head.len, e);
    buf_deinit(&head);
    return st;
}

static enum status image_head(struct image_writer *w, struct err *e)
{
    struct buf head = {0};
    buf_append(&head, image_magic, sizeof(image_magic));
    buf_append_u32(&head, IMAGE_VERSION);
    buf_append_u32(&head, 0);
    buf_append_u64(&head, w->id);
    enum status st = head.failed ? err_set(e, ST_NO_MEMORY, "no memory for the checkpoint's image")
                                 : stage_append(w, head.ptr, head.len, e);
    buf_deinit(&head);
    return st;
}

/* A snapshot has it, too: then it counts there for ever. */
static bool has_other_names(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && info.st_nlink > 1;
}

/* The file of an image that no longer counts becomes the new one's: its blocks are allocated and
 * its pages are in memory. Without one, the file is new. */
static enum status image_file(struct store *s, const char *path, int *fd, struct err *e)
{
    char spare[STORE_PATH_MAX];
    store_path(s, "image", s->spare_image, "image", spare);
    if (s->spare_image != 0 && (has_other_names(spare) || file_rename(spare, path, e) != ST_OK))
        image_remove(s, s->spare_image);
    s->spare_image = 0;
    return file_open(path, O_RDWR | O_CREAT, fd, e);
}

enum status image_begin(struct store *s, struct image_writer **out, struct err *e)
{
    char path[STORE_PATH_MAX];
    struct image_writer *w = mem_calloc(1, sizeof(*w));
    if (!w)
        return err_set(e, ST_NO_MEMORY, "no memory for a checkpoint");
    w->store = s;
    w->fd = -1;
    w->id = store_new_id(s);
    store_path(s, "image", w->id, "image", path);
    enum status st = image_file(s, path, &w->fd, e);
    if (st == ST_OK)
        st = image_head(w, e);
    if (st != ST_OK) {
        image_remove(s, w->id);
        image_free(w);
        return st;
    }
    *out = w;
    return ST_OK;
}

enum status image_write(struct image_writer *w, struct str bytes, struct err *e)
{
    while (bytes.len > 0) {
        struct str chunk = str_sub(bytes, 0, CHUNK_MAX);
        bytes = str_sub(bytes, chunk.len, bytes.len);
        uint32_t length = (uint32_t)chunk.len;
        TRY(chunk_head(w, length, hash_str(chunk, chunk_seed(w->id, w->chunks++, length)), e));
        TRY(stage_append(w, chunk.ptr, chunk.len, e));
    }
    return ST_OK;
}

enum status image_finish(struct image_writer *w, struct err *e)
{
    enum status st = chunk_head(w, CHUNK_END, chunk_seed(w->id, w->chunks, CHUNK_END), e);
    if (st == ST_OK)
        st = stage_flush(w, e);
    if (st == ST_OK) /* of a longer image that was here before */
        st = file_truncate(w->fd, w->bytes, e);
    if (st == ST_OK)
        st = file_sync_data(w->fd, e);
    file_close(w->fd);
    w->fd = -1;
    return st;
}

void image_free(struct image_writer *w)
{
    if (w->fd >= 0)
        file_close(w->fd);
    buf_deinit(&w->stage);
    buf_deinit(&w->part);
    mem_free(w);
}

void image_remove(struct store *s, uint64_t id)
{
    char path[STORE_PATH_MAX];
    struct err e;
    store_path(s, "image", id, "image", path);
    if (file_remove(path, &e) != ST_OK)
        log_warn("store: image could not be removed error=\"%s\"", e.msg);
}

/* --- reading --- */

struct image_reader {
    int fd;
    uint64_t id, at, chunks;
    char *chunk; /* owned, CHUNK_MAX bytes */
};

static enum status damaged(const struct image_reader *r, struct err *e)
{
    return err_set(e, ST_CORRUPT, "damaged at byte %llu (image/%016llx.image)",
                   (unsigned long long)r->at, (unsigned long long)r->id);
}

/* The next chunk into r->chunk; *length CHUNK_END behind the last. */
static enum status read_chunk(struct image_reader *r, uint32_t *length, struct err *e)
{
    char bytes[CHUNK_HEAD_BYTES];
    TRY(file_read_at(r->fd, bytes, sizeof(bytes), r->at, e));
    struct cursor c = cursor_of((struct str){bytes, sizeof(bytes)});
    *length = cursor_u32(&c);
    uint32_t zero = cursor_u32(&c);
    uint64_t sum = cursor_u64(&c), seed = chunk_seed(r->id, r->chunks, *length);
    if (zero != 0 || (*length > CHUNK_MAX && *length != CHUNK_END))
        return damaged(r, e);
    if (*length == CHUNK_END)
        return sum == seed ? ST_OK : damaged(r, e);
    TRY(file_read_at(r->fd, r->chunk, *length, r->at + CHUNK_HEAD_BYTES, e));
    if (hash_bytes(r->chunk, *length, seed) != sum)
        return damaged(r, e);
    r->at += CHUNK_HEAD_BYTES + *length;
    r->chunks++;
    return ST_OK;
}

/* The first chunk holds only when it is this image's: what the head says besides may be damaged. */
static bool first_chunk_holds(const struct image_reader *r)
{
    struct image_reader first = *r;
    uint32_t length;
    first.at = IMAGE_HEAD_BYTES;
    return read_chunk(&first, &length, NULL) == ST_OK;
}

static enum status read_head(struct image_reader *r, struct err *e)
{
    char bytes[IMAGE_HEAD_BYTES];
    TRY(file_read_at(r->fd, bytes, sizeof(bytes), 0, e));
    struct cursor c = cursor_of((struct str){bytes, sizeof(bytes)});
    struct str magic = cursor_bytes(&c, sizeof(image_magic));
    uint32_t version = cursor_u32(&c), zero = cursor_u32(&c);
    bool is_image = memcmp(magic.ptr, image_magic, sizeof(image_magic)) == 0 && zero == 0 &&
                    cursor_u64(&c) == r->id;
    if (!is_image || version != IMAGE_VERSION) {
        if (!first_chunk_holds(r))
            return is_image ? err_set(e, ST_UNSUPPORTED,
                                      "image format %u is not known to this weft", version)
                            : damaged(r, e);
        log_error("store: damaged head of an image, what it holds is whole image=%016llx",
                  (unsigned long long)r->id);
    }
    r->at = IMAGE_HEAD_BYTES;
    return ST_OK;
}

static enum status read_chunks(struct image_reader *r,
                               enum status (*chunk)(struct str, void *, struct err *), void *user,
                               struct err *e)
{
    TRY(read_head(r, e));
    for (;;) {
        uint32_t length;
        TRY(read_chunk(r, &length, e));
        if (length == CHUNK_END)
            return ST_OK;
        TRY(chunk((struct str){r->chunk, length}, user, e));
    }
}

uint64_t store_checkpoint_position(const struct store *s)
{
    return catalogue_checkpoint(s->catalogue).position;
}

static uint64_t image_number(const struct store *s, enum store_image which)
{
    return which == STORE_IMAGE_LAST ? catalogue_checkpoint(s->catalogue).image : s->older_image;
}

bool store_image_exists(const struct store *s, enum store_image which)
{
    return image_number(s, which) != 0;
}

enum status store_image_read(struct store *s, enum store_image which,
                             enum status (*chunk)(struct str bytes, void *user, struct err *e),
                             void *user, struct err *e)
{
    struct image_reader r = {.id = image_number(s, which)};
    char path[STORE_PATH_MAX];
    if (r.id == 0)
        return ST_OK;
    store_path(s, "image", r.id, "image", path);
    TRY(file_open(path, O_RDONLY, &r.fd, e));
    r.chunk = mem_alloc(CHUNK_MAX);
    enum status st = r.chunk ? read_chunks(&r, chunk, user, e)
                             : err_set(e, ST_NO_MEMORY, "no memory to read the image");
    mem_free(r.chunk);
    file_close(r.fd);
    return st;
}

void store_image_damaged(struct store *s, enum store_image which)
{
    store_keep_damaged(s, "image", image_number(s, which), "image");
    store_note_lost(s, 1);
    if (which == STORE_IMAGE_LAST)
        s->last_is_damaged = true;
    else
        s->older_image = 0;
}

void images_rotate(struct store *s, uint64_t last)
{
    if (last != 0 && s->last_is_damaged) {
        image_remove(s, last);
    } else if (last != 0) {
        s->spare_image = s->older_image;
        s->older_image = last;
    }
    s->last_is_damaged = false;
}
