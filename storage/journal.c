/* journal.c - the journal thread: takes all that waits, commits it as one group, hands it on,
 * answers; ticks; and sits out a failing disk. */
#include "storage/journal.h"
#include "base/clock.h"
#include "base/fileio.h"
#include "base/log.h"
#include "storage/journal_private.h"
#include <stdio.h>
#include <time.h>

enum {
    SEGMENT_BYTES_DEFAULT = 64 * MIB,
    SEGMENT_BYTES_MIN = 64 * KIB,
    GROUP_BYTES_MAX = 8 * MIB, /* a group is closed when it is that long: a slow disk must not make
                                  acks wait for ever */
    GATHER_BYTES = 256 * KIB,  /* a group of this size is worth a sync of its own */
};

static const uint64_t gather_ns = 250 * 1000; /* between two small groups */

static const uint64_t backoff_first_ns = 100 * NS_PER_MS, backoff_last_ns = 5 * NS_PER_S;
static const uint64_t leap_max_ns = 2 * NS_PER_S; /* see clock_advance */

/* --- the pipeline clock --- */

/* It follows the monotonic clock, never the wall. While something waits for ticks it does not leap:
 * time in which weft was stopped, or the disk took nothing, is time in which nothing could arrive,
 * and must expire nothing. */
static void clock_advance(struct journal *j)
{
    uint64_t now = clock_mono_ns();
    uint64_t step = now > j->clock_mono_ns ? now - j->clock_mono_ns : 0;
    if (atomic_load(&j->ticking))
        step = MIN(step, leap_max_ns);
    j->clock_ns += step;
    j->clock_mono_ns = now;
}

/* --- records --- */

/* The head of a record without content. */
static struct record_head bare_head(enum record_type type)
{
    return (struct record_head){
        .type = (uint8_t)type,
        .wall_ns = clock_wall_ns(),
        .content_sum = record_content_sum((struct str){0}, (struct str){0}),
    };
}

/* Committed: first the pipeline, then the sender. */
static void entry_deliver(struct journal *j, struct entry *entry)
{
    const struct record_head h = entry->head;
    switch ((enum record_type)h.type) {
    case RECORD_BATCH: {
        struct batch *b = entry->batch;
        void (*done)(void *, enum status, const struct err *) = entry->done;
        void *user = entry->user;
        b->sequence = h.sequence;
        b->clock_ns = h.clock_ns;
        j->sink.batch(b, j->sink.user); /* takes the entry with it */
        if (done)
            done(user, ST_OK, NULL);
        break;
    }
    case RECORD_TICK:
        j->tick_queued = false;
        j->sink.tick(h.sequence, h.wall_ns, h.clock_ns, j->sink.user);
        break;
    case RECORD_FLUSH:
        mem_free(entry);
        j->sink.flush(h.sequence, h.clock_ns, j->sink.user);
        break;
    }
}

static void entry_fail(struct journal *j, struct entry *entry, enum status status,
                       const struct err *e)
{
    if (entry->batch) {
        struct batch *b = entry->batch;
        if (entry->done)
            entry->done(entry->user, status, e);
        batch_free(b);
    } else if (entry->head.type == RECORD_TICK) {
        j->tick_queued = false;
    } else {
        mem_free(entry);
    }
}

static struct entry *entry_of(struct list *node)
{
    return CONTAINER_OF(node, struct entry, mail.link);
}

/* --- one group --- */

/* Takes entries off `waiting` until the group is long enough. */
static void group_form(struct journal *j, struct list *waiting, struct group *g)
{
    uint64_t sequence = j->next_sequence;
    list_init(&g->entries);
    g->bytes = GROUP_HEAD_BYTES;
    g->count = 0;
    while (!list_is_empty(waiting)) {
        struct entry *entry = entry_of(waiting->next);
        uint64_t bytes = record_bytes(&entry->head);
        if (g->count > 0 && g->bytes + bytes > GROUP_BYTES_MAX)
            break;
        list_remove(&entry->mail.link);
        list_add_tail(&g->entries, &entry->mail.link);
        entry->head.sequence = sequence++;
        entry->head.clock_ns = j->clock_ns;
        g->bytes += bytes;
        g->count++;
    }
}

/* ack: memory tells the senders before anything is written. */
static void group_acknowledge_early(struct group *g)
{
    LIST_EACH(node, &g->entries)
    {
        struct entry *entry = entry_of(node);
        if (entry->done)
            entry->done(entry->user, ST_OK, NULL);
        entry->done = NULL;
    }
}

