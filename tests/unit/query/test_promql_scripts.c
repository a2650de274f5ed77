/* test_promql_scripts.c - the scripts of tests/promql, and Prometheus' own when they are there. */
#include "support/leak.h"
#include "support/promql_script.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

static void run_folder(const char *folder, unsigned least_cases)
{
    char pattern[1024];
    glob_t found;
    struct script_tally tally = {0};
    snprintf(pattern, sizeof(pattern), "%s/*.test", folder);
    cr_assert(glob(pattern, 0, NULL, &found) == 0, "no scripts in %s", folder);
    for (size_t i = 0; i < found.gl_pathc; i++)
        cr_expect(promql_script_run(found.gl_pathv[i], &tally), "%s", found.gl_pathv[i]);
    globfree(&found);
    fprintf(stderr, "%s: %u of %u cases pass, in range mode %u of %u\n", folder, tally.passed,
            tally.passed + tally.failed, tally.range_passed,
            tally.range_passed + tally.range_failed);
    cr_expect(eq(uint, tally.failed, 0));
    cr_expect(eq(uint, tally.range_failed, 0));
    cr_expect(ge(uint, tally.passed + tally.failed, least_cases));
}

Test(promql_scripts, our_own)
{
    run_folder(WEFT_SOURCE_DIR "/tests/promql", 1);
    EXPECT_NO_LEAK();
}

Test(promql_scripts, of_prometheus)
{
    const char *folder = getenv("WEFT_PROMQLTEST");
    if (!folder)
        folder = WEFT_SOURCE_DIR "/../shared/promqltest";
    char readme[1024];
    snprintf(readme, sizeof(readme), "%s/README.md", folder);
    FILE *f = fopen(readme, "r");
    if (!f) {
        fprintf(stderr, "skipped: no scripts of Prometheus in %s (WEFT_PROMQLTEST)\n", folder);
        return;
    }
    fclose(f);
    run_folder(folder, 1100);
    EXPECT_NO_LEAK();
}
