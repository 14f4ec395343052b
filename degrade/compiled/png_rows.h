/* What the two forms of undoing a PNG's filters share: see png_rows.py. */
#ifndef DEGRADE_PNG_ROWS_H
#define DEGRADE_PNG_ROWS_H

#include <stdint.h>

enum { NONE, SUB, UP, AVERAGE, PAETH };

/* How many rows of three or four bytes a pixel undo_rows_at_once takes; 0: it is not there. */
#ifdef __AVX2__
enum { ROWS_AT_ONCE = 8 };
#else
enum { ROWS_AT_ONCE = 0 };
#endif

/* Each row of `content`, of `size` bytes, begins with the number of its filter, which is a known one. */
void undo_rows_at_once(const uint8_t *content, int64_t size, int bytes, const uint8_t *above,
                       uint8_t *out);

#endif