static void disk_failed(struct journal *j, const struct err *e)
{
    if (!atomic_exchange(&j->refusing, true)) {
        log_error("journal: refusing everything until the disk takes writes again error=\"%s\"",
                  e->msg);
        j->backoff_ns = backoff_first_ns;
    } else {
        j->backoff_ns = MIN(2 * j->backoff_ns, backoff_last_ns);
    }
    j->probe_mono_ns = clock_mono_ns() + j->backoff_ns;
}

/* Nothing of the group counts. What was promised early goes on to the pipeline all the same: it
 * lives as long as the process does, and its sequence numbers are not used again. */
static void group_fail(struct journal *j, struct group *g, enum status st, const struct err *e)
{
    bool promised = j->ack == ACK_MEMORY;
    j->reserved_bytes -= g->bytes;
    if (promised)
        j->next_sequence += g->count;
    for (struct list *node; (node = list_pop(&g->entries));) {
        struct entry *entry = entry_of(node);
        if (promised && entry->batch)
            entry_deliver(j, entry);
        else
            entry_fail(j, entry, st, e);
    }
}

static void group_commit(struct journal *j, struct group *g)
{
    struct err e = {0};
    if (j->ack == ACK_MEMORY)
        group_acknowledge_early(g);
    /* Only now is the length of the group known; the records were counted when they were queued. */
    j->reserved_bytes += GROUP_HEAD_BYTES;
    enum status st = atomic_load(&j->refusing) ? err_set(&e, ST_IO, "the journal's disk is failing")
                                               : group_write(j, g, &e);
    if (st != ST_OK && !atomic_load(&j->refusing)) {
        st = group_write(j, g, &e); /* once more, in a new segment */
        if (st != ST_OK)
            disk_failed(j, &e);
    }
    if (st != ST_OK) {
        group_fail(j, g, ST_IO, &e);
        return;
    }
    file_point("journal_ack");
    for (struct list *node; (node = list_pop(&g->entries));)
        entry_deliver(j, entry_of(node));
}

/* --- the thread --- */

/* Queues a tick when one is due. */
static void tick_when_due(struct journal *j, struct list *waiting)
{
    uint64_t now = clock_mono_ns();
    bool soon = atomic_exchange(&j->tick_soon, false);
    if (!atomic_load(&j->ticking)) {
        j->next_tick_mono_ns = 0;
        return;
    }
    if (j->next_tick_mono_ns == 0)
        j->next_tick_mono_ns = now + NS_PER_S;
    bool due = now >= j->next_tick_mono_ns;
    if (!(due || soon) || j->tick_queued || atomic_load(&j->refusing))
        return;
    if (due)
        j->next_tick_mono_ns = MAX(j->next_tick_mono_ns + NS_PER_S, now + NS_PER_S / 2);
    j->tick = (struct entry){.head = bare_head(RECORD_TICK)};
    j->reserved_bytes += record_bytes(&j->tick.head);
    j->tick_queued = true;
    list_add_tail(waiting, &j->tick.mail.link);
}

/* Tries the failing disk once its time has come. */
static void probe_when_due(struct journal *j)
{
    struct err e;
    if (!atomic_load(&j->refusing) || clock_mono_ns() < j->probe_mono_ns)
        return;
    enum status st = j->fd < 0 ? segment_begin(j, 0, &e) : ST_OK;
    if (st == ST_OK)
        st = file_sync_data(j->fd, &e);
    if (st != ST_OK) {
        segment_finish(j);
        disk_failed(j, &e);
        return;
    }
    log_info("journal: the disk takes writes again");
    atomic_store(&j->refusing, false);
}

static uint64_t next_deadline(const struct journal *j)
{
    if (atomic_load(&j->refusing))
        return j->probe_mono_ns;
    return j->next_tick_mono_ns;
}

/* Takes the nudge out again; it only had to wake the thread. */
static void drop_nudge(struct journal *j, struct list *waiting)
{
    if (!atomic_load(&j->nudged))
        return;
    LIST_EACH(node, waiting)
    {
        if (node == &j->nudge.link) {
            list_remove(node);
            atomic_store(&j->nudged, false);
            return;
        }
    }
}

/* When groups follow each other closely, waits a little so that more requests share a sync: a sync
 * costs as much CPU time as decoding a hundred spans. An idle journal writes at once. */
static void gather(struct journal *j, struct list *waiting)
{
    uint64_t now = clock_mono_ns();
    if (j->ack != ACK_DISK || now - j->last_commit_mono_ns >= gather_ns ||
        atomic_load(&j->stopping))
        return;
    uint64_t bytes = 0;
    LIST_EACH(node, waiting)
    bytes += record_bytes(&CONTAINER_OF(node, struct entry, mail.link)->head);
    if (bytes >= GATHER_BYTES)
        return;
    struct timespec rest = {.tv_nsec = (long)(gather_ns - (now - j->last_commit_mono_ns))};
    nanosleep(&rest, NULL);
    mailbox_take(j->inbox, waiting);
    drop_nudge(j, waiting);
}

