/* regex_names.h - named groups as Go takes them: (?<name>...) means (?P<name>...), the only form
 * that RE2 knew before 2023. Private to regex.c. */
#ifndef WEFT_BASE_REGEX_NAMES_H
#define WEFT_BASE_REGEX_NAMES_H

#include "base/arena.h"

/* The pattern with a P in every (?<name>: `pattern` itself when it has none, else of the arena.
 * False: no memory. */
bool regex_names_write(struct str pattern, struct arena *arena, struct str *out);
/* What RE2 says is wrong, a NUL-ended piece of such a text, as a piece of the pattern: in place. */
void regex_names_restore(struct str pattern, char *piece);

#endif
