/* test_err.c - errors, their names, and what they are on the wire. */
#include "base/err.h"
#include "base/status_wire.h"

#include <criterion/criterion.h>
#include <string.h>

static enum status forwards(enum status status, bool *went_on)
{
    TRY(status);
    *went_on = true;
    return ST_OK;
}

Test(err, set_fills_and_returns)
{
    struct err e;
    cr_expect_eq(err_set(&e, ST_INVALID, "span %d", 7), ST_INVALID);
    cr_expect_eq(e.status, ST_INVALID);
    cr_expect_str_eq(e.msg, "span 7");
    cr_expect_eq(err_set(NULL, ST_IO, "nobody listens"), ST_IO);
    err_set(&e, ST_IO, "%0900d", 1);
    cr_expect_eq(strlen(e.msg), sizeof(e.msg) - 1, "a long message is cut");
}

Test(err, try_returns_early)
{
    bool went_on = false;
    cr_expect_eq(forwards(ST_BUSY, &went_on), ST_BUSY);
    cr_expect_not(went_on);
    cr_expect_eq(forwards(ST_OK, &went_on), ST_OK);
    cr_expect(went_on);
}

Test(err, every_status_has_a_name_of_its_own)
{
    for (unsigned i = 0; i < ST_STATUS_COUNT; i++) {
        cr_assert_not_null(status_name(i));
        for (unsigned j = 0; j < i; j++)
            cr_expect_str_neq(status_name(i), status_name(j));
    }
    cr_expect_str_eq(status_name(ST_STATUS_COUNT), "unknown");
}

/* The table of docs: changing a row changes what clients do. */
Test(status_wire, follows_the_table)
{
    static const struct {
        enum status status;
        unsigned http, grpc;
        const char *type;
        bool retryable;
    } rows[] = {
        {ST_INVALID, 400, 3, "bad_data", false},      {ST_QUERY, 422, 3, "execution", false},
        {ST_NOT_FOUND, 404, 5, "not_found", false},   {ST_UNSUPPORTED, 415, 12, "bad_data", false},
        {ST_TOO_BIG, 413, 8, "bad_data", false},      {ST_BUSY, 429, 14, "unavailable", true},
        {ST_TIMEOUT, 503, 4, "timeout", true},        {ST_IO, 503, 14, "unavailable", true},
        {ST_NO_MEMORY, 503, 14, "unavailable", true}, {ST_CORRUPT, 500, 13, "internal", false},
        {ST_INTERNAL, 500, 13, "internal", false},    {ST_OK, 200, 0, "", false},
    };
    cr_assert_eq(LEN(rows), ST_STATUS_COUNT);
    for (size_t i = 0; i < LEN(rows); i++) {
        const struct status_wire *wire = status_wire_get(rows[i].status);
        cr_expect_eq(wire->http, rows[i].http, "row %s", status_name(rows[i].status));
        cr_expect_eq(wire->grpc, rows[i].grpc, "row %s", status_name(rows[i].status));
        cr_expect_str_eq(wire->api_type, rows[i].type, "row %s", status_name(rows[i].status));
        cr_expect_eq(wire->retryable, rows[i].retryable, "row %s", status_name(rows[i].status));
    }
    cr_expect_eq(status_wire_get(ST_STATUS_COUNT)->http, 500);
}
