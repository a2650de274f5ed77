/* collector.c - the collector thread: takes records from its mailbox, keeps account and budget, and
 * answers calls. */
#include "collector/collector_private.h"
#include "base/clock.h"
#include "base/log.h"
#include "storage/edge_store.h"
#include <time.h>

enum { GATHER_MAILS = 64 }; /* so many are worth a turn of their own */

/* A cell of one request with its histograms, codes and exemplar, and the room of the array. */
enum { VIEW_CELL_BYTES = 700 };

/* What one record closes, two cells a span, is at most this share of the closed cells that call for
 * a checkpoint. */
enum { RECORD_SHARE = 4, SPAN_CELLS_BYTES = 2 * VIEW_CELL_BYTES };

static const uint64_t gather_ns = 250 * 1000; /* between two turns with few mails */

/* --- records --- */

static void count_account(struct collector *c, const struct account_row *delta)
{
    account_add(c->config.account, SIGNAL_SPANS, delta);
}

static enum request_outcome outcome_of(const struct batch *b)
{
    return batch_rejected_total(b) ? REQUEST_PARTIAL : REQUEST_ACCEPTED;
}

static struct account_row row_of(const struct batch *b)
{
    struct account_row row = {.received = b->received, .pending = b->span_count};
    for (size_t i = 0; i < REJECT_REASON_COUNT; i++)
        row.rejected[i] = b->rejected[i];
    return row;
}

/* From now on it is in the account, as pending. */
static void post_to_account(struct collector *c, const struct batch *b)
{
    struct account_row row = row_of(b);
    pthread_mutex_lock(&c->posted_lock);
    count_account(c, &row);
    account_count_request(c->config.account, outcome_of(b));
    c->posted.received += row.received;
    c->posted.pending += row.pending;
    for (size_t i = 0; i < REJECT_REASON_COUNT; i++)
        c->posted.rejected[i] += row.rejected[i];
    c->posted_requests[outcome_of(b)]++;
    pthread_mutex_unlock(&c->posted_lock);
}

/* What the pipeline made of its records goes into the account; `b` (may be NULL) is no longer only
 * posted. */
static void settle(struct collector *c, const struct batch *b)
{
    struct account_row delta = c->pipeline.delta;
    c->pipeline.delta = (struct account_row){0};
    pthread_mutex_lock(&c->posted_lock);
    if (b) {
        struct account_row row = row_of(b);
        delta.pending -= row.pending;
        c->posted.received -= row.received;
        c->posted.pending -= row.pending;
        for (size_t i = 0; i < REJECT_REASON_COUNT; i++)
            c->posted.rejected[i] -= row.rejected[i];
        c->posted_requests[outcome_of(b)]--;
    }
    count_account(c, &delta);
    pthread_mutex_unlock(&c->posted_lock);
}

void collector_charge(struct collector *c)
{
    uint64_t used = pipeline_open_bytes(&c->pipeline) + collector_closed_bytes(c) +
                    c->in_flight_bytes + live_bytes(c->live);
    if (used > c->charged_bytes)
        budget_force(c->config.budget, used - c->charged_bytes);
    else if (used < c->charged_bytes)
        budget_give(c->config.budget, c->charged_bytes - used);
    c->charged_bytes = used;
}

static void after_record(struct collector *c)
{
    if (!c->started)
        return;
    bool on = !pipeline_is_idle(&c->pipeline) || collector_has_too_many_cells(c);
    if (on != c->ticking && c->config.ticking)
        c->config.ticking(on, c->config.user);
    c->ticking = on;
    if (pipeline_is_behind(&c->pipeline) && !c->tick_asked && c->config.tick_soon) {
        c->tick_asked = true;
        c->config.tick_soon(c->config.user);
    }
    collector_save_if_due(c);
}

