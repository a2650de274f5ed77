/* otlp_check.c - one table of the messages that stay encoded, and the loop that walks them. */
#include "codec/otlp_check.h"

struct shape_field {
    bool is_known;
    uint8_t type; /* enum pb_type */
    bool has_child;
    uint8_t child; /* enum otlp_shape */
};

#define SCALAR(wire_type)                                                                          \
    {                                                                                              \
        true, wire_type, false, 0                                                                  \
    }
#define MESSAGE(shape)                                                                             \
    {                                                                                              \
        true, PB_LEN, true, shape                                                                  \
    }

/* By field number. */
static const struct shape_field fields[SHAPE_COUNT][8] = {
    [SHAPE_EVENT] = {[1] = SCALAR(PB_FIXED64),
                     [2] = SCALAR(PB_LEN),
                     [3] = MESSAGE(SHAPE_KEY_VALUE),
                     [4] = SCALAR(PB_VARINT)},
    [SHAPE_LINK] = {[1] = SCALAR(PB_LEN),
                    [2] = SCALAR(PB_LEN),
                    [3] = SCALAR(PB_LEN),
                    [4] = MESSAGE(SHAPE_KEY_VALUE),
                    [5] = SCALAR(PB_VARINT),
                    [6] = SCALAR(PB_FIXED32)},
    [SHAPE_KEY_VALUE] = {[1] = SCALAR(PB_LEN), [2] = MESSAGE(SHAPE_VALUE)},
    [SHAPE_VALUE] = {[1] = SCALAR(PB_LEN),
                     [2] = SCALAR(PB_VARINT),
                     [3] = SCALAR(PB_VARINT),
                     [4] = SCALAR(PB_FIXED64),
                     [5] = MESSAGE(SHAPE_ARRAY),
                     [6] = MESSAGE(SHAPE_KVLIST),
                     [7] = SCALAR(PB_LEN)},
    [SHAPE_ARRAY] = {[1] = MESSAGE(SHAPE_VALUE)},
    [SHAPE_KVLIST] = {[1] = MESSAGE(SHAPE_KEY_VALUE)},
};

/* A message that is being read; its parent waits at `end`. */
struct frame {
    const uint8_t *end;
    enum otlp_shape shape;
};

/* value -> kvlist -> key-value is the longest way to the next value. */
enum { FRAMES = 3 * OTLP_DEPTH_MAX + 2 };

static const struct shape_field *find_field(enum otlp_shape shape, uint32_t tag)
{
    uint32_t number = tag >> 3;
    return number < LEN(fields[shape]) && fields[shape][number].is_known ? &fields[shape][number]
                                                                         : NULL;
}

bool otlp_check(struct str message, enum otlp_shape shape, unsigned max_depth, bool *too_deep,
                struct pb_reader *fault)
{
    struct frame stack[FRAMES];
    unsigned top = 0, depth = shape == SHAPE_VALUE;
    struct pb_reader r = pb_reader_of(message);
    stack[0] = (struct frame){r.end, shape};
    max_depth = MIN(max_depth, (unsigned)OTLP_DEPTH_MAX);

    for (;;) {
        struct pb_field f;
        if (!pb_next(&r, &f)) {
            if (r.fault || top == 0)
                break;
            depth -= stack[top].shape == SHAPE_VALUE;
            r.end = stack[--top].end;
            continue;
        }
        const struct shape_field *field = find_field(stack[top].shape, f.tag);
        if (!field)
            continue;
        if (field->type != (f.tag & 7)) {
            r.fault = "a field has the wrong wire type";
            break;
        }
        if (!field->has_child)
            continue;
        if (field->child == SHAPE_VALUE && depth == max_depth) {
            *too_deep = true;
            continue;
        }
        depth += field->child == SHAPE_VALUE;
        stack[++top] = (struct frame){r.at, field->child};
        r.end = r.at;
        r.at = (const uint8_t *)f.bytes.ptr;
    }
    *fault = r;
    return !r.fault;
}
