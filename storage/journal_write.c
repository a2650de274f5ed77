/* journal_write.c - writes one group behind the last: gathered and padded in the stage, so that it
 * goes to the disk without passing the page cache, then the sync. */
#include "base/fileio.h"
#include "base/log.h"
#include "storage/journal_private.h"

enum { STAGE_BYTES = MIB }; /* a longer group takes several writes */

/* Where the group is being written. */
struct group_writer {
    struct journal *j;
    uint64_t segment; /* number */
    uint64_t began_at;
    uint64_t at;   /* offset of the stage's first byte, a multiple of JOURNAL_BLOCK */
    size_t staged; /* bytes */
};

static enum status stage_make(struct journal *j, struct err *e)
{
    if (j->stage)
        return ST_OK;
    j->stage_memory = mem_alloc(STAGE_BYTES + JOURNAL_BLOCK);
    if (!j->stage_memory)
        return err_set(e, ST_NO_MEMORY, "no memory for the journal's write buffer");
    uintptr_t address = journal_padded((uintptr_t)j->stage_memory, JOURNAL_BLOCK);
    j->stage = j->stage_memory + (address - (uintptr_t)j->stage_memory);
    return ST_OK;
}

static enum status stage_flush(struct group_writer *w, struct err *e)
{
    file_point("journal_write");
    TRY(file_write_at(w->j->fd, (struct str){w->j->stage, w->staged}, w->at, e));
    w->at += w->staged;
    w->staged = 0;
    return ST_OK;
}

/* A group of one write is synced by that write, unless the segment's head is not on disk yet. */
static bool is_synced_alone(const struct group_writer *w)
{
    return w->at == w->began_at && w->began_at != SEGMENT_DATA_AT;
}

/* The rest of the group, padded, and the sync that `ack` asks for. */
static enum status stage_end(struct group_writer *w, struct err *e)
{
    struct journal *j = w->j;
    size_t padded = journal_padded(w->staged, JOURNAL_BLOCK);
    memset(j->stage + w->staged, 0, padded - w->staged);
    w->staged = padded;
    if (j->ack != ACK_DISK)
        return stage_flush(w, e);
    if (is_synced_alone(w)) {
        file_point("journal_write");
        TRY(file_write_synced_at(j->fd, (struct str){j->stage, padded}, w->at, e));
        file_point("journal_sync");
        return ST_OK;
    }
    TRY(stage_flush(w, e));
    file_point("journal_sync");
    return file_sync_data(j->fd, e);
}

static enum status stage_str(struct group_writer *w, struct str s, struct err *e)
{
    while (s.len > 0) {
        size_t len = MIN(s.len, STAGE_BYTES - w->staged);
        memcpy(w->j->stage + w->staged, s.ptr, len);
        w->staged += len;
        s = str_sub(s, len, s.len);
        if (w->staged == STAGE_BYTES)
            TRY(stage_flush(w, e));
    }
    return ST_OK;
}

static struct journal_place place_of(const struct group_writer *w)
{
    return (struct journal_place){w->segment, w->at + w->staged};
}

static enum status write_entry(struct group_writer *w, const struct entry *entry, struct err *e)
{
    char head[RECORD_HEAD_BYTES];
    record_head_encode(&entry->head, place_of(w), head);
    TRY(stage_str(w, (struct str){head, sizeof(head)}, e));
    TRY(stage_str(w, entry->text, e));
    return entry->batch ? stage_str(w, entry->batch->body, e) : ST_OK;
}

static enum status write_all(struct group_writer *w, const struct group *g, struct err *e)
{
    struct journal *j = w->j;
    struct group_head head = {g->bytes, j->next_sequence, g->count};
    char bytes[GROUP_HEAD_BYTES];
    TRY(stage_make(j, e));
    group_head_encode(&head, place_of(w), bytes);
    TRY(stage_str(w, (struct str){bytes, sizeof(bytes)}, e));
    LIST_EACH(node, &g->entries)
    TRY(write_entry(w, CONTAINER_OF(node, struct entry, mail.link), e));
    TRY(stage_end(w, e));
    if (j->ack != ACK_DISK)
        return ST_OK;
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
    s->end += g->disk_bytes;
    j->stats.groups++;
    j->stats.appended_bytes += g->disk_bytes;
    j->stats.clock_ns = j->clock_ns;
    j->stats.last_sequence = j->next_sequence + g->count - 1;
    pthread_mutex_unlock(&j->lock);
}

enum status group_write(struct journal *j, const struct group *g, struct err *e)
{
    struct segment s;
    enum status st = writable_segment(j, g->disk_bytes, &s, e);
    if (st == ST_OK) {
        struct group_writer w = {j, s.head.number, s.end, s.end, 0};
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
