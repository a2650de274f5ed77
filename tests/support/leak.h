/* leak.h - the last line of a test: fails it when memory was lost. Criterion does not do so by
 * itself. */
#ifndef WEFT_TESTS_SUPPORT_LEAK_H
#define WEFT_TESTS_SUPPORT_LEAK_H

#include <criterion/criterion.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define EXPECT_NO_LEAK() cr_expect(__lsan_do_recoverable_leak_check() == 0, "memory was lost")
#else
#define EXPECT_NO_LEAK() ((void)0)
#endif

#endif
