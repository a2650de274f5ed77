/* store_rig.c - see store_rig.h. */
#include "tests/unit/storage/store_rig.h"
#include "base/fileio.h"
#include "base/mem.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

struct store *store_rig_open(const char *directory, struct retention retention)
{
    struct store *s = NULL;
    struct err e = {0};
    struct store_config config = {str_from_c(directory), retention};
    cr_assert(eq(int, store_open(&config, &s, &e), ST_OK), "%s", e.msg);
    return s;
}

/* A part with one cell in the tile that holds `unix_s`. */
struct buf store_rig_part(uint64_t unix_s)
{
    struct buf out = {0};
    struct cell_set *cells = cell_set_new(1);
    struct cell_row row = {.client = {.name = STR("web")},
                           .server = {.name = STR("cart")},
                           .views = VIEW_BOTH,
                           .is_total = true};
    struct cell *cell = cell_set_cell(cells, cell_set_row(cells, &row), unix_s);
    cell->observed = 1;
    cell->weight = 1 << 16;
    cr_assert(eq(int, edge_part_encode(cells, true, &out, NULL), ST_OK));
    cell_set_free(cells);
    return out;
}

/* --- one checkpoint, waited for --- */

struct answer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool came;
    enum status status;
};

static void on_done(void *user, enum status status, const struct err *e)
{
    struct answer *a = user;
    cr_expect(status == ST_OK || e->msg[0] != '\0');
    pthread_mutex_lock(&a->lock);
    a->came = true;
    a->status = status;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* Image chunks of these lengths, a part when part_s is not 0. */
enum status store_rig_checkpoint(struct store *s, uint64_t position, const size_t *chunks,
                                 size_t count, uint64_t part_s)
{
    struct answer a = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, ST_OK};
    struct image_writer *w;
    struct buf part = part_s ? store_rig_part(part_s) : (struct buf){0};
    enum status st = store_checkpoint_begin(s, &w, NULL);
    if (st != ST_OK) {
        buf_deinit(&part);
        return st;
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        char *bytes = mem_alloc(chunks[i]);
        memset(bytes, (int)(position + i), chunks[i]);
        st = image_write(w, (struct str){bytes, chunks[i]}, NULL);
        mem_free(bytes);
    }
    if (st != ST_OK) {
        store_checkpoint_abort(w);
        buf_deinit(&part);
        return st;
    }
    store_checkpoint_commit(w, &part, position, on_done, &a);
    pthread_mutex_lock(&a.lock);
    while (!a.came)
        pthread_cond_wait(&a.changed, &a.lock);
    pthread_mutex_unlock(&a.lock);
    return a.status;
}

const size_t store_rig_image[2] = {100, 7};

/* --- the image, read --- */

enum status store_rig_chunk(struct str bytes, void *user, struct err *e)
{
    (void)e;
    struct image_seen *seen = user;
    cr_assert(lt(sz, seen->count, LEN(seen->lengths)));
    for (size_t i = 1; i < bytes.len; i++)
        cr_assert(eq(int, bytes.ptr[i], bytes.ptr[0]));
    seen->first_bytes[seen->count] = bytes.ptr[0];
    seen->lengths[seen->count++] = bytes.len;
    return ST_OK;
}

uint64_t store_rig_position(struct store *s, struct image_seen *seen)
{
    struct err e = {0};
    *seen = (struct image_seen){0};
    cr_assert(eq(int, store_image_read(s, STORE_IMAGE_LAST, store_rig_chunk, seen, &e), ST_OK),
              "%s", e.msg);
    return store_checkpoint_position(s);
}

size_t store_rig_showing(struct store *s, uint64_t checkpointed)
{
    struct stored_part *parts;
    size_t count;
    cr_assert(eq(int, store_parts_snapshot(s, checkpointed, &parts, &count, NULL), ST_OK));
    stored_parts_free(parts, count);
    return count;
}

static bool count_name(const char *name, void *user)
{
    (void)name;
    ++*(size_t *)user;
    return true;
}

size_t store_rig_files(const char *directory, const char *folder)
{
    char path[512];
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/%s", directory, folder);
    cr_assert(eq(int, dir_each(path, count_name, &count, NULL), ST_OK));
    return count;
}

void store_rig_touch(const char *directory, const char *name, const char *content)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    cr_assert(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
    close(fd);
}