static void apply_batch(struct collector *c, struct batch *b)
{
    pipeline_batch(&c->pipeline, b);
    settle(c, b);
    c->bytes_since_save += b->body.len;
    collector_charge(c);
    if (b->charged_bytes)
        budget_give(c->config.budget, b->charged_bytes);
    batch_free(b);
    after_record(c);
}

static void apply_tick(struct collector *c, uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns)
{
    c->tick_asked = false;
    pipeline_tick(&c->pipeline, sequence, wall_ns, clock_ns);
    settle(c, NULL);
    collector_charge(c);
    after_record(c);
}

static void apply_flush(struct collector *c, uint64_t sequence, uint64_t clock_ns)
{
    pipeline_flush(&c->pipeline, sequence, clock_ns);
    settle(c, NULL);
    collector_charge(c);
    after_record(c);
}

/* --- thread --- */

static void handle(struct collector *c, struct mail *mail)
{
    struct note *note = CONTAINER_OF(mail, struct note, mail);
    switch ((enum mail_kind)mail->kind) {
    case MAIL_BATCH:
        apply_batch(c, CONTAINER_OF(mail, struct batch, mail));
        return;
    case MAIL_TICK:
        apply_tick(c, note->sequence, note->wall_ns, note->clock_ns);
        mem_free(note);
        return;
    case MAIL_FLUSH:
        apply_flush(c, note->sequence, note->clock_ns);
        mem_free(note);
        return;
    case MAIL_REFRESH:
        atomic_store(&c->refresh_posted, false);
        c->view_wanted = true;
        c->asked_mono_ns = clock_mono_ns();
        return;
    case MAIL_SAVE:
        list_add_tail(&c->waiting, &CONTAINER_OF(mail, struct save_wait, mail)->link);
        if (!c->in_flight)
            collector_save_begin(c);
        return;
    case MAIL_SAVE_SOON:
        atomic_store(&c->soon_posted, false);
        if (!c->in_flight)
            collector_save_begin(c);
        return;
    case MAIL_SAVED:
        collector_save_finished(c);
        return;
    case MAIL_STOP:
        mem_free(note);
        c->stopping = true;
        return;
    }
}

/* When mails follow each other closely, waits a little so that more of them are taken at once: the
 * journal hands a group over one by one, and two switches of threads cost as much as applying ten
 * spans. */
static void gather(const struct collector *c, size_t mails)
{
    uint64_t since = clock_mono_ns() - c->taken_mono_ns;
    if (mails >= GATHER_MAILS || since >= gather_ns)
        return;
    struct timespec rest = {.tv_nsec = (long)(gather_ns - since)};
    nanosleep(&rest, NULL);
}

/* As many cells have closed as call for a checkpoint, and the last one is still being written: what
 * is posted waits, counted in the budget, until senders are told that it is used up. */
static bool closes_too_fast(struct collector *c)
{
    return c->in_flight && collector_has_too_many_cells(c);
}

static void take_mail(struct collector *c, uint64_t deadline_mono_ns)
{
    struct list mails;
    list_init(&mails);
    gather(c, mailbox_wait(c->inbox, &mails, deadline_mono_ns));
    /* Read before the box is emptied: a view then holds all that was posted by that time and is not
     * held. */
    c->taken_mono_ns = clock_mono_ns();
    (void)mailbox_take(c->inbox, &mails);
    for (struct list *node; (node = list_pop(&mails));) {
        struct mail *mail = CONTAINER_OF(node, struct mail, link);
        if (mail->kind == MAIL_SAVED || mail->kind == MAIL_REFRESH)
            handle(c, mail);
        else
            list_add_tail(&c->held, node);
    }
    while (!closes_too_fast(c) && !list_is_empty(&c->held))
        handle(c, CONTAINER_OF(list_pop(&c->held), struct mail, link));
    collector_rest(c);
    collector_note_stats(c);
}

static void wait_for_save(struct collector *c)
{
    while (c->in_flight)
        take_mail(c, 0);
}

