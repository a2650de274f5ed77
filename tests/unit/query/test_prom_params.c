/* test_prom_params.c - what Prometheus' API takes as a time, a duration, a limit, a selector, and
 * its sentences for the rest. */
#include "query/prom_params.h"
#include "support/leak.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct params params_of(const char *query, struct arena *arena)
{
    struct params p;
    struct err e = {0};
    cr_assert(
        eq(int, params_parse_lax((struct str){0}, str_from_c(query), arena, 0, &p, &e), ST_OK),
        "%s", e.msg);
    return p;
}

static const struct {
    const char *query;
    int64_t ms;
    const char *sentence; /* NULL: taken */
} times[] = {
    {"time=1.5", 1500, NULL},
    {"time=1435781451.781", 1435781451781, NULL},
    {"time=%2B7", 7000, NULL},
    {"time=.5", 500, NULL},
    {"time=%2B.25", 250, NULL},
    {"time=5.", 5000, NULL},
    {"time=.", 0,
     "invalid parameter \"time\": invalid time value for 'time': cannot parse \".\" to a valid "
     "timestamp"},
    {"time=-2.5", -2500, NULL},
    {"time=0", 0, NULL},
    {"time=2015-07-01T20:10:51.781Z", 1435781451781, NULL},
    {"time=2015-07-01T22:10:51%2B02:00", 1435781451000, NULL},
    {"time=1e300", PROM_TIME_MAX_MS, NULL},
    {"time=-1e300", PROM_TIME_MIN_MS, NULL},
    {"time=1969-12-31T23:59:58.5Z", -1500, NULL},
    {"time=0001-01-01T00:00:00Z", -62135596800000, NULL},
    {"time=9999-12-31T23:59:59Z", 253402300799000, NULL},
    {"time=-292273086-05-16T16:47:06Z", PROM_TIME_MIN_MS, NULL},
    {"time=292277025-08-18T07:12:54.999999999Z", PROM_TIME_MAX_MS, NULL},
    {"time=", 42, NULL},
    {"other=1", 42, NULL},
    {"time=zz", 0,
     "invalid parameter \"time\": invalid time value for 'time': cannot parse \"zz\" to a valid "
     "timestamp"},
    {"time=NaN", 0,
     "invalid parameter \"time\": invalid time value for 'time': cannot parse \"NaN\" to a valid "
     "timestamp"},
};

