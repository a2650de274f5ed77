/* journal_rig.h - a journal in a temporary directory, a sink that remembers what it was given, and
 * a disk that fails when told to. Shared by the tests of the journal and the store. */
#ifndef WEFT_TESTS_JOURNAL_RIG_H
#define WEFT_TESTS_JOURNAL_RIG_H

#include "base/vec.h"
#include "storage/journal.h"
#include <pthread.h>

/* --- directories --- */

/* Makes a fresh one; static storage is not used: the caller ends it with temp_dir_remove. */
char *temp_dir_make(void);
void temp_dir_remove(char *path);

/* --- what was delivered --- */

enum heard_kind { HEARD_BATCH, HEARD_TICK, HEARD_FLUSH };
struct heard {
    enum heard_kind kind;
    uint64_t sequence, wall_ns, clock_ns;
    uint64_t body_sum;
    size_t body_bytes;
};

struct rig {
    char *directory; /* owned */
    struct journal *j;
    struct journal_config config;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    VEC(struct heard) heard;
    size_t answered_ok, answered_error;
    bool order_broken; /* an answer came before its delivery */
};

void rig_init(struct rig *r, enum ack_mode ack, uint64_t segment_bytes);
/* A sink that fills heard. */
struct journal_sink rig_sink(struct rig *r);
/* Opens and replays from `from` into heard (emptied before); asserts on success. Returns the newest
 * sequence. */
uint64_t rig_open(struct rig *r, uint64_t from);
void rig_start(struct rig *r);
void rig_close(struct rig *r, bool cut_unused);
void rig_deinit(struct rig *r);

/* Queues one batch of `bytes` bytes that depend on `salt`. */
enum status rig_append(struct rig *r, size_t bytes, unsigned salt, struct err *e);
/* Waits (at most 10 s) until that many were answered in all; false on time-out. */
bool rig_wait_answers(struct rig *r, size_t count);
bool rig_wait_heard(struct rig *r, size_t count);
/* Checksum of such a body. */
uint64_t rig_body_sum(size_t bytes, unsigned salt);

/* --- a disk that fails --- */

enum disk_call {
    DISK_OPEN,
    DISK_WRITE,
    DISK_SYNC,
    DISK_TRUNCATE,
    DISK_ALLOCATE,
    DISK_READ,
    DISK_CALLS
};

/* Every call counts; those from number `first` (0-based, per kind) for `count` calls fail with
 * `error`. */
struct disk_plan {
    long first, count;
    int error;
};
extern struct disk_plan disk_plans[DISK_CALLS];
/* While set, syncs wait. */
void disk_hold_syncs(bool hold);
long disk_calls(enum disk_call call);
/* Starts counting from 0 with no failures planned and routes base/fileio through it. */
void disk_reset(void);

/* --- steps that several tests take --- */

/* Appends one batch and waits for its answer. */
void rig_append_and_wait(struct rig *r, size_t bytes, unsigned salt);
/* Queues one batch and returns when its group is written but its sync is held. After disk_reset().
 */
void rig_append_then_hold(struct rig *r, size_t bytes, unsigned salt);
/* What was heard are `count` bodies of that length, salts counting up. */
void rig_expect_bodies(const struct rig *r, size_t count, size_t bytes, unsigned first_salt);
/* The bytes of segment `number`; the caller ends them with mem_free. */
char *rig_read_segment(const struct rig *r, unsigned number, size_t *len);
/* The directory then holds this segment 1 (and 2 when given) and nothing else. */
void rig_write_segments(const struct rig *r, struct str first, struct str second);

#endif
