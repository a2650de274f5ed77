/* journal_segment.c - the segment files of the journal: found and settled at open, begun, finished,
 * trimmed. */
#include "base/fileio.h"
#include "base/log.h"
#include "storage/journal_private.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static const char suffix[] = ".journal", spare_suffix[] = ".spare";
enum {
    NUMBER_DIGITS = 16,
    /* Behind the two copies of the head: 1 when the file was another segment before. */
    RECYCLED_AT = 2 * SEGMENT_HEAD_BYTES,
    /* Cutting costs milliseconds in which nobody is acknowledged: what is left of a full segment
       stays till it is trimmed. */
    CUT_WORTH_BYTES = MIB,
};

void segment_path(const struct journal *j, uint64_t number, char *out)
{
    snprintf(out, JOURNAL_PATH_MAX, "%s/%016llx%s", j->directory, (unsigned long long)number,
             suffix);
}

static void spare_path(const struct journal *j, uint64_t number, char *out)
{
    snprintf(out, JOURNAL_PATH_MAX, "%s/%016llx%s", j->directory, (unsigned long long)number,
             spare_suffix);
}

/* --- opening --- */

static bool segment_name_parse(const char *name, uint64_t *number)
{
    if (strlen(name) != NUMBER_DIGITS + sizeof(suffix) - 1 ||
        strcmp(name + NUMBER_DIGITS, suffix) != 0)
        return false;
    if (strspn(name, "0123456789abcdef") != NUMBER_DIGITS)
        return false;
    *number = strtoull(name, NULL, 16);
    return *number != 0;
}

struct listing {
    struct journal *j;
    bool no_memory;
};

static bool note_file(const char *name, void *user)
{
    struct listing *l = user;
    struct segment s = {0};
    if (str_ends_with(str_from_c(name), STR(".spare"))) {
        char path[JOURNAL_PATH_MAX];
        struct err e;
        snprintf(path, sizeof(path), "%s/%s", l->j->directory, name);
        (void)file_remove(path, &e); /* what stays is found again at the next start */
        return true;
    }
    if (!segment_name_parse(name, &s.head.number))
        return true;
    if (!vec_push(&l->j->segments, s))
        l->no_memory = true;
    return !l->no_memory;
}

static int by_number(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;
    return (x->head.number > y->head.number) - (x->head.number < y->head.number);
}

static void segment_remove_file(struct journal *j, uint64_t number)
{
    char path[JOURNAL_PATH_MAX];
    struct err e;
    segment_path(j, number, path);
    if (file_remove(path, &e) != ST_OK)
        log_warn("journal: segment could not be removed error=\"%s\"", e.msg);
}

/* Takes segment i out of the list and deletes its file. */
static void segment_drop(struct journal *j, size_t i)
{
    segment_remove_file(j, j->segments.items[i].head.number);
    memmove(&j->segments.items[i], &j->segments.items[i + 1],
            (j->segments.len - i - 1) * sizeof(struct segment));
    j->segments.len--;
}

static enum status segment_head_load(struct journal *j, struct segment *s, struct err *e)
{
    char path[JOURNAL_PATH_MAX], area[SEGMENT_DATA_AT] = {0};
    int fd;
    segment_path(j, s->head.number, path);
    TRY(file_open(path, O_RDONLY, &fd, e));
    enum status st = file_size(fd, &s->disk_bytes, e);
    if (st == ST_OK)
        st = file_read_at(fd, area, (size_t)MIN(s->disk_bytes, (uint64_t)SEGMENT_DATA_AT), 0, e);
    file_close(fd);
    TRY(st);

    struct segment_head head;
    st = segment_head_decode(area, &head, e);
    if (st == ST_CORRUPT || (st == ST_OK && head.number != s->head.number)) {
        s->head_damaged = true;
        return ST_OK;
    }
    s->head = head;
    s->recycled = area[RECYCLED_AT] != 0;
    return st;
}

/* A damaged head costs nothing while the first record can be read: its number is the file's name.
 * The newest file without one was being begun when weft ended. */
