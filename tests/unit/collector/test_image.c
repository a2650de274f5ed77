/* test_image.c - an image that is cut, changed or out of order gives an error or a state that can
 * be used, never harm. */
#include "collector/image.h"
#include "base/fileio.h"
#include "storage/edge_part.h"
#include "support/leak.h"
#include "unit/collector/trace_rig.h"
#include <criterion/criterion.h>

static enum status keep_chunk(struct str chunk, void *user, struct err *e)
{
    (void)e;
    buf_append_lenstr(user, chunk);
    return ST_OK;
}

static void make_image(struct buf *image)
{
    struct rig r;
    struct buf text = {0};
    struct pipeline p;
    rig_init(&r);
    for (uint64_t i = 0; i < 3; i++) {
        r.trace = i + 1;
        rig_istio(&r, 1, 0, SPAN_CLIENT, "web", "shop", "v1",
                  "outbound|8080||cart.shop.svc.cluster.local", "http://cart/a", 503, "URX,UF", 0,
                  900, NULL)
            ->span.trace_state = STR("ot=th:8");
        rig_app(&r, 2, 1, SPAN_SERVER, "cart", "GET /a", "http.response.status_code=#503", 10, 500);
    }
    rig_run(&r, &(struct rig_run){0}, &text, &p);
    /* And some that are open. */
    struct trace_id id = {4, 4};
    uint32_t trace = trace_add(&p.table, id, trace_hash(&p.table, id), p.wheel_step + 30);
    struct open_span s = {.id = 9,
                          .parent = 8,
                          .owner = 2,
                          .dest = 2,
                          .kind = SPAN_CLIENT,
                          .http_code = 200,
                          .grpc_code = GRPC_NONE};
    (void)trace_add_span(&p.table, trace_at(&p.table, trace), &s);
    struct account_totals totals = {0};
    cr_assert(image_encode(&p, &totals, keep_chunk, image, NULL) == ST_OK);
    pipeline_deinit(&p);
    buf_deinit(&text);
    rig_deinit(&r);
}

/* Reads the chunks; one of them is cut to `len` bytes or has a byte changed. */
static void read_image(struct str image, size_t which, size_t len, size_t at, uint8_t change)
{
    struct pipeline_config config = {.seed = 99, .graph = graph_settings_default()};
    struct pipeline p;
    struct err e;
    char copy[65536];
    cr_assert(pipeline_init(&p, &config, NULL) == ST_OK);
    struct image_reader reader = {.pipeline = &p};
    struct cursor c = cursor_of(image);
    enum status status = ST_OK;
    for (size_t i = 0; status == ST_OK && c.at < c.end; i++) {
        struct str chunk = cursor_lenstr(&c);
        cr_assert(chunk.len <= sizeof(copy));
        memcpy(copy, chunk.ptr, chunk.len);
        if (i == which && at < chunk.len)
            copy[at] = (char)((uint8_t)copy[at] ^ change);
        status = image_read_chunk(
            &reader, (struct str){copy, i == which ? MIN(len, chunk.len) : chunk.len}, &e);
    }
    (void)image_read_end(&reader, NULL);
    if (status == ST_OK)
        pipeline_flush(&p, 1, p.clock_ns);
    pipeline_deinit(&p);
}

Test(image, damage_does_no_harm)
{
    struct buf image = {0};
    make_image(&image);
    struct cursor c = cursor_of(buf_str(&image));
    for (size_t which = 0; c.at < c.end; which++) {
        struct str chunk = cursor_lenstr(&c);
        size_t step = chunk.len / 24 + 1;
        for (size_t at = 0; at < chunk.len; at += step) {
            read_image(buf_str(&image), which, at, SIZE_MAX, 0);
            read_image(buf_str(&image), which, SIZE_MAX, at, 0x41);
        }
    }
    buf_deinit(&image);
    EXPECT_NO_LEAK();
}

