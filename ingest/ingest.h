/* ingest.h - request to batch to journal to answer: OTLP over gRPC and HTTP, Prometheus remote
 * write. */
#ifndef WEFT_INGEST_INGEST_H
#define WEFT_INGEST_INGEST_H

#include "base/budget.h"
#include "codec/metric_name.h"
#include "model/account.h"
#include "model/decode_stats.h"
#include "model/limits.h"
#include "model/senders.h"
#include "net/server.h"
#include "storage/journal.h"

struct ingest;

struct ingest_config {
    struct limits limits;
    struct retention retention;
    uint64_t seed;                                          /* of the data directory */
    enum metric_translation translation;                    /* of OTLP metrics' names */
    unsigned decoders;                                      /* threads for large requests */
    struct budget *budget;                                  /* borrowed */
    struct account *account;                                /* borrowed */
    struct senders *senders;                                /* borrowed */
    struct journal *journal;                                /* borrowed */
    enum status (*prepare)(struct batch *b, struct err *e); /* the collector's, joined by app */
};

/* Everything in config is borrowed until ingest_free(). The caller ends *out with ingest_free().
 * ST_NO_MEMORY, ST_IO (no thread). */
enum status ingest_new(const struct ingest_config *config, struct ingest **out, struct err *e);
/* After the servers that call into it have stopped. */
void ingest_free(struct ingest *in);
/* From now on everything is refused (draining), also large requests that wait to be decoded. Any
 * thread. */
void ingest_drain(struct ingest *in);
/* Waits until what is being decoded is with the journal. After the servers have drained, while the
 * journal runs. */
void ingest_stop(struct ingest *in);
/* Requests whose answer is still out. */
uint64_t ingest_in_flight(struct ingest *in);
/* Before ingest_stop(). Any thread. */
void ingest_decode_stats(struct ingest *in, struct decode_stats *out);

/* The rows for net_config.methods; valid as long as `in`. */
const struct grpc_method *ingest_grpc_methods(struct ingest *in, size_t *count);
/* net_config.otlp_http, with user = the ingest. */
void ingest_http(struct http_exchange *x, void *user);
/* True for the paths of the API listener that take data and not questions. */
bool ingest_takes_path(struct str path);
/* The handler of those paths; `user` is the ingest. Loop thread. */
void ingest_api_http(struct http_exchange *x, void *user);
/* weft's own samples, as one request of remote write 1.0 (snappy; copied), sent by "weft": they are
 * admitted and journalled like those of others, refused first when memory is short, and stand in no
 * account.
 * Nobody waits for them: ST_OK means that they were handed in. Any thread. ST_NO_MEMORY. */
enum status ingest_own_series(struct ingest *in, struct str body, struct err *e);
/* net_config.admit. */
bool ingest_admit(uint64_t body_bytes, struct str user_agent, struct err *e, void *user);
/* net_config.unseen: such requests stand in the account as refused, rejected or aborted. */
void ingest_unseen(enum status why, void *user);

/* The same steps for a journal record that is replayed: unpack, decode, prepare. How large a
 * request may be by now is no matter: it was accepted. Any thread. */
enum status ingest_decode(const struct ingest_config *config, struct batch *b, struct err *e);

#endif
