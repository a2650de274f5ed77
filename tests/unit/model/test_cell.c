/* test_cell.c - adding cells is free of order; exemplars are a function of the set. */
#include "model/cell.h"

#include <criterion/criterion.h>

static struct exemplar exemplar_of(uint64_t i)
{
    return (struct exemplar){.trace = {i * 7919 % 13, i},
                             .time_ns = i,
                             .latency_ns = i * 104729 % 17,
                             .error = i % 3 == 0};
}

static bool same_exemplars(const struct cell *a, const struct cell *b)
{
    if (a->exemplar_count != b->exemplar_count)
        return false;
    for (uint32_t i = 0; i < a->exemplar_count; i++)
        if (!trace_id_eq(a->exemplars[i].trace, b->exemplars[i].trace) ||
            a->exemplars[i].latency_ns != b->exemplars[i].latency_ns)
            return false;
    return true;
}

Test(cell, exemplars_are_free_of_order)
{
    enum { N = 60 };
    static const uint64_t strides[] = {1, 7, 11, 13, 59}; /* prime to N: each visits all */
    struct cell forward = {0};
    for (uint64_t i = 0; i < N; i++) {
        struct exemplar x = exemplar_of(i);
        cell_offer_exemplar(&forward, &x);
    }
    for (size_t s = 0; s < LEN(strides); s++) {
        struct cell halves[2] = {0};
        for (uint64_t i = 0; i < N; i++) {
            struct exemplar x = exemplar_of(i * strides[s] % N);
            cell_offer_exemplar(&halves[i % 2], &x);
        }
        cr_assert(cell_merge(&halves[1], &halves[0], NULL, NULL));
        cr_assert(same_exemplars(&forward, &halves[1]), "stride %lu", strides[s]);
    }
    uint32_t failing = 0;
    for (uint32_t i = 0; i < forward.exemplar_count; i++)
        failing += forward.exemplars[i].error;
    cr_assert_geq(failing, 2, "the slowest failing ones are kept");
    cr_assert_eq(forward.exemplars[0].latency_ns, 16, "the slowest comes first");
}

Test(cell, the_code_of_a_row_is_told_without_the_mark)
{
    static const struct {
        struct str stored, want;
    } rows[] = {
        {STR(""), STR("")},
        {STR("!"), STR("")},
        {STR("200"), STR("200")},
        {STR("200!"), STR("200")},
        {STR("grpc:0!"), STR("grpc:0")},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct cell_row row = {.code = rows[i].stored};
        cr_expect(str_eq(cell_row_code(&row), rows[i].want), "%.*s", STR_ARG(rows[i].stored));
    }
}

static uint32_t shift_name(uint32_t name, void *user)
{
    (void)user;
    return name + 100;
}

Test(cell, merge_adds_everything)
{
    struct cell a = {.observed = 2, .weight = 2 * WEIGHT_ONE, .evidence = EVIDENCE_CLIENT_SPAN};
    struct cell b = {.observed = 1,
                     .weight = WEIGHT_ONE,
                     .variance = 5,
                     .errors = WEIGHT_ONE,
                     .attempts = 2 * WEIGHT_ONE,
                     .retried = WEIGHT_ONE,
                     .denied = WEIGHT_ONE,
                     .transit_skipped = WEIGHT_ONE,
                     .end_before_start = WEIGHT_ONE,
                     .request_bytes = 10,
                     .response_bytes = 20,
                     .request_sized = WEIGHT_ONE,
                     .response_sized = WEIGHT_ONE,
                     .evidence = EVIDENCE_SERVER_LOG};
    cr_assert(cell_tally_add(&a.codes, 101, WEIGHT_ONE));
    cr_assert(cell_tally_add(&b.codes, 1, WEIGHT_ONE));
    cr_assert(cell_tally_add(&b.codes, 2, WEIGHT_ONE));
    cr_assert(cell_tally_add(&b.flags, 3, WEIGHT_ONE));
    cr_assert(histogram_add(&b.server, 5, WEIGHT_ONE));
    cr_assert(cell_merge(&a, &b, shift_name, NULL));
    cr_assert(cell_merge(&a, &b, shift_name, NULL));
    cr_assert_eq(a.observed, 4);
    cr_assert_eq(a.weight, 4 * WEIGHT_ONE);
    cr_assert(a.variance == 10);
    cr_assert_eq(a.errors, 2 * WEIGHT_ONE);
    cr_assert_eq(a.attempts, 4 * WEIGHT_ONE);
    cr_assert_eq(a.retried + a.denied + a.transit_skipped + a.end_before_start, 8 * WEIGHT_ONE);
    cr_assert_eq(a.request_bytes + a.response_bytes, 60);
    cr_assert_eq(a.request_sized + a.response_sized, 4 * WEIGHT_ONE);
    cr_assert_eq(a.evidence, EVIDENCE_CLIENT_SPAN | EVIDENCE_SERVER_LOG);
    cr_assert_eq(a.codes.len, 2);
    cr_assert_eq(a.codes.items[0].weight, 3 * WEIGHT_ONE, "name 1 + 100 joins 101");
    cr_assert_eq(a.flags.items[0].name, 103);
    cr_assert_eq(histogram_count(&a.server), 2);
    cr_assert_eq(a.client.weight, 0, "an unobserved side has no observation");
    cell_reset(&a);
    cr_assert_eq(a.observed + a.codes.len + a.server.weight + a.exemplar_count, 0);
    cell_deinit(&a);
    cell_deinit(&b);
}
