/* attr_text.h - attribute values of any type as the text of a label. */
#ifndef WEFT_CODEC_ATTR_TEXT_H
#define WEFT_CODEC_ATTR_TEXT_H

#include "base/arena.h"
#include "model/batch.h"
#include "model/span.h"

/* Text as it is; whole numbers decimal, doubles in the shortest form, true and false, bytes in
 * base64, arrays and maps (encoded as the request they came in) as plain JSON. *out is the
 * attribute's own text or the arena's. False when memory is short. */
bool attr_to_text(struct arena *arena, const struct attr *a, enum batch_encoding encoding,
                  struct str *out) NODISCARD;
/* The parts with `between` between them, in the arena. False when memory is short. */
bool text_join(struct arena *arena, const struct str *parts, size_t count, struct str between,
               struct str *out) NODISCARD;
/* A number with all its digits and no exponent ("0.005", "10", "+Inf"), as labels le and quantile
 * have it. False when memory is short. */
bool number_text(struct arena *arena, double v, struct str *out) NODISCARD;

#endif
