/* fuzz_json.c - any bytes through the JSON reader, and what it read through the writer and the
 * reader again: the tokens must be the same. The first byte chooses the depth and what is skipped.
 */
#include "base/json_read.h"
#include "base/json_write.h"
#include "base/mem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void need(bool promise)
{
    if (!promise)
        abort();
}

static void write_token(struct json_writer *w, enum json_token token, struct str text)
{
    switch (token) {
    case JSON_OBJECT_BEGIN:
        json_object_begin(w);
        break;
    case JSON_OBJECT_END:
        json_object_end(w);
        break;
    case JSON_ARRAY_BEGIN:
        json_array_begin(w);
        break;
    case JSON_ARRAY_END:
        json_array_end(w);
        break;
    case JSON_KEY:
        json_key_str(w, text);
        break;
    case JSON_STRING:
        json_str(w, text);
        break;
    case JSON_NUMBER:
        json_raw(w, text);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        json_bool(w, token == JSON_TRUE);
        break;
    case JSON_NULL_VALUE:
        json_null(w);
        break;
    default:
        break;
    }
}

static bool has_text(enum json_token token)
{
    return token == JSON_KEY || token == JSON_STRING || token == JSON_NUMBER;
}

/* Reads `input` and writes it to *out; true when it was JSON. */
static bool copy(struct str input, struct arena *arena, unsigned depth, struct buf *out)
{
    struct json_reader r;
    struct json_writer w = json_writer_of(out);
    enum json_token token;
    json_reader_init(&r, input, arena, depth);
    do {
        token = json_next(&r);
        write_token(&w, token, r.text);
    } while (token != JSON_END && token != JSON_ERROR);
    need(token == JSON_END || r.err.status != ST_OK);
    return token == JSON_END;
}

static void expect_same(struct str a, struct str b, unsigned depth)
{
    struct arena arena = {0};
    struct json_reader x, y;
    enum json_token token;
    json_reader_init(&x, a, &arena, depth);
    json_reader_init(&y, b, &arena, depth);
    do {
        token = json_next(&x);
        need(json_next(&y) == token);
        need(!has_text(token) || str_eq(x.text, y.text));
    } while (token != JSON_END);
    arena_deinit(&arena);
}

/* Skips the value of every second key and the rest of every third container. */
static void skip_through(struct str input, struct arena *arena, unsigned depth, bool is_json)
{
    struct json_reader r;
    unsigned keys = 0, containers = 0;
    bool well = true;
    enum json_token token;
    json_reader_init(&r, input, arena, depth);
    do {
        token = json_next(&r);
        if (token == JSON_KEY && ++keys % 2)
            well = json_skip(&r);
        else if ((token == JSON_OBJECT_BEGIN || token == JSON_ARRAY_BEGIN) && ++containers % 3 == 0)
            well = json_skip(&r);
    } while (well && token != JSON_END && token != JSON_ERROR);
    need((well && token == JSON_END) == is_json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    unsigned depth = data[0] % 64;
    /* A heap copy of the exact size: ASan sees one byte too far. */
    char *bytes = mem_alloc(len);
    memcpy(bytes, data + 1, len - 1);
    bytes = mem_realloc(bytes, MAX(len - 1, (size_t)1));
    struct str input = {bytes, len - 1};
    struct arena arena = {0};
    struct buf copied = {0};
    bool is_json = copy(input, &arena, depth, &copied);
    if (is_json)
        expect_same(input, buf_str(&copied), depth);
    skip_through(input, &arena, depth, is_json);
    buf_deinit(&copied);
    arena_deinit(&arena);
    mem_free(bytes);
    return 0;
}
