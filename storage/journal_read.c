/* journal_read.c - walks the groups of a segment, and replays what was committed. */
#include "base/fileio.h"
#include "base/log.h"
#include "storage/journal_private.h"
#include <fcntl.h>

/* --- a window on a segment file --- */

struct window {
    int fd;
    uint64_t segment, size; /* number; bytes of the file */
    uint64_t at;            /* offset of buf.ptr */
    uint64_t next_sequence; /* of the group that comes next, 0 = not known */
    struct buf buf;
};

enum { WINDOW_BYTES = MIB };

static enum status window_open(struct journal *j, const struct segment *s, struct window *w,
                               struct err *e)
{
    char path[JOURNAL_PATH_MAX];
    *w = (struct window){.segment = s->head.number, .next_sequence = s->head.first_sequence};
    segment_path(j, s->head.number, path);
    TRY(file_open(path, O_RDONLY, &w->fd, e));
    enum status st = file_size(w->fd, &w->size, e);
    if (st != ST_OK)
        file_close(w->fd);
    return st;
}

static void window_close(struct window *w)
{
    file_close(w->fd);
    buf_deinit(&w->buf);
}

/* `len` bytes at offset `at`, in place until the next call; NULL when the file has fewer. */
static enum status window_see(struct window *w, uint64_t at, uint64_t len, const char **out,
                              struct err *e)
{
    *out = NULL;
    if (at > w->size || len > w->size - at)
        return ST_OK;
    if (at < w->at || at + len > w->at + w->buf.len) {
        size_t want = (size_t)MIN(MAX(len, (uint64_t)WINDOW_BYTES), w->size - at);
        buf_reset(&w->buf);
        if (!buf_reserve(&w->buf, want))
            return err_set(e, ST_NO_MEMORY, "no memory to read %zu bytes of the journal", want);
        TRY(file_read_at(w->fd, w->buf.ptr, want, at, e));
        w->buf.len = want;
        w->at = at;
    }
    *out = w->buf.ptr + (at - w->at);
    return ST_OK;
}

/* --- groups --- */

/* One record whose checksums hold. */
struct record {
    struct record_head head;
    struct str sender, agent, body; /* borrowed from the window */
};

typedef enum status record_fn(const struct record *r, void *user, struct err *e);

struct walked {
    uint64_t end; /* where the next group would begin; 0 = there is none */
    bool whole;   /* every byte of the group holds */
};

static enum status record_see(struct window *w, uint64_t at, uint64_t limit, bool *head_holds,
                              bool *holds, struct record *r, struct err *e)
{
    const char *bytes;
    *head_holds = *holds = false;
    TRY(window_see(w, at, RECORD_HEAD_BYTES, &bytes, e));
    if (!bytes || !record_head_decode(bytes, (struct journal_place){w->segment, at}, &r->head))
        return ST_OK;
    if (at + record_bytes(&r->head) > limit)
        return ST_OK;
    TRY(window_see(w, at, record_bytes(&r->head), &bytes, e));
    if (!bytes)
        return ST_OK;
    *head_holds = true;
    r->sender = (struct str){bytes + RECORD_HEAD_BYTES, r->head.sender_bytes};
    r->agent = (struct str){r->sender.ptr + r->sender.len, r->head.agent_bytes};
    r->body = (struct str){r->agent.ptr + r->agent.len, r->head.body_bytes};
    struct str text = {r->sender.ptr, r->sender.len + r->agent.len};
    *holds = record_content_sum(text, r->body) == r->head.content_sum;
    return ST_OK;
}

/* Between two groups at most as many records were lost as heads fit in there: a body that looks
 * like a group cannot know which number comes next. */
static bool is_plausible(const struct window *w, const struct group_head *g, uint64_t lost_bytes)
{
    uint64_t lost = g->first_sequence - w->next_sequence;
    return w->next_sequence == 0 || lost <= lost_bytes / RECORD_HEAD_BYTES;
}

/* The first group behind `from` whose head holds; *at = 0 when there is none. */
static enum status group_find(struct window *w, uint64_t from, uint64_t limit, uint64_t *at,
                              struct err *e)
{
    uint64_t seen = from + 1;
    *at = 0;
    while (seen + GROUP_HEAD_BYTES <= limit) {
        const char *bytes;
        struct group_head g;
        uint64_t len = MIN(limit - seen, (uint64_t)WINDOW_BYTES);
        TRY(window_see(w, seen, len, &bytes, e));
        if (!bytes)
            return ST_OK;
        uint64_t found = group_magic_find((struct str){bytes, (size_t)len});
        if (found + GROUP_HEAD_BYTES > len) { /* none, or it goes on behind */
            seen += len - GROUP_HEAD_BYTES + 1;
            continue;
        }
        seen += found;
        if (group_head_decode(bytes + found, (struct journal_place){w->segment, seen}, &g) &&
            is_plausible(w, &g, seen - from)) {
            *at = seen;
            return ST_OK;
        }
        seen++;
    }
    return ST_OK;
}

