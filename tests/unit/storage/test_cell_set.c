/* test_cell_set.c - rows and tiles are found again, and come out in an order that depends on the
 * content alone. */
#include "storage/cell_set.h"

#include "base/buf.h"
#include "base/mem.h"
#include "storage/cell_row.h"
#include <criterion/criterion.h>
#include <stdio.h>

static struct cell_row row_of(unsigned i, char text[16])
{
    snprintf(text, 16, "svc-%u", i / 4);
    struct str name = str_from_c(text);
    return (struct cell_row){.client = {.space = STR("shop"), .name = STR("web")},
                             .server = {.space = STR("shop"), .name = name},
                             .protocol = PROTOCOL_HTTP,
                             .views = VIEW_BOTH,
                             .is_total = i % 4 == 0,
                             .operation = i % 4 ? STR("GET /") : STR(""),
                             .code = i % 4 == 2 ? STR("503") : STR("")};
}

static void add(struct cell_set *s, unsigned row, uint64_t second, const char *code)
{
    char text[16];
    struct cell_row key = row_of(row, text);
    uint32_t id = cell_set_row(s, &key);
    cr_assert_neq(id, UINT32_MAX);
    struct cell *cell = cell_set_cell(s, id, second);
    cell->observed++;
    cr_assert(cell_tally_add(&cell->codes, cell_set_name(s, str_from_c(code)), WEIGHT_ONE));
}

struct listing {
    struct buf text;
    const struct cell_set *set;
};

static enum status list_cell(const struct cell_row *row, uint64_t tile_s, const struct cell *cell,
                             void *user, struct err *e)
{
    struct listing *l = user;
    (void)e;
    buf_printf(&l->text, "%d %.*s %.*s %.*s @%lu n=%lu codes=", row->is_total,
               STR_ARG(row->server.name), STR_ARG(row->operation), STR_ARG(row->code), tile_s,
               cell->observed);
    for (uint32_t i = 0; i < cell->codes.len; i++)
        buf_append_str(&l->text, cell_set_name_at(l->set, cell->codes.items[i].name));
    buf_append_str(&l->text, STR("\n"));
    return ST_OK;
}

static struct buf list_all(const struct cell_set *s)
{
    struct listing l = {.set = s};
    cr_assert_eq(cell_set_each(s, list_cell, &l, NULL), ST_OK);
    return l.text;
}

Test(cell_set, order_is_a_function_of_the_content)
{
    enum { N = 600 };
    struct cell_set *forward = cell_set_new(1), *backward = cell_set_new(2), *sum = cell_set_new(3);
    for (unsigned i = 0; i < N; i++) {
        unsigned j = N - 1 - i;
        add(forward, i % 28, 1000 + i % 90, "200");
        add(backward, j % 28, 1000 + j % 90, "200");
    }
    cr_assert_eq(cell_set_merge(sum, backward, NULL), ST_OK);
    struct buf a = list_all(forward), b = list_all(backward), c = list_all(sum);
    cr_assert(str_eq(buf_str(&a), buf_str(&b)), "%.*s\n---\n%.*s",
              STR_ARG(a.len ? buf_str(&a) : STR("")), STR_ARG(buf_str(&b)));
    cr_assert(str_eq(buf_str(&a), buf_str(&c)));
    cr_assert(str_starts_with(buf_str(&a), STR("1 svc-0   @990 n=")), "%.*s", 60, a.ptr);
    buf_deinit(&a);
    buf_deinit(&b);
    buf_deinit(&c);
    cell_set_free(forward);
    cell_set_free(backward);
    cell_set_free(sum);
}

Test(cell_set, clear_keeps_rows_and_names)
{
    struct cell_set *s = cell_set_new(1);
    add(s, 3, 60, "200");
    add(s, 3, 74, "503");
    cr_assert_eq(cell_set_cell_count(s), 1, "60 and 74 lie in one tile");
    add(s, 3, 75, "503");
    cr_assert_eq(cell_set_cell_count(s), 2);
    cr_assert_eq(cell_set_row_count(s), 1);
    cr_assert_gt(cell_set_bytes(s), 100);
    cell_set_clear(s);
    cr_assert_eq(cell_set_cell_count(s), 0);
    cr_assert_eq(cell_set_row_count(s), 1);
    cr_assert(str_eq(cell_set_name_at(s, cell_set_name(s, STR("503"))), STR("503")));
    add(s, 3, 60, "200");
    cr_assert_eq(cell_set_cell_count(s), 1);
    cell_set_free(s);
}

Test(cell_set, memory_of_cells_that_are_dropped_goes_back)
{
    struct cell_set *s = cell_set_new(1);
    for (unsigned i = 0; i < 1000; i++)
        add(s, 3, 15 * i, "200");
    size_t all = cell_set_bytes(s);
    for (unsigned i = 0; i < 990; i++)
        cell_set_cell(s, 0, 15 * i)->observed = 0;
    cell_set_drop_empty(s);
    cr_assert_eq(cell_set_cell_count(s), 10);
    cr_assert(cell_set_cell(s, 0, 15 * 995)->observed == 1, "what is left is found");
    cr_assert(cell_set_bytes(s) < all / 10, "%zu of %zu bytes", cell_set_bytes(s), all);
    cell_set_clear(s);
    cr_assert(cell_set_bytes(s) < all / 10);
    cell_set_free(s);
}

/* Walks every failing allocation of adding a cell. */
Test(cell_set, survives_short_memory)
{
    for (long n = 0;; n++) {
        char text[16];
        struct cell_row key = row_of(1, text);
        mem_fail_after(n);
        struct cell_set *s = cell_set_new(1);
        if (s) {
            uint32_t row = cell_set_row(s, &key);
            struct cell *cell = row == UINT32_MAX ? NULL : cell_set_cell(s, row, 10);
            cr_assert(cell || mem_did_fail());
        }
        bool failed = mem_did_fail();
        mem_fail_after(-1);
        cell_set_free(s);
        if (!failed)
            break;
        cr_assert_lt(n, 100);
    }
}

Test(cell_row, order_hash_and_word_agree)
{
    char text_a[16], text_b[16];
    for (unsigned i = 0; i < 40; i++) {
        for (unsigned j = 0; j < 40; j++) {
            struct cell_row a = row_of(i, text_a), b = row_of(j, text_b), c = {0};
            int order = cell_row_cmp(&a, &b);
            bool twin = i == j || (i / 4 == j / 4 && (i ^ j) == 2 && i % 2 == 1);
            cr_assert_eq(order == 0, twin, "%u %u", i, j);
            cr_assert_eq(order<0, cell_row_cmp(&b, &a)> 0);
            cr_assert_eq(cell_row_hash(&a, 5) == cell_row_hash(&b, 5), twin, "%u %u", i, j);
            cr_assert(cell_row_set_word(&c, cell_row_word(&a)));
            cr_assert_eq(c.is_total, a.is_total);
            cr_assert_eq(c.protocol, a.protocol);
            cr_assert_eq(c.views, a.views);
        }
    }
    struct cell_row row;
    cr_assert_not(cell_row_set_word(&row, 0xf000), "no such kind");
}
