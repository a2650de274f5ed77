/* series_store.c - the series store's life: opening, its two threads, what others ask of it. */
#include "storage/series_store.h"
#include "base/clock.h"
#include "base/log.h"
#include "storage/series_store_private.h"

static const uint64_t maintain_every_ns = 60 * NS_PER_S;

/* --- the set --- */

struct series_set *series_store_set(struct series_store *s)
{
    pthread_mutex_lock(&s->set_lock);
    struct series_set *set = series_set_ref(s->set);
    pthread_mutex_unlock(&s->set_lock);
    return set;
}

struct series_set *series_set_room(struct series_store *s, uint32_t parts, uint32_t tombstones)
{
    struct series_set *set = series_store_set(s);
    parts += set->part_count;
    tombstones += set->tombstone_count;
    series_set_unref(set);
    return series_set_new(parts, tombstones);
}

bool series_set_show(struct series_store *s, struct series_set *fresh,
                     void (*change)(struct series_set *fresh, void *user), void *user)
{
    struct series_set *old = NULL;
    pthread_mutex_lock(&s->set_lock);
    if (series_set_fill(fresh, s->set)) {
        change(fresh, user);
        old = s->set;
        s->set = fresh;
    }
    pthread_mutex_unlock(&s->set_lock);
    series_set_unref(old ? old : fresh);
    return old;
}

/* --- batches --- */

static void charge_budget(struct series_store *s, uint64_t given_back)
{
    uint64_t used = series_head_bytes(s->head) + (s->frozen ? series_head_bytes(s->frozen) : 0);
    if (!s->config.budget)
        return;
    if (used > s->charged_bytes)
        budget_force(s->config.budget, used - s->charged_bytes);
    else if (used < s->charged_bytes)
        budget_give(s->config.budget, s->charged_bytes - used);
    s->charged_bytes = used;
    if (given_back)
        budget_give(s->config.budget, given_back);
}

static uint32_t faults_in(const struct metric_outcome *o)
{
    uint32_t faults = 0;
    for (int i = SAMPLE_OK + 1; i < SAMPLE_FAULT_COUNT; i++)
        faults += o->faults[i];
    return faults;
}

static void apply_batch(struct series_store *s, struct batch *b)
{
    struct metric_outcome outcome = {0};
    struct account_row delta = {0};
    series_apply(s, b, &outcome, &delta);
    series_account_settle(s, b, &delta, faults_in(&outcome) > 0);
    s->bytes_since_save += b->body.len;
    charge_budget(s, b->charged_bytes);
    if (outcome.faults[SAMPLE_SERIES_LIMIT]) {
        pthread_mutex_lock(&s->set_lock);
        s->counters.rejected_series += outcome.faults[SAMPLE_SERIES_LIMIT];
        pthread_mutex_unlock(&s->set_lock);
    }
    if (b->applied)
        b->applied(b->applied_user, &outcome);
    batch_free(b);
}

/* --- the series thread --- */

static void take_save(struct series_store *s, struct series_wait *w)
{
    if (w->forget) {
        series_forget_samples(s, w->forget);
        s->dirty = true;
    }
    list_add_tail(&s->waiting, &w->link);
    if (!s->save_in_flight)
        series_save_begin(s);
}

static void handle(struct series_store *s, struct mail *mail)
{
    switch ((enum series_mail)mail->kind) {
    case MAIL_BATCH:
        apply_batch(s, CONTAINER_OF(mail, struct batch, mail));
        return;
    case MAIL_SAVE:
        take_save(s, CONTAINER_OF(mail, struct series_wait, mail));
        return;
    case MAIL_SAVE_SOON:
        atomic_store(&s->soon_posted, false);
        if (!s->save_in_flight)
            series_save_begin(s);
        return;
    case MAIL_SAVED:
        series_save_finished(s);
        charge_budget(s, 0);
        return;
    case MAIL_STOP:
        s->stopping = true;
        return;
    }
}

static void take_mail(struct series_store *s)
{
    struct list mails;
    uint64_t due = s->config.checkpoint_ns && !s->save_in_flight
                       ? s->last_save_mono_ns + s->config.checkpoint_ns
                       : 0;
    list_init(&mails);
    (void)mailbox_wait(s->inbox, &mails, due);
    for (struct list *node; (node = list_pop(&mails));) {
        handle(s, CONTAINER_OF(node, struct mail, link));
        if (series_save_is_due(s, clock_mono_ns()))
            series_save_begin(s);
    }
    if (series_save_is_due(s, clock_mono_ns()))
        series_save_begin(s);
}

