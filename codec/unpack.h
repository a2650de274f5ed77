/* unpack.h - decompression with an output cap. */
#ifndef WEFT_CODEC_UNPACK_H
#define WEFT_CODEC_UNPACK_H

#include "base/err.h"
#include "base/str.h"
#include "model/batch.h"

/* Unpacks all of `in` into fresh memory (the caller ends *out with mem_free). Concatenated gzip
 * members and zstd, lz4 and snappy frames are read to the end; trailing garbage is ST_INVALID.
 * Never holds more than max_bytes of output plus a window of 8 MiB. Any thread. Errors: ST_INVALID
 * (damaged; says what and at which byte), ST_TOO_BIG (more than max_bytes; nothing more is
 * unpacked), ST_NO_MEMORY. COMPRESSION_NONE is not allowed here. Sources: RFC 1952, RFC 1950, RFC
 * 8878, snappy format_description.txt and framing_format.txt, lz4_Frame_format.md. */
enum status unpack(enum batch_compression how, struct str in, size_t max_bytes, struct str *out,
                   struct err *e);
/* The same; what the output takes is held by `payer` while it grows. ST_BUSY: its budget has no
 * more. */
enum status unpack_paid(enum batch_compression how, struct str in, size_t max_bytes,
                        struct arena *payer, struct str *out, struct err *e);

/* HTTP Content-Encoding token (RFC 9110 8.4) -> compression: gzip, x-gzip, zstd, deflate, zlib,
 * snappy (block), x-snappy-framed, lz4, identity or empty. False: not spoken here. */
bool unpack_from_http(struct str token, enum batch_compression *out);
/* grpc-encoding: gzip, zstd, snappy (framed), identity or empty. */
bool unpack_from_grpc(struct str token, enum batch_compression *out);
/* What is accepted, for Accept-Encoding and grpc-accept-encoding; static storage. */
#define UNPACK_HTTP_ACCEPT "gzip, zstd, deflate, zlib, snappy, x-snappy-framed, lz4, identity"
#define UNPACK_GRPC_ACCEPT "identity,gzip,zstd,snappy"

#endif