static void *journal_thread(void *user)
{
    struct journal *j = user;
    struct list waiting;
    list_init(&waiting);
    while (!atomic_load(&j->stopping) || mailbox_count(j->inbox) > 0) {
        mailbox_wait(j->inbox, &waiting, next_deadline(j));
        drop_nudge(j, &waiting);
        probe_when_due(j);
        clock_advance(j);
        tick_when_due(j, &waiting);
        while (!list_is_empty(&waiting)) {
            struct group g;
            gather(j, &waiting);
            group_form(j, &waiting, &g);
            group_commit(j, &g);
            j->last_commit_mono_ns = clock_mono_ns();
            /* What came while the disk was busy joins the next group. */
            mailbox_take(j->inbox, &waiting);
            drop_nudge(j, &waiting);
            clock_advance(j);
            tick_when_due(j, &waiting);
        }
    }
    return NULL;
}

/* --- opening and closing --- */

static enum status settings_take(struct journal *j, const struct journal_config *config,
                                 struct err *e)
{
    if (config->directory.len >= sizeof(j->directory))
        return err_set(e, ST_INVALID, "the path of the journal is longer than %zu bytes",
                       sizeof(j->directory) - 1);
    str_to_c(config->directory, j->directory, sizeof(j->directory));
    j->ack = config->ack;
    j->max_bytes = config->max_bytes;
    uint64_t bytes =
        config->segment_bytes ? config->segment_bytes : (uint64_t)SEGMENT_BYTES_DEFAULT;
    j->segment_bytes = MAX(MIN(bytes, j->max_bytes / 8), (uint64_t)SEGMENT_BYTES_MIN);
    return ST_OK;
}

enum status journal_open(const struct journal_config *config, struct journal **out, struct err *e)
{
    struct journal *j = mem_calloc(1, sizeof(*j));
    struct mailbox *inbox = mailbox_new(0, NULL, NULL);
    if (!j || !inbox) {
        mem_free(j);
        if (inbox)
            mailbox_free(inbox);
        return err_set(e, ST_NO_MEMORY, "no memory to open the journal");
    }
    pthread_mutex_init(&j->lock, NULL);
    list_init(&j->nudge.link);
    j->inbox = inbox;
    j->fd = -1;
    j->next_number = j->next_sequence = 1;
    enum status st = settings_take(j, config, e);
    if (st == ST_OK)
        st = dir_make(j->directory, e);
    if (st == ST_OK)
        st = segments_open(j, e);
    if (st != ST_OK) {
        journal_close(j);
        return st;
    }
    *out = j;
    return ST_OK;
}

void journal_go_on_from(struct journal *j, uint64_t sequence, uint64_t clock_ns)
{
    j->next_sequence = MAX(j->next_sequence, sequence);
    j->clock_ns = MAX(j->clock_ns, clock_ns);
}

enum status journal_start(struct journal *j, const struct journal_sink *sink, struct err *e)
{
    j->sink = *sink;
    j->clock_mono_ns = clock_mono_ns();
    j->stats.clock_ns = j->clock_ns;
    j->stats.last_sequence = j->next_sequence - 1;
    if (pthread_create(&j->thread, NULL, journal_thread, j) != 0)
        return err_set(e, ST_NO_MEMORY, "no thread for the journal");
    pthread_setname_np(j->thread, "journal");
    j->running = j->keep_spares = true;
    return ST_OK;
}

void journal_stop(struct journal *j, bool cut_unused)
{
    atomic_store(&j->stopping, true);
    mailbox_close(j->inbox);
    if (j->running)
        pthread_join(j->thread, NULL);
    j->running = false;
    if (cut_unused)
        segment_finish(j);
    spares_remove(j);
    if (j->fd >= 0)
        file_close(j->fd);
    j->fd = -1;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    journal_stop(j, false);
    mailbox_free(j->inbox);
    pthread_mutex_destroy(&j->lock);
    buf_deinit(&j->stage);
    vec_deinit(&j->segments);
    mem_free(j);
}

/* --- what other threads call --- */

static enum status refuse_failing(struct err *e)
{
    return err_set(e, ST_IO, "the journal cannot be written right now; try again");
}

/* Room for a record among max_bytes. Kept free: a segment for ticks and flushes, which always fit,
 * and one for space that is preallocated and not yet used. */
