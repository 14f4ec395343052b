/* Undoing the filters of eight rows of a PNG at once, with AVX2: see png_rows.h.

   Row j is BEHIND * j pixels behind the first one, so that what stands above its pixel has been known
   for BEHIND steps. A vector holds one pixel of each row, four bytes wide. Pixels of STEPS steps are
   read together, row by row, and turned, so that there is a vector for each step; results are turned
   back. All arithmetic is in bytes.
*/
#include <string.h>

#include "png_rows.h"

#ifdef __AVX2__
#include <immintrin.h>

enum { BEHIND = 2, STEPS = 4, WIDE = 4, LATE = BEHIND * (ROWS_AT_ONCE - 1) };

typedef struct {
    const uint8_t *from[ROWS_AT_ONCE], *above;
    uint8_t *to[ROWS_AT_ONCE];
    int64_t pixels;
    __m256i filters[PAETH + 1]; /* all ones in the rows that have one */
} row_set;

typedef struct {
    __m256i left, corner, next_up;
} step_state;

/* The four pixels of a row from `at` on, each four bytes wide; 0 where they lie outside. */
static inline __m128i read_pixels(const uint8_t *row, int64_t at, int64_t pixels, int inside,
                                  int bytes)
{
    uint8_t some[16] = {0};
    if (inside) {
        const __m128i packed = _mm_loadu_si128((const __m128i *)(row + at * bytes));
        const __m128i apart = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
        return bytes == 3 ? _mm_shuffle_epi8(packed, apart) : packed;
    }
    for (int i = 0; i < STEPS; i++)
        if (at + i >= 0 && at + i < pixels)
            memcpy(some + WIDE * i, row + (at + i) * bytes, bytes);
    return _mm_loadu_si128((const __m128i *)some);
}

/* Inside, what follows them in the row is overwritten, too. */
static inline void write_pixels(uint8_t *row, int64_t at, int64_t pixels, int inside, int bytes,
                                __m128i values)
{
    uint8_t some[16];
    if (inside) {
        const __m128i near = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
        _mm_storeu_si128((__m128i *)(row + at * bytes),
                         bytes == 3 ? _mm_shuffle_epi8(values, near) : values);
        return;
    }
    _mm_storeu_si128((__m128i *)some, values);
    for (int i = 0; i < STEPS; i++)
        if (at + i >= 0 && at + i < pixels)
            memcpy(row + (at + i) * bytes, some + WIDE * i, bytes);
}

/* Four by four pixels in each half: rows become columns. */
static inline void turn(__m256i v[STEPS])
{
    const __m256i a = _mm256_unpacklo_epi32(v[0], v[1]), b = _mm256_unpackhi_epi32(v[0], v[1]);
    const __m256i c = _mm256_unpacklo_epi32(v[2], v[3]), d = _mm256_unpackhi_epi32(v[2], v[3]);
    v[0] = _mm256_unpacklo_epi64(a, c);
    v[1] = _mm256_unpackhi_epi64(a, c);
    v[2] = _mm256_unpacklo_epi64(b, d);
    v[3] = _mm256_unpackhi_epi64(b, d);
}

/* Whether twice a is at most b. */
static inline __m256i is_half(__m256i a, __m256i b)
{
    return _mm256_cmpeq_epi8(_mm256_subs_epu8(_mm256_adds_epu8(a, a), b), _mm256_setzero_si256());
}

/* Pixels from what is stored of them. Paeth takes whichever of left, up and corner is nearest to left + up
   - corner. With `over`, by how much the larger of the first two exceeds the third, and `under`, by how much
   the smaller falls short of it, that is the smaller one where twice `over` is at most `under`, the larger one
   where twice `under` is at most `over`, and else the corner. The additions need not wait for the choice. */
static inline __m256i undone(const row_set *rows, int only_paeth, __m256i stored, __m256i left,
                             __m256i up, __m256i corner)
{
    const __m256i low = _mm256_min_epu8(left, up), high = _mm256_max_epu8(left, up);
    const __m256i over = _mm256_subs_epu8(high, corner), under = _mm256_subs_epu8(corner, low);
    __m256i take_low = is_half(over, under), take_high = is_half(under, over), guess = corner;
    if (!only_paeth) {
        const __m256i *const filters = rows->filters, paeth = filters[PAETH];
        const __m256i odd = _mm256_and_si256(_mm256_xor_si256(left, up), _mm256_set1_epi8(1));
        const __m256i mean = _mm256_sub_epi8(_mm256_avg_epu8(left, up), odd);
        take_low = _mm256_and_si256(take_low, paeth);
        take_high = _mm256_and_si256(take_high, paeth);
        guess = _mm256_or_si256(_mm256_or_si256(_mm256_and_si256(up, filters[UP]),
                                                _mm256_and_si256(corner, paeth)),
                                _mm256_or_si256(_mm256_and_si256(left, filters[SUB]),
                                                _mm256_and_si256(mean, filters[AVERAGE])));
    }
    const __m256i other =
        _mm256_blendv_epi8(_mm256_add_epi8(stored, guess), _mm256_add_epi8(stored, low), take_low);
    return _mm256_blendv_epi8(other, _mm256_add_epi8(stored, high), take_high);
}