static enum status settle_damaged_heads(struct journal *j, struct err *e)
{
    for (size_t i = j->segments.len; i-- > 0;) {
        struct segment *s = &j->segments.items[i];
        struct record_head first;
        bool found;
        if (!s->head_damaged)
            continue;
        TRY(segment_first_record(j, s, &first, &found, e));
        log_warn("journal: head of a segment is damaged number=%llu kept=%d",
                 (unsigned long long)s->head.number, found);
        if (found) {
            s->head.first_sequence = first.sequence;
            s->head.clock_ns = first.clock_ns;
        } else {
            j->stats.torn_bytes += MIN(s->disk_bytes, (uint64_t)SEGMENT_DATA_AT);
            segment_drop(j, i);
        }
    }
    return ST_OK;
}

/* Each head says where the segment before it ends, and so which groups were voided. */
static void settle_ends(struct journal *j)
{
    for (size_t i = j->segments.len; i-- > 0;) {
        const struct segment_head h = j->segments.items[i].head;
        if (j->segments.items[i].head_damaged)
            continue;
        while (i > 0 && j->segments.items[i - 1].head.number > h.prev_number) {
            segment_drop(j, i - 1);
            i--;
        }
        if (i > 0 && j->segments.items[i - 1].head.number == h.prev_number) {
            j->segments.items[i - 1].end = h.prev_end;
            j->segments.items[i - 1].end_known = true;
        }
    }
}

/* Cuts a segment behind its committed groups. What cannot be cut is harmless: the next head says
 * where it ends. */
static void segment_cut(struct journal *j, struct segment *s, bool sync)
{
    char path[JOURNAL_PATH_MAX];
    struct err e;
    int fd;
    segment_path(j, s->head.number, path);
    enum status st = file_open(path, O_RDWR, &fd, &e);
    if (st == ST_OK) {
        if (s->disk_bytes > s->end)
            st = file_truncate(fd, s->end, &e);
        /* What was only in the kernel's memory when weft was killed is about to be replayed, so it
         * must stay. */
        if (st == ST_OK && sync)
            st = file_sync_data(fd, &e);
        file_close(fd);
    }
    if (st == ST_OK)
        s->disk_bytes = MIN(s->disk_bytes, s->end);
    else
        log_warn("journal: segment could not be cut error=\"%s\"", e.msg);
}

static enum status segment_settle(struct journal *j, struct segment *s, bool is_last, struct err *e)
{
    struct record_head first;
    bool found;
    if (!s->end_known || is_last) {
        struct segment_scan scan;
        TRY(segment_scan(j, s, &scan, e));
        s->end = scan.end;
        j->stats.torn_bytes += scan.torn_bytes;
        if (scan.torn_bytes > 0)
            log_warn("journal: torn tail cut segment=%llu bytes=%llu",
                     (unsigned long long)s->head.number, (unsigned long long)scan.torn_bytes);
        j->clock_ns = MAX(MAX(j->clock_ns, s->head.clock_ns), scan.clock_ns);
        if (scan.last_sequence >= j->next_sequence)
            j->next_sequence = scan.last_sequence + 1;
    }
    TRY(segment_first_record(j, s, &first, &found, e));
    s->oldest_ns = found ? first.wall_ns : 0;
    j->next_sequence = MAX(j->next_sequence, s->head.first_sequence);
    if (is_last || s->disk_bytes > s->end)
        segment_cut(j, s, is_last);
    return ST_OK;
}

enum status segments_open(struct journal *j, struct err *e)
{
    struct listing listing = {.j = j};
    TRY(dir_each(j->directory, note_file, &listing, e));
    if (listing.no_memory)
        return err_set(e, ST_NO_MEMORY, "no memory for the list of journal segments");
    if (j->segments.len > 0)
        qsort(j->segments.items, j->segments.len, sizeof(struct segment), by_number);
    for (size_t i = 0; i < j->segments.len; i++)
        TRY(segment_head_load(j, &j->segments.items[i], e));
    if (j->segments.len > 0)
        j->next_number = j->segments.items[j->segments.len - 1].head.number + 1;
    TRY(settle_damaged_heads(j, e));
    settle_ends(j);
    for (size_t i = 0; i < j->segments.len; i++) {
        struct segment *s = &j->segments.items[i];
        TRY(segment_settle(j, s, i + 1 == j->segments.len, e));
        j->reserved_bytes += s->end;
    }
    return ST_OK;
}

/* --- writing --- */

