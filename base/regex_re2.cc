/* regex_re2.cc - RE2 for C callers; the only C++ of the tree. No exception leaves it. */
#include "base/regex_re2.h"

#include <cstdio>
#include <memory>
#include <new>
#include <re2/re2.h>
#include <vector>

static_assert(static_cast<int>(RE2_FAULT_TOO_BIG) == RE2::ErrorPatternTooLarge, "the same order");

void *re2_new(struct str pattern, size_t max_bytes, enum re2_fault *fault, char *where, size_t cap)
try {
    RE2::Options options;
    options.set_dot_nl(true);
    options.set_log_errors(false);
    options.set_max_mem(static_cast<int64_t>(max_bytes));
    auto re = std::make_unique<RE2>(re2::StringPiece(pattern.ptr, pattern.len), options);
    *fault = static_cast<enum re2_fault>(re->error_code());
    re->NamedCapturingGroups(); /* RE2 makes them when first asked: here it may throw */
    if (re->ok())
        return re.release();
    std::snprintf(where, cap, "%s", re->error_arg().c_str());
    return nullptr;
} catch (const std::bad_alloc &) {
    *fault = RE2_FAULT_MEMORY;
    return nullptr;
}

void re2_free(void *program)
{
    delete static_cast<RE2 *>(program);
}

bool re2_match(const void *program, struct str text, struct str *groups, size_t count)
try {
    std::vector<re2::StringPiece> found(count);
    if (!static_cast<const RE2 *>(program)->Match(re2::StringPiece(text.ptr, text.len), 0, text.len,
                                                  RE2::ANCHOR_BOTH, found.data(),
                                                  static_cast<int>(count)))
        return false;
    for (size_t i = 0; i < count; i++)
        groups[i] = {found[i].data(), found[i].size()};
    return true;
} catch (const std::bad_alloc &) {
    return false;
}

size_t re2_group_count(const void *program)
{
    return static_cast<size_t>(static_cast<const RE2 *>(program)->NumberOfCapturingGroups());
}

size_t re2_group_find(const void *program, struct str name)
{
    for (const auto &group : static_cast<const RE2 *>(program)->NamedCapturingGroups())
        if (str_eq(name, {group.first.data(), group.first.size()}))
            return static_cast<size_t>(group.second);
    return 0;
}
