/* unit.h - strict "64MiB", "15s", "127.0.0.1:4317" of the configuration and of parameters. */
#ifndef WEFT_BASE_UNIT_H
#define WEFT_BASE_UNIT_H

#include "base/err.h"
#include "base/str.h"

/* Bytes: a number with B, KiB, MiB, GiB, TiB, KB, MB, GB, TB or nothing ("1.5GiB" is allowed).
 * ST_INVALID names the text. */
enum status unit_parse_bytes(struct str s, uint64_t *bytes, struct err *e);
/* Duration as Prometheus writes it: "15s", "1h30m", "250ms", "7d", "2w", "1y"; "0" too. In ns. */
enum status unit_parse_duration(struct str s, uint64_t *ns, struct err *e);
/* "true" / "false" only. */
enum status unit_parse_bool(struct str s, bool *out, struct err *e);
/* "127.0.0.1:4317", "[::1]:0", ":9600" (all interfaces), "localhost:1": host without brackets
 * (borrowed) and port. */
enum status unit_parse_addr(struct str s, struct str *host, uint16_t *port, struct err *e);
/* Shortest exact form: 15s, 1h30m, 250ms; 64MiB, 1500B. Returns out. */
char *unit_format_duration(uint64_t ns, char *out, size_t cap);
char *unit_format_bytes(uint64_t bytes, char *out, size_t cap);

#endif
