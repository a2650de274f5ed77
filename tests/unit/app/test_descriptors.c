/* test_descriptors.c - what of the limit of file descriptors is left to connections. */
#include "app/descriptors.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/resource.h>

static struct rlimit limit_now(void)
{
    struct rlimit limit;
    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    return limit;
}

/* Each row in a process of its own: a hard limit does not rise again. */
static void expect_row(rlim_t soft, rlim_t hard, uint32_t asked, uint32_t want, rlim_t soft_then)
{
    struct rlimit limit = {soft, hard};
    if (limit_now().rlim_max < hard)
        cr_skip_test("the hard limit here is too low");
    cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    cr_expect(eq(u32, descriptors_for(asked), want));
    cr_expect(limit_now().rlim_cur == soft_then, "%llu", (unsigned long long)limit_now().rlim_cur);
}

Test(descriptors, soft_limit_of_a_shell_rises)
{
    expect_row(256, 4096, 1000, 1000, 1512);
}

Test(descriptors, enough_stays)
{
    expect_row(2000, 4096, 1000, 1000, 2000);
}

Test(descriptors, hard_limit_leaves_the_files_theirs)
{
    expect_row(1024, 2048, 10000, 1536, 2048);
}

Test(descriptors, low_hard_limit_is_halved)
{
    expect_row(300, 300, 10000, 150, 300);
}
