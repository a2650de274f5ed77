/* senders.c - a fixed table of who sent, found by the hash of the peer's address. */
#include "model/senders.h"
#include "base/hash.h"
#include "base/map64.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct entry {
    struct sender_row row;
    uint64_t peer_hash; /* 64 bits stand for the address: two peers never meet */
    bool has_offset;
};

struct senders {
    pthread_mutex_t lock; /* innermost: nothing is locked under it */
    struct entry entries[SENDERS_MAX];
    size_t count;
    struct map64 by_peer; /* peer_hash -> index */
};

struct senders *senders_new(void)
{
    struct senders *s = mem_calloc(1, sizeof(*s));
    if (s)
        pthread_mutex_init(&s->lock, NULL);
    return s;
}

void senders_free(struct senders *s)
{
    if (!s)
        return;
    map64_deinit(&s->by_peer);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

static size_t longest_silent(const struct senders *s)
{
    size_t oldest = 0;
    for (size_t i = 1; i < s->count; i++)
        if (s->entries[i].row.last_seen_ns < s->entries[oldest].row.last_seen_ns)
            oldest = i;
    return oldest;
}

/* The entry of a peer, made when new; NULL when memory is short. The lock is held. */
static struct entry *entry_of(struct senders *s, struct str peer)
{
    uint64_t hash = hash_str(peer, 0);
    bool added;
    uint64_t *index = map64_put(&s->by_peer, hash, &added);
    if (!index)
        return NULL;
    if (!added)
        return &s->entries[*index];
    size_t at = s->count < SENDERS_MAX ? s->count++ : longest_silent(s);
    *index = at;
    struct entry *entry = &s->entries[at];
    if (entry->row.last_seen_ns)
        map64_remove(&s->by_peer, entry->peer_hash);
    *entry = (struct entry){.peer_hash = hash};
    str_to_c(peer, entry->row.peer, sizeof(entry->row.peer));
    return entry;
}

static void note_offset(struct entry *entry, uint64_t arrival_ns, uint64_t newest_event_ns)
{
    if (newest_event_ns == 0)
        return;
    int64_t offset_ms = (int64_t)(arrival_ns / NS_PER_MS) - (int64_t)(newest_event_ns / NS_PER_MS);
    if (entry->has_offset && entry->row.clock_offset_ms <= offset_ms)
        return;
    entry->row.clock_offset_ms = offset_ms;
    entry->has_offset = true;
}

void senders_note(struct senders *s, struct str peer, struct str name, struct str client,
                  unsigned signal, uint64_t items, uint64_t refused, uint64_t arrival_ns,
                  uint64_t newest_event_ns)
{
    pthread_mutex_lock(&s->lock);
    struct entry *entry = entry_of(s, peer);
    if (entry) {
        struct sender_row *row = &entry->row;
        if (name.len)
            str_to_c(name, row->name, sizeof(row->name));
        if (client.len)
            str_to_c(client, row->client, sizeof(row->client));
        row->signals |= 1u << signal;
        row->items += items;
        row->refused += refused;
        row->last_seen_ns = MAX(row->last_seen_ns, MAX(arrival_ns, (uint64_t)1));
        note_offset(entry, arrival_ns, newest_event_ns);
    }
    pthread_mutex_unlock(&s->lock);
}

static int newest_first(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    int by_time =
        (x->row.last_seen_ns < y->row.last_seen_ns) - (x->row.last_seen_ns > y->row.last_seen_ns);
    return by_time ? by_time : strcmp(x->row.peer, y->row.peer);
}

size_t senders_read(struct senders *s, struct sender_row *out, size_t cap)
{
    const struct entry *order[SENDERS_MAX];
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->count; i++)
        order[i] = &s->entries[i];
    qsort(order, s->count, sizeof(struct entry *), newest_first);
    size_t count = MIN(cap, s->count);
    for (size_t i = 0; i < count; i++)
        out[i] = order[i]->row;
    pthread_mutex_unlock(&s->lock);
    return count;
}
