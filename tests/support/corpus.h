/* corpus.h - reads captures of real clients: index.jsonl and bodies.bin.zst of a scenario folder.
 */
#ifndef WEFT_TESTS_SUPPORT_CORPUS_H
#define WEFT_TESTS_SUPPORT_CORPUS_H

#include "base/arena.h"
#include "model/batch.h"

/* The folder of scenarios: WEFT_CORPUS, or shared/corpus beside the repository. NULL: there is
 * none. Static storage. */
const char *corpus_root(void);
/* The captures of our own, tests/data: always there. */
const char *corpus_own(void);
/* Calls `each` with the name of every folder below `root` that has an index.jsonl, in any order.
 * Returns how many. */
unsigned corpus_each_scenario(const char *root,
                              void (*each)(const char *root, const char *name, void *user),
                              void *user);

/* One request, gRPC's prefix taken off. */
struct corpus_request {
    struct str path; /* borrowed: arena of the scenario */
    struct str body; /* borrowed: as it came, still compressed */
    enum batch_encoding encoding;
    enum batch_compression compression;
};

struct corpus {
    struct arena arena;
    struct str index, bodies; /* owned */
    struct str rest;          /* of index */
};

/* The caller ends it with corpus_close(). False: a file is missing or damaged. */
bool corpus_open(const char *root, const char *name, struct corpus *c);
void corpus_close(struct corpus *c);
/* The next whole request that carries OTLP spans; false at the end. */
bool corpus_next_spans(struct corpus *c, struct corpus_request *out);
/* The same of OTLP metrics and remote write. */
bool corpus_next_metrics(struct corpus *c, struct corpus_request *out);
/* A whole file, mem_alloc'ed, NUL behind its end; {NULL, 0} when it cannot be read. */
struct str corpus_read_file(const char *root, const char *name, const char *file);
/* A batch that owns a copy of the request and its plain bytes; NULL when it cannot be unpacked. */
struct batch *corpus_batch(const struct corpus_request *request);

#endif
