/* operation.h - a short name for what a request asks for, from its method and path. Source: api.md
 * section 3, Operation. */
#ifndef WEFT_COLLECTOR_OPERATION_H
#define WEFT_COLLECTOR_OPERATION_H

#include "base/arena.h"

enum { OPERATION_MAX = 160 }; /* bytes of a name that are kept; cut at a UTF-8 border */

/* "METHOD route", joined in the arena. {NULL, 0} when memory is short. */
struct str operation_from_route(struct arena *a, struct str method, struct str route);
/* "METHOD path": numeric, UUID and hex (>= 8 digits) segments become "{}". {NULL, 0} when memory is
 * short. */
struct str operation_from_path(struct arena *a, struct str method, struct str path);
/* At most OPERATION_MAX bytes of s, never half a character. */
struct str operation_cut(struct str s);

#endif
