/* What the compiled functions share. Each is called through ctypes, without the interpreter's lock. */
#ifndef DEGRADE_COMPILED_H
#define DEGRADE_COMPILED_H

#include <stdint.h>

/* See loading.py. */
enum { INTERFACE = 8 };

/* Compiled several times; the loader takes what the processor has. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define PER_PROCESSOR __attribute__((target_clones("default", "avx2", "arch=haswell", "avx512f")))
#else
#define PER_PROCESSOR
#endif

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