/* Steps `step` to `end` - 1, STEPS at a time. `inside`: all pixels, and 16 bytes from the first of each
   row on, lie in their rows. */
static inline __attribute__((always_inline)) void undo_steps(const row_set *rows, int64_t step,
                                                             int64_t end, int inside, int bytes,
                                                             int only_paeth, step_state *state)
{
    const __m256i below = _mm256_setr_epi32(0, 0, 1, 2, 3, 4, 5, 6);
    __m256i left = state->left, corner = state->corner, next_up = state->next_up;
    for (; step < end; step += STEPS) {
        __m256i v[STEPS];
        for (int j = 0; j < STEPS; j++) {
            const int k = j + STEPS;
            const __m128i low = read_pixels(rows->from[j], step - BEHIND * j, rows->pixels, inside, bytes);
            const __m128i high = read_pixels(rows->from[k], step - BEHIND * k, rows->pixels, inside, bytes);
            v[j] = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
        }
        turn(v);
        __m128i over = read_pixels(rows->above, step, rows->pixels, inside, bytes);
        for (int i = 0; i < STEPS; i++) {
            const __m256i up = _mm256_blend_epi32(next_up, _mm256_castsi128_si256(over), 1);
            over = _mm_srli_si128(over, WIDE);
            next_up = _mm256_permutevar8x32_epi32(left, below);
            left = v[i] = undone(rows, only_paeth, v[i], left, up, corner);
            corner = up;
        }
        turn(v);
        for (int j = 0; j < STEPS; j++) {
            const int k = j + STEPS;
            write_pixels(rows->to[j], step - BEHIND * j, rows->pixels, inside, bytes,
                         _mm256_castsi256_si128(v[j]));
            write_pixels(rows->to[k], step - BEHIND * k, rows->pixels, inside, bytes,
                         _mm256_extracti128_si256(v[j], 1));
        }
    }
    *state = (step_state){left, corner, next_up};
}

/* Before LATE, rows have not begun; from `ending` on, some end. */
static inline __attribute__((always_inline)) void undo_all_steps(const row_set *rows, int bytes,
                                                                 int only_paeth)
{
    const __m256i nothing = _mm256_setzero_si256();
    step_state state = {nothing, nothing, nothing};
    enum { BEGUN = (LATE + STEPS - 1) / STEPS * STEPS };
    const int64_t whole = rows->pixels - (16 + bytes - 1) / bytes + 1;
    const int64_t ending = whole <= BEGUN ? BEGUN : BEGUN + (whole - BEGUN) / STEPS * STEPS;
    undo_steps(rows, 0, BEGUN, 0, bytes, 0, &state);
    undo_steps(rows, BEGUN, ending, 1, bytes, only_paeth, &state);
    undo_steps(rows, ending, rows->pixels + LATE, 0, bytes, 0, &state);
}

void undo_rows_at_once(const uint8_t *content, int64_t size, int bytes, const uint8_t *above,
                       uint8_t *out)
{
    row_set rows = {.above = above, .pixels = size / bytes};
    uint32_t masks[PAETH + 1][ROWS_AT_ONCE] = {{0}};
    int paeths = 0;
    for (int j = 0; j < ROWS_AT_ONCE; j++) {
        const int filter = content[j * (size + 1)];
        rows.from[j] = content + j * (size + 1) + 1;
        rows.to[j] = out + j * size;
        paeths += filter == PAETH;
        masks[filter][j] = ~(uint32_t)0;
    }
    for (int filter = 0; filter <= PAETH; filter++)
        rows.filters[filter] = _mm256_loadu_si256((const __m256i *)masks[filter]);
    if (bytes == 3 && paeths == ROWS_AT_ONCE)
        undo_all_steps(&rows, 3, 1);
    else if (bytes == 3)
        undo_all_steps(&rows, 3, 0);
    else
        undo_all_steps(&rows, 4, 0);
}
#else
void undo_rows_at_once(const uint8_t *content, int64_t size, int bytes, const uint8_t *above,
                       uint8_t *out)
{
    (void)content, (void)size, (void)bytes, (void)above, (void)out;
}
#endif