static enum status reserve(struct journal *j, uint64_t bytes, struct err *e)
{
    uint64_t kept = 2 * j->segment_bytes;
    uint64_t limit = j->max_bytes > kept ? j->max_bytes - kept : 0;
    if (bytes > limit)
        return err_set(e, ST_TOO_BIG, "a request of %llu bytes does not fit into the journal",
                       (unsigned long long)bytes);
    if (atomic_fetch_add(&j->reserved_bytes, bytes) + bytes <= limit)
        return ST_OK;
    atomic_fetch_sub(&j->reserved_bytes, bytes);
    return err_set(e, ST_BUSY, "the journal holds its %llu bytes; a checkpoint will make room",
                   (unsigned long long)j->max_bytes);
}

static enum status post(struct journal *j, struct entry *entry, struct err *e)
{
    if (mailbox_post(j->inbox, &entry->mail))
        return ST_OK;
    atomic_fetch_sub(&j->reserved_bytes, record_bytes(&entry->head));
    return err_set(e, ST_BUSY, "weft is stopping");
}

/* Sender and user agent behind each other, each cut to JOURNAL_TEXT_MAX. */
static bool entry_text(struct entry *entry, struct batch *b)
{
    size_t sender = MIN(b->sender.len, (size_t)JOURNAL_TEXT_MAX);
    size_t agent = MIN(b->user_agent.len, (size_t)JOURNAL_TEXT_MAX);
    char *text = arena_alloc(&b->arena, sender + agent + 1);
    if (!text)
        return false;
    if (sender > 0)
        memcpy(text, b->sender.ptr, sender);
    if (agent > 0)
        memcpy(text + sender, b->user_agent.ptr, agent);
    entry->text = (struct str){text, sender + agent};
    entry->head.sender_bytes = (uint16_t)sender;
    entry->head.agent_bytes = (uint16_t)agent;
    return true;
}

enum status journal_append(struct journal *j, struct batch *b,
                           void (*done)(void *user, enum status status, const struct err *e),
                           void *user, struct err *e)
{
    if (atomic_load(&j->refusing))
        return refuse_failing(e);
    if (b->body.len > UINT32_MAX)
        return err_set(e, ST_TOO_BIG, "a request of %zu bytes does not fit into the journal",
                       b->body.len);
    struct entry *entry = arena_alloc(&b->arena, sizeof(*entry));
    if (!entry)
        return err_set(e, ST_NO_MEMORY, "no memory to queue a request");
    *entry = (struct entry){.batch = b, .done = done, .user = user};
    entry->head = (struct record_head){
        .type = RECORD_BATCH,
        .signal = (uint8_t)b->signal,
        .encoding = (uint8_t)b->encoding,
        .compression = (uint8_t)b->compression,
        .wall_ns = b->arrival_ns,
        .body_bytes = (uint32_t)b->body.len,
    };
    if (!entry_text(entry, b))
        return err_set(e, ST_NO_MEMORY, "no memory to queue a request");
    TRY(reserve(j, record_bytes(&entry->head), e));
    /* Here, on the caller's thread, and not on the one that everybody waits for. */
    entry->head.content_sum = record_content_sum(entry->text, b->body);
    return post(j, entry, e);
}

enum status journal_append_flush(struct journal *j, struct err *e)
{
    if (atomic_load(&j->refusing))
        return refuse_failing(e);
    struct entry *entry = mem_calloc(1, sizeof(*entry));
    if (!entry)
        return err_set(e, ST_NO_MEMORY, "no memory to queue a flush");
    entry->head = bare_head(RECORD_FLUSH);
    j->reserved_bytes += record_bytes(&entry->head); /* always fits */
    enum status st = post(j, entry, e);
    if (st != ST_OK)
        mem_free(entry);
    return st;
}

/* The thread may be asleep, and without a deadline. */
static void nudge(struct journal *j)
{
    if (!atomic_exchange(&j->nudged, true) && !mailbox_post(j->inbox, &j->nudge))
        atomic_store(&j->nudged, false);
}

void journal_set_ticking(struct journal *j, bool on)
{
    if (!atomic_exchange(&j->ticking, on) && on)
        nudge(j);
}

void journal_tick_soon(struct journal *j)
{
    atomic_store(&j->tick_soon, true);
    nudge(j);
}

void journal_stats(struct journal *j, uint64_t replay_from, struct journal_stats *out)
{
    pthread_mutex_lock(&j->lock);
    *out = j->stats;
    out->bytes = j->spare_count * j->segment_bytes;
    for (size_t i = 0; i < j->segments.len; i++) {
        const struct segment *s = &j->segments.items[i];
        out->bytes += s->disk_bytes;
        if (!segment_lies_before(j, i, replay_from))
            out->replay_bytes += s->end;
        if (out->oldest_ns == 0)
            out->oldest_ns = s->oldest_ns;
    }
    pthread_mutex_unlock(&j->lock);
}
