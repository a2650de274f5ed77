/* prom_reply.h - the shapes of Prometheus' HTTP API: envelope, errors, times, labels, results.
 * Private to query/. */
#ifndef WEFT_QUERY_PROM_REPLY_H
#define WEFT_QUERY_PROM_REPLY_H

#include "query/annotations.h"
#include "query/promql_eval.h"
#include "query/reply.h"

/* --- whole answers; any thread --- */

/* 200 and {"status":"success","data": ; a value must follow, then prom_reply_end(). */
void prom_reply_begin(struct http_response *out, struct json_writer *w);
/* Warnings and infos (`notes` may be NULL), and the end of the envelope. */
void prom_reply_end(struct json_writer *w, const struct annotations *notes);
/* A whole answer around data that is JSON already. */
void prom_reply_data(struct http_response *out, struct str json);
/* {"status":"error","errorType":...,"error":...}; *out's body is freed first. */
void prom_reply_error(struct http_response *out, const struct err *e);
/* An error outside the envelope, as a line of text. `line` is static. */
void prom_reply_line(struct http_response *out, unsigned status, const char *line);
/* For an asker of another origin. */
void prom_reply_cors(struct http_response *out);

/* --- values --- */

/* Seconds, with three decimals unless they are whole. */
void prom_append_time(struct buf *out, int64_t time_ms);
void prom_write_time(struct json_writer *w, int64_t time_ms);
/* A value is a string. */
void prom_write_value(struct json_writer *w, double v);
/* {"name":"value",...}, "__name__" among them. */
void prom_write_labels(struct json_writer *w, struct label_set labels);
/* The members "resultType" and "result" of the object that is open; series beyond `limit` (0 = no
 * limit) are left out. The arena is the request's, which sets how much may be written
 * (prom_check_size); on an error that is to be thrown away. */
enum status prom_write_result(struct json_writer *w, const struct promql_result *result,
                              const struct promql_query *q, uint64_t limit, struct arena *arena,
                              struct err *e);
/* Asked after each item of a list. ST_QUERY once more is written than the arena may hold,
 * ST_NO_MEMORY when the payer of what is written has no more. */
enum status prom_check_size(const struct json_writer *w, struct arena *arena, struct err *e);

#endif
