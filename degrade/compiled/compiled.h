/* What the compiled functions share. Each is called through ctypes, without the interpreter's lock.

   All of it is compiled once for each form, with the compiler's flags for that (setup.py): what only
   some processors have stands behind the macros that those flags set.
*/
#ifndef DEGRADE_COMPILED_H
#define DEGRADE_COMPILED_H

#include <stdint.h>

/* Of a function that a compiler must not merge with another: it might fuse a product with a sum. */
#define APART __attribute__((noinline))

/* See loading.py. */
enum { INTERFACE = 10 };

/* The pixel that stands at `at` when an image of `count` pixels is mirrored, its ends doubled. */
static inline int64_t mirrored(int64_t at, int64_t count)
{
    const int64_t period = 2 * count;
    at %= period;
    if (at < 0)
        at += period;
    return at < count ? at : period - 1 - at;
}

#endif
