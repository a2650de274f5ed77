/* remote_post.h - delivers the series of a batch to one receiver: encodes, posts, tries again,
 * splits, falls back to 1.0, until they are delivered or will never be. */
#ifndef WEFT_EXPORT_REMOTE_POST_H
#define WEFT_EXPORT_REMOTE_POST_H

#include "codec/remote_write_encode.h"
#include "export/remote_batch.h"
#include "export/remote_policy.h"
#include "export/remote_state.h"
#include "export/remote_target.h"
#include "net/http_client.h"

struct remote_post; /* one thread */

/* `target` and `state` are borrowed. ST_INVALID: a bad URL or file; ST_NO_MEMORY. The caller ends
 * *out with remote_post_free(). */
enum status remote_post_new(const struct remote_target *target, struct remote_state *state,
                            struct remote_post **out, struct err *e);
void remote_post_free(struct remote_post *p); /* NULL is allowed */
/* 2.0 is spoken: metadata goes with the series. */
bool remote_post_is_2(const struct remote_post *p);
/* Blocks until the batch is delivered or counted as lost. ST_BUSY: it is time to stop, the batch
 * may or may not have arrived. ST_NO_MEMORY. */
enum status remote_post_batch(struct remote_post *p, const struct remote_batch *b, struct err *e);
/* 1.0: metadata alone, once: what fails comes again a minute later. */
void remote_post_metadata(struct remote_post *p, const struct metric_metadata *items, size_t count);

#endif