/* Gives a spare file the segment's name; false when there is none of that size. */
static bool spare_take(struct journal *j, const struct segment *s, const char *path)
{
    char spare[JOURNAL_PATH_MAX];
    struct err e;
    if (s->disk_bytes != j->segment_bytes)
        return false;
    pthread_mutex_lock(&j->lock);
    bool found = j->spare_count > 0;
    uint64_t number = found ? j->spares[--j->spare_count] : 0;
    pthread_mutex_unlock(&j->lock);
    spare_path(j, number, spare);
    return found && file_rename(spare, path, &e) == ST_OK;
}

static enum status segment_create(struct journal *j, struct segment *s, int *fd, struct err *e)
{
    char path[JOURNAL_PATH_MAX], area[SEGMENT_DATA_AT];
    segment_path(j, s->head.number, path);
    segment_head_encode(&s->head, area);
    s->recycled = spare_take(j, s, path);
    area[RECYCLED_AT] = s->recycled;
    TRY(file_open(path, s->recycled ? O_RDWR : O_RDWR | O_CREAT | O_EXCL, fd, e));
    file_point("journal_segment_created");
    enum status st = s->recycled ? ST_OK : file_preallocate(*fd, s->disk_bytes, e);
    if (st == ST_OK)
        st = file_write_at(*fd, (struct str){area, sizeof(area)}, 0, e);
    file_point("journal_segment_head");
    /* The name must last before anything in the file is acknowledged; the head is synced with the
     * first group. */
    if (st == ST_OK && j->ack == ACK_DISK)
        st = dir_sync(j->directory, e);
    file_point("journal_segment_named");
    if (st != ST_OK) {
        file_close(*fd);
        struct err ignored;
        (void)file_remove(path, &ignored);
    }
    return st;
}

enum status segment_begin(struct journal *j, uint64_t group_bytes, struct err *e)
{
    pthread_mutex_lock(&j->lock);
    bool room = vec_reserve(&j->segments, 1);
    struct segment s = {
        .head = {.number = j->next_number,
                 .first_sequence = j->next_sequence,
                 .clock_ns = j->clock_ns},
        .end = SEGMENT_DATA_AT,
        .disk_bytes = MAX(j->segment_bytes, SEGMENT_DATA_AT + group_bytes),
    };
    /* One that was abandoned before its first group is passed over: nobody need be able to read it.
     */
    for (size_t i = j->segments.len; i-- > 0 && s.head.prev_number == 0;) {
        const struct segment *prev = &j->segments.items[i];
        if (prev->end > SEGMENT_DATA_AT) {
            s.head.prev_number = prev->head.number;
            s.head.prev_end = prev->end;
        }
    }
    pthread_mutex_unlock(&j->lock);
    if (!room)
        return err_set(e, ST_NO_MEMORY, "no memory for another journal segment");

    j->next_number++; /* also when it fails: a name is never used twice */
    int fd;
    TRY(segment_create(j, &s, &fd, e));
    pthread_mutex_lock(&j->lock);
    j->segments.items[j->segments.len++] = s; /* only this thread adds: the room is still there */
    pthread_mutex_unlock(&j->lock);
    j->reserved_bytes += SEGMENT_DATA_AT;
    j->fd = fd;
    return ST_OK;
}

void segment_finish(struct journal *j)
{
    if (j->fd < 0)
        return;
    struct err e;
    pthread_mutex_lock(&j->lock);
    struct segment *s = &j->segments.items[j->segments.len - 1];
    uint64_t end = s->end;
    pthread_mutex_unlock(&j->lock);
    enum status st = file_truncate(j->fd, end, &e);
    file_point("journal_segment_cut");
    file_close(j->fd);
    j->fd = -1;
    if (st != ST_OK) {
        log_limited(LOG_WARN, "journal: segment could not be cut error=\"%s\"", e.msg);
        return;
    }
    pthread_mutex_lock(&j->lock);
    /* The newest segment is never trimmed, so it is still the last one. */
    j->segments.items[j->segments.len - 1].disk_bytes = end;
    pthread_mutex_unlock(&j->lock);
}

void segment_leave(struct journal *j, const struct segment *s)
{
    if (s->disk_bytes - s->end > CUT_WORTH_BYTES) {
        segment_finish(j);
        return;
    }
    j->reserved_bytes += s->disk_bytes - s->end;
    pthread_mutex_lock(&j->lock);
    j->segments.items[j->segments.len - 1].left_whole = true; /* the newest is never trimmed */
    pthread_mutex_unlock(&j->lock);
    file_close(j->fd);
    j->fd = -1;
}

