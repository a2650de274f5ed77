/* remote_sender.h - remote write out: a thread for each receiver, so that a slow one waits for
 * itself alone. */
#ifndef WEFT_EXPORT_REMOTE_SENDER_H
#define WEFT_EXPORT_REMOTE_SENDER_H

#include "export/remote_target.h"
#include "model/remote_stats.h"

struct remote_senders;

struct remote_senders_config {
    const char *directory;               /* of the cursors; made when it is missing */
    const struct remote_target *targets; /* at most REMOTE_TARGETS_MAX */
    const struct remote_source *sources; /* at most REMOTE_SOURCES_MAX; copied */
    struct remote_metadata metadata;
    uint32_t target_count, source_count;
};

/* Reads the cursors and starts the threads. What the configuration points to is borrowed until
 * remote_senders_free(), but for *config itself and the list of sources. ST_INVALID: a bad URL or
 * file; ST_IO, ST_NO_MEMORY. */
enum status remote_senders_start(const struct remote_senders_config *config,
                                 struct remote_senders **out, struct err *e);
/* The numbers of at most `cap` receivers, in the order of the configuration; how many. Any thread.
 */
uint32_t remote_senders_stats(struct remote_senders *s, struct remote_stats *out, uint32_t cap);
/* Breaks requests off and joins the threads: about a second. What was not delivered is sent after
 * the next start. The numbers stay. NULL is allowed. */
void remote_senders_stop(struct remote_senders *s);
/* Stops and frees. NULL is allowed. */
void remote_senders_free(struct remote_senders *s);
/* The URL without user and password. `out` holds REMOTE_URL_BYTES. */
void remote_url_show(const char *url, char *out);

#endif