static void refuse(struct series_store *s, struct mail *mail)
{
    struct err busy;
    (void)err_set(&busy, ST_BUSY, "weft is stopping");
    if (mail->kind == MAIL_BATCH) {
        log_error("series: a batch came after the end");
        batch_free(CONTAINER_OF(mail, struct batch, mail));
    } else if (mail->kind == MAIL_SAVE) {
        list_add_tail(&s->waiting, &CONTAINER_OF(mail, struct series_wait, mail)->link);
        series_wake(&s->waiting, &busy);
    }
}

static void *series_thread(void *user)
{
    struct series_store *s = user;
    struct list left;
    while (!s->stopping)
        take_mail(s);
    while (s->save_in_flight)
        take_mail(s);
    series_save_begin(s);
    while (s->save_in_flight)
        take_mail(s);
    mailbox_close(s->inbox);
    list_init(&left);
    (void)mailbox_take(s->inbox, &left);
    for (struct list *node; (node = list_pop(&left));)
        refuse(s, CONTAINER_OF(node, struct mail, link));
    return NULL;
}

/* --- the worker --- */

static void call_run(struct series_store *s, struct series_wait *w)
{
    struct err e = {0};
    e.status = w->call(s, w->user, &e);
    struct list one;
    list_init(&one);
    list_add_tail(&one, &w->link);
    series_wake(&one, &e);
}

static void job_run(struct series_store *s, struct mail *mail)
{
    if (mail->kind == SERIES_CALL) {
        call_run(s, CONTAINER_OF(mail, struct series_wait, mail));
        return;
    }
    series_save_run(s, CONTAINER_OF(mail, struct series_save, mail));
    mail->kind = MAIL_SAVED;
    (void)mailbox_post(s->inbox, mail);
}

/* One step at a time, so that a checkpoint never waits for more than one. */
static void maintain(struct series_store *s)
{
    struct err e = {0};
    bool did = true;
    enum status status = ST_OK;
    while (status == ST_OK && did && !s->resting && mailbox_count(s->jobs) == 0)
        status = series_maintain_step(s, store_age_ns(s->config.store), false, &did, &e);
    if (status != ST_OK && !s->resting)
        log_limited(LOG_ERROR, "series: maintenance failed, tried again later error=\"%s\"", e.msg);
}

static void *worker_thread(void *user)
{
    struct series_store *s = user;
    struct list jobs;
    list_init(&jobs);
    bool open = true;
    while (open) {
        open = mailbox_wait(s->jobs, &jobs, clock_mono_ns() + maintain_every_ns) > 0 || !s->closing;
        for (struct list *node; (node = list_pop(&jobs));)
            job_run(s, CONTAINER_OF(node, struct mail, link));
        if (open && !s->resting)
            maintain(s);
    }
    return NULL;
}

/* --- opening and closing --- */

static enum status make(struct series_store *s, uint64_t *position, struct err *e)
{
    uint64_t seed = store_seed(s->config.store);
    list_init(&s->waiting);
    list_init(&s->saving);
    s->soon.kind = MAIL_SAVE_SOON;
    pthread_mutex_init(&s->head_lock, NULL);
    pthread_mutex_init(&s->posted_lock, NULL);
    pthread_mutex_init(&s->set_lock, NULL);
    series_states_init(&s->states, seed);
    s->exemplars.newest.seed = s->metadata.seed = s->metadata.by_metric.seed = seed;
    s->inbox = mailbox_new(0, NULL, NULL);
    s->jobs = mailbox_new(0, NULL, NULL);
    s->index = series_index_new(seed);
    s->head = series_head_new();
    if (!s->inbox || !s->jobs || !s->index || !s->head)
        return err_set(e, ST_NO_MEMORY, "no memory for the series store");
    TRY(series_restore(s, position, e));
    series_snapshots_tidy(s->config.store);
    s->last_save_mono_ns = clock_mono_ns();
    if (pthread_create(&s->worker_thread, NULL, worker_thread, s) != 0)
        return err_set(e, ST_NO_MEMORY, "no thread for the series store");
    s->worker_running = true;
    return ST_OK;
}

enum status series_store_open(const struct series_store_config *config, struct series_store **out,
                              uint64_t *position, struct err *e)
{
    struct series_store *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return err_set(e, ST_NO_MEMORY, "no memory for the series store");
    s->config = *config;
    enum status status = make(s, position, e);
    if (status != ST_OK) {
        series_store_close(s);
        return status;
    }
    *out = s;
    return ST_OK;
}

