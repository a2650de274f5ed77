/* test_params.c - every parameter strictly: what is taken, and the sentence for what is not. */
#include "query/params.h"
#include "base/buf.h"
#include "base/mem.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define NOW_S  UINT64_C(1700000000)
#define NOW_NS (NOW_S * NS_PER_S)

static const struct param_spec specs[] = {
    {"start", false}, {"end", false}, {"last", false}, {"server", true}, {"depth", false},
    {"q", false},     {"by", false},  {"side", false}, {"step", false},  {NULL, false}};
static const char *const sides[] = {"server", "client", "transit", NULL};

/* Everything a call could ask of its parameters, so that one text meets every reader. */
static enum status read_all(struct str query, struct arena *arena, struct err *e)
{
    struct params p;
    struct time_range range;
    struct str_list servers;
    uint64_t depth;
    uint32_t step;
    unsigned word, set;
    double q[4];
    size_t len;
    TRY(params_parse(query, specs, arena, NOW_NS, &p, e));
    TRY(params_range(&p, &range, e));
    TRY(params_all(&p, "server", &servers, e));
    TRY(params_u64(&p, "depth", 1, 5, 1, &depth, e));
    TRY(params_seconds(&p, "step", 3600, &step, e));
    TRY(params_word(&p, "side", sides, 0, &word, e));
    TRY(params_word_set(&p, "by", sides, 3, &set, e));
    TRY(params_quantiles(&p, "q", q, LEN(q), &len, e));
    cr_expect(range.start_s < range.end_s);
    cr_expect(depth >= 1 && depth <= 5);
    return ST_OK;
}

#define STEP(text)                                                                                 \
    "parameter 'step' is '" text "': whole seconds from 1 to 3600, or a duration like 1m or "      \
    "1h30m, are allowed"

static const struct {
    const char *query, *sentence; /* NULL: taken */
} rows[] = {
    {"", NULL},
    {"&&start=-5m&", NULL},
    {"server=shop%2Fcart&server=a+b", NULL},
    {"by=", NULL},
    {"q=0,0.5,1", NULL},
    {"q=0%2C0.5", NULL},
    {"start=1700000000.5&end=1700000001", NULL},
    {"start=2023-11-14T22:13:20Z&end=2023-11-14T23:13:20%2B02:00",
     "parameter 'end' is before 'start': a later time is allowed"},
    {"foo=1",
     "unknown parameter 'foo': this call takes start, end, last, server, depth, q, by, side, step"},
    {"=1",
     "unknown parameter '': this call takes start, end, last, server, depth, q, by, side, step"},
    {"depth=0", "parameter 'depth' is '0': a whole number from 1 to 5 is allowed"},
    {"depth=6", "parameter 'depth' is '6': a whole number from 1 to 5 is allowed"},
    {"depth=1.5", "parameter 'depth' is '1.5': a whole number from 1 to 5 is allowed"},
    {"depth=", "parameter 'depth' is '': a whole number from 1 to 5 is allowed"},
    {"depth=99999999999999999999",
     "parameter 'depth' is '99999999999999999999': a whole number from 1 to 5 is allowed"},
    {"step=3600", NULL},
    {"step=60m", NULL},
    {"step=0", STEP("0")},
    {"step=0s", STEP("0s")},
    {"step=61m", STEP("61m")},
    {"step=1500ms", STEP("1500ms")},
    {"step=1.5", STEP("1.5")},
    {"step=", STEP("")},
    {"depth=2&depth=2", "parameter 'depth' is given twice: once is allowed"},
    {"side=left", "parameter 'side' is 'left': allowed are server, client, transit"},
    {"by=server,,client", "parameter 'by' is '': allowed are server, client, transit"},
    {"by=server,", "parameter 'by' is '': allowed are server, client, transit"},
    {"q=", "parameter 'q' is '': numbers from 0 to 1, joined by commas, are allowed"},
    {"q=0.5,1.01", "parameter 'q' is '1.01': numbers from 0 to 1, joined by commas, are allowed"},
    {"q=nan", "parameter 'q' is 'nan': numbers from 0 to 1, joined by commas, are allowed"},
    {"q=0.5,", "parameter 'q' is '': numbers from 0 to 1, joined by commas, are allowed"},
    {"q=0,0,0,0,0", "parameter 'q' has too many numbers: at most 4 are allowed"},
    {"start=-15",
     "parameter 'start' is '-15': Unix seconds, RFC 3339 or relative like -15m is allowed"},
    {"start=yesterday",
     "parameter 'start' is 'yesterday': Unix seconds, RFC 3339 or relative like -15m is allowed"},
    {"end=1e300",
     "parameter 'end' is '1e300': Unix seconds, RFC 3339 or relative like -15m is allowed"},
    {"end=18446744075",
     "parameter 'end' is '18446744075': Unix seconds, RFC 3339 or relative like -15m is allowed"},
    {"start=%zz", "parameter 'start' has a bad percent escape: two hex digits must follow %"},
    {"start=%4", "parameter 'start' has a bad percent escape: two hex digits must follow %"},
    {"last=15", "parameter 'last' is '15': a duration like 15m or 1h30m is allowed"},
    {"last=15m&start=-5m", "parameter 'last' is short for 'start': only one of them is allowed"},
    {"start=200&end=100", "parameter 'end' is before 'start': a later time is allowed"},
    {"start=1800000000", "parameter 'end' is before 'start': a later time is allowed"},
};