/* A mail that came after the end. */
static void refuse(struct collector *c, struct mail *mail)
{
    struct err busy;
    switch ((enum mail_kind)mail->kind) {
    case MAIL_BATCH:
        batch_free(CONTAINER_OF(mail, struct batch, mail));
        break;
    case MAIL_SAVE:
        list_add_tail(&c->waiting, &CONTAINER_OF(mail, struct save_wait, mail)->link);
        (void)err_set(&busy, ST_BUSY, "weft is shutting down");
        collector_wake(&c->waiting, ST_BUSY, &busy);
        break;
    case MAIL_TICK:
    case MAIL_FLUSH:
    case MAIL_STOP:
        mem_free(CONTAINER_OF(mail, struct note, mail));
        break;
    case MAIL_REFRESH:
    case MAIL_SAVE_SOON:
    case MAIL_SAVED:
        break;
    }
}

static void *run(void *user)
{
    struct collector *c = user;
    while (!c->stopping) {
        take_mail(c, c->view_wanted ? c->next_view_mono_ns : 0);
        if (c->view_wanted && clock_mono_ns() >= c->next_view_mono_ns)
            collector_publish(c);
    }
    wait_for_save(c);
    /* Twice: the journal goes, so the image before the last must say the same. */
    for (int times = 0; times < 2; times++) {
        collector_save_begin(c);
        wait_for_save(c);
    }
    /* Nobody waits for a checkpoint that never comes. */
    mailbox_close(c->inbox);
    struct list left;
    list_init(&left);
    (void)mailbox_take(c->inbox, &left);
    for (struct list *node; (node = list_pop(&left));)
        refuse(c, CONTAINER_OF(node, struct mail, link));
    return NULL;
}

static void on_refresh(void *user)
{
    struct collector *c = user;
    if (!atomic_exchange(&c->refresh_posted, true))
        (void)mailbox_post(c->inbox, &c->refresh.mail);
}

/* --- calls --- */

void collector_batch(struct collector *c, struct batch *b)
{
    post_to_account(c, b);
    if (!c->started) {
        collector_catch_up(c, b->sequence);
        apply_batch(c, b);
        return;
    }
    b->mail.kind = MAIL_BATCH;
    if (!mailbox_post(c->inbox, &b->mail)) {
        log_error("collector: a batch came after the end sequence=%llu",
                  (unsigned long long)b->sequence);
        batch_free(b);
    }
}

static void post_note(struct collector *c, enum mail_kind kind, uint64_t sequence, uint64_t wall_ns,
                      uint64_t clock_ns)
{
    struct note *note = mem_calloc(1, sizeof(*note));
    if (!note) {
        log_limited(
            LOG_WARN,
            "collector: no memory for a record without spans, the clock stands a moment longer");
        return;
    }
    note->mail.kind = kind;
    note->sequence = sequence;
    note->wall_ns = wall_ns;
    note->clock_ns = clock_ns;
    if (!mailbox_post(c->inbox, &note->mail))
        mem_free(note);
}

void collector_tick(struct collector *c, uint64_t sequence, uint64_t wall_ns, uint64_t clock_ns)
{
    if (c->started) {
        post_note(c, MAIL_TICK, sequence, wall_ns, clock_ns);
        return;
    }
    collector_catch_up(c, sequence);
    apply_tick(c, sequence, wall_ns, clock_ns);
}

void collector_flush(struct collector *c, uint64_t sequence, uint64_t clock_ns)
{
    if (c->started) {
        post_note(c, MAIL_FLUSH, sequence, 0, clock_ns);
        return;
    }
    collector_catch_up(c, sequence);
    apply_flush(c, sequence, clock_ns);
}

void collector_checkpoint_soon(struct collector *c)
{
    if (!atomic_exchange(&c->soon_posted, true) && !mailbox_post(c->inbox, &c->soon.mail))
        atomic_store(&c->soon_posted, false);
}

