/* journal_write.c - writes one group behind the last: heads and small bodies gathered, large bodies
 * straight from where they are, then the sync. */
#include "base/fileio.h"
#include "base/log.h"
#include "storage/journal_private.h"

enum {
    STAGE_BYTES = 256 * KIB,
    /* Below it a copy is cheaper than one more system call. */
    DIRECT_BYTES = 32 * KIB,
};

/* Where the group is being written. */
struct group_writer {
    struct journal *j;
    uint64_t segment; /* number */
    uint64_t at;      /* offset of the stage's first byte */
};

static enum status write_through(struct group_writer *w, struct str bytes, struct err *e)
{
    file_point("journal_write");
    TRY(file_write_at(w->j->fd, bytes, w->at, e));
    w->at += bytes.len;
    return ST_OK;
}

static enum status stage_flush(struct group_writer *w, struct err *e)
{
    struct buf *stage = &w->j->stage;
    if (stage->len > 0)
        TRY(write_through(w, buf_str(stage), e));
    stage->len = 0;
    return ST_OK;
}

/* `len` bytes at the end of the stage, and the place in the file where they will lie. */
static enum status stage_room(struct group_writer *w, size_t len, char **out,
                              struct journal_place *place, struct err *e)
{
    struct buf *stage = &w->j->stage;
    if (stage->len + len > STAGE_BYTES)
        TRY(stage_flush(w, e));
    if (!buf_reserve(stage, MAX(len, (size_t)STAGE_BYTES)))
        return err_set(e, ST_NO_MEMORY, "no memory for the journal's write buffer");
    *place = (struct journal_place){w->segment, w->at + stage->len};
    *out = stage->ptr + stage->len;
    stage->len += len;
    return ST_OK;
}

static enum status stage_str(struct group_writer *w, struct str s, struct err *e)
{
    struct journal_place ignored;
    char *out = NULL;
    TRY(stage_room(w, s.len, &out, &ignored, e));
    if (s.len > 0)
        memcpy(out, s.ptr, s.len);
    return ST_OK;
}

static enum status write_entry(struct group_writer *w, const struct entry *entry, struct err *e)
{
    struct journal_place place;
    char *out;
    TRY(stage_room(w, RECORD_HEAD_BYTES, &out, &place, e));
    record_head_encode(&entry->head, place, out);
    TRY(stage_str(w, entry->text, e));
    if (!entry->batch)
        return ST_OK;
    if (entry->batch->body.len < DIRECT_BYTES)
        return stage_str(w, entry->batch->body, e);
    TRY(stage_flush(w, e));
    return write_through(w, entry->batch->body, e);
}

static enum status write_all(struct group_writer *w, const struct group *g, struct err *e)
{
    struct journal *j = w->j;
    struct group_head head = {g->bytes, j->next_sequence, g->count};
    struct journal_place place;
    char *out;
    j->stage.len = 0;
    TRY(stage_room(w, GROUP_HEAD_BYTES, &out, &place, e));
    group_head_encode(&head, place, out);
    LIST_EACH(node, &g->entries)
    TRY(write_entry(w, CONTAINER_OF(node, struct entry, mail.link), e));
    TRY(stage_flush(w, e));
    file_point("journal_sync");
    if (j->ack != ACK_DISK)
        return ST_OK;
    TRY(file_sync_data(j->fd, e));
    pthread_mutex_lock(&j->lock);
    j->stats.syncs++;
    pthread_mutex_unlock(&j->lock);
    return ST_OK;
}

/* The segment being written, when the group fits into it; else a new one. */
static enum status writable_segment(struct journal *j, uint64_t group_bytes, struct segment *out,
                                    struct err *e)
{
    if (j->fd >= 0) {
        pthread_mutex_lock(&j->lock);
        *out = j->segments.items[j->segments.len - 1];
        pthread_mutex_unlock(&j->lock);
        if (out->end + group_bytes <= out->disk_bytes)
            return ST_OK;
        segment_leave(j, out);
    }
    TRY(segment_begin(j, group_bytes, e));
    pthread_mutex_lock(&j->lock);
    *out = j->segments.items[j->segments.len - 1];
    pthread_mutex_unlock(&j->lock);
    return ST_OK;
}

static void note_committed(struct journal *j, const struct group *g)
{
    const struct entry *first = CONTAINER_OF(g->entries.next, struct entry, mail.link);
    pthread_mutex_lock(&j->lock);
    struct segment *s = &j->segments.items[j->segments.len - 1];
    if (s->oldest_ns == 0)
        s->oldest_ns = first->head.wall_ns;
    s->end += g->bytes;
    j->stats.groups++;
    j->stats.appended_bytes += g->bytes;
    j->stats.clock_ns = j->clock_ns;
    j->stats.last_sequence = j->next_sequence + g->count - 1;
    pthread_mutex_unlock(&j->lock);
}

enum status group_write(struct journal *j, const struct group *g, struct err *e)
{
    struct segment s;
    enum status st = writable_segment(j, g->bytes, &s, e);
    if (st == ST_OK) {
        struct group_writer w = {j, s.head.number, s.end};
        st = write_all(&w, g, e);
    }
    if (st == ST_OK) {
        note_committed(j, g);
        j->next_sequence += g->count;
        return ST_OK;
    }
    pthread_mutex_lock(&j->lock);
    j->stats.write_errors++;
    pthread_mutex_unlock(&j->lock);
    log_limited(LOG_ERROR, "journal: group voided records=%u error=\"%s\"", g->count, e->msg);
    /* What was written may still be read after a crash: cut it now if the disk lets us; the next
     * head voids it for good. */
    segment_finish(j);
    return st;
}
