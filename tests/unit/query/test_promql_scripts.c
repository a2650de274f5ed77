/* test_promql_scripts.c - the scripts of tests/promql, and Prometheus' own when they are there. */
#include "support/leak.h"
#include "support/promql_script.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static int is_script(const struct dirent *entry)
{
    return str_ends_with(str_from_c(entry->d_name), STR(".test"));
}

static void run_folder(const char *folder, unsigned least_cases)
{
    struct dirent **found;
    struct script_tally tally = {0};
    int count = scandir(folder, &found, is_script, alphasort);
    cr_assert(count > 0, "no scripts in %s", folder);
    for (int i = 0; i < count; i++) {
        char path[1024];
        snprintf(path, sizeof(path), "%s/%s", folder, found[i]->d_name);
        cr_expect(promql_script_run(path, &tally), "%s", path);
        free(found[i]);
    }
    free(found);
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