Test(prom_params, reads_times)
{
    for (size_t i = 0; i < LEN(times); i++) {
        struct arena arena = {0};
        struct params p = params_of(times[i].query, &arena);
        struct err e = {0};
        int64_t ms = 0;
        enum status status = prom_param_time_or(&p, "time", 42, &ms, &e);
        cr_expect(eq(int, status, times[i].sentence ? ST_INVALID : ST_OK), "%s", times[i].query);
        if (times[i].sentence)
            cr_expect(eq(str, e.msg, (char *)times[i].sentence));
        else
            cr_expect(eq(i64, ms, times[i].ms), "%s", times[i].query);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

Test(prom_params, a_needed_time_has_a_shorter_sentence)
{
    struct arena arena = {0};
    struct params p = params_of("end=x", &arena);
    struct err e = {0};
    int64_t ms;
    cr_expect(eq(int, prom_param_time(&p, "start", &ms, &e), ST_INVALID));
    cr_expect(
        eq(str, e.msg, "invalid parameter \"start\": cannot parse \"\" to a valid timestamp"));
    cr_expect(eq(int, prom_param_time(&p, "end", &ms, &e), ST_INVALID));
    cr_expect(eq(str, e.msg, "invalid parameter \"end\": cannot parse \"x\" to a valid timestamp"));
    cr_expect(eq(int, prom_read_duration(STR("a\"\xc3\xa9\n\x01"), &ms, &e), ST_INVALID));
    cr_expect(eq(str, e.msg, "cannot parse \"a\\\"\xc3\xa9\\n\\x01\" to a valid duration"));
    arena_deinit(&arena);
    EXPECT_NO_LEAK();
}

static const struct {
    const char *query;
    int64_t ns;
    const char *sentence;
} durations[] = {
    {"step=15", 15000000000, NULL},
    {"step=0.25", 250000000, NULL},
    {"step=-1", -1000000000, NULL},
    {"step=1h30m", 5400000000000, NULL},
    {"step=250ms", 250000000, NULL},
    {"step=x", 0, "invalid parameter \"step\": cannot parse \"x\" to a valid duration"},
    {"step=", 0, "invalid parameter \"step\": cannot parse \"\" to a valid duration"},
    {"step=1e18", 0,
     "invalid parameter \"step\": cannot parse \"1e18\" to a valid duration. It overflows int64"},
};

Test(prom_params, reads_durations)
{
    for (size_t i = 0; i < LEN(durations); i++) {
        struct arena arena = {0};
        struct params p = params_of(durations[i].query, &arena);
        struct err e = {0};
        int64_t ns = 0;
        enum status status = prom_param_duration(&p, "step", &ns, &e);
        cr_expect(eq(int, status, durations[i].sentence ? ST_INVALID : ST_OK), "%s",
                  durations[i].query);
        if (durations[i].sentence)
            cr_expect(eq(str, e.msg, (char *)durations[i].sentence));
        else
            cr_expect(eq(i64, ns, durations[i].ns), "%s", durations[i].query);
        cr_expect(eq(int, prom_param_duration_or_0(&p, "timeout", &ns, &e), ST_OK));
        cr_expect(eq(i64, ns, 0));
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

static const struct {
    const char *query;
    uint64_t limit;
    const char *sentence;
} limits[] = {
    {"", 0, NULL},
    {"limit=", 0, NULL},
    {"limit=0", 0, NULL},
    {"limit=40000", 40000, NULL},
    {"limit=-1", 0, "invalid parameter \"limit\": limit must be non-negative"},
    {"limit=x", 0, "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax"},
};

Test(prom_params, reads_limits)
{
    for (size_t i = 0; i < LEN(limits); i++) {
        struct arena arena = {0};
        struct params p = params_of(limits[i].query, &arena);
        struct err e = {0};
        uint64_t limit = 7;
        enum status status = prom_param_limit(&p, &limit, &e);
        cr_expect(eq(int, status, limits[i].sentence ? ST_INVALID : ST_OK), "%s", limits[i].query);
        if (limits[i].sentence)
            cr_expect(eq(str, e.msg, (char *)limits[i].sentence));
        else
            cr_expect(eq(u64, limit, limits[i].limit), "%s", limits[i].query);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}

static const struct {
    const char *query;
    size_t len;
    const char *sentence; /* its start */
} matches[] = {
    {"", 0, NULL},
    {"match[]=up", 1, NULL},
    {"match[]=up&match%5B%5D={job=~\"a|b\"}", 2, NULL},
    {"match[]=up&match[]={x=\"\"}", 2,
     "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher"},
    {"match[]=up(", 0, "invalid parameter \"match[]\": 1:3: parse error: "},
    {"match[]=", 0, "invalid parameter \"match[]\": "},
};

/* Each is within the limit of one expression, and none of them is paid from the arena. */
Test(prom_params, selectors_share_one_limit_of_regular_expressions)
{
    struct arena arena = {0};
    struct buf query = {0};
    struct prom_selectors selectors;
    struct err e = {0};
    for (int i = 0; i < 400; i++)
        buf_printf(&query, "match[]={a=~\"%d[ab]%%2B\"}&", i);
    buf_append_u8(&query, 0);
    struct params p = params_of(query.ptr, &arena);
    cr_expect(eq(int, prom_param_selectors(&p, &selectors, &e), ST_INVALID));
    cr_expect(eq(str, e.msg,
                 "invalid parameter \"match[]\": regular expressions take more than 256 MiB"));
    cr_expect(selectors.len > 200 && selectors.len < 300, "%zu were read", selectors.len);
    prom_selectors_deinit(&selectors);
    buf_deinit(&query);
    arena_deinit(&arena);
}

Test(prom_params, reads_selectors)
{
    for (size_t i = 0; i < LEN(matches); i++) {
        struct arena arena = {0};
        struct params p = params_of(matches[i].query, &arena);
        struct prom_selectors selectors;
        struct err e = {0};
        enum status status = prom_param_selectors(&p, &selectors, &e);
        if (status == ST_OK)
            status = prom_selectors_check(&selectors, &e);
        cr_expect(eq(int, status, matches[i].sentence ? ST_INVALID : ST_OK), "%s: %s",
                  matches[i].query, e.msg);
        if (matches[i].sentence)
            cr_expect(str_starts_with(str_from_c(e.msg), str_from_c(matches[i].sentence)), "%s",
                      e.msg);
        cr_expect(eq(sz, selectors.len, matches[i].len), "%s", matches[i].query);
        prom_selectors_deinit(&selectors);
        arena_deinit(&arena);
    }
    EXPECT_NO_LEAK();
}
