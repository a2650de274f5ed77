/* senders.h - who sends what: one row per connection peer, for /api/mesh/status and the Senders
 * view. */
#ifndef WEFT_MODEL_SENDERS_H
#define WEFT_MODEL_SENDERS_H

#include "base/str.h"

enum { SENDERS_MAX = 1024 }; /* the longest silent row makes room */

struct sender_row {
    char peer[64], name[128],
        client[96];   /* NUL-ended; name: node id or service.name, client: user agent */
    unsigned signals; /* bit per enum account_signal */
    uint64_t items, refused, last_seen_ns; /* wall clock */
    int64_t clock_offset_ms; /* smallest arrival - event time seen: negative = its clock is ahead */
};

struct senders; /* one mutex inside */

/* Empty; the caller ends it with senders_free(). NULL when memory is short. */
struct senders *senders_new(void);
void senders_free(struct senders *s);
/* Once a request. `signal`: an enum account_signal. `newest_event_ns` 0 = unknown. Any thread. */
void senders_note(struct senders *s, struct str peer, struct str name, struct str client,
                  unsigned signal, uint64_t items, uint64_t refused, uint64_t arrival_ns,
                  uint64_t newest_event_ns);
/* Copies at most cap rows, newest first; returns how many. */
size_t senders_read(struct senders *s, struct sender_row *out, size_t cap);

#endif
