/* promql_script.h - runs a test script of Prometheus' query engine (load, eval, expect) against
 * query/promql_eval.h in this process. */
#ifndef WEFT_TESTS_SUPPORT_PROMQL_SCRIPT_H
#define WEFT_TESTS_SUPPORT_PROMQL_SCRIPT_H

#include "base/str.h"

struct script_tally {
    unsigned passed, failed;             /* cases as written */
    unsigned range_passed, range_failed; /* instant cases as the middle step of a range query */
};

/* Runs the file and adds to *tally; every case that fails is told on standard error. False: the
 * file cannot be read. */
bool promql_script_run(const char *path, struct script_tally *tally);
/* The same for a text; `name` is for messages. */
void promql_script_run_text(const char *name, struct str text, struct script_tally *tally);

#endif
