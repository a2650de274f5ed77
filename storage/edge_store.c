/* edge_store.c - the published picture: who makes it, who holds it, who waits for a younger one. */
#include "storage/edge_store.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "storage/edge_merge_job.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { WAIT_SECONDS = 5, WANTED_SECONDS = 60 };

struct counted_view {
    struct edge_view view; /* first: readers hold a pointer to it */
    atomic_uint references;
};

struct edge_store {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t published;
    struct counted_view *current; /* one reference; NULL before the first */
    void (*refresh)(void *user);
    void *refresh_user;
    struct merge_work merge;               /* the writer thread's; not guarded */
    _Atomic uint64_t closed_until_mono_ns; /* until then views have closed_parts */
};

struct edge_store *edge_store_new(void)
{
    struct edge_store *edges = mem_calloc(1, sizeof(*edges));
    pthread_condattr_t attr;
    if (!edges)
        return NULL;
    pthread_mutex_init(&edges->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&edges->published, &attr);
    pthread_condattr_destroy(&attr);
    return edges;
}

struct merge_work *edge_store_merge_work(struct edge_store *edges)
{
    return &edges->merge;
}

void edge_store_free(struct edge_store *edges)
{
    merge_job_free(edges->merge.job);
    if (edges->current)
        edge_view_unref(&edges->current->view);
    pthread_cond_destroy(&edges->published);
    pthread_mutex_destroy(&edges->lock);
    mem_free(edges);
}

static void view_free(struct counted_view *v)
{
    for (size_t i = 0; i < v->view.part_count; i++)
        edge_part_unref(v->view.parts[i]);
    for (size_t i = 0; i < v->view.closed_count; i++)
        edge_part_unref(v->view.closed_parts[i]);
    mem_free(v->view.parts);
    mem_free(v->view.closed_parts);
    registry_free((struct registry *)(uintptr_t)v->view.registry); /* ours: const is for readers */
    mem_free(v);
}

void edge_view_unref(const struct edge_view *v)
{
    if (!v)
        return;
    struct counted_view *counted = CONTAINER_OF(v, struct counted_view, view);
    if (atomic_fetch_sub_explicit(&counted->references, 1, memory_order_acq_rel) == 1)
        view_free(counted);
}

/* The parts that show now, and the head as the last of them. */
static bool view_fill_parts(struct counted_view *v, struct store *s, const struct edge_head *head)
{
    struct stored_part *stored;
    size_t count;
    if (store_parts_snapshot(s, head->checkpointed, &stored, &count, NULL) != ST_OK)
        return false;
    v->view.parts = mem_realloc_array(NULL, count + 1, sizeof(struct edge_part *));
    for (size_t i = 0; v->view.parts && i < count; i++)
        v->view.parts[v->view.part_count++] = edge_part_ref(stored[i].part);
    stored_parts_free(stored, count);
    return v->view.parts != NULL;
}

/* The stored parts once more, and the closed ones of the head, which are taken over. */
static bool view_fill_closed(struct counted_view *v, const struct edge_head *head)
{
    struct edge_view *view = &v->view;
    view->closed_parts =
        mem_realloc_array(NULL, view->part_count + EDGE_HEAD_CLOSED, sizeof(struct edge_part *));
    if (!view->closed_parts)
        return false;
    for (size_t i = 0; i < view->part_count; i++)
        view->closed_parts[view->closed_count++] = edge_part_ref(view->parts[i]);
    for (size_t i = 0; i < EDGE_HEAD_CLOSED; i++)
        if (head->closed[i])
            view->closed_parts[view->closed_count++] = head->closed[i];
    return true;
}

static struct counted_view *view_new(struct store *s, const struct edge_head *head)
{
    struct counted_view *v = mem_calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    atomic_init(&v->references, 1);
    if (!view_fill_parts(v, s, head) || (head->has_closed && !view_fill_closed(v, head))) {
        view_free(v);
        return NULL;
    }
    if (head->head)
        v->view.parts[v->view.part_count++] = head->head;
    v->view.registry = head->registry;
    v->view.store = s;
    v->view.complete_until_ns = head->complete_until_ns;
    v->view.published_mono_ns = head->captured_mono_ns ? head->captured_mono_ns : clock_mono_ns();
    v->view.is_closed_only = head->is_closed_only;
    v->view.open_hops = head->open_hops;
    v->view.open_traces = head->open_traces;
    v->view.open_bytes = head->open_bytes;
    return v;
}