/* tests/golden/image_content_v1.bin is what make_image() made when the version was 1. */
Test(image, version_1_is_read)
{
    struct err e = {0};
    struct pipeline_config config = {.seed = 99, .graph = graph_settings_default()};
    struct pipeline p;
    static const char path[] = WEFT_SOURCE_DIR "/tests/golden/image_content_v1.bin";
    char *image;
    size_t len;
    cr_assert(file_read_all(path, MIB, &image, &len, &e) == ST_OK, "%s", e.msg);
    cr_assert(pipeline_init(&p, &config, NULL) == ST_OK);
    struct image_reader reader = {.pipeline = &p};
    struct cursor c = cursor_of((struct str){image, len});
    while (c.at < c.end)
        cr_assert(image_read_chunk(&reader, cursor_lenstr(&c), &e) == ST_OK, "%s", e.msg);
    cr_assert(image_read_end(&reader, &e) == ST_OK, "%s", e.msg);
    cr_expect(p.table.spans.live == 1 && p.table.closed.live == 6 && p.table.traces.live == 4);
    pipeline_tick(&p, p.sequence + 1, 0, p.clock_ns + NS_PER_S);
    cr_expect(p.table.packed.live == 3 && p.table.traces.live == 1, "packed at the first look");
    pipeline_deinit(&p);
    mem_free(image);
    EXPECT_NO_LEAK();
}

Test(image, errors_are_named)
{
    struct buf image = {0};
    struct pipeline_config config = {.seed = 99, .graph = graph_settings_default()};
    struct pipeline p;
    struct err e = {0};
    make_image(&image);
    struct cursor c = cursor_of(buf_str(&image));
    struct str header = cursor_lenstr(&c), second = cursor_lenstr(&c);
    cr_assert(pipeline_init(&p, &config, NULL) == ST_OK);
    struct image_reader reader = {.pipeline = &p};
    cr_expect(image_read_chunk(&reader, second, &e) == ST_CORRUPT);
    cr_expect(image_read_end(&reader, &e) == ST_OK, "no image at all is no error");
    reader = (struct image_reader){.pipeline = &p};
    char newer[64];
    memcpy(newer, header.ptr, header.len);
    newer[1] = IMAGE_VERSION + 1;
    cr_expect(image_read_chunk(&reader, (struct str){newer, header.len}, &e) == ST_UNSUPPORTED);
    reader = (struct image_reader){.pipeline = &p};
    cr_expect(image_read_chunk(&reader, header, &e) == ST_OK);
    cr_expect(image_read_end(&reader, &e) == ST_CORRUPT);
    pipeline_deinit(&p);
    buf_deinit(&image);
    EXPECT_NO_LEAK();
}

/* A damaged size of a block is damage, not a lack of memory: an older image is read instead. */
Test(image, sizes_of_waiting_blocks_fit)
{
    static const uint32_t sizes[] = {0, 31, 32, BLOCK_BYTES_MAX, BLOCK_BYTES_MAX + 1, UINT32_MAX};
    struct buf image = {0};
    make_image(&image);
    struct cursor chunks = cursor_of(buf_str(&image));
    struct str header = cursor_lenstr(&chunks);
    for (size_t i = 0; i < LEN(sizes); i++) {
        enum { TAG_TRACES = 6, PIECE_PACKED = 4 };
        struct pipeline_config config = {.seed = 99, .graph = graph_settings_default()};
        struct pipeline p;
        struct err e = {0};
        struct buf piece = {0};
        cr_assert(pipeline_init(&p, &config, NULL) == ST_OK);
        struct image_reader reader = {.pipeline = &p};
        cr_assert(image_read_chunk(&reader, header, &e) == ST_OK, "%s", e.msg);
        buf_append_u8(&piece, TAG_TRACES);
        buf_append_u64(&piece, 0); /* no trace: what waits has none */
        buf_append_u64(&piece, 0);
        buf_append_varint(&piece, 7); /* due */
        buf_append_u8(&piece, PIECE_PACKED);
        buf_append_u64(&piece, 0);
        buf_append_varint(&piece, 0); /* open spans */
        buf_append_varint(&piece, 0); /* closed spans */
        buf_append_varint(&piece, 7); /* closed at */
        buf_append_varint(&piece, sizes[i]);
        bool fits = sizes[i] == 32 || sizes[i] == BLOCK_BYTES_MAX;
        cr_expect(image_read_chunk(&reader, buf_str(&piece), &e) == (fits ? ST_OK : ST_CORRUPT),
                  "%u: %s", sizes[i], e.msg);
        buf_deinit(&piece);
        pipeline_deinit(&p);
    }
    buf_deinit(&image);
    EXPECT_NO_LEAK();
}