/* Nothing is written any more, but checkpoints still trim. */
static bool newest_is_empty(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    size_t count = j->segments.len;
    bool empty = count == 0 || j->segments.items[count - 1].end == SEGMENT_DATA_AT;
    pthread_mutex_unlock(&j->lock);
    return empty;
}

/* Gives the newest segment up, unless those before it are trimmed: it knows the sequence. */
static void newest_drop(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    bool dropped = j->segments.len > 1;
    uint64_t number = j->segments.items[j->segments.len - 1].head.number;
    j->segments.len -= dropped;
    pthread_mutex_unlock(&j->lock);
    if (!dropped)
        return;
    segment_remove_file(j, number);
    j->reserved_bytes -= SEGMENT_DATA_AT;
}

void journal_let_go(struct journal *j)
{
    struct err e;
    if (newest_is_empty(j))
        return;
    enum status st = segment_begin(j, 0, &e);
    if (st == ST_OK) {
        /* Without its first group nothing else syncs the head, and soon it alone knows the
         * sequence. */
        st = file_sync_data(j->fd, &e);
        segment_finish(j);
        if (st != ST_OK)
            newest_drop(j);
    }
    if (st != ST_OK)
        log_warn("journal: old segments stay error=\"%s\"", e.msg);
}

/* --- trimming --- */

/* As long as all files together stay under half of what the journal may hold. */
static bool spare_is_wanted(struct journal *j, const struct segment *s)
{
    pthread_mutex_lock(&j->lock);
    uint64_t files = j->segments.len + j->spare_count + 1;
    bool wanted = j->keep_spares && s->disk_bytes == j->segment_bytes &&
                  j->spare_count < SPARES_MAX && files * j->segment_bytes <= j->max_bytes / 2;
    pthread_mutex_unlock(&j->lock);
    return wanted;
}

/* Keeps a whole segment's file for another life. */
static bool spare_keep(struct journal *j, const struct segment *s)
{
    char path[JOURNAL_PATH_MAX], spare[JOURNAL_PATH_MAX];
    struct err e;
    segment_path(j, s->head.number, path);
    spare_path(j, s->head.number, spare);
    if (!spare_is_wanted(j, s) || file_rename(path, spare, &e) != ST_OK)
        return false;
    /* Another thread may have trimmed meanwhile, or the journal may have stopped. */
    pthread_mutex_lock(&j->lock);
    bool kept = j->keep_spares && j->spare_count < SPARES_MAX;
    if (kept)
        j->spares[j->spare_count++] = s->head.number;
    pthread_mutex_unlock(&j->lock);
    if (!kept)
        (void)file_remove(spare, &e); /* the next start removes what is left */
    return true;
}

void spares_remove(struct journal *j)
{
    uint64_t spares[SPARES_MAX];
    pthread_mutex_lock(&j->lock);
    unsigned count = j->spare_count;
    memcpy(spares, j->spares, sizeof(spares));
    j->spare_count = 0;
    j->keep_spares = false;
    pthread_mutex_unlock(&j->lock);
    for (unsigned i = 0; i < count; i++) {
        char path[JOURNAL_PATH_MAX];
        struct err e;
        spare_path(j, spares[i], path);
        (void)file_remove(path, &e); /* the next start removes what is left */
    }
}

bool segment_lies_before(const struct journal *j, size_t at, uint64_t position)
{
    return at + 1 < j->segments.len && j->segments.items[at + 1].head.first_sequence <= position;
}

void journal_trim(struct journal *j, uint64_t position)
{
    enum { AT_ONCE = 64 };
    struct segment gone[AT_ONCE];
    size_t count;
    do {
        count = 0;
        pthread_mutex_lock(&j->lock);
        while (count < AT_ONCE && segment_lies_before(j, count, position)) {
            gone[count] = j->segments.items[count];
            j->reserved_bytes -= gone[count].left_whole ? gone[count].disk_bytes : gone[count].end;
            count++;
        }
        if (count > 0)
            memmove(j->segments.items, j->segments.items + count,
                    (j->segments.len - count) * sizeof(struct segment));
        j->segments.len -= count;
        pthread_mutex_unlock(&j->lock);
        for (size_t i = 0; i < count; i++) {
            file_point("journal_trim");
            if (!spare_keep(j, &gone[i]))
                segment_remove_file(j, gone[i].head.number);
        }
    } while (count == AT_ONCE);
}
