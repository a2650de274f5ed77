/* promql_fn_date.c - parts of a date out of seconds since 1970, in UTC. */
#include "query/promql_fn.h"

#include <math.h>
#include <time.h>

/* Seconds that gmtime_r() of 64 bits still has a year for. */
#define SECONDS_MAX 6.7e16

static double days_in_month(const struct tm *t)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    long year = t->tm_year + 1900L;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[t->tm_mon] + (t->tm_mon == 1 && is_leap);
}

static double part_of(enum promql_function_id id, double seconds)
{
    struct tm t;
    if (isnan(seconds) || fabs(seconds) > SECONDS_MAX)
        return NAN;
    time_t at = (time_t)seconds;
    if (!gmtime_r(&at, &t))
        return NAN;
    switch (id) {
    case FN_MINUTE:
        return t.tm_min;
    case FN_HOUR:
        return t.tm_hour;
    case FN_DAY_OF_WEEK:
        return t.tm_wday;
    case FN_DAY_OF_MONTH:
        return t.tm_mday;
    case FN_DAY_OF_YEAR:
        return t.tm_yday + 1;
    case FN_DAYS_IN_MONTH:
        return days_in_month(&t);
    case FN_MONTH:
        return t.tm_mon + 1;
    default:
        return t.tm_year + 1900.0;
    }
}

struct dating {
    struct promql_run *run;
    const struct promql_sink *out;
    enum promql_function_id id;
    double *values;
};

static enum status date_row(void *self, const struct promql_row *row, struct err *e)
{
    struct dating *d = self;
    struct promql_row r = {row->labels, d->values, NULL, true};
    bool any = false;
    for (uint32_t i = 0; i < d->run->grid.count; i++) {
        bool is_absent = value_is_absent(row->values[i]);
        d->values[i] = is_absent ? value_absent() : part_of(d->id, row->values[i]);
        any |= !is_absent;
    }
    return any ? d->out->put(d->out->self, &r, e) : ST_OK;
}

enum status promql_fn_date_rows(struct promql_run *run, const struct promql_node *node,
                                const struct promql_sink *out, struct err *e)
{
    struct dating d = {run, out, node->call.function->id,
                       arena_calloc(run->arena, run->grid.count, sizeof(double))};
    if (!d.values)
        return promql_no_memory(e);
    if (node->call.arg_count > 0)
        return promql_run_rows(run, node->call.args[0],
                               &(struct promql_sink){date_row, &d, out->arena}, e);
    struct promql_row now = {.values = d.values};
    for (uint32_t i = 0; i < run->grid.count; i++) {
        int64_t seconds = promql_grid_at(&run->grid, i) / 1000;
        d.values[i] = part_of(d.id, (double)seconds);
    }
    return out->put(out->self, &now, e);
}