/* Reads an image whose one open span is `s`, closes that, and opens a part of what came of it. */
static enum status read_span(const struct open_span *s, struct err *e)
{
    struct pipeline_config config = {.seed = 99, .graph = graph_settings_default()};
    struct account_totals totals = {0};
    struct trace_id id = {4, 4};
    struct buf image = {0}, bytes = {0};
    struct edge_part *part = NULL;
    struct pipeline p;
    cr_assert(pipeline_init(&p, &config, NULL) == ST_OK);
    uint32_t trace = trace_add(&p.table, id, trace_hash(&p.table, id), p.wheel_step + 30);
    cr_assert(trace && trace_add_span(&p.table, trace_at(&p.table, trace), s));
    cr_assert(image_encode(&p, &totals, keep_chunk, &image, NULL) == ST_OK);
    pipeline_deinit(&p);
    cr_assert(pipeline_init(&p, &config, NULL) == ST_OK);
    struct image_reader reader = {.pipeline = &p};
    struct cursor c = cursor_of(buf_str(&image));
    enum status status = ST_OK;
    while (status == ST_OK && c.at < c.end)
        status = image_read_chunk(&reader, cursor_lenstr(&c), e);
    (void)image_read_end(&reader, NULL);
    if (status == ST_OK) {
        pipeline_flush(&p, 1, p.clock_ns);
        cr_assert(edge_part_encode(cell_feed_cells(p.closed), true, &bytes, NULL) == ST_OK);
        cr_assert(edge_part_open_memory(&bytes, &part, e) == ST_OK, "%s", e->msg);
        edge_part_unref(part);
    }
    pipeline_deinit(&p);
    buf_deinit(&image);
    return status;
}

Test(image, numbers_that_nobody_writes_are_damage)
{
    const struct open_span sound = {.id = 9,
                                    .parent = 8,
                                    .owner = 2,
                                    .dest = 2,
                                    .role = ROLE_WAYPOINT,
                                    .kind = SPAN_CONSUMER,
                                    .protocol = PROTOCOL_GRPC,
                                    .end_ns = NS_PER_S,
                                    .grpc_code = GRPC_NONE};
    struct err e = {0};
    cr_expect(read_span(&sound, &e) == ST_OK, "%s", e.msg);
    for (unsigned i = 0; i < 3; i++) {
        struct open_span odd = sound;
        odd.kind = i == 0 ? SPAN_CONSUMER + 1 : SPAN_CLIENT;
        odd.role = i == 1 ? ROLE_WAYPOINT + 1 : ROLE_APP;
        odd.protocol = i == 2 ? PROTOCOL_GRPC + 1 : PROTOCOL_HTTP;
        cr_expect(read_span(&odd, &e) == ST_CORRUPT, "field %u", i);
    }
    EXPECT_NO_LEAK();
}

/* A damaged reference would be taken for the number of a name, and a place made for it. */
Test(image, owners_refer_to_names_that_are_there)
{
    enum { REFERENCES = 3, BEFORE_INSTANCE = REFERENCES * 4 + 3 };
    struct owner owner = {.entity = {.name = STR("web")}, .instance = STR("web-7d9f")};
    struct names *n = names_new(1, 200, 0);
    struct buf bytes = {0};
    struct err e;
    (void)names_owner(n, &owner);
    names_encode(n, &bytes);
    char *key = memmem(bytes.ptr, bytes.len, "web-7d9f", 8);
    cr_assert(key != NULL);
    for (unsigned i = 0; i <= REFERENCES; i++) {
        struct names *back = names_new(1, 200, 0);
        struct cursor c = cursor_of(buf_str(&bytes));
        if (i < REFERENCES)
            key[(ptrdiff_t)(4 * i) - BEFORE_INSTANCE + 3] ^= 1;
        enum status status = names_decode(&c, back, &e);
        cr_expect(status == (i < REFERENCES ? ST_CORRUPT : ST_OK), "reference %u", i);
        if (i < REFERENCES)
            key[(ptrdiff_t)(4 * i) - BEFORE_INSTANCE + 3] ^= 1;
        names_free(back);
    }
    names_free(n);
    buf_deinit(&bytes);
    EXPECT_NO_LEAK();
}
