/* journal_rig.c - see journal_rig.h. */
#include "tests/unit/storage/journal_rig.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "tests/support/patience.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* --- directories --- */

char *temp_dir_make(void)
{
    /* In memory where there is such a place: thousands of syncs, and which disk does them is not
     * the question. */
    bool in_memory = access("/dev/shm", W_OK) == 0;
    char *path = strdup(in_memory ? "/dev/shm/weft-test-XXXXXX" : "/tmp/weft-test-XXXXXX");
    cr_assert(mkdtemp(path) != NULL, "no temporary directory");
    return path;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

void temp_dir_remove(char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}

/* --- the sink --- */

static void hear(struct rig *r, struct heard h)
{
    pthread_mutex_lock(&r->lock);
    bool pushed = vec_push(&r->heard, h);
    cr_assert(pushed);
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void on_batch(struct batch *b, void *user)
{
    hear(user, (struct heard){HEARD_BATCH, b->sequence, b->arrival_ns, b->clock_ns,
                              hash_str(b->body, 0), b->body.len});
    batch_free(b);
}

static void on_tick(uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns, void *user)
{
    hear(user, (struct heard){HEARD_TICK, sequence, wall_ns, clock_ns, 0, 0});
}

static void on_flush(uint64_t sequence, uint64_t clock_ns, void *user)
{
    hear(user, (struct heard){HEARD_FLUSH, sequence, 0, clock_ns, 0, 0});
}

static void on_done(void *user, enum status status, const struct err *e)
{
    struct rig *r = user;
    pthread_mutex_lock(&r->lock);
    if (status == ST_OK)
        r->answered_ok++;
    else
        r->answered_error++;
    cr_expect(status == ST_OK || (e && e->msg[0]), "a failure has a sentence");
    size_t batches = 0;
    for (size_t i = 0; i < r->heard.len; i++)
        batches += r->heard.items[i].kind == HEARD_BATCH;
    r->order_broken |= r->config.ack != ACK_MEMORY && batches < r->answered_ok;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

struct journal_sink rig_sink(struct rig *r)
{
    return (struct journal_sink){on_batch, on_tick, on_flush, r};
}

/* --- the rig --- */

void rig_init(struct rig *r, enum ack_mode ack, uint64_t segment_bytes)
{
    *r = (struct rig){.directory = temp_dir_make()};
    r->config = (struct journal_config){str_from_c(r->directory), ack, 64 * MIB, segment_bytes};
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
}

uint64_t rig_open(struct rig *r, uint64_t from)
{
    struct err e = {0};
    uint64_t last = 0;
    struct journal_sink sink = rig_sink(r);
    r->heard.len = 0;
    cr_assert(journal_open(&r->config, &r->j, &e) == ST_OK, "open: %s", e.msg);
    cr_assert(journal_replay(r->j, from, &sink, &last, &e) == ST_OK, "replay: %s", e.msg);
    return last;
}

void rig_start(struct rig *r)
{
    struct err e = {0};
    struct journal_sink sink = rig_sink(r);
    r->heard.len = 0;
    r->answered_ok = r->answered_error = 0;
    cr_assert(journal_start(r->j, &sink, &e) == ST_OK, "start: %s", e.msg);
}

void rig_close(struct rig *r, bool cut_unused)
{
    journal_stop(r->j, cut_unused);
    journal_close(r->j);
    r->j = NULL;
}

void rig_deinit(struct rig *r)
{
    if (r->j)
        rig_close(r, false);
    vec_deinit(&r->heard);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    temp_dir_remove(r->directory);
}

static char *body_make(size_t bytes, unsigned salt)
{
    char *body = mem_alloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++)
        body[i] = (char)(1 + (i * 31 + salt * 7) % 251);
    return body;
}

uint64_t rig_body_sum(size_t bytes, unsigned salt)
{
    char *body = body_make(bytes, salt);
    uint64_t sum = hash_bytes(body, bytes, 0);
    mem_free(body);
    return sum;
}

enum status rig_append(struct rig *r, size_t bytes, unsigned salt, struct err *e)
{
    struct batch *b = batch_new();
    b->body = (struct str){body_make(bytes, salt), bytes};
    b->sender = STR("127.0.0.1:4242");
    b->user_agent = STR("OTel-OTLP-Exporter-Envoy");
    b->signal = BATCH_SPANS;
    b->encoding = ENCODING_PROTOBUF;
    b->compression = COMPRESSION_GZIP;
    b->arrival_ns = 1700000000000000000ull + salt;
    enum status st = journal_append(r->j, b, on_done, r, e);
    if (st != ST_OK)
        batch_free(b);
    return st;
}

static bool rig_wait(struct rig *r, const size_t *a, const size_t *b, size_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    int late = 0;
    pthread_mutex_lock(&r->lock);
    while (*a + (b ? *b : 0) < count && !late)
        late = pthread_cond_timedwait(&r->changed, &r->lock, &until);
    bool reached = *a + (b ? *b : 0) >= count;
    pthread_mutex_unlock(&r->lock);
    return reached;
}

bool rig_wait_answers(struct rig *r, size_t count)
{
    return rig_wait(r, &r->answered_ok, &r->answered_error, count);
}

bool rig_wait_heard(struct rig *r, size_t count)
{
    return rig_wait(r, &r->heard.len, NULL, count);
}

/* --- a disk that fails --- */

struct disk_plan disk_plans[DISK_CALLS];
static atomic_long disk_counts[DISK_CALLS];
static pthread_mutex_t hold_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hold_changed = PTHREAD_COND_INITIALIZER;
static bool holding;

static bool disk_fails(enum disk_call call)
{
    long n = atomic_fetch_add(&disk_counts[call], 1);
    const struct disk_plan *plan = &disk_plans[call];
    if (plan->error == 0 || n < plan->first || n >= plan->first + plan->count)
        return false;
    errno = plan->error;
    return true;
}

static int bad_open(const char *path, int flags, mode_t mode)
{
    return disk_fails(DISK_OPEN) ? -1 : file_real_ops()->open(path, flags, mode);
}

static ssize_t bad_pread(int fd, void *bytes, size_t len, off_t at)
{
    return disk_fails(DISK_READ) ? -1 : file_real_ops()->pread(fd, bytes, len, at);
}

/* A failing write still gets half of its bytes out, as a real one may. */
static ssize_t bad_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    if (!disk_fails(DISK_WRITE))
        return file_real_ops()->pwrite(fd, bytes, len, at);
    int error = errno;
    (void)!file_real_ops()->pwrite(fd, bytes, len / 2, at);
    errno = error;
    return -1;
}

static int bad_fdatasync(int fd)
{
    pthread_mutex_lock(&hold_lock);
    while (holding)
        pthread_cond_wait(&hold_changed, &hold_lock);
    pthread_mutex_unlock(&hold_lock);
    return disk_fails(DISK_SYNC) ? -1 : file_real_ops()->fdatasync(fd);
}

static int bad_fsync(int fd)
{
    return disk_fails(DISK_SYNC) ? -1 : file_real_ops()->fsync(fd);
}

static int bad_ftruncate(int fd, off_t len)
{
    return disk_fails(DISK_TRUNCATE) ? -1 : file_real_ops()->ftruncate(fd, len);
}

static int bad_fallocate(int fd, off_t at, off_t len)
{
    return disk_fails(DISK_ALLOCATE) ? -1 : file_real_ops()->fallocate(fd, at, len);
}

void disk_hold_syncs(bool hold)
{
    pthread_mutex_lock(&hold_lock);
    holding = hold;
    pthread_cond_broadcast(&hold_changed);
    pthread_mutex_unlock(&hold_lock);
}

long disk_calls(enum disk_call call)
{
    return atomic_load(&disk_counts[call]);
}

void disk_reset(void)
{
    static struct file_ops ops;
    ops = *file_real_ops();
    ops.open = bad_open;
    ops.pread = bad_pread;
    ops.pwrite = bad_pwrite;
    ops.fdatasync = bad_fdatasync;
    ops.fsync = bad_fsync;
    ops.ftruncate = bad_ftruncate;
    ops.fallocate = bad_fallocate;
    for (size_t i = 0; i < DISK_CALLS; i++) {
        disk_plans[i] = (struct disk_plan){0};
        atomic_store(&disk_counts[i], 0);
    }
    file_set_ops(&ops);
}

/* --- steps that several tests take --- */

void rig_append_and_wait(struct rig *r, size_t bytes, unsigned salt)
{
    struct err e = {0};
    size_t before = r->answered_ok + r->answered_error;
    cr_assert(eq(int, rig_append(r, bytes, salt, &e), ST_OK), "%s", e.msg);
    cr_assert(rig_wait_answers(r, before + 1));
}

/* Queues one batch and returns when its group is written but its sync is held. */
void rig_append_then_hold(struct rig *r, size_t bytes, unsigned salt)
{
    disk_hold_syncs(true);
    long writes = disk_calls(DISK_WRITE);
    cr_assert(eq(int, rig_append(r, bytes, salt, NULL), ST_OK));
    for (struct patience p = {0}; disk_calls(DISK_WRITE) == writes && patience_left(&p);)
        ;
    cr_assert(disk_calls(DISK_WRITE) > writes);
}

void rig_expect_bodies(const struct rig *r, size_t count, size_t bytes, unsigned first_salt)
{
    cr_assert(eq(sz, r->heard.len, count));
    for (size_t i = 0; i < count; i++)
        cr_expect(
            eq(u64, r->heard.items[i].body_sum, rig_body_sum(bytes, first_salt + (unsigned)i)),
            "record %zu", i);
}

static void segment_name(const struct rig *r, unsigned number, char *out, size_t cap)
{
    snprintf(out, cap, "%s/%016x.journal", r->directory, number);
}

char *rig_read_segment(const struct rig *r, unsigned number, size_t *len)
{
    char path[256], *bytes;
    segment_name(r, number, path, sizeof(path));
    cr_assert(eq(int, file_read_all(path, 64 * MIB, &bytes, len, NULL), ST_OK));
    return bytes;
}

/* The directory then holds this segment 1 (and 2 when given) and nothing else. */
void rig_write_segments(const struct rig *r, struct str first, struct str second)
{
    char path[256];
    for (unsigned n = 1; n < 6; n++) {
        segment_name(r, n, path, sizeof(path));
        unlink(path);
    }
    struct str contents[] = {first, second};
    for (unsigned n = 0; n < 2; n++) {
        if (!contents[n].ptr)
            continue;
        segment_name(r, n + 1, path, sizeof(path));
        int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
        cr_assert(write(fd, contents[n].ptr, contents[n].len) == (ssize_t)contents[n].len);
        close(fd);
    }
}
