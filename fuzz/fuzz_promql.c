/* fuzz_promql.c - any bytes as a PromQL expression: parsed or refused with a sentence; what was
 * parsed is printed on one line and on several, and both texts read back as the same expression. */
#include "query/promql_parse.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the parser promised; a breach must be seen by the fuzzer. */
static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void expect_same(struct str text, struct str line, struct arena *arena)
{
    struct promql_node *root;
    struct buf again = {0};
    promise(promql_parse(text, arena, &root, NULL) == ST_OK);
    promql_print(root, &again);
    promise(str_eq(line, buf_str(&again)));
    promql_free(root);
    buf_deinit(&again);
}

static void check_texts(struct promql_node *root, struct arena *arena)
{
    struct buf line = {0}, block = {0}, tree = {0};
    struct json_writer w = json_writer_of(&tree);
    promql_print(root, &line);
    promql_print_pretty(root, &block);
    promql_print_tree(root, &w);
    promise(w.depth == 0 && tree.len > 0);
    /* Printing may make a text longer than the parser takes. */
    if (block.len <= PROMQL_TEXT_MAX) {
        expect_same(buf_str(&line), buf_str(&line), arena);
        expect_same(buf_str(&block), buf_str(&line), arena);
    }
    struct err e = {0};
    if (promql_resolve(root, 0, 3600000, 15000, &e) != ST_OK)
        promise(e.status == ST_INVALID && e.msg[0]);
    buf_deinit(&line);
    buf_deinit(&block);
    buf_deinit(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct arena arena = {0};
    struct promql_node *root;
    struct err e = {0};
    if (promql_parse(text, &arena, &root, &e) == ST_OK)
        check_texts(root, &arena);
    else
        promise(e.status == ST_INVALID && e.msg[0] && !root);
    promql_free(root);
    if (promql_parse_selector(text, &arena, &root, &e) == ST_OK)
        promise(root->kind == PROMQL_SELECTOR);
    promql_free(root);
    arena_deinit(&arena);
    return 0;
}