void edge_store_publish(struct store *s, const struct edge_head *head)
{
    struct edge_store *edges = store_edges(s);
    struct counted_view *v = view_new(s, head);
    if (!v) { /* readers go on with the last picture */
        log_limited(LOG_ERROR, "edge_store: view not published reason=\"no memory\"");
        edge_part_unref(head->head);
        for (size_t i = 0; i < EDGE_HEAD_CLOSED; i++)
            edge_part_unref(head->closed[i]);
        registry_free(head->registry);
        return;
    }
    pthread_mutex_lock(&edges->lock);
    struct counted_view *old = edges->current;
    edges->current = v;
    pthread_cond_broadcast(&edges->published);
    pthread_mutex_unlock(&edges->lock);
    if (old)
        edge_view_unref(&old->view);
}

void edge_store_set_refresh(struct store *s, void (*refresh)(void *user), void *user)
{
    struct edge_store *edges = store_edges(s);
    pthread_mutex_lock(&edges->lock);
    edges->refresh = refresh;
    edges->refresh_user = user;
    pthread_mutex_unlock(&edges->lock);
}

/* What a reader needs of a view. */
struct need {
    uint64_t oldest_mono_ns;
    bool closed;
};

static bool will_do(const struct edge_store *edges, const struct need *need)
{
    return edges->current && edges->current->view.published_mono_ns >= need->oldest_mono_ns &&
           (!need->closed || edges->current->view.closed_parts);
}

/* The lock is held, and given up while waiting. */
static bool wait_for_publish(struct edge_store *edges, const struct need *need)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_SECONDS;
    while (!will_do(edges, need)) {
        int result = pthread_cond_timedwait(&edges->published, &edges->lock, &until);
        if (result == ETIMEDOUT)
            return will_do(edges, need);
    }
    return true;
}

static enum status view_get(struct store *s, uint64_t max_age_ns, bool closed,
                            const struct edge_view **out, struct err *e)
{
    struct edge_store *edges = store_edges(s);
    uint64_t now = clock_mono_ns();
    struct need need = {.oldest_mono_ns = now > max_age_ns ? now - max_age_ns : 0,
                        .closed = closed};
    pthread_mutex_lock(&edges->lock);
    bool found = will_do(edges, &need);
    if (!found) {
        void (*refresh)(void *user) = edges->refresh;
        void *user = edges->refresh_user;
        pthread_mutex_unlock(&edges->lock); /* the hook may publish at once */
        if (refresh)
            refresh(user);
        pthread_mutex_lock(&edges->lock);
        found = wait_for_publish(edges, &need);
    }
    if (found) {
        atomic_fetch_add_explicit(&edges->current->references, 1, memory_order_relaxed);
        *out = &edges->current->view;
    }
    pthread_mutex_unlock(&edges->lock);
    if (!found)
        return err_set(e, ST_TIMEOUT, "no picture of the graph younger than %llu ms came in %d s",
                       (unsigned long long)(max_age_ns / NS_PER_MS), WAIT_SECONDS);
    return ST_OK;
}

enum status edge_store_view(struct store *s, uint64_t max_age_ns, const struct edge_view **out,
                            struct err *e)
{
    return view_get(s, max_age_ns, false, out, e);
}

enum status edge_store_view_closed(struct store *s, uint64_t max_age_ns,
                                   const struct edge_view **out, struct err *e)
{
    atomic_store(&store_edges(s)->closed_until_mono_ns,
                 clock_mono_ns() + WANTED_SECONDS * NS_PER_S);
    return view_get(s, max_age_ns, true, out, e);
}

bool edge_store_wants_closed(struct store *s)
{
    return clock_mono_ns() < atomic_load(&store_edges(s)->closed_until_mono_ns);
}

struct edge_view edge_view_closed(const struct edge_view *v)
{
    struct edge_view closed = *v;
    closed.parts = v->closed_parts;
    closed.part_count = v->closed_count;
    return closed;
}
