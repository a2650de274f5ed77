/* file_fault.c - WEFT_FAULT: which file call fails or takes long, or at which named point the
 * process is killed. */
#include "base/file_fault.h"
#include "base/log.h"
#include "base/str.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FAULTS_MAX = 16, KILL = -1, SLOW = -2, SLOW_MS = 250 };

struct fault {
    char place[32];
    int error;            /* errno to give, KILL or SLOW */
    uint64_t first, last; /* calls that fail, counted from 1 */
    _Atomic uint64_t calls;
};

/* Written by file_faults_init() before threads start. */
static struct fault faults[FAULTS_MAX];
static size_t fault_count;

static bool parse_action(struct str word, int *error)
{
    static const struct {
        struct str word;
        int error;
    } actions[] = {
        {{"kill", 4}, KILL}, {{"slow", 4}, SLOW}, {{"EIO", 3}, EIO}, {{"ENOSPC", 6}, ENOSPC}};
    for (size_t i = 0; i < LEN(actions); i++) {
        if (str_eq(word, actions[i].word)) {
            *error = actions[i].error;
            return true;
        }
    }
    return false;
}

/* "17" or "3-10". */
static bool parse_calls(struct str text, uint64_t *first, uint64_t *last)
{
    struct str from, to;
    bool range = str_cut(text, '-', &from, &to);
    if (!str_to_u64(from, first) || *first == 0)
        return false;
    *last = *first;
    return !range || (str_to_u64(to, last) && *last >= *first);
}

/* "EIO:write:17" */
static bool parse_fault(struct str text, struct fault *f)
{
    struct str action, place, calls;
    if (!str_cut(text, ':', &action, &text) || !str_cut(text, ':', &place, &calls) ||
        place.len == 0 || place.len >= sizeof(f->place))
        return false;
    str_to_c(place, f->place, sizeof(f->place));
    atomic_store(&f->calls, 0);
    return parse_action(action, &f->error) && parse_calls(calls, &f->first, &f->last);
}

void file_faults_init(void)
{
    fault_count = 0;
    struct str rest = str_from_c(getenv("WEFT_FAULT")), one;
    while (rest.len) {
        str_cut(rest, ',', &one, &rest);
        if (fault_count == FAULTS_MAX || !parse_fault(one, &faults[fault_count])) {
            /* A crash test whose fault never comes would pass for nothing. */
            fprintf(stderr, "weft: WEFT_FAULT: '%.*s' is not ACTION:PLACE:N\n", STR_ARG(one));
            abort();
        }
        fault_count++;
    }
}

static void tell(const struct fault *f, uint64_t call)
{
    const char *action = f->error == KILL ? "kill" : f->error == SLOW ? "slow" : strerror(f->error);
    log_warn("file_fault: fired place=%s call=%llu action=%s", f->place, (unsigned long long)call,
             action);
}

static void take_long(void)
{
    nanosleep(&(struct timespec){.tv_nsec = SLOW_MS * NS_PER_MS}, NULL);
}

int file_fault_at(const char *place)
{
    int error = 0;
    /* Every fault of the place counts the call, also when another one fires. */
    for (size_t i = 0; i < fault_count; i++) {
        struct fault *f = &faults[i];
        if (strcmp(f->place, place) != 0)
            continue;
        uint64_t call = atomic_fetch_add(&f->calls, 1) + 1;
        if (call < f->first || call > f->last)
            continue;
        tell(f, call);
        if (f->error == KILL)
            raise(SIGKILL);
        if (f->error == SLOW)
            take_long();
        else
            error = f->error;
    }
    return error;
}

void file_point(const char *name)
{
    if (UNLIKELY(fault_count))
        file_fault_at(name);
}
