/* age_clock.c - how far a wall clock is believed. */
#include "storage/age_clock.h"

#include "base/compiler.h"

static const uint64_t day_ns = 86400 * NS_PER_S;

static void believe(struct age_clock *c, uint64_t wall_ns, uint64_t mono_ns)
{
    *c = (struct age_clock){.wall_ns = wall_ns, .mono_ns = mono_ns};
}

void age_clock_saw(struct age_clock *c, uint64_t wall_ns, uint64_t mono_ns)
{
    if (wall_ns > c->wall_ns)
        believe(c, wall_ns, mono_ns);
}

uint64_t age_clock_tell(struct age_clock *c, uint64_t wall_ns, uint64_t mono_ns, bool *leapt)
{
    uint64_t expected_ns = c->wall_ns + (mono_ns - c->mono_ns);
    *leapt = false;
    if (c->wall_ns == 0 || wall_ns <= expected_ns || wall_ns - expected_ns <= day_ns) {
        believe(c, wall_ns, mono_ns);
    } else if (!c->leapt) {
        *leapt = c->leapt = true;
        c->leapt_mono_ns = mono_ns;
    } else if (mono_ns - c->leapt_mono_ns >= day_ns) {
        believe(c, wall_ns, mono_ns);
    }
    return c->leapt ? expected_ns : wall_ns;
}
