/* otlp_json_read.h - what all OTLP/JSON requests are made of: objects with known keys, numbers as
 * text, attributes. Source: opentelemetry-proto docs/specification.md, "JSON Protobuf Encoding". */
#ifndef WEFT_CODEC_OTLP_JSON_READ_H
#define WEFT_CODEC_OTLP_JSON_READ_H

#include "base/json_read.h"
#include "codec/otlp_attr.h"
#include "model/batch.h"

/* One request; its decoder has it as a member. */
struct otlp_json {
    struct json_reader r;
    struct batch *batch;    /* borrowed */
    struct err *err;        /* borrowed */
    struct attr_slab *slab; /* borrowed: where attributes go */
    unsigned max_depth;     /* of their nesting */
    unsigned *owner_faults; /* enum span_fault bits of whose attributes are read */
    struct attr attr;       /* the one that is being read */
    bool attr_too_deep;
};

/* Reads the value behind a key, or an object whose brace was read. */
typedef enum status json_field_fn(struct otlp_json *d);

struct json_field {
    struct str name;
    json_field_fn *read;
};

#define JSON_FIELD(name, read)                                                                     \
    {                                                                                              \
        {name, sizeof(name) - 1}, read                                                             \
    }

/* Errors of all below: ST_INVALID naming the byte, ST_NO_MEMORY. `null` is as if the key were
 * absent. One thread at a time. */

/* The sentences. */
enum status otlp_json_no_memory(struct otlp_json *d);
enum status otlp_json_failed(struct otlp_json *d); /* the reader's own */
enum status otlp_json_wrong(struct otlp_json *d, const char *what);

/* Skips a value whole. */
enum status otlp_json_skip(struct otlp_json *d);
/* Reads a value of the wanted token; *present is false for null. */
enum status otlp_json_take(struct otlp_json *d, enum json_token want, bool *present,
                           const char *what);
/* Reads the keys of an object that has begun, to its end; unknown ones are skipped. */
enum status otlp_json_fields(struct otlp_json *d, const struct json_field *fields, size_t count);
/* The same with its brace, or null. */
enum status otlp_json_object(struct otlp_json *d, const struct json_field *fields, size_t count);
/* Calls `element` behind the opening brace of each object of an array. */
enum status otlp_json_objects(struct otlp_json *d, json_field_fn *element);
/* {NULL, 0} when null. */
enum status otlp_json_text(struct otlp_json *d, struct str *out);
/* 64-bit numbers, as text too and as 1e9 when that is whole; 0 when null. */
enum status otlp_json_u64(struct otlp_json *d, uint64_t *out);
enum status otlp_json_i64(struct otlp_json *d, int64_t *out, bool *present);
/* Also "NaN", "Infinity", "-Infinity". */
enum status otlp_json_double(struct otlp_json *d, double *out, bool *present);
/* The same of a text; false: it is none. */
bool otlp_number_u64(struct str digits, uint64_t *out);
bool otlp_number_double(struct str digits, double *out);
/* Calls `take` with the text of each number of an array. */
typedef enum status otlp_json_number_fn(struct otlp_json *d, struct str digits, void *user);
enum status otlp_json_numbers(struct otlp_json *d, otlp_json_number_fn *take, void *user);
/* A value that must be read after keys behind it: skips it, *at remembers where (all-zero: it was
 * not there, or null). Twice in one object is ST_INVALID. */
enum status otlp_json_defer(struct otlp_json *d, struct json_reader *at);
/* Reads what was deferred, when it was there, and goes on where the reader stands. */
enum status otlp_json_resume(struct otlp_json *d, const struct json_reader *at,
                             json_field_fn *read);
/* Enums are numbers, never names; 0 when null. */
enum status otlp_json_enum(struct otlp_json *d, uint64_t *out);
/* An array of attributes, into the slab's run. */
enum status otlp_json_attrs(struct otlp_json *d);
/* The whole of batch->plain: one object. All fields but `r` are set. */
enum status otlp_json_request(struct otlp_json *d, const struct json_field *fields, size_t count);

#endif