enum status series_store_start(struct series_store *s, struct err *e)
{
    s->started = true;
    if (pthread_create(&s->thread, NULL, series_thread, s) == 0)
        return ST_OK;
    s->started = false;
    return err_set(e, ST_NO_MEMORY, "no thread for the series store");
}

void series_store_stop(struct series_store *s)
{
    struct mail stop = {.kind = MAIL_STOP};
    if (!s->started)
        return;
    (void)mailbox_post(s->inbox, &stop);
    pthread_join(s->thread, NULL);
    s->started = false;
}

void series_store_close(struct series_store *s)
{
    if (!s)
        return;
    series_store_rest(s);
    atomic_store(&s->closing, true);
    if (s->jobs)
        mailbox_close(s->jobs);
    if (s->worker_running)
        pthread_join(s->worker_thread, NULL);
    if (s->charged_bytes)
        budget_give(s->config.budget, s->charged_bytes);
    series_save_free(s->save);
    series_head_unref(s->head);
    series_set_unref(s->set);
    series_index_unref(s->index);
    series_states_deinit(&s->states);
    exemplars_deinit(&s->exemplars);
    metadata_deinit(&s->metadata);
    arena_deinit(&s->scratch);
    mailbox_free(s->inbox);
    mailbox_free(s->jobs);
    pthread_mutex_destroy(&s->head_lock);
    pthread_mutex_destroy(&s->posted_lock);
    pthread_mutex_destroy(&s->set_lock);
    mem_free(s);
}

/* --- what others ask --- */

void series_store_batch(struct series_store *s, struct batch *b)
{
    if (!s->started && b->sequence < s->saved_position) {
        batch_free(b); /* a replay of what the last checkpoint has */
        return;
    }
    series_account_posted(s, b);
    if (!s->started) {
        apply_batch(s, b);
        return;
    }
    b->mail.kind = MAIL_BATCH;
    if (!mailbox_post(s->inbox, &b->mail)) {
        log_error("series: a batch came after the end sequence=%llu",
                  (unsigned long long)b->sequence);
        batch_free(b);
    }
}

void series_store_pass(struct series_store *s, uint64_t sequence)
{
    pthread_mutex_lock(&s->posted_lock);
    s->told = MAX(s->told, sequence);
    pthread_mutex_unlock(&s->posted_lock);
}

void series_store_checkpoint_soon(struct series_store *s)
{
    if (!atomic_exchange(&s->soon_posted, true) && !mailbox_post(s->inbox, &s->soon))
        atomic_store(&s->soon_posted, false);
}

static void wait_init(struct series_wait *w)
{
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
}

/* Posts and waits. */
static enum status wait_run(struct series_wait *w, struct mailbox *box, struct err *e)
{
    if (mailbox_post(box, &w->mail)) {
        pthread_mutex_lock(&w->lock);
        while (!w->done)
            pthread_cond_wait(&w->changed, &w->lock);
        pthread_mutex_unlock(&w->lock);
    } else {
        (void)err_set(&w->err, ST_BUSY, "weft is stopping");
    }
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    return w->err.status == ST_OK ? ST_OK : err_set(e, w->err.status, "%s", w->err.msg);
}

enum status series_store_call(struct series_store *s,
                              enum status (*call)(struct series_store *s, void *user,
                                                  struct err *e),
                              void *user, struct err *e)
{
    struct series_wait w = {.mail.kind = SERIES_CALL, .call = call, .user = user};
    wait_init(&w);
    return wait_run(&w, s->jobs, e);
}

enum status series_store_forget(struct series_store *s, const struct tombstone *t, struct err *e)
{
    struct series_wait w = {.mail.kind = MAIL_SAVE, .forget = t};
    wait_init(&w);
    return wait_run(&w, s->inbox, e);
}

enum status series_store_checkpoint(struct series_store *s, struct err *e)
{
    return series_store_forget(s, NULL, e);
}

static enum status compact(struct series_store *s, void *user, struct err *e)
{
    bool did = true;
    (void)user;
    while (did && !s->resting)
        TRY(series_maintain_step(s, store_age_ns(s->config.store), true, &did, e));
    return did ? err_set(e, ST_BUSY, "weft is stopping") : ST_OK;
}

void series_store_rest(struct series_store *s)
{
    atomic_store(&s->resting, true);
}

enum status series_store_compact(struct series_store *s, struct err *e)
{
    TRY(series_store_checkpoint(s, e));
    return series_store_call(s, compact, NULL, e);
}