Test(params, says_what_is_wrong)
{
    for (size_t i = 0; i < LEN(rows); i++) {
        struct arena arena = {0};
        struct err e = {0};
        enum status status = read_all(str_from_c(rows[i].query), &arena, &e);
        cr_expect(eq(int, status, rows[i].sentence ? ST_INVALID : ST_OK), "row '%s': %s",
                  rows[i].query, e.msg);
        cr_expect(eq(str, e.msg, (char *)(rows[i].sentence ? rows[i].sentence : "")), "row '%s'",
                  rows[i].query);
        arena_deinit(&arena);
    }
}

Test(params, seconds_are_written_as_numbers_or_durations)
{
    static const struct {
        const char *query;
        uint32_t step;
    } steps[] = {{"", 0}, {"step=1", 1}, {"step=90", 90}, {"step=1m", 60}, {"step=1m30s", 90}};
    for (size_t i = 0; i < LEN(steps); i++) {
        struct arena arena = {0};
        struct params p;
        uint32_t step;
        cr_assert(
            eq(int, params_parse(str_from_c(steps[i].query), specs, &arena, 0, &p, NULL), ST_OK));
        cr_expect(eq(int, params_seconds(&p, "step", 3600, &step, NULL), ST_OK));
        cr_expect(eq(u32, step, steps[i].step), "%s", steps[i].query);
        arena_deinit(&arena);
    }
}

static const struct {
    const char *query;
    uint64_t start_s, end_s;
} ranges[] = {
    {"", NOW_S - 900, NOW_S},
    {"last=15m", NOW_S - 900, NOW_S},
    {"start=-15m", NOW_S - 900, NOW_S},
    {"start=-1h&end=-30m", NOW_S - 3600, NOW_S - 1800},
    {"last=1h&end=-30m", NOW_S - 3600, NOW_S - 1800},
    {"end=-1h", NOW_S - 3600 - 900, NOW_S - 3600},
    {"start=1699999999.5&end=1699999999.75", NOW_S - 1, NOW_S},
    {"start=100&end=100", 100, 101},
    {"start=1000&end=1001", 1000, 1001},
    {"start=2023-11-14T22:13:19Z&end=2023-11-14T23:13:20%2B01:00", NOW_S - 1, NOW_S},
    {"start=-100y", 0, NOW_S},
    {"end=60", 0, 60},
    {"start=0&end=18446744071.5", 0, UINT64_C(18446744072)},
    {"start=0&end=2554-07-21T23:34:33.7Z", 0, UINT64_C(18446744074)},
};

Test(params, ranges_are_whole_seconds_around_what_was_asked)
{
    for (size_t i = 0; i < LEN(ranges); i++) {
        struct arena arena = {0};
        struct params p;
        struct time_range range = {0};
        struct err e = {0};
        cr_expect(eq(int, params_parse(str_from_c(ranges[i].query), specs, &arena, NOW_NS, &p, &e),
                     ST_OK));
        cr_expect(eq(int, params_range(&p, &range, &e), ST_OK), "%s: %s", ranges[i].query, e.msg);
        cr_expect(eq(u64, range.start_s, ranges[i].start_s), "start of %s", ranges[i].query);
        cr_expect(eq(u64, range.end_s, ranges[i].end_s), "end of %s", ranges[i].query);
        arena_deinit(&arena);
    }
}