enum status collector_checkpoint(struct collector *c, struct err *e)
{
    struct save_wait w = {.mail.kind = MAIL_SAVE};
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.changed, NULL);
    if (mailbox_post(c->inbox, &w.mail)) {
        pthread_mutex_lock(&w.lock);
        while (!w.done)
            pthread_cond_wait(&w.changed, &w.lock);
        pthread_mutex_unlock(&w.lock);
    } else {
        w.status = err_set(&w.err, ST_BUSY, "weft is shutting down");
    }
    pthread_cond_destroy(&w.changed);
    pthread_mutex_destroy(&w.lock);
    return w.status == ST_OK ? ST_OK : err_set(e, w.status, "%s", w.err.msg);
}

/* --- life --- */

static enum status init(struct collector *c, uint64_t *position, struct err *e)
{
    struct pipeline_config config = {
        .seed = store_seed(c->config.store),
        .graph = c->config.graph,
        .open_bytes_max = c->config.open_bytes_max,
        .record_spans_max = c->config.closed_bytes_max / RECORD_SHARE / SPAN_CELLS_BYTES,
    };
    list_init(&c->held);
    list_init(&c->waiting);
    list_init(&c->saving);
    c->refresh.mail.kind = MAIL_REFRESH;
    c->saved.mail.kind = MAIL_SAVED;
    c->soon.mail.kind = MAIL_SAVE_SOON;
    pthread_mutex_init(&c->posted_lock, NULL);
    pthread_mutex_init(&c->stats_lock, NULL);
    TRY(pipeline_init(&c->pipeline, &config, e));
    TRY(collector_restore(c, position, e));
    c->live = live_new(&c->pipeline, c->config.view_bytes_max / VIEW_CELL_BYTES);
    c->inbox = mailbox_new(0, NULL, NULL);
    if (!c->live || !c->inbox)
        return err_set(e, ST_NO_MEMORY, "no memory for the collector");
    collector_charge(c);
    return ST_OK;
}

enum status collector_new(const struct collector_config *config, struct collector **out,
                          uint64_t *position, struct err *e)
{
    struct collector *c = mem_calloc(1, sizeof(*c));
    if (!c)
        return err_set(e, ST_NO_MEMORY, "no memory for the collector");
    c->config = *config;
    *position = 0;
    enum status status = init(c, position, e);
    if (status != ST_OK) {
        collector_free(c);
        return status;
    }
    *out = c;
    return ST_OK;
}

uint64_t collector_clock_ns(const struct collector *c)
{
    return c->pipeline.clock_ns;
}

enum status collector_start(struct collector *c, struct err *e)
{
    collector_catch_up(c, UINT64_MAX);
    c->started = true;
    collector_note_stats(c);
    collector_publish(c);
    edge_store_set_refresh(c->config.store, on_refresh, c);
    after_record(c);
    if (pthread_create(&c->thread, NULL, run, c) == 0) {
        pthread_setname_np(c->thread, "collector");
        return ST_OK;
    }
    c->started = false;
    edge_store_set_refresh(c->config.store, NULL, NULL);
    return err_set(e, ST_NO_MEMORY, "cannot start the collector thread");
}

void collector_stop(struct collector *c)
{
    if (!c->started)
        return;
    edge_store_set_refresh(c->config.store, NULL, NULL);
    struct note *stop = mem_need(sizeof(*stop));
    *stop = (struct note){.mail.kind = MAIL_STOP};
    (void)mailbox_post(c->inbox, &stop->mail);
    pthread_join(c->thread, NULL);
    c->started = false;
}

void collector_free(struct collector *c)
{
    if (!c)
        return;
    if (c->inbox)
        mailbox_free(c->inbox);
    if (c->charged_bytes)
        budget_give(c->config.budget, c->charged_bytes);
    cell_feed_free(c->in_flight);
    live_free(c->live);
    pipeline_deinit(&c->pipeline);
    pthread_mutex_destroy(&c->posted_lock);
    pthread_mutex_destroy(&c->stats_lock);
    mem_free(c);
}
