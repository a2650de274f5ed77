/* params.h - the query string of a request: decoded, checked against what the call takes, read as
 * times, numbers, words. */
#ifndef WEFT_QUERY_PARAMS_H
#define WEFT_QUERY_PARAMS_H

#include "base/arena.h"
#include "base/err.h"

enum { PARAMS_MAX = 256, PARAMS_LAX_MAX = 10000 };

/* What a call takes; a list of them is ended by a NULL name. Static storage. */
struct param_spec {
    const char *name;
    bool repeatable;
};

struct param {
    struct str name, value; /* decoded; borrowed from the query string or the arena */
};

/* One thread at a time; lives as long as its arena and the query string. */
struct params {
    struct param *items; /* arena, in the order they came */
    size_t len;
    struct arena *arena;
    uint64_t now_ns; /* wall clock that relative times start from */
};

struct str_list {
    const struct str *items; /* borrowed */
    size_t len;
};

/* Percent-decodes (plus is a space) and holds every name against specs. ST_INVALID names the
 * parameter and what is allowed; ST_NO_MEMORY. `query` is borrowed as long as *out. */
enum status params_parse(struct str query, const struct param_spec *specs, struct arena *arena,
                         uint64_t now_ns, struct params *out, struct err *e);

/* For the dialects of others: any name, any number of times, at most PARAMS_LAX_MAX. What `form` (a
 * body of application/x-www-form-urlencoded) says comes before what `query` says, so it is found
 * first. Both are borrowed as long as *out. ST_INVALID, ST_NO_MEMORY. */
enum status params_parse_lax(struct str form, struct str query, struct arena *arena,
                             uint64_t now_ns, struct params *out, struct err *e);

/* Percent-decoding alone; false for a malformed escape. *out may be `text` itself. {NULL, 0} with
 * text.len > 0: no memory. */
bool params_decode(struct str text, bool plus_is_space, struct arena *arena, struct str *out);

/* The first value of a name; false when it is absent. */
bool params_find(const struct params *p, const char *name, struct str *out);
/* All values of a repeatable parameter, in order. */
enum status params_all(const struct params *p, const char *name, struct str_list *out,
                       struct err *e);
/* Whole seconds in [1, max], also written as a duration ("60", "1m"); 0 when absent. */
enum status params_seconds(const struct params *p, const char *name, uint32_t max, uint32_t *out,
                           struct err *e);
/* A whole number in [min, max]; `fallback` when absent. */
enum status params_u64(const struct params *p, const char *name, uint64_t min, uint64_t max,
                       uint64_t fallback, uint64_t *out, struct err *e);
/* Index of the value in `words` (ended by NULL); `fallback` when absent. */
enum status params_word(const struct params *p, const char *name, const char *const *words,
                        unsigned fallback, unsigned *out, struct err *e);
/* A comma list of at most `cap` numbers in [0, 1]; *len stays 0 when absent. */
enum status params_quantiles(const struct params *p, const char *name, double *out, size_t cap,
                             size_t *len, struct err *e);
/* A comma list of words as a set of bits, 1 << index; `fallback` when absent, 0 when empty. */
enum status params_word_set(const struct params *p, const char *name, const char *const *words,
                            unsigned fallback, unsigned *out, struct err *e);

struct time_range {
    uint64_t start_s,
        end_s; /* [start, end) in Unix seconds, whole seconds around what was asked; start < end */
};
/* start, end and last as api.md section 1 says; the last 15 minutes when absent. */
enum status params_range(const struct params *p, struct time_range *out, struct err *e);

#endif