/* Gives every record of the group at `at` that holds to fn. A damaged content costs its record, a
 * damaged record head the rest of the group; where the group's own head is damaged, its records are
 * found by theirs. */
static enum status group_read(struct window *w, uint64_t at, uint64_t limit, record_fn *fn,
                              void *user, struct walked *out, struct err *e)
{
    const char *bytes;
    struct group_head g;
    *out = (struct walked){0};
    TRY(window_see(w, at, GROUP_HEAD_BYTES, &bytes, e));
    if (!bytes)
        return ST_OK;
    bool headed = group_head_decode(bytes, (struct journal_place){w->segment, at}, &g);
    if (headed && (g.bytes < GROUP_HEAD_BYTES || g.bytes > limit - at))
        return ST_OK;
    if (headed) {
        out->end = at + g.bytes;
        w->next_sequence = g.first_sequence + g.record_count;
    }

    uint64_t record_at = at + GROUP_HEAD_BYTES, stop = headed ? out->end : limit;
    uint32_t good = 0;
    while (record_at < stop) {
        struct record r;
        bool head_holds, holds;
        TRY(record_see(w, record_at, stop, &head_holds, &holds, &r, e));
        if (!head_holds)
            break;
        if (holds && (!headed || r.head.sequence - g.first_sequence < g.record_count)) {
            good++;
            TRY(fn(&r, user, e));
        }
        record_at += record_bytes(&r.head);
        if (!headed) {
            out->end = record_at;
            w->next_sequence = r.head.sequence + 1;
        }
    }
    out->whole = headed && good == g.record_count && record_at == out->end;
    return ST_OK;
}

/* Likewise; when nobody can say where that group ends, the next one is looked for. */
static enum status group_walk(struct window *w, uint64_t at, uint64_t limit, record_fn *fn,
                              void *user, struct walked *out, struct err *e)
{
    TRY(group_read(w, at, limit, fn, user, out, e));
    return out->end ? ST_OK : group_find(w, at, limit, &out->end, e);
}

/* --- where a segment ends --- */

static enum status scan_record(const struct record *r, void *user, struct err *e)
{
    (void)e;
    struct segment_scan *scan = user;
    scan->last_sequence = MAX(scan->last_sequence, r->head.sequence);
    scan->clock_ns = MAX(scan->clock_ns, r->head.clock_ns);
    return ST_OK;
}

/* Bytes between `from` and the last one that is not zero. */
static enum status count_written(struct window *w, uint64_t from, uint64_t *out, struct err *e)
{
    *out = 0;
    for (uint64_t at = from; at < w->size; at += WINDOW_BYTES) {
        const char *bytes;
        uint64_t len = MIN(w->size - at, (uint64_t)WINDOW_BYTES);
        TRY(window_see(w, at, len, &bytes, e));
        /* Space that was never written equals itself shifted by one. */
        if (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0)
            continue;
        while (bytes[len - 1] == 0)
            len--;
        *out = at + len - from;
    }
    return ST_OK;
}

enum status segment_scan(struct journal *j, const struct segment *s, struct segment_scan *out,
                         struct err *e)
{
    struct window w;
    *out = (struct segment_scan){.end = SEGMENT_DATA_AT};
    TRY(window_open(j, s, &w, e));
    struct segment_scan seen = *out;
    struct walked group = {.end = SEGMENT_DATA_AT};
    enum status st = ST_OK;
    while (st == ST_OK && group.end != 0) {
        st = group_walk(&w, group.end, w.size, scan_record, &seen, &group, e);
        /* Groups are written one after the other: a whole one shows that all before it were
         * committed. */
        if (st == ST_OK && group.whole) {
            seen.end = group.end;
            *out = seen;
        }
    }
    /* In a file that was another segment before, what lies behind the end tells nothing. */
    if (st == ST_OK && !s->recycled)
        st = count_written(&w, out->end, &out->torn_bytes, e);
    window_close(&w);
    return st;
}