Test(params, decodes_each_byte_once)
{
    struct arena arena = {0};
    struct params p;
    struct str_list servers;
    struct str query = STR("server=%2541+%2B%e2%82%ac&server=x%00y");
    cr_assert(eq(int, params_parse(query, specs, &arena, 0, &p, NULL), ST_OK));
    cr_assert(eq(int, params_all(&p, "server", &servers, NULL), ST_OK));
    cr_assert(eq(sz, servers.len, 2));
    cr_expect(str_eq(servers.items[0], STR("%41 +\xe2\x82\xac")));
    cr_expect(str_eq(servers.items[1], STR("x\0y")));
    arena_deinit(&arena);
}

Test(params, too_many_are_refused)
{
    struct arena arena = {0};
    struct params p;
    struct err e;
    struct buf query = {0};
    for (int i = 0; i <= PARAMS_MAX; i++)
        buf_printf(&query, "server=%d&", i);
    cr_expect(eq(int, params_parse(buf_str(&query), specs, &arena, 0, &p, &e), ST_INVALID));
    cr_expect(eq(str, e.msg, (char *)"more than 256 parameters"));
    buf_deinit(&query);
    arena_deinit(&arena);
}

/* A small xorshift: the texts are the same in every run. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

Test(params, any_bytes_are_taken_or_named)
{
    static const char alphabet[] = "=&%,+-:.0159eTZmshdyqstartendlastbyside\xff\x01";
    uint64_t state = 88172645463325252u;
    for (int round = 0; round < 20000; round++) {
        char text[64];
        size_t len = next_random(&state) % sizeof(text);
        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[next_random(&state) % (sizeof(alphabet) - 1)];
        struct arena arena = {0};
        struct err e = {0};
        enum status status = read_all((struct str){text, len}, &arena, &e);
        cr_assert(status == ST_OK || (status == ST_INVALID && e.msg[0]), "%.*s", (int)len, text);
        arena_deinit(&arena);
    }
}

Test(params, each_allocation_may_fail)
{
    struct str query = STR("server=a%20b&server=c&q=0.5&start=%2D5m");
    for (long after = 0;; after++) {
        struct arena arena = {0};
        struct err e = {0};
        mem_fail_after(after);
        enum status status = read_all(query, &arena, &e);
        bool failed = mem_did_fail();
        mem_fail_after(-1);
        arena_deinit(&arena);
        cr_expect(eq(int, status, failed ? ST_NO_MEMORY : ST_OK));
        if (!failed)
            break;
    }
}

Test(params, lax_takes_any_name_and_the_form_first)
{
    struct arena arena = {0};
    struct params p;
    struct str value;
    struct str_list all;
    struct err e = {0};
    struct str form = STR("query=1%2B1&m=a"), query = STR("query=2&m=b+c&whatever");
    cr_assert(eq(int, params_parse_lax(form, query, &arena, 0, &p, &e), ST_OK), "%s", e.msg);
    cr_expect(params_find(&p, "query", &value) && str_eq(value, STR("1+1")));
    cr_expect(params_find(&p, "whatever", &value) && value.len == 0);
    cr_assert(eq(int, params_all(&p, "m", &all, &e), ST_OK));
    cr_assert(eq(sz, all.len, 2));
    cr_expect(str_eq(all.items[0], STR("a")) && str_eq(all.items[1], STR("b c")));
    cr_expect(eq(int, params_parse_lax(STR("a=%zz"), query, &arena, 0, &p, &e), ST_INVALID));
    arena_deinit(&arena);
}

Test(params, lax_has_a_limit)
{
    struct arena arena = {0};
    struct params p;
    struct buf form = {0};
    struct err e = {0};
    for (int i = 0; i < PARAMS_LAX_MAX; i++)
        buf_append_str(&form, STR("a&"));
    cr_expect(eq(int, params_parse_lax(buf_str(&form), STR(""), &arena, 0, &p, &e), ST_OK));
    cr_expect(eq(sz, p.len, PARAMS_LAX_MAX));
    cr_expect(eq(int, params_parse_lax(buf_str(&form), STR("b"), &arena, 0, &p, &e), ST_INVALID));
    cr_expect(eq(str, e.msg, "more than 10000 parameters"));
    buf_deinit(&form);
    arena_deinit(&arena);
}