enum status segment_first_record(struct journal *j, const struct segment *s,
                                 struct record_head *out, bool *found, struct err *e)
{
    struct window w;
    uint64_t at = SEGMENT_DATA_AT;
    enum status st = ST_OK;
    TRY(window_open(j, s, &w, e));
    for (*found = false; st == ST_OK && at != 0 && !*found;) {
        const char *bytes;
        uint64_t group_at = at;
        st = window_see(&w, at + GROUP_HEAD_BYTES, RECORD_HEAD_BYTES, &bytes, e);
        *found = st == ST_OK && bytes &&
                 record_head_decode(
                     bytes, (struct journal_place){s->head.number, at + GROUP_HEAD_BYTES}, out);
        if (st == ST_OK && !*found)
            st = group_find(&w, group_at, w.size, &at, e);
    }
    window_close(&w);
    return st;
}

/* --- replay --- */

struct replay {
    const struct journal_sink *sink;
    uint64_t next; /* the sequence that should come now */
    uint64_t bad_records;
};

/* Sequence numbers have no holes, so a hole is what was lost. */
static void note_hole(struct replay *r, uint64_t sequence)
{
    if (sequence <= r->next)
        return;
    log_warn("journal: records are missing first=%llu count=%llu", (unsigned long long)r->next,
             (unsigned long long)(sequence - r->next));
    r->bad_records += sequence - r->next;
    r->next = sequence;
}

static struct batch *batch_of(const struct record *r)
{
    struct batch *b = batch_new();
    if (!b)
        return NULL;
    char *body = mem_alloc(MAX(r->body.len, (size_t)1));
    b->body = (struct str){body, body ? r->body.len : 0};
    b->sender = arena_dup_str(&b->arena, r->sender);
    b->user_agent = arena_dup_str(&b->arena, r->agent);
    if (!body || (r->sender.len && !b->sender.ptr) || (r->agent.len && !b->user_agent.ptr)) {
        batch_free(b);
        return NULL;
    }
    memcpy(body, r->body.ptr, r->body.len);
    b->signal = (enum batch_signal)r->head.signal;
    b->encoding = (enum batch_encoding)r->head.encoding;
    b->compression = (enum batch_compression)r->head.compression;
    b->arrival_ns = r->head.wall_ns;
    b->sequence = r->head.sequence;
    b->clock_ns = r->head.clock_ns;
    return b;
}

static enum status replay_record(const struct record *record, void *user, struct err *e)
{
    struct replay *r = user;
    const struct record_head *h = &record->head;
    if (h->sequence < r->next)
        return ST_OK; /* before the checkpoint */
    file_point("journal_replay");
    note_hole(r, h->sequence);
    if (h->type == RECORD_BATCH) {
        struct batch *b = batch_of(record);
        if (!b)
            return err_set(e, ST_NO_MEMORY, "no memory to replay a request of %u bytes",
                           h->body_bytes);
        r->sink->batch(b, r->sink->user);
    } else if (h->type == RECORD_TICK) {
        r->sink->tick(h->sequence, h->wall_ns, h->clock_ns, r->sink->user);
    } else if (h->type == RECORD_FLUSH) {
        r->sink->flush(h->sequence, h->clock_ns, r->sink->user);
    } else {
        return err_set(e, ST_UNSUPPORTED, "journal record type %u is of a newer weft", h->type);
    }
    r->next = h->sequence + 1;
    return ST_OK;
}

static enum status replay_segment(struct journal *j, const struct segment *s, struct replay *r,
                                  struct err *e)
{
    struct window w;
    TRY(window_open(j, s, &w, e));
    w.size = MIN(w.size, s->end);
    struct walked group = {.end = SEGMENT_DATA_AT};
    enum status st = ST_OK;
    while (st == ST_OK && group.end != 0 && group.end < s->end)
        st = group_walk(&w, group.end, s->end, replay_record, r, &group, e);
    window_close(&w);
    return st;
}

uint64_t journal_first_sequence(const struct journal *j)
{
    return j->segments.len > 0 ? j->segments.items[0].head.first_sequence : j->next_sequence;
}

enum status journal_replay(struct journal *j, uint64_t from, const struct journal_sink *sink,
                           uint64_t *last_sequence, struct err *e)
{
    struct replay r = {.sink = sink, .next = MAX(from, (uint64_t)1)};
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < j->segments.len; i++) {
        if (!segment_lies_before(j, i, r.next))
            st = replay_segment(j, &j->segments.items[i], &r, e);
    }
    /* What is missing behind the last readable record of an older segment shows in where the newest
     * begins. */
    if (st == ST_OK)
        note_hole(&r, j->next_sequence);
    j->stats.bad_records += r.bad_records;
    j->next_sequence = MAX(j->next_sequence, r.next);
    *last_sequence = j->next_sequence - 1;
    return st;
}
